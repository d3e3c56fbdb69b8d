//! Messages in memory with their latest state: the recent ones, and older ones that a command named.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Message, MessageState};
use crate::ids::Sequence;
use crate::machines::recency::least_used;

/// A bounded cache over the journal; bounded by [`WorkingSet::sweep`], which keeps what is not durable yet.
#[derive(Debug, Clone, Default)]
pub(super) struct WorkingSet {
    known: BTreeMap<Sequence, Known>,
    uses: u64,
}

/// What is known about one sequence.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// `None`: no message stands at this sequence.
    pub message: Option<Arc<Message>>,
    pub state: MessageState,
    /// The last event that `state` includes.
    pub applied: Sequence,
    used: u64,
}

impl WorkingSet {
    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn get(&self, sequence: Sequence) -> Option<&Known> {
        self.known.get(&sequence)
    }

    pub fn contains(&self, sequence: Sequence) -> bool {
        self.known.contains_key(&sequence)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Sequence, &Known)> {
        self.known
            .iter()
            .map(|(sequence, known)| (*sequence, known))
    }

    /// A message that was sent just now.
    pub fn sent(&mut self, sequence: Sequence, message: Arc<Message>) {
        let used = self.tick();
        self.known.insert(
            sequence,
            Known {
                message: Some(message),
                state: MessageState::default(),
                applied: sequence,
                used,
            },
        );
    }

    /// What the journal holds at a sequence. Keeps what is known already unless the loaded state is newer.
    pub fn load(
        &mut self,
        sequence: Sequence,
        message: Option<Arc<Message>>,
        state: MessageState,
        applied: Sequence,
    ) {
        let used = self.tick();
        if let Some(known) = self.known.get_mut(&sequence)
            && known.applied >= applied
        {
            known.used = used;
            return;
        }
        self.known.insert(
            sequence,
            Known {
                message,
                state,
                applied,
                used,
            },
        );
    }

    /// Lets an event change the state of a message, unless the state includes it already.
    /// False if the message is not here.
    pub fn change(
        &mut self,
        target: Sequence,
        at: Sequence,
        change: impl FnOnce(&mut MessageState),
    ) -> bool {
        let used = self.tick();
        let Some(known) = self.known.get_mut(&target) else {
            return false;
        };
        known.used = used;
        if known.applied < at {
            change(&mut known.state);
            known.applied = at;
        }
        true
    }

    /// Forgets the least recently used above `bound`. All must be durable, so that the journal can bring
    /// them back.
    pub fn sweep(&mut self, bound: usize) {
        let uses = self.known.iter().map(|(at, known)| (known.used, *at));
        for sequence in least_used(uses, bound) {
            self.known.remove(&sequence);
        }
    }

    fn tick(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }
}
