//! Every bound of an inbox's rules, in one place.

use serde::{Deserialize, Serialize};

/// Bounds of an inbox. Configuration section `[inbox]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InboxLimits {
    /// Notifications that can be unread at once; above it the oldest count as read.
    pub unread: usize,
    /// Senders (requests, users, operators' keys) of which is remembered what came from them last, so that a repeat is
    /// known for one; above it those are forgotten that sent nothing for longest.
    pub sources: usize,
    /// Notifications shown live in one day of the user, unless the user's settings say another number; what always passes
    /// is not counted.
    pub live_per_day: u32,
    /// Largest number that the settings may say instead.
    pub live_per_day_max: u32,
    /// Facts of one notification.
    pub data_entries: usize,
    /// Longest name of a fact, in bytes.
    pub data_key_bytes: usize,
    /// Longest fact, in characters.
    pub data_value_chars: usize,
    /// Longest title, in characters.
    pub title_chars: usize,
    /// Longest message, in characters.
    pub message_chars: usize,
    /// Notifications in one page.
    pub page: usize,
    /// Entries looked at for one page; after so many it may be short.
    pub page_records: usize,
    /// Older entries of which is remembered whether they are notifications, beyond those that are not durable yet.
    pub recent: usize,
}

impl InboxLimits {
    /// What is out of range or contradicts itself: name of the field, and why.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        for (name, value) in [
            ("unread", self.unread),
            ("sources", self.sources),
            ("data_entries", self.data_entries),
            ("data_key_bytes", self.data_key_bytes),
            ("data_value_chars", self.data_value_chars),
            ("title_chars", self.title_chars),
            ("message_chars", self.message_chars),
            ("page", self.page),
            ("page_records", self.page_records),
            ("recent", self.recent),
        ] {
            if value == 0 {
                found.push((name, "must be at least 1".to_owned()));
            }
        }
        if self.live_per_day > self.live_per_day_max {
            let text = "must not be below live_per_day".to_owned();
            found.push(("live_per_day_max", text));
        }
        found
    }

    /// Bytes that the words of one notification may take: at most four a character.
    pub fn notification_bytes(&self) -> usize {
        let fact = self.data_value_chars.saturating_mul(4);
        let fact = fact.saturating_add(self.data_key_bytes).saturating_add(16);
        let words = self.title_chars.saturating_add(self.message_chars);
        let facts = fact.saturating_mul(self.data_entries);
        facts.saturating_add(words.saturating_mul(4))
    }
}

impl Default for InboxLimits {
    fn default() -> Self {
        Self {
            unread: 10_000,
            sources: 1_000,
            live_per_day: 50,
            live_per_day_max: 1_000,
            data_entries: 32,
            data_key_bytes: 64,
            data_value_chars: 500,
            title_chars: 200,
            message_chars: 1_000,
            page: 100,
            page_records: 4_096,
            recent: 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_order_and_what_is_not_is_named() {
        let defaults = InboxLimits::default();
        assert_eq!(defaults.problems(), []);
        assert!(defaults.notification_bytes() < 128 * 1_024);
        let wrong = InboxLimits {
            unread: 0,
            page: 0,
            live_per_day: 9,
            live_per_day_max: 8,
            data_value_chars: usize::MAX,
            ..defaults
        };
        let names: Vec<_> = wrong.problems().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["unread", "page", "live_per_day_max"]);
        assert_eq!(wrong.notification_bytes(), usize::MAX);
    }
}
