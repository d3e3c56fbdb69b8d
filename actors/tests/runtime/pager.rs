//! A small machine that has errands and a deadline, and what carries the errands out as a test wishes.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::ids::{EntityId, EntityKind, Sequence, Timestamp};
use actors::journal::{Record, SideWrites};
use actors::machines::errand::{Errand, Outbox};
use actors::machines::{Context, Decision, DecodeError, Machine};
use actors::runtime::{Errands, NotYet};
use actors::testing::words::user;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

/// Books the time of whoever it is told to, and says once that its time has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Pager {
    outbox: Outbox,
    alarm: Option<Timestamp>,
    pub rung: u32,
}

#[derive(Debug, Clone)]
pub enum Call {
    Page(Vec<&'static str>),
    RingAt(Timestamp),
    Wake,
    Rung,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Paged(Vec<String>),
    Set(Timestamp),
    Rang,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("never")]
pub enum Never {}

type Stored = (u8, Vec<String>, u64);

impl Machine for Pager {
    const KIND: EntityKind = EntityKind::Request;
    type Command = Call;
    type Event = Event;
    type Reply = u32;
    type Rejection = Never;
    type Limits = ();

    fn new(_: &EntityId) -> Self {
        Self {
            outbox: Outbox::default(),
            alarm: None,
            rung: 0,
        }
    }

    fn decide(&self, context: &Context<'_, Self>, call: &Call) -> Result<Decision<Self>, Never> {
        let events = match call {
            Call::Page(names) => vec![Event::Paged(
                names.iter().map(ToString::to_string).collect(),
            )],
            Call::RingAt(at) => vec![Event::Set(*at)],
            Call::Wake if self.alarm.is_some_and(|at| at <= context.now) => vec![Event::Rang],
            Call::Wake | Call::Rung => Vec::new(),
        };
        let reply = self.rung;
        Ok(Decision { events, reply })
    }

    fn apply(&mut self, sequence: Sequence, event: &Event) {
        match event {
            Event::Paged(names) => {
                for (index, name) in names.iter().enumerate() {
                    let musician = user(name);
                    self.outbox
                        .push(sequence, index, Errand::Confirm { musician });
                }
            }
            Event::Set(at) => self.alarm = Some(*at),
            Event::Rang => {
                self.alarm = None;
                self.rung += 1;
            }
        }
    }

    fn effects(&self, _: Sequence, _: &Event) -> SideWrites {
        SideWrites::default()
    }

    fn happened_at(_: &Event) -> Timestamp {
        Timestamp(0)
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.alarm
    }

    fn wake() -> Option<Call> {
        Some(Call::Wake)
    }

    fn outbox(&self) -> Option<&Outbox> {
        Some(&self.outbox)
    }

    fn outbox_mut(&mut self) -> Option<&mut Outbox> {
        Some(&mut self.outbox)
    }

    fn encode(event: &Event) -> Record {
        let stored: Stored = match event {
            Event::Paged(names) => (0, names.clone(), 0),
            Event::Set(at) => (1, Vec::new(), at.0),
            Event::Rang => (2, Vec::new(), 0),
        };
        Record::new(rmp_serde::to_vec(&stored).expect("written").into(), None)
    }

    fn decode(record: &Record) -> Result<Event, DecodeError> {
        let (kind, names, at): Stored = rmp_serde::from_slice(&record.header).expect("readable");
        Ok(match kind {
            0 => Event::Paged(names),
            1 => Event::Set(Timestamp(at)),
            _ => Event::Rang,
        })
    }

    fn snapshot(&self) -> Bytes {
        let state = (&self.outbox, self.alarm, self.rung);
        rmp_serde::to_vec(&state).expect("written").into()
    }

    fn restore(_: &EntityId, state: &Bytes) -> Result<Self, DecodeError> {
        let (outbox, alarm, rung) = rmp_serde::from_slice(state).expect("readable");
        Ok(Self {
            outbox,
            alarm,
            rung,
        })
    }

    fn sweep(&mut self, _: &Context<'_, Self>) {}
}

/// Carries errands out at once, or refuses those of some as often as it is told to.
#[derive(Default)]
pub struct Runner {
    /// Who was asked, in order, with the errand's number; refusals too.
    pub tried: Mutex<Vec<(String, u64)>>,
    pub done: Mutex<Vec<(String, u64)>>,
    /// So often each of them refuses from now on.
    pub refuses: Mutex<BTreeMap<&'static str, u32>>,
}

impl Runner {
    pub fn names(list: &Mutex<Vec<(String, u64)>>) -> Vec<String> {
        list.lock().iter().map(|(name, _)| name.clone()).collect()
    }
}

/// Shared, for a directory and a test.
#[derive(Default, Clone)]
pub struct Shared(pub Arc<Runner>);

impl Errands for Shared {
    fn carry_out(
        &self,
        _: EntityId,
        number: u64,
        errand: Errand,
    ) -> BoxFuture<'static, Result<(), NotYet>> {
        let runner = self.0.clone();
        Box::pin(async move {
            let who = errand.target().expect("somebody is asked");
            let who = who.id().to_owned();
            runner.tried.lock().push((who.clone(), number));
            let mut refuses = runner.refuses.lock();
            if let Some(times) = refuses.get_mut(who.as_str()).filter(|times| **times > 0) {
                *times -= 1;
                return Err(NotYet("not now".into()));
            }
            runner.done.lock().push((who, number));
            Ok(())
        })
    }
}
