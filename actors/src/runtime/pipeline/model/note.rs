//! The smallest machine that shows every way of the pipeline: notes with ids, repeats recognised, a query.

use bytes::Bytes;

use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{OverlayWrite, Record, SideWrites};
use crate::machines::{Context, Decision, DecodeError, Machine};

/// The one entity of the model.
pub fn entity() -> EntityId {
    EntityId::new(EntityKind::Room, "model").expect("an id")
}

/// Time stands still.
pub const NOW: Timestamp = Timestamp(1);

/// Who asks, at which try, for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ask {
    pub producer: usize,
    pub attempt: u8,
    pub wish: Wish,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// Take this down, once.
    Note(u8),
    /// How many notes are there?
    Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    At(Sequence),
    Count(usize),
}

/// Nothing is against the rules here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("never")]
pub enum Never {}

/// The ids of all notes, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Notes(pub Vec<u8>);

impl Machine for Notes {
    const KIND: EntityKind = EntityKind::Room;
    type Command = Ask;
    type Event = u8;
    type Reply = Told;
    type Rejection = Never;
    type Limits = ();

    fn new(_: &EntityId) -> Self {
        Self(Vec::new())
    }

    fn needs(&self, _: &Ask) -> Option<Sequence> {
        None
    }

    fn replay_needs(&self, _: &u8) -> Option<Sequence> {
        None
    }

    fn load(
        &mut self,
        _: Sequence,
        _: Option<&Record>,
        _: Option<&OverlayWrite>,
    ) -> Result<(), DecodeError> {
        Ok(())
    }

    fn admit(&mut self, _: &Context<'_, Self>, _: &Ask) -> Result<(), Never> {
        Ok(())
    }

    fn decide(&self, _: &Context<'_, Self>, ask: &Ask) -> Result<Decision<Self>, Never> {
        let Wish::Note(id) = ask.wish else {
            return Ok(Decision {
                events: Vec::new(),
                reply: Told::Count(self.0.len()),
            });
        };
        let known = self.0.iter().position(|note| *note == id);
        let place = known.unwrap_or(self.0.len()) as u64;
        Ok(Decision {
            events: if known.is_some() { vec![] } else { vec![id] },
            reply: Told::At(Sequence(place + 1)),
        })
    }

    fn apply(&mut self, _: Sequence, event: &u8) {
        self.0.push(*event);
    }

    fn effects(&self, _: Sequence, _: &u8) -> SideWrites {
        SideWrites::default()
    }

    fn happened_at(_: &u8) -> Timestamp {
        Timestamp(0)
    }

    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    fn encode(event: &u8) -> Record {
        Record::new(Bytes::copy_from_slice(&[*event]), None)
    }

    fn decode(record: &Record) -> Result<u8, DecodeError> {
        record.header.first().copied().ok_or(DecodeError {
            what: "a note",
            reason: "empty".into(),
        })
    }

    fn snapshot(&self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }

    fn restore(_: &EntityId, state: &Bytes) -> Result<Self, DecodeError> {
        let once = |(at, id): (usize, &u8)| !state[..at].contains(id);
        if !state.iter().enumerate().all(once) {
            return Err(DecodeError {
                what: "notes",
                reason: "one stands there twice".into(),
            });
        }
        Ok(Self(state.to_vec()))
    }

    fn sweep(&mut self, _: &Context<'_, Self>) {}
}
