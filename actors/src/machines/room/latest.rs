//! What readers are shown: journal rows joined with the latest state of the messages in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{MessageState, MessageView, RoomEvent, codec};
use crate::delivery::Shown;
use crate::ids::Sequence;
use crate::journal::{OverlayWrite, Row};
use crate::machines::DecodeError;

/// The events of `rows` as they are to be shown now, each with its sequence. `overlays` are those of
/// the same range; a message without one is shown as journaled.
pub fn show(
    rows: &[Row],
    overlays: &[OverlayWrite],
) -> Result<Vec<(Sequence, Shown)>, DecodeError> {
    let states = overlays
        .iter()
        .map(|overlay| Ok((overlay.sequence, codec::decode_state(&overlay.state)?)))
        .collect::<Result<BTreeMap<_, _>, DecodeError>>()?;
    let mut shown = Vec::with_capacity(rows.iter().map(|row| row.records.len()).sum());
    for (sequence, record) in rows.iter().flat_map(Row::entries) {
        let event = codec::decode(record)?.event;
        shown.push((sequence, show_with(sequence, event, &states)));
    }
    Ok(shown)
}

/// An event as it is to be shown the moment it becomes durable.
pub fn show_event(event: &RoomEvent) -> Shown {
    match event {
        RoomEvent::MessageSent(message) => Shown::Message(Arc::new(MessageView {
            message: message.clone(),
            state: MessageState::default(),
        })),
        other => Shown::Other(Arc::new(other.clone())),
    }
}

fn show_with(
    sequence: Sequence,
    event: RoomEvent,
    states: &BTreeMap<Sequence, MessageState>,
) -> Shown {
    match event {
        RoomEvent::MessageSent(message) => {
            let mut view = MessageView {
                message,
                state: states.get(&sequence).cloned().unwrap_or_default(),
            };
            view.bring_up_to_date();
            Shown::Message(Arc::new(view))
        }
        RoomEvent::MessageEdited {
            target,
            by,
            at,
            text,
        } => {
            let gone = states.get(&target).is_some_and(|s| s.deleted.is_some());
            Shown::Other(Arc::new(RoomEvent::MessageEdited {
                target,
                text: text.filter(|_| !gone),
                by,
                at,
            }))
        }
        other => Shown::Other(Arc::new(other)),
    }
}

impl MessageView {
    /// Puts the latest text into the content, or takes the content away if the message is deleted.
    fn bring_up_to_date(&mut self) {
        if self.state.deleted.is_some() {
            let message = Arc::make_mut(&mut self.message);
            message.content = None;
            if let Some(reply) = &mut message.reply_to {
                reply.text = None;
            }
        } else if let Some(text) = &self.state.text {
            let message = Arc::make_mut(&mut self.message);
            if let Some(content) = &mut message.content {
                content.text.clone_from(text);
            }
        }
    }
}
