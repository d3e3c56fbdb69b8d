//! G2: a journal has no holes, and its messages are numbered without holes.

use super::events;
use crate::ids::Sequence;
use crate::machines::room::RoomEvent;
use crate::testing::oracle::History;

/// Judges every room's rows.
pub fn check(history: &History) -> Result<(), String> {
    for (room, stored) in &history.rooms {
        let mut next = Sequence(1);
        for row in &stored.rows {
            if row.first != next {
                return Err(format!(
                    "{room}: a row begins at {}, not at {next}",
                    row.first
                ));
            }
            next = row.last().next();
        }
        let mut number = 0;
        for (sequence, event) in events(&stored.rows)? {
            if let RoomEvent::MessageSent(message) = event {
                number += 1;
                if message.number != number {
                    let found = message.number;
                    return Err(format!("{room}: message {number} at {sequence} is {found}"));
                }
            }
        }
    }
    Ok(())
}
