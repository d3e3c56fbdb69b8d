//! What can be wrong with a run, counted.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What was wrong, counted. All zero is correct.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Deliveries that should have arrived and did not (sum over members).
    pub missing: u64,
    /// Sequences that a member jumped over.
    pub skipped: u64,
    /// Sequences not above one that the member had already seen: duplicates and late ones.
    pub repeated: u64,
    /// Sends that appeared at two sequences.
    pub doubled: u64,
    /// Sends of one connection that overtook each other.
    pub overtaken: u64,
    /// Messages in a room they were not sent to, or never sent.
    pub foreign: u64,
    /// Members whose run of messages differs from that of the first member of the room.
    pub diverged: u64,
    /// Acknowledgements whose sequence is not the delivered one, or that came twice.
    pub misacknowledged: u64,
    /// Sends without an answer.
    pub unacknowledged: u64,
    /// Sends that the hub answered with an error.
    pub refused: u64,
    /// Connections that ended.
    pub disconnected: u64,
    /// Bytes that are no hub message, resets, and other things that must not happen.
    pub unexpected: u64,
}

impl Faults {
    /// Nothing was wrong.
    pub fn none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what went wrong elsewhere in the same run.
    pub fn add(&mut self, other: &Self) {
        self.missing += other.missing;
        self.skipped += other.skipped;
        self.repeated += other.repeated;
        self.doubled += other.doubled;
        self.overtaken += other.overtaken;
        self.foreign += other.foreign;
        self.diverged += other.diverged;
        self.misacknowledged += other.misacknowledged;
        self.unacknowledged += other.unacknowledged;
        self.refused += other.refused;
        self.disconnected += other.disconnected;
        self.unexpected += other.unexpected;
    }
}

impl Faults {
    /// The same without what overload excuses: beyond its capacity a server may refuse, and may end a connection, which
    /// then gets nothing more. It may never lose, double or reorder.
    pub fn beyond_overload(self) -> Self {
        let ended = self.disconnected > 0;
        let rest = Self {
            refused: 0,
            disconnected: 0,
            ..self
        };
        if ended {
            rest.without_outstanding()
        } else {
            rest
        }
    }

    /// The same without what a hub may do where errors are counted: it may refuse.
    pub fn without_refusals(self) -> Self {
        Self { refused: 0, ..self }
    }

    /// The same without what may still have been on its way.
    pub fn without_outstanding(self) -> Self {
        Self {
            missing: 0,
            diverged: 0,
            unacknowledged: 0,
            ..self
        }
    }
}

impl Faults {
    /// Only what happened, by name.
    pub fn counts(&self) -> Vec<(String, u64)> {
        let all = [
            ("missing", self.missing),
            ("skipped", self.skipped),
            ("repeated", self.repeated),
            ("doubled", self.doubled),
            ("overtaken", self.overtaken),
            ("foreign", self.foreign),
            ("diverged", self.diverged),
            ("misacknowledged", self.misacknowledged),
            ("unacknowledged", self.unacknowledged),
            ("refused", self.refused),
            ("disconnected", self.disconnected),
            ("unexpected", self.unexpected),
        ];
        let named = all.into_iter().filter(|(_, count)| *count > 0);
        named
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}

/// Only what happened: `missing 3, diverged 1`.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, count) in self.counts() {
            write!(f, "{separator}{name} {count}")?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_excuses_refusals_and_ended_connections_and_nothing_that_arrived_wrong() {
        let refused = Faults {
            refused: 7,
            ..Faults::default()
        };
        assert!(refused.clone().beyond_overload().none());
        let ended = Faults {
            disconnected: 1,
            missing: 40,
            diverged: 1,
            unacknowledged: 2,
            ..refused
        };
        assert!(ended.clone().beyond_overload().none());
        let lost = Faults {
            disconnected: 0,
            ..ended.clone()
        };
        assert_eq!(lost.beyond_overload().missing, 40);
        let wrong = Faults {
            repeated: 1,
            doubled: 2,
            overtaken: 3,
            misacknowledged: 4,
            ..ended
        };
        let left = wrong.beyond_overload();
        assert_eq!(
            left.to_string(),
            "repeated 1, doubled 2, overtaken 3, misacknowledged 4"
        );
    }
}
