//! What can be wrong with what a hub said about requests, counted and named.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Examples that are kept in words.
const EXAMPLES: usize = 10;

macro_rules! contradictions {
    ($($(#[$doc:meta])* $name:ident = $words:literal;)*) => {
        /// What was wrong, counted. All zero is correct.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct Contradictions {
            $($(#[$doc])* pub $name: u64,)*
            /// The first of them, in words.
            pub examples: Vec<String>,
        }

        impl Contradictions {
            fn counts(&self) -> Vec<(&'static str, u64)> {
                vec![$(($words, self.$name)),*]
            }

            /// Adds those of another one.
            pub fn add(&mut self, other: Self) {
                $(self.$name += other.$name;)*
                self.examples.extend(other.examples);
                self.examples.truncate(EXAMPLES);
            }
        }
    };
}

contradictions! {
    /// Requests that two musicians were told to have.
    second_winner = "second winner";
    /// Requests of which all who accepted were told that another one has it.
    nobody_won = "nobody won";
    /// Repeated POSTs that were answered otherwise than the first time.
    other_answer = "other answer to a repeat";
    /// Requests that were acknowledged and are not in their organizer's list.
    lost_request = "lost request";
    /// Requests in an organizer's list that were never acknowledged.
    doubled_request = "doubled request";
    /// Requests that were assigned to somebody who does not have them in the end.
    lost_assignment = "lost assignment";
    /// Requests in another state than the acknowledged steps lead to.
    other_state = "other state";
    /// Applications that were acknowledged and are not there.
    lost_application = "lost application";
    /// Submitted requests that nobody was offered, though musicians fit.
    unoffered = "unoffered";
    /// Messages that were acknowledged and are not in the room at their place.
    lost_message = "lost message";
    /// Messages that are in the room twice.
    doubled_message = "doubled message";
    /// Assigned requests that are not in their musician's calendar.
    lost_booking = "lost booking";
    /// Requests in the calendar of a musician who does not have them.
    stray_booking = "stray booking";
    /// Times of one musician that overlap.
    double_booked = "double booked";
    /// What could not be read back.
    unreadable = "unreadable";
}

impl Contradictions {
    /// What happened, by name.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        let counts = self.counts().into_iter().filter(|(_, count)| *count > 0);
        counts
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }

    /// Nothing was wrong.
    pub fn none(&self) -> bool {
        self.counts().iter().all(|(_, count)| *count == 0)
    }

    /// Keeps the first ones in words.
    pub fn example(&mut self, words: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(words());
        }
    }
}

/// Only what happened: `second winner 3, lost message 1`.
impl fmt::Display for Contradictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        let found = counts.iter().filter(|(_, count)| *count > 0);
        let found: Vec<String> = found
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        f.write_str(&found.join(", "))
    }
}
