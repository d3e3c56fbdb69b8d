//! What a user has settled about notifications: language, time zone, quiet times, mutes.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::InboxLimits;
use crate::machines::notice::NoticeKind;
use crate::machines::zone::{Day, Zone};

/// A language in which notifications are written.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Language {
    /// English.
    English,
    /// Spanish, the platform's own.
    #[default]
    Spanish,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 2] = [Language::English, Language::Spanish];

    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Spanish => "es",
        }
    }

    /// The one that a language tag names (`es`, `es-DO`, `en_GB`), by its first part.
    pub fn parse(tag: &str) -> Option<Self> {
        let first = tag.split(['-', '_']).next().unwrap_or_default();
        let named = |language: &Language| first.eq_ignore_ascii_case(language.as_str());
        Self::ALL.into_iter().find(named)
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is the day of the same name")]
pub enum Weekday {
    Monday = 0,
    Tuesday = 1,
    Wednesday = 2,
    Thursday = 3,
    Friday = 4,
    Saturday = 5,
    Sunday = 6,
}

impl Weekday {
    /// All of them, in order.
    pub const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Weekday::Monday => "monday",
            Weekday::Tuesday => "tuesday",
            Weekday::Wednesday => "wednesday",
            Weekday::Thursday => "thursday",
            Weekday::Friday => "friday",
            Weekday::Saturday => "saturday",
            Weekday::Sunday => "sunday",
        }
    }

    /// The one with a wire word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|day| day.as_str() == word)
    }

    /// The one that a day of the calendar is.
    pub fn of(day: Day) -> Self {
        Self::ALL[usize::from(day.weekday().saturating_sub(1)) % 7]
    }
}

/// A time on the clock at the wall, in minutes after midnight, below 1,440.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Reads `HH:MM`, 24 hours.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let two = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        };
        Self::new(two(hours)?, two(minutes)?)
    }

    /// So many minutes after midnight; what is left of them after whole days.
    pub fn of_minutes(minutes: u32) -> Self {
        Self((minutes % (24 * 60)) as u16)
    }

    /// An hour below 24 and a minute below 60.
    pub fn new(hour: u16, minute: u16) -> Option<Self> {
        (hour < 24 && minute < 60).then_some(Self(hour * 60 + minute))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Hours of every day in which nothing is shown live: from the beginning up to, not with, the end. An end before the
/// beginning lies on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// Beginning.
    pub from: TimeOfDay,
    /// End; another time than the beginning.
    pub to: TimeOfDay,
}

impl QuietHours {
    /// Whether a time lies in them.
    pub fn contain(&self, time: TimeOfDay) -> bool {
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }
}

/// A user's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxSettings {
    /// In which language notifications are written from now on.
    pub language: Language,
    /// By which clock the user lives.
    pub time_zone: Zone,
    /// When nothing is shown live.
    pub quiet_hours: Option<QuietHours>,
    /// Days on which nothing is shown live.
    pub quiet_days: BTreeSet<Weekday>,
    /// Kinds that are not shown live.
    pub muted: BTreeSet<NoticeKind>,
    /// How many are shown live in one day.
    pub live_per_day: u32,
}

impl InboxSettings {
    /// Those of whoever has settled nothing: advertising is muted, nothing else.
    pub fn unsettled(limits: &InboxLimits) -> Self {
        Self {
            language: Language::default(),
            time_zone: Zone::default(),
            quiet_hours: None,
            quiet_days: BTreeSet::new(),
            muted: BTreeSet::from([NoticeKind::Marketing]),
            live_per_day: limits.live_per_day,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written_and_nothing_else_is() {
        for text in ["00:00", "07:05", "23:59"] {
            let time = TimeOfDay::parse(text).expect("a time");
            assert_eq!(time.to_string(), text);
        }
        for text in [
            "24:00",
            "12:60",
            "7:00",
            "07:5",
            "+7:00",
            "07:00:00",
            "",
            "noon",
            "١٢:٠٠",
        ] {
            assert_eq!(TimeOfDay::parse(text), None, "{text}");
        }
    }

    #[test]
    fn quiet_hours_may_cross_midnight() {
        let hours = |from: &str, to: &str| QuietHours {
            from: TimeOfDay::parse(from).expect("a time"),
            to: TimeOfDay::parse(to).expect("a time"),
        };
        let quiet =
            |hours: QuietHours, time: &str| hours.contain(TimeOfDay::parse(time).expect("a time"));
        let night = hours("22:00", "08:00");
        for (time, is_quiet) in [
            ("21:59", false),
            ("22:00", true),
            ("23:59", true),
            ("00:00", true),
            ("07:59", true),
            ("08:00", false),
            ("12:00", false),
        ] {
            assert_eq!(quiet(night, time), is_quiet, "{time}");
        }
        let siesta = hours("14:00", "16:30");
        assert!(quiet(siesta, "14:00") && quiet(siesta, "16:29"));
        assert!(!quiet(siesta, "13:59") && !quiet(siesta, "16:30") && !quiet(siesta, "02:00"));
    }

    #[test]
    fn words_of_days_and_languages_are_read_back() {
        for day in Weekday::ALL {
            assert_eq!(Weekday::parse(day.as_str()), Some(day));
        }
        assert_eq!(Weekday::parse("Monday"), None);
        for (tag, language) in [
            ("es", Some(Language::Spanish)),
            ("es-DO", Some(Language::Spanish)),
            ("EN_gb", Some(Language::English)),
            ("fr", None),
            ("", None),
            ("english", None),
        ] {
            assert_eq!(Language::parse(tag), language, "{tag}");
        }
    }
}
