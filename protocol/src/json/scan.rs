//! Walks over JSON text without recursion and without copying: grammar, depth and extent of values.

use std::ops::Range;

use crate::error::ProtocolError;

/// A position in a record that is valid UTF-8.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    max_depth: usize,
}

/// The extent of a string, quotes included, and whether it holds escapes.
pub(super) struct Text {
    pub(super) quoted: Range<usize>,
    pub(super) escaped: bool,
}

impl Text {
    /// The extent of the content.
    pub(super) fn inner(&self) -> Range<usize> {
        self.quoted.start + 1..self.quoted.end - 1
    }
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

    /// The next byte that is not white space, not consumed; 0 at the end (0 is not JSON anywhere).
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                _ => return byte,
            }
        }
        0
    }

    /// Consumes `byte` if it comes next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    /// Fails unless only white space is left.
    pub(super) fn end(&mut self) -> Result<(), ProtocolError> {
        self.peek();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            self.fail("text after the value")
        }
    }

    /// A string, with the colon after it: a member's name.
    pub(super) fn name(&mut self) -> Result<Text, ProtocolError> {
        if self.peek() != b'"' {
            return self.fail("expected a member name");
        }
        let name = self.string()?;
        if self.take(b':') {
            Ok(name)
        } else {
            self.fail("expected a colon")
        }
    }

    /// A string whose opening quote comes next.
    pub(super) fn string(&mut self) -> Result<Text, ProtocolError> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            let rest = &self.bytes[self.at..];
            self.at += plain_prefix(rest);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Text {
                        quoted: start..self.at,
                        escaped,
                    });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.fail("control character in a string"),
                None => return self.fail("unterminated string"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), ProtocolError> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match self.bytes.get(self.at + 2..self.at + 6) {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => self.at += 6,
                _ => return self.fail("malformed escape"),
            },
            _ => return self.fail("malformed escape"),
        }
        Ok(())
    }

    /// Any value: its extent without the white space around it.
    pub(super) fn value(&mut self) -> Result<Range<usize>, ProtocolError> {
        let first = self.peek();
        let start = self.at;
        if !matches!(first, b'{' | b'[') {
            self.scalar(first)?;
            return Ok(start..self.at);
        }
        // One bit per open container: set for objects. Shifted left on entry.
        let mut objects = 0_u128;
        let mut depth = 0;
        loop {
            let mut value_ended = true;
            match self.peek() {
                open @ (b'{' | b'[') => {
                    if depth == self.max_depth {
                        return Err(ProtocolError::TooDeep {
                            limit: self.max_depth,
                        });
                    }
                    self.at += 1;
                    depth += 1;
                    objects = objects << 1 | u128::from(open == b'{');
                    let close = if open == b'{' { b'}' } else { b']' };
                    if self.take(close) {
                        depth -= 1;
                        objects >>= 1;
                    } else {
                        value_ended = false;
                    }
                }
                first => self.scalar(first)?,
            }
            if value_ended {
                // Close every container that ends here; a comma asks for the next value.
                while depth > 0 {
                    if self.take(b',') {
                        break;
                    }
                    let close = if objects & 1 == 1 { b'}' } else { b']' };
                    if !self.take(close) {
                        return self.fail("expected a comma or the end of an array or object");
                    }
                    depth -= 1;
                    objects >>= 1;
                }
                if depth == 0 {
                    return Ok(start..self.at);
                }
            }
            if objects & 1 == 1 {
                self.name()?;
            }
        }
    }

    fn scalar(&mut self, first: u8) -> Result<(), ProtocolError> {
        match first {
            b'"' => self.string().map(|_| ()),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.fail("expected a value"),
        }
    }

    fn literal(&mut self, word: &'static [u8]) -> Result<(), ProtocolError> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            self.fail("expected a value")
        }
    }

    fn number(&mut self) -> Result<(), ProtocolError> {
        self.at += usize::from(self.bytes[self.at] == b'-');
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.fail("malformed number"),
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), ProtocolError> {
        let rest = &self.bytes[self.at..];
        let count = rest
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(rest.len());
        if count == 0 {
            return self.fail("malformed number");
        }
        self.at += count;
        Ok(())
    }
}

/// How many bytes come before the first quote, backslash or control character.
#[inline]
fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // Eight bytes at once: a byte's high bit is left set where a subtraction borrowed. A borrow can
        // reach into the byte above, which is why the exact byte is looked up below.
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if found & HIGHS != 0 {
            let from = index * 8;
            return from + plain_bytes(&bytes[from..]);
        }
    }
    let from = words.len() * 8;
    from + plain_bytes(&bytes[from..])
}

#[inline]
fn plain_bytes(bytes: &[u8]) -> usize {
    let stops = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes.iter().position(stops).unwrap_or(bytes.len())
}
