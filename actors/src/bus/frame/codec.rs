//! Messages between nodes to bytes and back.

mod fields;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::fields::Fields;
use super::{Beat, Frame, FrameError, Here, NEWEST, OLDEST, Outcome};
use crate::ids::NodeId;
use crate::journal::{Digest, Record};

/// From this format on a message names its sender.
const WITH_SENDER: u8 = 2;

type RecordFields = (Bytes, Digest, Option<Bytes>);

fn fields_of(records: &[Record]) -> Vec<RecordFields> {
    let fields = |r: &Record| (r.header.clone(), r.body_digest, r.body.clone());
    records.iter().map(fields).collect()
}

/// The byte form in a format, which must be a known one (others are written as the oldest).
pub fn encode(frame: &Frame, format: u8, sender: &NodeId) -> Bytes {
    let format = if (OLDEST..=NEWEST).contains(&format) {
        format
    } else {
        OLDEST
    };
    let mut out = Vec::with_capacity(128);
    out.push(format);
    if format >= WITH_SENDER {
        let name = sender.as_str().as_bytes();
        out.push(name.len() as u8);
        out.extend_from_slice(name);
    }
    write_frame(&mut out, frame);
    out.into()
}

fn write_frame(out: &mut Vec<u8>, frame: &Frame) {
    match frame {
        Frame::Row {
            entity,
            first,
            head,
            records,
        } => write(out, 1, &(entity, first, head, fields_of(records))),
        Frame::Head { entity, head } => write(out, 2, &(entity, head)),
        Frame::Read { room, user, up_to } => write(out, 3, &(room, user, up_to)),
        Frame::Typing { room, user, typing } => write(out, 4, &(room, user, typing)),
        Frame::Present { room, here } => {
            let who = (&here.node, here.incarnation, here.version);
            write(out, 5, &(room, who, here.count, &here.users, here.ask));
        }
        Frame::Added { room, user } => write(out, 6, &(room, user)),
        Frame::Beat(beat) => {
            let who = (&beat.node, beat.incarnation, beat.draining);
            write(out, 7, &(who, beat.writes, beat.reads, beat.awake));
        }
        Frame::Command { entity, command } => write(out, 8, &(entity, command)),
        Frame::Answer(outcome) => {
            let (code, bytes) = match outcome {
                Outcome::Answered(bytes) => (1, bytes.clone()),
                Outcome::Draining => (2, Bytes::new()),
                Outcome::NotUnderstood => (3, Bytes::new()),
                Outcome::Noted => (4, Bytes::new()),
                Outcome::Present(users) => (5, packed(users)),
                Outcome::Report(bytes) => (6, bytes.clone()),
            };
            write(out, 9, &(code, bytes));
        }
        Frame::Warm { entities } => write(out, 10, entities),
        Frame::Coming { node } => write(out, 11, &(node,)),
        Frame::Who { room, users } => write(out, 12, &(room, users)),
        Frame::Report { room } => write(out, 13, &(room,)),
    }
}

fn packed(fields: &impl Serialize) -> Bytes {
    let bytes = rmp_serde::to_vec(fields);
    bytes
        .expect("writing to memory cannot fail, and all lengths are known")
        .into()
}

fn write(out: &mut Vec<u8>, kind: u8, fields: &impl Serialize) {
    out.push(kind);
    rmp_serde::encode::write(out, fields)
        .expect("writing to memory cannot fail, and all lengths are known");
}

/// Reads a message and, if its format names it, who sent it.
pub fn decode(bytes: &[u8]) -> Result<(Frame, Option<NodeId>), FrameError> {
    let short = || FrameError::Damaged("it is too short".into());
    let (format, mut rest) = bytes.split_first().ok_or_else(short)?;
    if !(OLDEST..=NEWEST).contains(format) {
        return Err(FrameError::Format(*format));
    }
    let mut sender = None;
    if *format >= WITH_SENDER {
        let (length, after) = rest.split_first().ok_or_else(short)?;
        let (name, after) = after
            .split_at_checked(usize::from(*length))
            .ok_or_else(short)?;
        let name = std::str::from_utf8(name).map_err(damaged)?;
        sender = Some(NodeId::parse(name).map_err(damaged)?);
        rest = after;
    }
    let (kind, fields) = rest.split_first().ok_or_else(short)?;
    Ok((read_frame(*kind, fields)?, sender))
}

fn read_frame(kind: u8, fields: &[u8]) -> Result<Frame, FrameError> {
    Ok(match kind {
        1 => {
            let (entity, first, head, records): (_, _, _, Vec<RecordFields>) = read(fields)?;
            let records = records
                .into_iter()
                .map(|(header, body_digest, body)| Record {
                    header,
                    body_digest,
                    body,
                });
            Frame::Row {
                entity,
                first,
                head,
                records: records.collect(),
            }
        }
        2 => {
            let (entity, head) = read(fields)?;
            Frame::Head { entity, head }
        }
        3 => {
            let (room, user, up_to) = read(fields)?;
            Frame::Read { room, user, up_to }
        }
        4 => {
            let (room, user, typing) = read(fields)?;
            Frame::Typing { room, user, typing }
        }
        5 => {
            let (room, (node, incarnation, version), count, users, ask) = read(fields)?;
            let here = Here {
                node,
                incarnation,
                version,
                count,
                users,
                ask,
            };
            Frame::Present { room, here }
        }
        6 => {
            let (room, user) = read(fields)?;
            Frame::Added { room, user }
        }
        7 => {
            let ((node, incarnation, draining), writes, reads, awake) = read(fields)?;
            Frame::Beat(Beat {
                node,
                incarnation,
                draining,
                writes,
                reads,
                awake,
            })
        }
        8 => {
            let (entity, command) = read(fields)?;
            Frame::Command { entity, command }
        }
        9 => match read::<(u8, Bytes)>(fields)? {
            (1, bytes) => Frame::Answer(Outcome::Answered(bytes)),
            (2, _) => Frame::Answer(Outcome::Draining),
            (4, _) => Frame::Answer(Outcome::Noted),
            (5, users) => Frame::Answer(Outcome::Present(read_list(&users)?)),
            (6, bytes) => Frame::Answer(Outcome::Report(bytes)),
            // A later version's outcome is none that this one understands.
            _ => Frame::Answer(Outcome::NotUnderstood),
        },
        10 => Frame::Warm {
            entities: read_list(fields)?,
        },
        11 => {
            let (node,) = read(fields)?;
            Frame::Coming { node }
        }
        12 => {
            let (room, users) = read(fields)?;
            Frame::Who { room, users }
        }
        13 => {
            let (room,) = read(fields)?;
            Frame::Report { room }
        }
        other => return Err(FrameError::Kind(other)),
    })
}

/// Reads the fields of a message; those that a later version has appended are passed over.
fn read<T: DeserializeOwned>(fields: &[u8]) -> Result<T, FrameError> {
    let read: Result<Fields<T>, _> = rmp_serde::from_slice(fields);
    Ok(read.map_err(damaged)?.0)
}

/// Reads a list, which has no fields to append to.
fn read_list<T: DeserializeOwned>(list: &[u8]) -> Result<Vec<T>, FrameError> {
    rmp_serde::from_slice(list).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> FrameError {
    FrameError::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, EntityKind, RoomId, Sequence, UserId};
    use crate::journal::Head;

    fn node(name: &str) -> NodeId {
        NodeId::parse(name).expect("valid")
    }

    fn frames() -> Vec<Frame> {
        let room = RoomId::parse("r").expect("valid");
        let user = UserId::parse("ü").expect("valid");
        let entity = EntityId::new(EntityKind::Request, "q").expect("valid");
        let head = Head {
            sequence: Sequence(9),
            digest: Digest::of(b"row"),
        };
        let body = Some(Bytes::from_static(b"body"));
        let mut erased = Record::new(Bytes::from_static(b"h2"), body.clone());
        erased.body = None;
        let here = Here {
            node: node("n"),
            incarnation: 5,
            version: 6,
            count: 1,
            users: Some(vec![user.clone()]),
            ask: true,
        };
        let (r, u) = (|| room.clone(), || user.clone());
        vec![
            Frame::Row {
                entity: entity.clone(),
                first: Sequence(8),
                head,
                records: vec![Record::new(Bytes::from_static(b"h1"), body), erased],
            },
            Frame::Head {
                entity: entity.clone(),
                head,
            },
            Frame::Read {
                room: r(),
                user: u(),
                up_to: Sequence(3),
            },
            Frame::Typing {
                room: r(),
                user: u(),
                typing: true,
            },
            Frame::Present { room: r(), here },
            Frame::Added {
                room: r(),
                user: u(),
            },
            Frame::Beat(Beat {
                node: node("n"),
                incarnation: 1,
                draining: true,
                writes: 1,
                reads: 2,
                awake: 70_000,
            }),
            Frame::Command {
                entity: entity.clone(),
                command: Bytes::from_static(b"wish"),
            },
            Frame::Answer(Outcome::Answered(Bytes::from_static(b"yes"))),
            Frame::Answer(Outcome::Draining),
            Frame::Answer(Outcome::NotUnderstood),
            Frame::Answer(Outcome::Noted),
            Frame::Warm {
                entities: vec![entity],
            },
            Frame::Coming { node: node("n") },
            Frame::Who {
                room: r(),
                users: vec![u()],
            },
            Frame::Answer(Outcome::Present(vec![u()])),
            Frame::Report { room: Some(r()) },
            Frame::Answer(Outcome::Report(Bytes::from_static(b"all well"))),
        ]
    }

    #[test]
    fn every_message_survives_every_format_and_the_second_names_its_sender() {
        for frame in frames() {
            for format in OLDEST..=NEWEST {
                let bytes = encode(&frame, format, &node("me"));
                assert_eq!(bytes[0], format);
                let (read, sender) = decode(&bytes).expect("readable");
                assert_eq!(read, frame);
                assert_eq!(sender, (format >= WITH_SENDER).then(|| node("me")));
            }
        }
    }

    #[test]
    fn fields_that_a_later_version_appends_are_passed_over() {
        for frame in frames() {
            for format in OLDEST..=NEWEST {
                if matches!(frame, Frame::Warm { .. }) {
                    continue; // A list: more of it is more entities.
                }
                let mut bytes = encode(&frame, format, &node("me")).to_vec();
                let named = if format >= WITH_SENDER { 1 + 2 } else { 0 };
                // The number of fields stands in the low half of the byte after the kind.
                let count = &mut bytes[1 + named + 1];
                assert_eq!(*count & 0xf0, 0x90, "{frame:?}");
                *count += 1;
                rmp_serde::encode::write(&mut bytes, &("later", 7)).expect("written");
                let (read, _) = decode(&bytes).expect("readable");
                assert_eq!(read, frame);
            }
        }
    }

    #[test]
    fn later_formats_and_kinds_are_named_and_damage_is_never_a_panic() {
        for frame in frames() {
            let bytes = encode(&frame, NEWEST, &node("me"));
            for cut in 0..bytes.len() {
                assert!(decode(&bytes[..cut]).is_err(), "{frame:?} cut at {cut}");
            }
        }
        assert_eq!(decode(&[3, 1]), Err(FrameError::Format(3)));
        assert_eq!(decode(&[0, 1]), Err(FrameError::Format(0)));
        assert_eq!(decode(&[1, 200]), Err(FrameError::Kind(200)));
        assert!(matches!(decode(&[1, 2, 0xc1]), Err(FrameError::Damaged(_))));
        assert_eq!(encode(&frames()[0], 77, &node("me"))[0], OLDEST);
    }
}
