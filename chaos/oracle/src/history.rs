//! What clients sent, what they were promised and what they received, in the order in which each of them saw it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::attempts::Attempts;
use crate::progress::Progress;

/// One thing that happened to one client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which client: one connection after the other of the same reader or sender.
    pub client: String,
    /// The room it is about.
    pub room: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// Is about to send a message with this id, for the first time or again.
    Sent {
        /// The message id.
        id: String,
        /// Its text.
        text: String,
    },
    /// Was told that the message is durable.
    Acknowledged {
        /// The message id.
        id: String,
        /// The place it was given.
        sequence: u64,
    },
    /// Was told that the message will never be there. An unknown outcome is no refusal: record nothing for it.
    Refused {
        /// The message id.
        id: String,
    },
    /// Subscribed or resumed: the next entry it is owed is the one after this sequence.
    Subscribed {
        /// The sequence before the first one owed.
        after: u64,
    },
    /// Is in the room: what it asked for with its subscription was granted.
    Joined,
    /// Lost the connection that it was in the room with. What it is owed stays owed.
    Lost,
    /// Was told that it goes on from another place.
    Reset {
        /// The next sequence owed.
        from: u64,
    },
    /// Received an entry of the room.
    Received {
        /// The entry's place.
        sequence: u64,
        /// Tells the entry from every other one; equal for all who read it.
        entry: String,
        /// The message id, if it is a message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The text, if it is a message that nobody changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Ended its subscription: nothing is owed any more.
    Left,
}

/// Why lines are not a history.
#[derive(Debug, Error)]
#[error("line {number} is not a record: {source}")]
pub struct ReadError {
    /// The line, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub source: serde_json::Error,
}

/// A shared, bounded list of records.
#[derive(Clone, Debug)]
pub struct History {
    records: Arc<Mutex<Vec<Record>>>,
    acknowledged: Arc<AtomicUsize>,
    /// How its senders' attempts fared; as many as there may be records.
    pub attempts: Attempts,
    /// The same of its readers' returns to their rooms: from the loss of a connection to the room joined again.
    pub joins: Attempts,
    progress: Arc<Mutex<Progress>>,
    capacity: usize,
}

impl History {
    /// An empty history that takes `capacity` records. One more makes it [`overflowed`](Self::overflowed), and no check
    /// passes on such a history.
    pub fn new(capacity: usize) -> Self {
        Self {
            records: Arc::default(),
            acknowledged: Arc::default(),
            attempts: Attempts::new(capacity),
            joins: Attempts::new(capacity),
            progress: Arc::default(),
            capacity,
        }
    }

    /// Adds what happened to `client`.
    pub fn record(&self, client: &str, room: &str, event: Event) {
        if matches!(event, Event::Acknowledged { .. }) {
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        let record = Record {
            client: client.to_owned(),
            room: room.to_owned(),
            event,
        };
        self.seen(|progress| progress.take(&record));
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() <= self.capacity {
            records.push(record);
        }
    }

    /// Looks at how far everyone has got.
    pub fn seen<T>(&self, look: impl FnOnce(&mut Progress) -> T) -> T {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut progress)
    }

    /// Adds records that another process printed, one JSON object a line; lines that do not begin with `{` are skipped.
    pub fn record_lines(&self, lines: &str) -> Result<(), ReadError> {
        for (number, line) in lines
            .lines()
            .enumerate()
            .filter(|(_, line)| line.starts_with('{'))
        {
            let record: Record = serde_json::from_str(line).map_err(|source| ReadError {
                number: number + 1,
                source,
            })?;
            self.record(&record.client, &record.room, record.event);
        }
        Ok(())
    }

    /// How many acknowledgements were recorded so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// All records so far.
    pub fn records(&self) -> Vec<Record> {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether records were dropped for want of room.
    pub fn overflowed(&self) -> bool {
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
            > self.capacity
    }

    /// The records as lines, to be kept beside the logs of a failed run.
    pub fn to_lines(&self) -> String {
        let mut lines = String::new();
        for record in self.records() {
            // Strings and integers always have a JSON form.
            lines.push_str(&serde_json::to_string(&record).unwrap_or_default());
            lines.push('\n');
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_another_process_become_the_same_records() {
        let history = History::new(10);
        history.record("a", "room", Event::Subscribed { after: 0 });
        history.record(
            "a",
            "room",
            Event::Sent {
                id: "m".into(),
                text: "hi".into(),
            },
        );
        history.record(
            "a",
            "room",
            Event::Acknowledged {
                id: "m".into(),
                sequence: 1,
            },
        );
        history.record(
            "a",
            "room",
            Event::Received {
                sequence: 1,
                entry: "m: hi".into(),
                id: Some("m".into()),
                text: Some("hi".into()),
            },
        );
        history.record("a", "room", Event::Left);
        let copy = History::new(10);
        copy.record_lines(&format!("a word first\n{}", history.to_lines()))
            .unwrap();
        assert_eq!(copy.records(), history.records());
        assert_eq!(copy.acknowledged(), 1);

        let error = copy.record_lines("\n{\"client\":\"a\"}").unwrap_err();
        assert_eq!(error.number, 2);
    }

    #[test]
    fn a_full_history_says_so() {
        let history = History::new(1);
        history.record("a", "room", Event::Left);
        assert!(!history.overflowed());
        assert_eq!(history.acknowledged(), 0);
        history.record("a", "room", Event::Left);
        assert!(history.overflowed());
    }
}
