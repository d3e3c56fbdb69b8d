//! In the end every node tells the truth about who is present, wherever they are.

use crate::testing::oracle::History;

/// Compares the word of every node with who is subscribed anywhere.
pub fn check(history: &History) -> Result<(), String> {
    let wrong = history.rolls.iter().find(|roll| roll.told != roll.present);
    wrong.map_or(Ok(()), |roll| Err(format!("{roll:?}")))
}
