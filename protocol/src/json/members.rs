//! Reads the members of a JSON record: in any order, unknown ones skipped, of repeated ones the last.

use std::ops::Range;

use bytes::Bytes;
use smol_str::SmolStr;

use super::scan::{Scanner, Text};
use crate::error::ProtocolError;
use crate::message::{Encoding, Headers, Id, Limits};
use crate::value::Raw;

/// A member of the record. Whether its type is right matters only to messages that use it: a message of
/// an unknown type may use the same name otherwise.
#[derive(Default)]
pub(super) enum Member<T> {
    #[default]
    Absent,
    WrongType,
    Is(T),
}

impl<T> Member<T> {
    pub(super) fn optional(self, name: &'static str) -> Result<Option<T>, ProtocolError> {
        match self {
            Member::Absent => Ok(None),
            Member::WrongType => Err(ProtocolError::WrongType(name)),
            Member::Is(value) => Ok(Some(value)),
        }
    }

    pub(super) fn required(self, name: &'static str) -> Result<T, ProtocolError> {
        self.optional(name)?.ok_or(ProtocolError::Missing(name))
    }
}

impl Member<SmolStr> {
    pub(super) fn required_text(self, name: &'static str) -> Result<SmolStr, ProtocolError> {
        let text = self.required(name)?;
        if text.is_empty() {
            Err(ProtocolError::Missing(name))
        } else {
            Ok(text)
        }
    }
}

/// The members of a record, in whatever order they came. Of a repeated one the last counts.
#[derive(Default)]
pub(super) struct Members {
    pub(super) kind: Member<u64>,
    pub(super) id: Member<Id>,
    pub(super) target: Member<SmolStr>,
    pub(super) arguments: Member<Vec<Raw>>,
    pub(super) stream_ids: Member<Vec<Id>>,
    pub(super) headers: Option<Range<usize>>,
    pub(super) item: Option<Raw>,
    pub(super) result: Option<Raw>,
    pub(super) error: Member<SmolStr>,
    pub(super) allow_reconnect: Member<bool>,
    pub(super) sequence_id: Member<u64>,
}

impl Members {
    pub(super) fn read(record: &Bytes, limits: &Limits) -> Result<Self, ProtocolError> {
        check_utf8(record)?;
        let scanner = &mut Scanner::new(record, limits.depth());
        let mut members = Members::default();
        if !scanner.take(b'{') {
            return scanner.fail("expected an object");
        }
        if !scanner.take(b'}') {
            loop {
                members.read_one(record, scanner, limits)?;
                if !scanner.take(b',') {
                    break;
                }
            }
            if !scanner.take(b'}') {
                return scanner.fail("expected a comma or the end of the object");
            }
        }
        scanner.end()?;
        Ok(members)
    }

    fn read_one(
        &mut self,
        record: &Bytes,
        scanner: &mut Scanner<'_>,
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        let name = scanner.name()?;
        let unescaped;
        let name = if name.escaped {
            unescaped = text(record, &name);
            unescaped.as_deref().unwrap_or_default().as_bytes()
        } else {
            &record[name.inner()]
        };
        match name {
            b"type" => self.kind = integer(record, scanner)?,
            b"invocationId" => {
                self.id = string(record, scanner)?;
                if let Member::Is(id) = &self.id {
                    limits.check_id(id)?;
                }
            }
            b"target" => self.target = string(record, scanner)?,
            b"arguments" => {
                let limit = limits.max_arguments;
                self.arguments = list(scanner, "arguments", limit, |scanner| {
                    Ok(Some(Raw::from_checked(
                        Encoding::Json,
                        record.slice(scanner.value()?),
                    )))
                })?;
            }
            b"streamIds" => {
                let limit = limits.max_stream_ids;
                self.stream_ids = list(scanner, "streams", limit, |scanner| {
                    Ok(match string(record, scanner)? {
                        Member::Is(id) if !id.is_empty() => {
                            limits.check_id(&id)?;
                            Some(id)
                        }
                        _ => None,
                    })
                })?;
            }
            b"headers" => self.headers = Some(scanner.value()?),
            b"item" => self.item = Some(raw(record, scanner)?),
            b"result" => self.result = Some(raw(record, scanner)?),
            b"error" => self.error = string(record, scanner)?,
            b"allowReconnect" => {
                self.allow_reconnect = match &record[scanner.value()?] {
                    b"true" => Member::Is(true),
                    b"false" => Member::Is(false),
                    b"null" => Member::Absent,
                    _ => Member::WrongType,
                }
            }
            b"sequenceId" => self.sequence_id = integer(record, scanner)?,
            _ => {
                scanner.value()?;
            }
        }
        Ok(())
    }
}

fn raw(record: &Bytes, scanner: &mut Scanner<'_>) -> Result<Raw, ProtocolError> {
    Ok(Raw::from_checked(
        Encoding::Json,
        record.slice(scanner.value()?),
    ))
}

fn integer(record: &[u8], scanner: &mut Scanner<'_>) -> Result<Member<u64>, ProtocolError> {
    let digits = &record[scanner.value()?];
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    Ok(number.map_or(Member::WrongType, Member::Is))
}

/// A string; null counts as absent.
fn string(record: &[u8], scanner: &mut Scanner<'_>) -> Result<Member<SmolStr>, ProtocolError> {
    if scanner.peek() != b'"' {
        let absent = &record[scanner.value()?] == b"null";
        return Ok(if absent {
            Member::Absent
        } else {
            Member::WrongType
        });
    }
    let quoted = scanner.string()?;
    Ok(text(record, &quoted).map_or(Member::WrongType, Member::Is))
}

/// The content of a string; `None` if its escapes make no text (half a surrogate pair).
fn text(record: &[u8], quoted: &Text) -> Option<SmolStr> {
    if quoted.escaped {
        let text: String = serde_json::from_slice(&record[quoted.quoted.clone()]).ok()?;
        return Some(text.into());
    }
    std::str::from_utf8(&record[quoted.inner()])
        .ok()
        .map(SmolStr::new)
}

/// An array whose elements `element` reads, `None` meaning one of the wrong type; null counts as absent.
fn list<T>(
    scanner: &mut Scanner<'_>,
    what: &'static str,
    limit: usize,
    mut element: impl FnMut(&mut Scanner<'_>) -> Result<Option<T>, ProtocolError>,
) -> Result<Member<Vec<T>>, ProtocolError> {
    if !scanner.take(b'[') {
        let null = scanner.peek() == b'n';
        scanner.value()?;
        return Ok(if null {
            Member::Absent
        } else {
            Member::WrongType
        });
    }
    let mut list = Vec::new();
    let mut wrong = false;
    if scanner.take(b']') {
        return Ok(Member::Is(list));
    }
    loop {
        if list.len() == limit {
            return Err(ProtocolError::TooMany { what, limit });
        }
        match element(scanner)? {
            Some(value) => list.push(value),
            None => wrong = true,
        }
        if !scanner.take(b',') {
            break;
        }
    }
    if !scanner.take(b']') {
        return scanner.fail("expected a comma or the end of the array");
    }
    Ok(if wrong {
        Member::WrongType
    } else {
        Member::Is(list)
    })
}

/// Headers are strings by name; others are skipped, since nothing is done with headers.
pub(super) fn read_headers(
    record: &Bytes,
    extent: Range<usize>,
    limits: &Limits,
) -> Result<Headers, ProtocolError> {
    let object = &record[extent];
    let scanner = &mut Scanner::new(object, limits.depth());
    if !scanner.take(b'{') {
        return Err(ProtocolError::WrongType("headers"));
    }
    let mut headers = Vec::new();
    let mut count = 0;
    while !scanner.take(b'}') {
        if count == limits.max_headers {
            return Err(ProtocolError::TooMany {
                what: "headers",
                limit: limits.max_headers,
            });
        }
        count += 1;
        let name = scanner.name()?;
        if let (Some(name), Member::Is(value)) = (text(object, &name), string(object, scanner)?) {
            headers.push((name, value));
        }
        scanner.take(b',');
    }
    Ok(Headers(headers))
}

pub(super) fn check_utf8(bytes: &[u8]) -> Result<(), ProtocolError> {
    let malformed = |error: std::str::Utf8Error| ProtocolError::Malformed {
        at: error.valid_up_to(),
        what: "not UTF-8",
    };
    std::str::from_utf8(bytes).map(|_| ()).map_err(malformed)
}
