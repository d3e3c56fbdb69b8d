//! The hot way in: finds the few facts a trial needs in a server's bytes without parsing all of them.
//!
//! What does not look exactly as expected is handed back whole, for the real decoder. So the short cuts here decide speed,
//! never what is understood.

use crate::stamp::{DIGITS, MARK, STAMP_BYTES, Stamp};
use memchr::{memchr, memchr_iter, memmem::Finder};
use protocol::Encoding;

/// Ends every JSON record, and the handshake in both encodings.
pub const RECORD_SEPARATOR: u8 = 0x1e;

/// One hub message, as far as a trial cares.
#[derive(Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A message delivered to a member of a room.
    Delivery {
        /// Its place in the room's journal.
        sequence: u64,
        /// Which planned send it is.
        stamp: Stamp,
    },
    /// The completion of a `SendMessage` that succeeded.
    Acknowledged {
        /// The place in the journal that the hub named.
        sequence: u64,
        /// Which planned send it answers.
        stamp: Stamp,
    },
    /// Anything else: one whole record with its framing.
    Other(&'a [u8]),
}

/// Recognises records of one encoding.
#[derive(Clone)]
pub struct Scanner {
    encoding: Encoding,
    sequence: Finder<'static>,
    room: Finder<'static>,
}

impl Scanner {
    /// A scanner for hub messages in `encoding`.
    pub fn new(encoding: Encoding) -> Self {
        let (sequence, room): (&[u8], &[u8]) = match encoding {
            Encoding::Json => (b"\"sequence\":", b"\"roomId\":\""),
            Encoding::MessagePack => (b"\xa8sequence", b"\xa6roomId"),
        };
        Self {
            encoding,
            sequence: Finder::new(sequence),
            room: Finder::new(room),
        }
    }

    /// Hands every record of one frame's payload to `each`; false when the payload ends inside a record.
    #[inline]
    pub fn records<'a>(&self, payload: &'a [u8], mut each: impl FnMut(Record<'a>)) -> bool {
        self.whole_records(payload, |record, _| each(record))
    }

    /// The same with the bytes of each record.
    #[inline]
    pub fn whole_records<'a>(
        &self,
        mut payload: &'a [u8],
        mut each: impl FnMut(Record<'a>, &'a [u8]),
    ) -> bool {
        while !payload.is_empty() {
            let Some(length) = self.record_bytes(payload) else {
                return false;
            };
            let (record, rest) = payload.split_at(length);
            each(self.classify(record), record);
            payload = rest;
        }
        true
    }

    /// The room that a delivery names; `None` where it is not found by the short cut.
    #[inline]
    pub fn room<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        let rest = &record[self.room.find(record)? + self.room.needle().len()..];
        match self.encoding {
            Encoding::Json => rest.get(..memchr(b'"', rest)?),
            Encoding::MessagePack => match rest {
                [short @ 0xa0..=0xbf, text @ ..] => text.get(..usize::from(short & 0x1f)),
                [0xd9, length, text @ ..] => text.get(..usize::from(*length)),
                _ => None,
            },
        }
    }

    fn record_bytes(&self, payload: &[u8]) -> Option<usize> {
        match self.encoding {
            Encoding::Json => memchr(RECORD_SEPARATOR, payload).map(|at| at + 1),
            Encoding::MessagePack => {
                let (length, prefix) = var_int(payload)?;
                prefix
                    .checked_add(length)
                    .filter(|&end| end <= payload.len())
            }
        }
    }

    #[inline]
    fn classify<'a>(&self, record: &'a [u8]) -> Record<'a> {
        self.delivery(record)
            .or_else(|| self.acknowledgement(record))
            .unwrap_or(Record::Other(record))
    }

    #[inline]
    fn delivery<'a>(&self, record: &'a [u8]) -> Option<Record<'a>> {
        if !self.starts(
            record,
            b"{\"type\":1,\"target\":\"ReceiveMessage\"",
            &[0x01, 0x80, 0xc0],
            b"\xaeReceiveMessage",
        ) {
            return None;
        }
        // In MessagePack a number may hold the same byte; then the stamp is further on.
        let stamp = memchr_iter(MARK, record).find_map(|at| Stamp::read(&record[at + 1..]))?;
        Some(Record::Delivery {
            sequence: self.find_sequence(record)?,
            stamp,
        })
    }

    fn acknowledgement<'a>(&self, record: &'a [u8]) -> Option<Record<'a>> {
        const JSON: &[u8] = b"{\"type\":3,\"invocationId\":\"";
        let (id, after) = match self.encoding {
            Encoding::Json => (record.strip_prefix(JSON)?, b"\",\"result\":".as_slice()),
            // [3, headers, id, 3 = result, …]: the id is a string of exactly the digits' length.
            Encoding::MessagePack => {
                let body = &record[var_int(record)?.1..];
                (
                    body.strip_prefix(&[0x95, 0x03, 0x80, 0xa0 | DIGITS as u8])?,
                    [0x03].as_slice(),
                )
            }
        };
        let stamp = Stamp::read(id)?;
        id[DIGITS..].starts_with(after).then_some(())?;
        Some(Record::Acknowledged {
            sequence: self.find_sequence(record)?,
            stamp,
        })
    }

    #[inline]
    fn starts(&self, record: &[u8], json: &[u8], head: &[u8], target: &[u8]) -> bool {
        match self.encoding {
            Encoding::Json => record.starts_with(json),
            Encoding::MessagePack => var_int(record).is_some_and(|(_, prefix)| {
                // The array head (5 or 6 elements) stands before the type.
                let body = record.get(prefix + 1..).unwrap_or_default();
                body.strip_prefix(head)
                    .is_some_and(|rest| rest.starts_with(target))
            }),
        }
    }

    #[inline]
    fn find_sequence(&self, record: &[u8]) -> Option<u64> {
        let at = self.sequence.find(record)? + self.sequence.needle().len();
        match self.encoding {
            Encoding::Json => decimal(&record[at..]),
            Encoding::MessagePack => unsigned(&record[at..]),
        }
    }
}

/// The text of a message from its stamp on, as the reference server echoes it; `None` when there is no stamp.
pub fn stamped_text(encoding: Encoding, record: &[u8]) -> Option<&[u8]> {
    let at = memchr(MARK, record)?;
    let length = match encoding {
        Encoding::Json => memchr(b'"', &record[at..])?,
        Encoding::MessagePack => match record.get(at.checked_sub(3)?..at)? {
            [0xda, high, low] => usize::from(u16::from_be_bytes([*high, *low])),
            [_, 0xd9, length] => usize::from(*length),
            [_, _, short @ 0xa0..=0xbf] => usize::from(short & 0x1f),
            _ => return None,
        },
    };
    record
        .get(at..at + length)
        .filter(|text| text.len() >= STAMP_BYTES)
}

#[inline]
fn decimal(bytes: &[u8]) -> Option<u64> {
    let digits = bytes
        .iter()
        .take(20)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    bytes[..digits]
        .iter()
        .try_fold((digits > 0).then_some(0u64)?, |value, byte| {
            value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
        })
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    let (&format, rest) = bytes.split_first()?;
    Some(match format {
        0x00..=0x7f => u64::from(format),
        0xcc => u64::from(*rest.first()?),
        0xcd => u64::from(u16::from_be_bytes(*rest.first_chunk()?)),
        0xce => u64::from(u32::from_be_bytes(*rest.first_chunk()?)),
        0xcf => u64::from_be_bytes(*rest.first_chunk()?),
        _ => return None,
    })
}

/// A length prefix (little-endian base 128): its value and its own bytes.
fn var_int(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (position, &byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Some((value, position + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{self, Delivery, Sent};
    use protocol::{HubMessage, Outcome, Raw};

    fn delivery(encoding: Encoding, sequence: u64, stamp: Stamp) -> Vec<u8> {
        let delivery = Delivery {
            room_id: "r".into(),
            sequence,
            number: sequence,
            id: "i".into(),
            sender_id: "u".into(),
            kind: "text".into(),
            text: format!("~{} hello", String::from_utf8_lossy(&stamp.digits())),
            sent_at: "t".into(),
        };
        let mut record = Vec::new();
        protocol::encode_invocation(encoding, hub::RECEIVE_MESSAGE, &delivery, &mut record)
            .unwrap();
        record
    }

    fn completion(encoding: Encoding, stamp: Stamp, outcome: Outcome) -> Vec<u8> {
        let invocation_id = String::from_utf8_lossy(&stamp.digits()).as_ref().into();
        let message = HubMessage::Completion {
            invocation_id,
            outcome,
            headers: Default::default(),
        };
        let mut record = Vec::new();
        protocol::encode(encoding, &message, &mut record).unwrap();
        record
    }

    #[test]
    fn deliveries_and_acknowledgements_of_any_sequence_take_the_short_cut() {
        for encoding in Encoding::ALL {
            let scanner = Scanner::new(encoding);
            // 126 is the mark's own byte in MessagePack.
            for sequence in [
                0,
                1,
                126,
                127,
                128,
                0x7e7e,
                65_536,
                0x7e7e_7e7e,
                1 << 40,
                u64::MAX,
            ] {
                let stamp = Stamp {
                    trial: 3,
                    index: 77,
                };
                let sent = Sent {
                    id: "i".into(),
                    sequence,
                    sent_at: "t".into(),
                };
                let mut payload = delivery(encoding, sequence, stamp);
                let result = Raw::encode(encoding, &sent).unwrap();
                payload.extend(completion(encoding, stamp, Outcome::Result(result)));
                payload.extend(hub::ping(encoding).unwrap());
                let ping = hub::ping(encoding).unwrap();
                let mut seen = Vec::new();
                assert!(scanner.records(&payload, |record| seen.push(record)));
                let expected = [
                    Record::Delivery { sequence, stamp },
                    Record::Acknowledged { sequence, stamp },
                    Record::Other(&ping),
                ];
                assert_eq!(seen, expected, "{encoding:?} {sequence}");
            }
        }
    }

    #[test]
    fn the_room_of_a_delivery_is_found_whatever_the_length_of_its_name() {
        for encoding in Encoding::ALL {
            let scanner = Scanner::new(encoding);
            for length in [1, 31, 32, 100] {
                let name = "r".repeat(length);
                let delivery = Delivery {
                    room_id: name.clone(),
                    sequence: 7,
                    number: 7,
                    id: "i".into(),
                    sender_id: "u".into(),
                    kind: "text".into(),
                    text: "~000300000005 hello".into(),
                    sent_at: "t".into(),
                };
                let mut record = Vec::new();
                protocol::encode_invocation(encoding, hub::RECEIVE_MESSAGE, &delivery, &mut record)
                    .unwrap();
                assert_eq!(scanner.room(&record), Some(name.as_bytes()), "{encoding:?}");
            }
            assert_eq!(scanner.room(&hub::ping(encoding).unwrap()), None);
        }
    }

    #[test]
    fn errors_and_halves_are_left_to_the_decoder() {
        for encoding in Encoding::ALL {
            let scanner = Scanner::new(encoding);
            let stamp = Stamp {
                trial: 3,
                index: 77,
            };
            let refused = completion(encoding, stamp, Outcome::Error("busy: later".into()));
            let mut seen = Vec::new();
            assert!(scanner.records(&refused, |record| seen.push(record)));
            assert_eq!(seen, [Record::Other(&refused)]);
            let half = &refused[..refused.len() - 1];
            assert!(
                !scanner.records(half, |record| panic!("{record:?}")),
                "a frame holds whole records"
            );
        }
    }

    #[test]
    fn the_text_that_the_reference_echoes_is_the_one_that_was_sent() {
        for encoding in Encoding::ALL {
            for text_bytes in [20, 31, 32, 64, 255, 256, 1000] {
                let mut template =
                    hub::SendTemplate::new(encoding, "room", "nonce", text_bytes).unwrap();
                let (stamp, mut frame) = (Stamp { trial: 9, index: 5 }, Vec::new());
                template.push(stamp, [0; 4], &mut frame);
                let head = crate::websocket::head(&frame).unwrap().unwrap();
                let text = stamped_text(encoding, &frame[head.head_bytes..]).unwrap();
                assert_eq!(text.len(), text_bytes, "{encoding:?}");
                assert_eq!(Stamp::read(&text[1..]), Some(stamp));
            }
        }
    }
}
