//! How long each attempt to send took and what became of it: the material of availability and of times to recover.

use std::sync::{Arc, Mutex, PoisonError};

use std::time::Instant;

/// One attempt to have a message acknowledged, from the wish to send it to its answer. Connecting is part of it: a user
/// whose hub is away waits all the same.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The room.
    pub room: Arc<str>,
    /// When the message was first wished to be sent: the beginning of its first attempt.
    pub wished: Instant,
    /// When this attempt began.
    pub begun: Instant,
    /// When its answer came, or was given up.
    pub ended: Instant,
    /// Whether the answer was an acknowledgement.
    pub acknowledged: bool,
    /// Whether it was an error with a code.
    pub refused: bool,
}

/// A shared, bounded list of attempts.
#[derive(Clone, Debug)]
pub struct Attempts {
    list: Arc<Mutex<Vec<Attempt>>>,
    capacity: usize,
}

impl Attempts {
    /// An empty list that takes `capacity` attempts and drops further ones.
    pub fn new(capacity: usize) -> Self {
        let list = Arc::default();
        Self { list, capacity }
    }

    /// Adds an attempt that has ended.
    pub fn add(&self, attempt: Attempt) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() < self.capacity {
            list.push(attempt);
        }
    }

    /// All so far, in the order in which they ended.
    pub fn all(&self) -> Vec<Attempt> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.clone()
    }

    /// Those that began at this moment or later.
    pub fn since(&self, moment: Instant) -> Vec<Attempt> {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let later = list.iter().filter(|attempt| attempt.begun >= moment);
        later.cloned().collect()
    }
}
