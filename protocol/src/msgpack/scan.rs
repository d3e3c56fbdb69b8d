//! Walks over MessagePack without recursion and without copying: structure, depth and extent of values.

use std::ops::Range;

use rmp::Marker;

use crate::error::ProtocolError;
use crate::message::Limits;

/// A position in a record.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    max_depth: usize,
}

/// The head of a value. What follows it in the record is said per variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Nil,
    Bool(bool),
    /// Any non-negative integer.
    Unsigned(u64),
    /// A negative integer or a float, already skipped: the envelope has no use for either.
    OtherNumber,
    /// Text of this many bytes.
    Str(usize),
    /// Bin or an extension: this many bytes.
    Blob(usize),
    /// This many elements.
    Array(usize),
    /// This many keys, each followed by its value.
    Map(usize),
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], max_depth: usize) -> Self {
        Scanner {
            bytes,
            at: 0,
            max_depth,
        }
    }

    pub(super) fn fail<T>(&self, what: &'static str) -> Result<T, ProtocolError> {
        Err(ProtocolError::Malformed { at: self.at, what })
    }

    /// Fails unless everything has been read.
    pub(super) fn end(&self) -> Result<(), ProtocolError> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            self.fail("bytes after the value")
        }
    }

    /// Consumes `count` bytes.
    #[inline]
    fn skip(&mut self, count: usize) -> Result<Range<usize>, ProtocolError> {
        if count > self.bytes.len() - self.at {
            return self.fail("value is cut off");
        }
        let start = self.at;
        self.at += count;
        Ok(start..self.at)
    }

    /// A big-endian unsigned number of `size` bytes, at most 8.
    #[inline]
    fn number(&mut self, size: usize) -> Result<u64, ProtocolError> {
        let extent = self.skip(size)?;
        Ok(self.bytes[extent]
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self, size: usize) -> Result<usize, ProtocolError> {
        Ok(self.number(size)? as usize)
    }

    /// Consumes the head of the next value and, for numbers, all of it.
    #[inline]
    pub(super) fn head(&mut self) -> Result<Head, ProtocolError> {
        let Some(&first) = self.bytes.get(self.at) else {
            return self.fail("value is cut off");
        };
        self.at += 1;
        Ok(match Marker::from_u8(first) {
            Marker::FixPos(number) => Head::Unsigned(number.into()),
            Marker::FixStr(length) => Head::Str(length.into()),
            Marker::FixArray(length) => Head::Array(length.into()),
            Marker::FixMap(length) => Head::Map(length.into()),
            Marker::FixNeg(_) => Head::OtherNumber,
            Marker::Null => Head::Nil,
            Marker::True => Head::Bool(true),
            Marker::False => Head::Bool(false),
            Marker::U8 => Head::Unsigned(self.number(1)?),
            Marker::U16 => Head::Unsigned(self.number(2)?),
            Marker::U32 => Head::Unsigned(self.number(4)?),
            Marker::U64 => Head::Unsigned(self.number(8)?),
            Marker::I8 => self.signed(1)?,
            Marker::I16 => self.signed(2)?,
            Marker::I32 => self.signed(4)?,
            Marker::I64 => self.signed(8)?,
            Marker::F32 => self.skip(4).map(|_| Head::OtherNumber)?,
            Marker::F64 => self.skip(8).map(|_| Head::OtherNumber)?,
            Marker::Str8 => Head::Str(self.length(1)?),
            Marker::Str16 => Head::Str(self.length(2)?),
            Marker::Str32 => Head::Str(self.length(4)?),
            Marker::Bin8 => Head::Blob(self.length(1)?),
            Marker::Bin16 => Head::Blob(self.length(2)?),
            Marker::Bin32 => Head::Blob(self.length(4)?),
            Marker::Array16 => Head::Array(self.length(2)?),
            Marker::Array32 => Head::Array(self.length(4)?),
            Marker::Map16 => Head::Map(self.length(2)?),
            Marker::Map32 => Head::Map(self.length(4)?),
            // An extension has one byte of type before its data.
            Marker::FixExt1 => Head::Blob(2),
            Marker::FixExt2 => Head::Blob(3),
            Marker::FixExt4 => Head::Blob(5),
            Marker::FixExt8 => Head::Blob(9),
            Marker::FixExt16 => Head::Blob(17),
            Marker::Ext8 => Head::Blob(self.length(1)? + 1),
            Marker::Ext16 => Head::Blob(self.length(2)? + 1),
            Marker::Ext32 => Head::Blob(self.length(4)?.saturating_add(1)),
            Marker::Reserved => return self.fail("reserved marker"),
        })
    }

    fn signed(&mut self, size: usize) -> Result<Head, ProtocolError> {
        let bits = self.number(size)?;
        let negative = bits >> (8 * size - 1) == 1;
        Ok(if negative {
            Head::OtherNumber
        } else {
            Head::Unsigned(bits)
        })
    }

    /// Any value: its extent.
    pub(super) fn value(&mut self) -> Result<Range<usize>, ProtocolError> {
        let start = self.at;
        match self.head()? {
            Head::Str(length) | Head::Blob(length) => {
                self.skip(length)?;
            }
            Head::Array(length) => self.items(length as u64)?,
            Head::Map(length) => self.items(length as u64 * 2)?,
            Head::Nil | Head::Bool(_) | Head::Unsigned(_) | Head::OtherNumber => {}
        }
        Ok(start..self.at)
    }

    /// `count` values, the content of a container that has just been opened.
    fn items(&mut self, count: u64) -> Result<(), ProtocolError> {
        let mut open = [0_u64; Limits::DEPTH_CEILING];
        let mut depth = 0;
        let mut left = count;
        if self.max_depth == 0 {
            return Err(ProtocolError::TooDeep { limit: 0 });
        }
        loop {
            // Every item takes a byte: an announced count beyond that is a lie not worth walking.
            if left > (self.bytes.len() - self.at) as u64 {
                return self.fail("value is cut off");
            }
            let inner = loop {
                while left == 0 {
                    if depth == 0 {
                        return Ok(());
                    }
                    depth -= 1;
                    left = open[depth];
                }
                left -= 1;
                match self.head()? {
                    Head::Str(length) | Head::Blob(length) => {
                        self.skip(length)?;
                    }
                    Head::Array(length) => break length as u64,
                    Head::Map(length) => break length as u64 * 2,
                    Head::Nil | Head::Bool(_) | Head::Unsigned(_) | Head::OtherNumber => {}
                }
            };
            if depth + 1 == self.max_depth {
                return Err(ProtocolError::TooDeep {
                    limit: self.max_depth,
                });
            }
            open[depth] = left;
            depth += 1;
            left = inner;
        }
    }

    /// Consumes nil if it comes next.
    pub(super) fn nil(&mut self) -> bool {
        let found = self.bytes.get(self.at) == Some(&0xc0);
        self.at += usize::from(found);
        found
    }

    /// Text; `None` (and the value skipped) if it is something else.
    pub(super) fn text(&mut self) -> Result<Option<&'a str>, ProtocolError> {
        let start = self.at;
        let Head::Str(length) = self.head()? else {
            self.at = start;
            self.value()?;
            return Ok(None);
        };
        let extent = self.skip(length)?;
        match std::str::from_utf8(&self.bytes[extent.clone()]) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(ProtocolError::Malformed {
                at: extent.start,
                what: "not UTF-8",
            }),
        }
    }
}
