//! What each event does to the state. Total: whatever was journaled applies.

use super::event::Change;
use super::state::{Busy, Hold, Slot};
use super::{User, UserEvent};
use crate::ids::{RequestId, Sequence};
use crate::machines::errand::Errand;

impl User {
    pub(super) fn apply_event(&mut self, sequence: Sequence, event: &UserEvent) {
        debug_assert_eq!(sequence, self.facts.head.next(), "events apply in order");
        let listed = self.index_keys();
        self.facts.head = sequence;
        match event {
            UserEvent::ProfileSet { profile, .. } => self.facts.profile = (**profile).clone(),
            UserEvent::AvailabilitySet { availability, .. } => {
                self.facts.availability = (**availability).clone();
            }
            UserEvent::BusyAdded { window, note, .. } => {
                let (window, note) = (*window, note.clone());
                self.facts.busy.insert(sequence, Busy { window, note });
            }
            UserEvent::BusyRemoved { id, .. } => {
                self.facts.busy.remove(id);
            }
            UserEvent::FiguresSet { figures, .. } => self.facts.figures = *figures,
            UserEvent::Forgotten { requests, busy, .. } => {
                self.facts
                    .slots
                    .retain(|request, _| !requests.contains(request));
                self.facts.busy.retain(|id, _| !busy.contains(id));
            }
            _ => self.apply_to_slot(sequence, event),
        }
        if let Some(change) = event.change() {
            self.facts.version = sequence;
            self.remember_key(sequence, change);
        }
        let now_listed = self.index_keys();
        self.unlisted = listed;
        self.unlisted.retain(|key| !now_listed.contains(key));
    }

    fn apply_to_slot(&mut self, sequence: Sequence, event: &UserEvent) {
        match event {
            UserEvent::SlotHeld {
                request,
                number,
                window,
                travel_ms,
                ask_at,
                ..
            } => {
                let slot = Slot {
                    number: *number,
                    last: *number,
                    window: *window,
                    travel_ms: *travel_ms,
                    hold: Hold::Held {
                        ask_at: *ask_at,
                        asked: 0,
                    },
                };
                self.facts.slots.insert(request.clone(), slot);
            }
            UserEvent::SlotBooked {
                request, number, ..
            } => self.hold(request, *number, Hold::Booked),
            UserEvent::SlotReleased {
                request, number, ..
            } => self.hold(request, *number, Hold::Released(sequence)),
            UserEvent::SlotGivenBack {
                request, number, ..
            } => {
                self.hold(request, *number, Hold::Released(sequence));
                let figures = &mut self.facts.figures;
                figures.cancellations = figures.cancellations.saturating_add(1);
            }
            UserEvent::SlotAsked {
                request,
                ask,
                ask_at,
                ..
            } => self.asked(sequence, request, *ask, *ask_at),
            _ => {}
        }
    }

    fn hold(&mut self, request: &RequestId, number: u64, hold: Hold) {
        if let Some(slot) = self.facts.slots.get_mut(request) {
            slot.last = slot.last.max(number);
            slot.hold = hold;
        }
    }

    fn asked(
        &mut self,
        sequence: Sequence,
        request: &RequestId,
        ask: bool,
        ask_at: crate::ids::Timestamp,
    ) {
        let Some(slot) = self.facts.slots.get_mut(request) else {
            return;
        };
        if let Hold::Held { asked, .. } = slot.hold {
            let asked = asked.saturating_add(1);
            slot.hold = Hold::Held { ask_at, asked };
        }
        if ask {
            let settle = Errand::Settle {
                request: request.clone(),
                reserved_by: slot.number,
            };
            self.facts.outbox.push(sequence, 0, settle);
        }
    }

    fn remember_key(&mut self, sequence: Sequence, change: &Change) {
        let Some(used) = change.key else {
            return;
        };
        let keys = &mut self.facts.keys;
        keys.retain(|(key, _)| *key != used.key);
        keys.push_back((used.key, sequence));
        while keys.len() > used.keep {
            keys.pop_front();
        }
    }
}
