//! The rules of an inbox: what comes in, what is marked, what is settled.

use std::sync::Arc;

use super::draft::{Outcome, answer};
use super::known::Stands;
use super::sources::{key_of, post_key};
use super::{
    Content, Inbox, InboxEvent, InboxLimits, InboxRejection, InboxReply, Notification,
    SettingsPatch, Source, facts, patch, texts,
};
use crate::ids::{Sequence, Timestamp};
use crate::machines::notice::Notice;
use crate::machines::repeat_key::{KeyReused, RepeatKey};
use crate::machines::terms::{Caller, PlatformRole};
use crate::machines::{Context, Decision};
use crate::mutation::{self, Mutation};

impl Inbox {
    /// Takes a notification in, unless it came before.
    pub(super) fn add(
        &self,
        context: &Context<'_, Self>,
        source: Source,
        notice: &Notice,
    ) -> Outcome {
        let key = key_of(&source);
        let seen = key.and_then(|(key, number)| Some((self.sources.find(&key)?, number)));
        if let Some((seen, number)) = seen
            && number <= seen.number
            && !mutation::is_on(Mutation::TellTwice)
        {
            // An older one came long ago; where, nobody needs to know.
            let sequence = if number == seen.number {
                seen.sequence
            } else {
                self.head
            };
            let unread = self.unread();
            return answer(InboxReply::Done { sequence, unread });
        }
        let limits = context.limits;
        let settings = self.settings_in_force(limits);
        let notice = facts::cut(notice, limits);
        let showing = self.showing(&settings, notice.kind, notice.priority, context.now);
        let (title, message) = texts::render(&notice, &settings, limits);
        let notification = Notification {
            source,
            kind: notice.kind,
            priority: notice.priority,
            live: showing.live,
            content: Some(Content {
                title,
                message,
                data: notice.data,
            }),
            at: context.now,
        };
        let event = InboxEvent::Added(Arc::new(notification));
        let key = key.map(|(key, _)| key);
        self.happens(self.entry_of_added(event, key, showing, limits))
    }

    /// An admin's notification.
    pub(super) fn post(
        &self,
        context: &Context<'_, Self>,
        by: &Caller,
        notice: &Notice,
        key: Option<u64>,
    ) -> Outcome {
        if by.role != PlatformRole::Admin {
            return Err(InboxRejection::Forbidden);
        }
        if let Some(key) = key {
            let of = RepeatKey::of(key);
            let seen = self.sources.find(&post_key(of));
            if seen.is_some_and(|seen| seen.number != of.wish()) {
                return Err(KeyReused.into());
            }
        }
        facts::check(notice, context.limits)?;
        let by = by.user.clone();
        self.add(context, Source::Posted { by, key }, notice)
    }

    pub(super) fn mark_read(&self, at: Timestamp, target: Sequence) -> Outcome {
        if self.is_unread(target) {
            let event = InboxEvent::Read { target, at };
            return self.happens(self.entry(event, self.unread() - 1));
        }
        match self.stands(target)? {
            Stands::Read | Stands::Dismissed => self.unchanged(),
            Stands::Nothing => Err(InboxRejection::NotificationNotFound(target)),
        }
    }

    pub(super) fn mark_all_read(&self, at: Timestamp, up_to: Sequence) -> Outcome {
        if up_to > self.head {
            let problem = format!("is beyond the inbox's last sequence, {}", self.head);
            return Err(InboxRejection::Invalid(vec![patch::error("upTo", problem)]));
        }
        let read = self.unread.range(..=up_to).count() as u64;
        if read == 0 {
            return self.unchanged();
        }
        let event = InboxEvent::AllRead { up_to, at };
        self.happens(self.entry(event, self.unread() - read))
    }

    pub(super) fn dismiss(&self, at: Timestamp, target: Sequence) -> Outcome {
        let event = InboxEvent::Dismissed { target, at };
        if self.is_unread(target) {
            return self.happens(self.entry(event, self.unread() - 1));
        }
        match self.stands(target)? {
            Stands::Read => self.happens(self.entry(event, self.unread())),
            Stands::Dismissed => self.unchanged(),
            Stands::Nothing => Err(InboxRejection::NotificationNotFound(target)),
        }
    }

    /// What stands at a sequence that is not unread; it was loaded if it lies in the journal.
    fn stands(&self, target: Sequence) -> Result<Stands, InboxRejection> {
        let known = self.known.get(target);
        known.ok_or(InboxRejection::NotificationNotFound(target))
    }

    pub(super) fn list_unread(
        &self,
        before: Option<Sequence>,
        limit: usize,
        limits: &InboxLimits,
    ) -> Outcome {
        let before = before.unwrap_or(self.head.next());
        let newest = self.unread.range(..before).rev();
        let newest = newest.take(limit.min(limits.page)).copied().collect();
        answer(InboxReply::Unread {
            unread: self.unread(),
            newest,
            head: self.head,
        })
    }

    pub(super) fn show_settings(&self, limits: &InboxLimits) -> Outcome {
        answer(InboxReply::Settings {
            settings: (*self.settings_in_force(limits)).clone(),
            sequence: self.head,
        })
    }

    pub(super) fn set_settings(
        &self,
        context: &Context<'_, Self>,
        settings: &SettingsPatch,
    ) -> Outcome {
        let before = self.settings_in_force(context.limits);
        let after = settings
            .onto(&before, context.limits)
            .map_err(InboxRejection::Invalid)?;
        if after == *before {
            return self.show_settings(context.limits);
        }
        let event = InboxEvent::SettingsChanged {
            settings: Arc::new(after.clone()),
            at: context.now,
        };
        Ok(Decision {
            events: vec![self.entry(event, self.unread())],
            reply: InboxReply::Settings {
                settings: after,
                sequence: self.head.next(),
            },
        })
    }
}
