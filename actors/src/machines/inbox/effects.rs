//! What is written along with each event: the mark of an older notification, and the erasure of its words.

use super::codec::encode_mark;
use super::{InboxEvent, Mark};
use crate::ids::Sequence;
use crate::journal::{OverlayWrite, SideWrites};

/// All of it follows from the event alone.
pub(super) fn of(sequence: Sequence, event: &InboxEvent) -> SideWrites {
    let mut side = SideWrites::default();
    let mut mark = |target: Sequence, mark: Mark| {
        side.overlays.push(OverlayWrite {
            sequence: target,
            applied: sequence,
            state: encode_mark(mark),
        });
    };
    match event {
        InboxEvent::Read { target, at } => mark(*target, Mark::Read(*at)),
        InboxEvent::Dismissed { target, at } => {
            mark(*target, Mark::Dismissed(*at));
            side.erasures.push(*target);
        }
        // Up to where all is read stands in the state: it would be an overlay for each of them.
        InboxEvent::AllRead { .. } | InboxEvent::Added(_) | InboxEvent::SettingsChanged { .. } => {}
    }
    side
}
