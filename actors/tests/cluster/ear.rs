//! A connection's end that keeps what it is shown, as short texts.

use std::sync::Arc;

use actors::delivery::{Delivery, Outlet, Payload, Pushed, Shown};
use actors::machines::inbox::InboxEvent;
use parking_lot::Mutex;

#[derive(Default)]
pub struct Ear {
    events: Mutex<Vec<u64>>,
    shown: Mutex<Vec<String>>,
    news: Mutex<Vec<String>>,
}

impl Ear {
    /// The sequences of the events shown so far.
    pub fn events(&self) -> Vec<u64> {
        self.events.lock().clone()
    }

    /// What was shown of inboxes and requests since the last call.
    pub fn shown(&self) -> Vec<String> {
        std::mem::take(&mut *self.shown.lock())
    }

    /// What else was shown since the last call.
    pub fn news(&self) -> Vec<String> {
        std::mem::take(&mut *self.news.lock())
    }
}

impl Outlet for Ear {
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
        let news = match &delivery.payload {
            Payload::Events(block) => {
                let sequences = block.first.0..=block.last().0;
                self.events.lock().extend(sequences);
                let shown = block.events.iter().filter_map(in_words);
                self.shown.lock().extend(shown);
                return Pushed::Accepted;
            }
            Payload::Reset { from, .. } => format!("reset {from}"),
            Payload::Read { user, up_to, .. } => format!("{user} read {up_to}"),
            Payload::Typing { user, typing, .. } => {
                let what = if *typing { "types" } else { "rests" };
                format!("{user} {what}")
            }
            Payload::Presence { user, count, .. } => match user {
                Some((user, true)) => format!("{user} came, {count}"),
                Some((user, false)) => format!("{user} went, {count}"),
                None => format!("{count} here"),
            },
            Payload::RoomAdded(view) => format!("added to {}", view.room),
        };
        self.news.lock().push(news);
        Pushed::Accepted
    }

    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>) {
        wake();
    }
}

fn in_words(shown: &Shown) -> Option<String> {
    match shown {
        Shown::Message(_) | Shown::Other(_) => None,
        Shown::Step(step) => Some(format!("{} to {}", step.from.as_str(), step.to.as_str())),
        Shown::Notice(notice) => Some(match &notice.event {
            InboxEvent::Added(_) if notice.is_dismissed() => "an empty notice".into(),
            InboxEvent::Added(_) => "a notice".into(),
            InboxEvent::Dismissed { target, .. } => format!("gone {target}"),
            other => format!("{other:?}"),
        }),
    }
}
