//! What everybody does with an inbox: reading, putting away.

use rand::Rng;

use super::Person;
use super::asking::Ask;
use crate::machines::inbox::InboxCommand;

impl Person {
    pub(super) fn mind_inbox(&mut self) -> Option<Ask> {
        let (unread, head) = {
            let memory = self.memory.lock();
            (memory.unread.clone(), memory.inbox_head)
        };
        let luck = self.rng.random_range(0..10);
        if unread.is_empty() || luck < 4 {
            return Some(Ask::Page);
        }
        let target = unread[self.rng.random_range(0..unread.len())];
        Some(Ask::Inbox(match luck {
            4..7 => InboxCommand::MarkRead { target },
            7..9 => InboxCommand::Dismiss { target },
            _ => InboxCommand::MarkAllRead { up_to: head },
        }))
    }
}
