//! What each event does to the state. Total: whatever was journaled applies.

use super::known::Stands;
use super::sources::key_of;
use super::{Inbox, InboxEntry, InboxEvent};
use crate::ids::Sequence;

impl Inbox {
    pub(super) fn apply_entry(&mut self, sequence: Sequence, entry: &InboxEntry) {
        debug_assert_eq!(sequence, self.head.next(), "events apply in order");
        self.head = sequence;
        match &entry.event {
            InboxEvent::Added(notification) => {
                self.unread.insert(sequence);
                if let Some((key, number)) = key_of(&notification.source) {
                    self.sources.insert(key, number, sequence);
                }
            }
            InboxEvent::Read { target, .. } => {
                self.unread.remove(target);
                self.known.set(*target, Stands::Read);
            }
            InboxEvent::AllRead { up_to, .. } => {
                self.unread = self.unread.split_off(&up_to.next());
            }
            InboxEvent::Dismissed { target, .. } => {
                self.unread.remove(target);
                self.known.set(*target, Stands::Dismissed);
            }
            InboxEvent::SettingsChanged { settings, .. } => {
                self.settings = Some(settings.clone());
            }
        }
        (self.day, self.shown) = (entry.day, entry.shown);
        // The tallies say what the bounds were when this was decided.
        while self.unread() > entry.unread {
            self.unread.pop_first();
        }
        self.sources.bound(entry.sources as usize);
    }
}
