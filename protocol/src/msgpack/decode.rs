//! Reads hub messages from MessagePack arrays; elements beyond the known ones are skipped.

use bytes::Bytes;
use smol_str::SmolStr;

use super::scan::{Head, Scanner};
use crate::error::ProtocolError;
use crate::message::{Call, Encoding, Headers, HubMessage, Id, Limits, Outcome};
use crate::value::Raw;

/// Reads one record; `None` for a message type this version does not know, which is to be ignored.
pub(crate) fn decode(record: &Bytes, limits: &Limits) -> Result<Option<HubMessage>, ProtocolError> {
    let mut reader = Reader::open(record, limits)?;
    let message = match reader.unsigned("type")? {
        1 => {
            let headers = reader.headers()?;
            let invocation_id = reader.optional_id()?;
            HubMessage::Invocation {
                invocation_id,
                call: reader.call(headers)?,
            }
        }
        2 => {
            let headers = reader.headers()?;
            let invocation_id = reader.id()?;
            HubMessage::StreamItem {
                invocation_id,
                item: reader.raw("item")?,
                headers,
            }
        }
        3 => {
            let headers = reader.headers()?;
            let invocation_id = reader.id()?;
            HubMessage::Completion {
                invocation_id,
                outcome: reader.outcome()?,
                headers,
            }
        }
        4 => {
            let headers = reader.headers()?;
            let invocation_id = reader.id()?;
            HubMessage::StreamInvocation {
                invocation_id,
                call: reader.call(headers)?,
            }
        }
        5 => {
            let headers = reader.headers()?;
            HubMessage::CancelInvocation {
                invocation_id: reader.id()?,
                headers,
            }
        }
        6 => HubMessage::Ping,
        7 => HubMessage::Close {
            error: reader.close_error()?,
            allow_reconnect: reader.allow_reconnect()?,
        },
        8 => HubMessage::Ack {
            sequence_id: reader.unsigned("sequenceId")?,
        },
        9 => HubMessage::Sequence {
            sequence_id: reader.unsigned("sequenceId")?,
        },
        _ => {
            reader.close()?;
            return Ok(None);
        }
    };
    reader.close()?;
    Ok(Some(message))
}

/// Fails unless `bytes` hold exactly one value.
pub(crate) fn check_value(bytes: &[u8], limits: &Limits) -> Result<(), ProtocolError> {
    let mut scanner = Scanner::new(bytes, limits.depth());
    scanner.value()?;
    scanner.end()
}

/// Takes the elements of the record's array one by one.
struct Reader<'a> {
    record: &'a Bytes,
    scanner: Scanner<'a>,
    limits: &'a Limits,
    /// Elements not taken yet.
    left: usize,
}

impl<'a> Reader<'a> {
    fn open(record: &'a Bytes, limits: &'a Limits) -> Result<Self, ProtocolError> {
        let mut scanner = Scanner::new(record, limits.depth());
        match scanner.head()? {
            Head::Array(left) => Ok(Reader {
                record,
                scanner,
                limits,
                left,
            }),
            _ => scanner.fail("expected an array"),
        }
    }

    /// Skips further elements; nothing may follow the array.
    fn close(&mut self) -> Result<(), ProtocolError> {
        // A false count ends at the end of the record, with an error.
        for _ in 0..self.left {
            self.scanner.value()?;
        }
        self.scanner.end()
    }

    fn take(&mut self, name: &'static str) -> Result<(), ProtocolError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(ProtocolError::Missing(name))?;
        Ok(())
    }

    fn unsigned(&mut self, name: &'static str) -> Result<u64, ProtocolError> {
        self.take(name)?;
        match self.scanner.head()? {
            Head::Unsigned(number) => Ok(number),
            _ => Err(ProtocolError::WrongType(name)),
        }
    }

    fn raw(&mut self, name: &'static str) -> Result<Raw, ProtocolError> {
        self.take(name)?;
        self.value()
    }

    fn value(&mut self) -> Result<Raw, ProtocolError> {
        let extent = self.scanner.value()?;
        Ok(Raw::from_checked(
            Encoding::MessagePack,
            self.record.slice(extent),
        ))
    }

    fn text(&mut self, name: &'static str) -> Result<SmolStr, ProtocolError> {
        self.optional_text(name)?
            .ok_or(ProtocolError::Missing(name))
    }

    /// Text; nil and empty text count as none.
    fn optional_text(&mut self, name: &'static str) -> Result<Option<SmolStr>, ProtocolError> {
        self.take(name)?;
        if self.scanner.nil() {
            return Ok(None);
        }
        let text = self.scanner.text()?.ok_or(ProtocolError::WrongType(name))?;
        Ok(if text.is_empty() {
            None
        } else {
            Some(text.into())
        })
    }

    fn optional_id(&mut self) -> Result<Option<Id>, ProtocolError> {
        let id = self.optional_text("invocationId")?;
        if let Some(id) = &id {
            self.limits.check_id(id)?;
        }
        Ok(id)
    }

    fn id(&mut self) -> Result<Id, ProtocolError> {
        self.optional_id()?
            .ok_or(ProtocolError::Missing("invocationId"))
    }

    fn headers(&mut self) -> Result<Headers, ProtocolError> {
        self.take("headers")?;
        let Head::Map(count) = self.scanner.head()? else {
            return Err(ProtocolError::WrongType("headers"));
        };
        if count > self.limits.max_headers {
            let limit = self.limits.max_headers;
            return Err(ProtocolError::TooMany {
                what: "headers",
                limit,
            });
        }
        let mut headers = Vec::new();
        for _ in 0..count {
            // Headers are text; others are skipped, since nothing is done with headers.
            let name = self.scanner.text()?;
            let value = self.scanner.text()?;
            if let (Some(name), Some(value)) = (name, value) {
                headers.push((name.into(), value.into()));
            }
        }
        Ok(Headers(headers))
    }

    /// Target, arguments and, if there is one more element, the streams.
    fn call(&mut self, headers: Headers) -> Result<Call, ProtocolError> {
        let target = self.text("target")?;
        let count = self.array("arguments", self.limits.max_arguments)?;
        let mut arguments = Vec::with_capacity(count.min(self.record.len()));
        for _ in 0..count {
            arguments.push(self.value()?);
        }
        let mut stream_ids = Vec::new();
        if self.left > 0 {
            for _ in 0..self.array("streamIds", self.limits.max_stream_ids)? {
                stream_ids.push(self.stream_id()?);
            }
        }
        Ok(Call {
            target,
            arguments,
            stream_ids,
            headers,
        })
    }

    fn stream_id(&mut self) -> Result<Id, ProtocolError> {
        match self.scanner.text()? {
            Some(id) if !id.is_empty() => {
                self.limits.check_id(id)?;
                Ok(id.into())
            }
            _ => Err(ProtocolError::WrongType("streamIds")),
        }
    }

    /// The head of an array: how many elements follow. Nil counts as empty for streams only.
    fn array(&mut self, name: &'static str, limit: usize) -> Result<usize, ProtocolError> {
        self.take(name)?;
        match self.scanner.head()? {
            Head::Array(count) if count > limit => {
                Err(ProtocolError::TooMany { what: name, limit })
            }
            Head::Array(count) => Ok(count),
            Head::Nil if name == "streamIds" => Ok(0),
            _ => Err(ProtocolError::WrongType(name)),
        }
    }

    fn outcome(&mut self) -> Result<Outcome, ProtocolError> {
        match self.unsigned("resultKind")? {
            1 => {
                self.take("error")?;
                match self.scanner.text()? {
                    Some(error) => Ok(Outcome::Error(error.into())),
                    None => Err(ProtocolError::WrongType("error")),
                }
            }
            2 => Ok(Outcome::Void),
            3 => Ok(Outcome::Result(self.raw("result")?)),
            _ => Err(ProtocolError::WrongType("resultKind")),
        }
    }

    fn close_error(&mut self) -> Result<Option<String>, ProtocolError> {
        if self.left == 0 {
            return Ok(None);
        }
        Ok(self.optional_text("error")?.map(String::from))
    }

    fn allow_reconnect(&mut self) -> Result<bool, ProtocolError> {
        if self.left == 0 {
            return Ok(false);
        }
        self.take("allowReconnect")?;
        match self.scanner.head()? {
            Head::Bool(allow) => Ok(allow),
            Head::Nil => Ok(false),
            _ => Err(ProtocolError::WrongType("allowReconnect")),
        }
    }
}
