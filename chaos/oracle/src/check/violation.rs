//! What can be wrong with a history.

use thiserror::Error;

/// A broken promise, with what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// The history is not whole, so nothing can be said.
    #[error("records were dropped: the history's capacity is too small")]
    Overflowed,
    /// A reader got an entry and not the one owed before it.
    #[error("{client} in {room}: owed {owed}, got {got}")]
    Hole {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that should have come.
        owed: u64,
        /// The sequence that came.
        got: u64,
    },
    /// A reader got an entry that it had been given, or had said to know.
    #[error("{client} in {room}: {got} came again, {owed} was owed")]
    Again {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that should have come.
        owed: u64,
        /// The sequence that came.
        got: u64,
    },
    /// A reader was told to go on from another place, though nothing was trimmed and no data went back.
    #[error("{client} in {room}: owed {owed}, told to go on from {from}")]
    Reset {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that should have come.
        owed: u64,
        /// Where it was told to go on.
        from: u64,
    },
    /// A reader got an entry without a subscription.
    #[error("{client} in {room}: {got} came without a subscription")]
    Unasked {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that came.
        got: u64,
    },
    /// A reader that stayed did not get everything.
    #[error("{client} in {room}: stopped before {owed}, and the room goes on to {head}")]
    Behind {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The sequence that should have come.
        owed: u64,
        /// The highest sequence that anyone got or was promised.
        head: u64,
    },
    /// Two readers, or one at two times, got different entries at one place.
    #[error("{room} at {sequence}: one reader got {one:?}, another {other:?}")]
    Fork {
        /// The room.
        room: String,
        /// The place.
        sequence: u64,
        /// What the first reader got there.
        one: String,
        /// What another one got there.
        other: String,
    },
    /// A message is there more than once.
    #[error("{room}: message {id} is at {first} and at {second}")]
    Twice {
        /// The room.
        room: String,
        /// The message id.
        id: String,
        /// Its first place.
        first: u64,
        /// Another one.
        second: u64,
    },
    /// An acknowledged message is not where it was promised to be, as far as anyone saw.
    #[error("{room}: message {id} was acknowledged at {sequence} and is not there")]
    Lost {
        /// The room.
        room: String,
        /// The message id.
        id: String,
        /// The promised place.
        sequence: u64,
    },
    /// A message is there that nobody sent, or that was refused for good.
    #[error("{room}: message {id} at {sequence} was {why}")]
    Phantom {
        /// The room.
        room: String,
        /// The message id.
        id: String,
        /// Where it is.
        sequence: u64,
        /// `never sent` or `refused`.
        why: &'static str,
    },
    /// A message is not above one that its sender had seen acknowledged before it began to send this one.
    #[error("{room}: message {id} is at {sequence}, its sender knew of {known} before it sent it")]
    Overtaken {
        /// The room.
        room: String,
        /// The message id.
        id: String,
        /// Where it is, or was promised to be.
        sequence: u64,
        /// The place acknowledged before.
        known: u64,
    },
    /// A reader got another text than the sender sent.
    #[error("{room}: message {id} was sent as {sent:?}, {client} got {got:?}")]
    Altered {
        /// The reader.
        client: String,
        /// The room.
        room: String,
        /// The message id.
        id: String,
        /// The sender's text.
        sent: String,
        /// The reader's.
        got: String,
    },
}
