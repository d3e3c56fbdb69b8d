//! What the hub for notifications calls clients with: the entries of an inbox and the steps of requests as callbacks.

use actors::delivery::{Block, Shown};
use actors::ids::Sequence;
use actors::machines::inbox::{InboxEvent, InboxShown};

use super::callbacks::{Sink, callbacks};
use super::notice_shapes::{Marked, Settled, ShownNotification, Step, Unread};
use crate::rfc3339::Rfc3339;

callbacks! {
    RECEIVE_NOTIFICATION = "ReceiveNotification", "{sequence, type, priority, title, message, data: {name: text}, createdAt, read}", true, "A notification.";
    NOTIFICATION_READ = "NotificationRead", "{sequence, target?, upTo?, dismissed?}", true, "The notification at `target`, or all up to `upTo`, are read; if `dismissed`, it is gone, too.";
    UNREAD_CHANGED = "UnreadChanged", "{unread, sequence?}", true, "So many are unread. With a `sequence` it stands for a notification that is not to be shown now (muted, quiet times, enough for one day) or was dismissed since; `Inbox` has it, unless it was dismissed. Without one it follows other callbacks that change the number.";
    SETTINGS_CHANGED = "SettingsChanged", "{sequence, settings}", true, "The settings are others now.";
    REQUEST_UPDATED = "RequestUpdated", "{requestId, sequence, from, to, at}", true, "A watched request made a step, from one state to another or within one; `sequence` counts its own steps.";
    STREAM_RESET = "StreamReset", "{requestId?, from, reason: \"beyond_head\"|\"trimmed\"}", false, "The position asked for in the inbox, or in the request, cannot be served; events follow from `from`.";
}

/// How many callbacks a block of an inbox or a request stands for.
pub(super) fn count(block: &Block) -> usize {
    let own = block.events.iter().filter(|event| is_ours(event)).count();
    own + usize::from(unread_in_the_end(block).is_some())
}

/// Gives every callback of such a block to `sink`, in order.
pub(super) fn each<S: Sink>(block: &Block, sink: &mut S) -> Result<(), S::Error> {
    for (at, event) in block.events.iter().enumerate() {
        let sequence = block.first.plus(at as u64);
        match event {
            Shown::Notice(shown) => entry(sequence, shown, sink)?,
            Shown::Step(step) => sink.call(
                REQUEST_UPDATED,
                &Step {
                    request_id: block.entity.id(),
                    sequence,
                    from: step.from.as_str(),
                    to: step.to.as_str(),
                    at: Rfc3339(step.at),
                },
            )?,
            _ => {}
        }
    }
    match unread_in_the_end(block) {
        Some(unread) => sink.call(
            UNREAD_CHANGED,
            &Unread {
                unread,
                sequence: None,
            },
        ),
        None => Ok(()),
    }
}

fn is_ours(event: &Shown) -> bool {
    matches!(event, Shown::Notice(_) | Shown::Step(_))
}

fn entry<S: Sink>(sequence: Sequence, shown: &InboxShown, sink: &mut S) -> Result<(), S::Error> {
    let marked = |target, up_to, dismissed| Marked {
        sequence,
        target,
        up_to,
        dismissed,
    };
    match &shown.event {
        InboxEvent::Added(notification) => {
            match ShownNotification::new(sequence, notification, shown.is_read()) {
                Some(notification) if !waits(shown) => {
                    sink.call(RECEIVE_NOTIFICATION, &notification)
                }
                _ => sink.call(
                    UNREAD_CHANGED,
                    &Unread {
                        unread: shown.unread,
                        sequence: Some(sequence),
                    },
                ),
            }
        }
        InboxEvent::Read { target, .. } => {
            sink.call(NOTIFICATION_READ, &marked(Some(*target), None, false))
        }
        InboxEvent::AllRead { up_to, .. } => {
            sink.call(NOTIFICATION_READ, &marked(None, Some(*up_to), false))
        }
        InboxEvent::Dismissed { target, .. } => {
            sink.call(NOTIFICATION_READ, &marked(Some(*target), None, true))
        }
        InboxEvent::SettingsChanged { settings, .. } => {
            sink.call(SETTINGS_CHANGED, &Settled::new(sequence, settings))
        }
    }
}

/// Whether a notification is not to be shown now, or no longer.
fn waits(shown: &InboxShown) -> bool {
    match &shown.event {
        InboxEvent::Added(notification) => !notification.live || shown.is_dismissed(),
        _ => false,
    }
}

/// The number that is said behind a block: that of its last entry, unless this says it itself or nothing changed it.
fn unread_in_the_end(block: &Block) -> Option<u64> {
    let entries = block.events.iter().filter_map(|event| match event {
        Shown::Notice(shown) => Some(shown),
        _ => None,
    });
    let mut last = None;
    let mut changed = false;
    for shown in entries {
        changed = match &shown.event {
            InboxEvent::SettingsChanged { .. } => changed,
            // Says it itself, and for all that came before it.
            _ => !waits(shown),
        };
        last = Some(shown.unread);
    }
    last.filter(|_| changed)
}
