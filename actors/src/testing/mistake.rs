//! Deliberate mistakes on the way between clients and hub, switched on one at a time: they show that the checks look at what
//! is said and shown, and not only at places and order.

use std::cell::Cell;
use std::sync::Arc;

use crate::delivery::{Delivery, Payload, ResetReason};
use crate::ids::MessageId;
use crate::machines::room::RoomCommand;

/// A realistic bug of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Events for a reader are lost, and a reset passes over them.
    ResetOverLoss,
    /// A reader is shown the text of another message.
    ShowOtherText,
    /// The hub is given another text than the client sent.
    SendOtherText,
    /// The hub is given a message that no client sent.
    SendUnasked,
}

/// Of so many occasions a mistake takes one.
const ONE_OF: u64 = 10;

thread_local! {
    static ON: Cell<Option<Mistake>> = const { Cell::new(None) };
    static OCCASIONS: Cell<u64> = const { Cell::new(0) };
}

/// Switches a mistake on for everything that runs on this thread; `None` ends it.
pub fn make(mistake: Option<Mistake>) {
    ON.with(|on| on.set(mistake));
    OCCASIONS.with(|occasions| occasions.set(0));
}

fn strikes(mistake: Mistake) -> bool {
    if ON.with(Cell::get) != Some(mistake) {
        return false;
    }
    OCCASIONS.with(|occasions| {
        occasions.set(occasions.get() + 1);
        occasions.get().is_multiple_of(ONE_OF)
    })
}

/// What arrives at a reader of what was pushed.
pub(super) fn pushed(delivery: &Arc<Delivery>) -> Arc<Delivery> {
    match &delivery.payload {
        Payload::Events(block) if strikes(Mistake::ResetOverLoss) => {
            Delivery::new(Payload::Reset {
                entity: block.entity.clone(),
                from: block.last().next(),
                reason: ResetReason::Trimmed,
            })
        }
        _ => delivery.clone(),
    }
}

/// The text that a reader sees.
pub(super) fn shown(text: Option<String>) -> Option<String> {
    text.map(|text| match strikes(Mistake::ShowOtherText) {
        true => format!("not {text}"),
        false => text,
    })
}

/// What arrives at the hub of what a client sent; the same for every repeat of a message.
pub(super) fn sent(mut command: RoomCommand) -> RoomCommand {
    if let RoomCommand::Send { id, content, .. } = &mut command
        && ON.with(Cell::get) == Some(Mistake::SendOtherText)
        && id.as_str().ends_with('7')
    {
        content.text.insert_str(0, "not ");
    }
    command
}

/// A message that arrives beside the one that was sent.
pub(super) fn unasked(command: &RoomCommand) -> Option<RoomCommand> {
    let mut command = command.clone();
    let RoomCommand::Send { id, .. } = &mut command else {
        return None;
    };
    *id = MessageId::parse(&format!("{id}-again")).ok()?;
    strikes(Mistake::SendUnasked).then_some(command)
}
