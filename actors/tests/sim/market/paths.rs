//! Which paths a run took, as its journals tell.

use actors::ids::Timestamp;
use actors::machines::errand::Errand;
use actors::machines::request::{RequestEntry, RequestEvent, RequestState, Standing, Trigger};
use actors::machines::room::RoomEvent;
use actors::machines::terms::SlotRefusal;
use actors::machines::user::UserEvent;
use actors::testing::market::{Books, History};
use actors::testing::oracle::Outcome;

use super::super::trace::Trace;

/// Paths that some seed must have taken, else the simulation is too kind.
pub const SOMETIMES: [&str; 63] = [
    "a deadline came while all nodes were down",
    "active to active by apply",
    "active to active by offer",
    "active to active by runOut",
    "active to active by search",
    "active to cancelled by cancel",
    "active to expired by expire",
    "active to inReview by accept",
    "active to inReview by choose",
    "active to inReview by review",
    "all nodes down",
    "append conflict",
    "append landed late",
    "append lost",
    "assigned again after a drop-out",
    "assigned to assigned by remind",
    "assigned to cancelled by cancel",
    "assigned to disputed by dispute",
    "assigned to inProgress by start",
    "bucket boundary",
    "busy time added",
    "busy time removed",
    "clock jumped",
    "command overloaded",
    "command unknown",
    "deserted",
    "died before a read",
    "died before a request",
    "died before a write",
    "died before an append",
    "disputed to cancelled by resolve",
    "disputed to completed by resolve",
    "done, and told so again",
    "draft to active by submit",
    "draft to pending by submit",
    "inReview to active by letGo",
    "inReview to active by slotRefused",
    "inReview to assigned by slotGranted",
    "member removed from a room",
    "mussikon_entity_failures_total",
    "mussikon_errand_retries_total",
    "mussikon_errands_taken_over_total",
    "mussikon_first_commands_total",
    "mussikon_forwarded_total",
    "mussikon_handoffs_total",
    "mussikon_repairs_total",
    "node crashed",
    "node drained",
    "node paused",
    "pending to active by approve",
    "reservation refused: musician_booked",
    "reservation refused: musician_busy",
    "room arranged again",
    "search widened",
    "settle asked",
    "side writes lost",
    "slot given back",
    "slot released",
    "standby assigned",
    "two requests wanted one musician at a time",
    "unknown, and then done",
    "unknown, and then refused",
    "waiting",
];

/// Notes what happened.
pub fn walk(history: &History, trace: &Trace) {
    let Ok(books) = Books::of(history) else {
        return;
    };
    for request in books.requests.values() {
        let mut tale = Tale::default();
        for entry in &request.events {
            tale.take(entry, history, trace);
        }
        let again = |(_, errand): &&(u64, Errand)| matches!(errand, Errand::Arrange { .. });
        if request.errands.iter().filter(again).count() > 1 {
            trace.hit("room arranged again");
        }
    }
    for user in books.users.values() {
        for event in &user.events {
            match event {
                UserEvent::SlotAsked { ask: true, .. } => trace.hit("settle asked"),
                UserEvent::SlotAsked { ask: false, .. } => trace.hit("settle not asked twice"),
                UserEvent::SlotReleased { .. } => trace.hit("slot released"),
                UserEvent::SlotGivenBack { .. } => trace.hit("slot given back"),
                UserEvent::BusyAdded { .. } => trace.hit("busy time added"),
                UserEvent::BusyRemoved { .. } => trace.hit("busy time removed"),
                _ => {}
            }
        }
    }
    for room in books.rooms.values() {
        let removed = |event: &RoomEvent| matches!(event, RoomEvent::MemberRemoved { .. });
        if room.events.iter().any(|entry| removed(&entry.event)) {
            trace.hit("member removed from a room");
        }
    }
    repeats(history, trace);
}

/// What the steps of one request come to.
#[derive(Default)]
struct Tale {
    widest: f64,
    gave_back: bool,
    stood_by: bool,
    deadline: Option<Timestamp>,
}

impl Tale {
    fn take(&mut self, entry: &RequestEntry, history: &History, trace: &Trace) {
        let trigger = entry.event.trigger();
        let (from, to) = (entry.from.as_str(), entry.to.as_str());
        trace.hit(&format!("{from} to {to} by {}", trigger.as_str()));
        match &entry.event {
            RequestEvent::LetGo { next: Some(_), .. } => self.stood_by = true,
            RequestEvent::SlotRefused { next, refusal, .. } => {
                self.stood_by |= next.is_some();
                trace.hit(&format!("reservation refused: {}", refusal.code()));
                if let SlotRefusal::Booked { .. } = refusal {
                    trace.hit("two requests wanted one musician at a time");
                }
            }
            RequestEvent::Assigned { .. } => {
                if self.gave_back {
                    trace.hit("assigned again after a drop-out");
                }
                if self.stood_by {
                    trace.hit("standby assigned");
                }
            }
            RequestEvent::Submitted { deadline, .. } => self.deadline = Some(*deadline),
            RequestEvent::DroppedOut { deadline, .. } => {
                self.gave_back = true;
                self.deadline = Some(*deadline);
            }
            RequestEvent::Expired => self.expired(history, trace),
            RequestEvent::Reminded { told: false } => trace.hit("reminded too late"),
            _ => {}
        }
        if trigger == Trigger::Accept && entry.from == RequestState::InReview {
            trace.hit(Standing::Waiting.as_str());
        }
        if let Some(aim) = entry.event.aim() {
            if aim.radius_km > self.widest && self.widest > 0.0 {
                trace.hit("search widened");
            }
            self.widest = aim.radius_km;
        }
    }

    fn expired(&self, history: &History, trace: &Trace) {
        let within = |(from, to): &&(Timestamp, Timestamp)| {
            self.deadline.is_some_and(|at| *from <= at && at < *to)
        };
        if history.nights.iter().any(|night| within(&night)) {
            trace.hit("a deadline came while all nodes were down");
        }
    }
}

/// Wishes that were repeated under the same key, and what came of that.
fn repeats(history: &History, trace: &Trace) {
    use actors::testing::market::Wish;
    let mut told = std::collections::BTreeMap::new();
    for attempt in &history.attempts {
        let (Wish::Step { key, .. } | Wish::Profile { key }) = &attempt.wish else {
            continue;
        };
        let before = told.insert((&attempt.user, *key), attempt.outcome());
        match (before, attempt.outcome()) {
            (Some(Outcome::Unknown), Outcome::Ok(_)) => trace.hit("unknown, and then done"),
            (Some(Outcome::Unknown), Outcome::Refused(_)) => trace.hit("unknown, and then refused"),
            (Some(Outcome::Ok(_)), Outcome::Ok(_)) => trace.hit("done, and told so again"),
            _ => {}
        }
    }
}
