//! Which paths a run took, as its journals tell.

use actors::machines::request::{RequestEvent, Trigger};
use actors::machines::user::UserEvent;
use actors::testing::market::{Books, History};

use super::super::trace::Trace;

/// Paths that some seed must have taken, else the simulation is too kind.
pub const SOMETIMES: [&str; 0] = [];

/// Notes what happened.
pub fn walk(history: &History, trace: &Trace) {
    let Ok(books) = Books::of(history) else {
        return;
    };
    for request in books.requests.values() {
        let (mut widest, mut gave_back, mut stood_by) = (0.0, false, false);
        for entry in &request.events {
            let trigger = entry.event.trigger();
            trace.hit(&format!("{} {}", trigger.as_str(), entry.to.as_str()));
            match &entry.event {
                RequestEvent::LetGo { next: Some(_), .. }
                | RequestEvent::SlotRefused { next: Some(_), .. } => stood_by = true,
                RequestEvent::Assigned { .. } => {
                    if gave_back {
                        trace.hit("assigned again");
                    }
                    if stood_by {
                        trace.hit("standby assigned");
                    }
                }
                _ => {}
            }
            if trigger == Trigger::DropOut {
                gave_back = true;
            }
            if let Some(aim) = entry.event.aim() {
                if aim.radius_km > widest && widest > 0.0 {
                    trace.hit("wave widened");
                }
                widest = aim.radius_km;
            }
        }
    }
    for user in books.users.values() {
        for event in &user.events {
            match event {
                UserEvent::SlotAsked { ask: true, .. } => trace.hit("settle asked"),
                UserEvent::SlotAsked { ask: false, .. } => trace.hit("settle not asked twice"),
                _ => {}
            }
        }
    }
}
