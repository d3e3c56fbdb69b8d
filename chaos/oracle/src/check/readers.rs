//! What readers got: without holes, repetitions and, while nothing was trimmed, without resets.

use std::collections::BTreeMap;

use super::{Journal, Resets, Violation};
use crate::history::{Event, Record};

/// Each reader's run has no hole, no repetition and, if the reader stayed, no end before the head.
pub(super) fn check(
    room: &str,
    records: &[Record],
    journal: &Journal,
    resets: Resets,
    violations: &mut Vec<Violation>,
) {
    let mut readers: BTreeMap<&str, u64> = BTreeMap::new();
    for Record { client, event, .. } in records {
        let named = || (client.clone(), room.to_owned());
        match event {
            Event::Subscribed { after } => {
                readers.insert(client, after + 1);
            }
            Event::Reset { from } => {
                let owed = readers.insert(client, *from);
                if resets == Resets::Forbidden {
                    let (client, room) = named();
                    violations.push(Violation::Reset {
                        client,
                        room,
                        owed: owed.unwrap_or_default(),
                        from: *from,
                    });
                }
            }
            Event::Left => {
                readers.remove(client.as_str());
            }
            Event::Received { sequence: got, .. } => {
                let got = *got;
                let (client, room) = named();
                let Some(owed) = readers.get_mut(client.as_str()) else {
                    violations.push(Violation::Unasked { client, room, got });
                    continue;
                };
                let expected = *owed;
                *owed = (*owed).max(got + 1);
                if got > expected {
                    violations.push(Violation::Hole {
                        client,
                        room,
                        owed: expected,
                        got,
                    });
                } else if got < expected {
                    violations.push(Violation::Again {
                        client,
                        room,
                        owed: expected,
                        got,
                    });
                }
            }
            _ => {}
        }
    }
    for (client, owed) in readers {
        if owed <= journal.head {
            violations.push(Violation::Behind {
                client: client.to_owned(),
                room: room.to_owned(),
                owed,
                head: journal.head,
            });
        }
    }
}
