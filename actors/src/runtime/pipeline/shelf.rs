//! A machine that keeps its newest things in memory and has older ones read, for tests of when it lets go of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use thiserror::Error;

use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{OverlayWrite, Record, SideWrites};
use crate::machines::{Context, Decision, DecodeError, Machine};

/// Things kept by a sweep.
pub(super) const KEPT: usize = 64;

/// Things by their sequences, and whether each was struck out.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub things: BTreeMap<Sequence, bool>,
    /// What was read last stays until something is put, for somebody wants it.
    read: Sequence,
}

#[derive(Debug, Clone)]
pub(super) enum Call {
    Put,
    Strike(Sequence),
    /// Refused if it was struck out.
    Look(Sequence),
}

#[derive(Debug, Clone)]
pub(super) enum Event {
    Put,
    Struck(Sequence),
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it was struck out")]
pub(super) struct StruckOut;

impl Machine for Shelf {
    const KIND: EntityKind = EntityKind::Room;
    type Command = Call;
    type Event = Event;
    type Reply = ();
    type Rejection = StruckOut;
    type Limits = ();

    fn new(_: &EntityId) -> Self {
        Self::default()
    }

    fn needs(&self, call: &Call) -> Option<Sequence> {
        match call {
            Call::Put => None,
            Call::Strike(at) | Call::Look(at) => (!self.things.contains_key(at)).then_some(*at),
        }
    }

    fn load(
        &mut self,
        at: Sequence,
        _: Option<&Record>,
        _: Option<&OverlayWrite>,
    ) -> Result<(), DecodeError> {
        // What is in memory knows better.
        self.things.entry(at).or_insert(false);
        self.read = at;
        Ok(())
    }

    fn decide(&self, _: &Context<'_, Self>, call: &Call) -> Result<Decision<Self>, StruckOut> {
        let events = match call {
            Call::Put => vec![Event::Put],
            Call::Strike(at) => vec![Event::Struck(*at)],
            Call::Look(at) if self.things.get(at) == Some(&true) => return Err(StruckOut),
            Call::Look(_) => Vec::new(),
        };
        Ok(Decision { events, reply: () })
    }

    fn apply(&mut self, sequence: Sequence, event: &Event) {
        match event {
            Event::Put => {
                self.things.insert(sequence, false);
                self.read = Sequence::ZERO;
            }
            Event::Struck(at) => {
                self.things.insert(*at, true);
            }
        }
    }

    fn effects(&self, _: Sequence, _: &Event) -> SideWrites {
        SideWrites::default()
    }

    fn happened_at(_: &Event) -> Timestamp {
        Timestamp(0)
    }

    fn encode(event: &Event) -> Record {
        let at = match event {
            Event::Put => 0,
            Event::Struck(at) => at.0,
        };
        Record::new(Bytes::copy_from_slice(&at.to_be_bytes()), None)
    }

    fn decode(record: &Record) -> Result<Event, DecodeError> {
        let at = record.header[..].try_into().map(u64::from_be_bytes);
        match at {
            Ok(0) => Ok(Event::Put),
            Ok(at) => Ok(Event::Struck(Sequence(at))),
            Err(_) => Err(DecodeError {
                what: "a thing",
                reason: "not eight bytes".into(),
            }),
        }
    }

    fn snapshot(&self) -> Bytes {
        Bytes::new()
    }

    fn restore(_: &EntityId, _: &Bytes) -> Result<Self, DecodeError> {
        Ok(Self::default())
    }

    fn sweep(&mut self, _: &Context<'_, Self>) {
        let excess = self.things.len().saturating_sub(KEPT);
        let oldest = self.things.keys().filter(|at| **at != self.read);
        let oldest: Vec<Sequence> = oldest.take(excess).copied().collect();
        for at in oldest {
            self.things.remove(&at);
        }
    }
}
