//! A change of settings as a client writes it, and what of it is wrong.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::settings::{QuietHours, TimeOfDay};
use super::{InboxLimits, InboxSettings, Language, Weekday};
use crate::machines::notice::NoticeKind;
use crate::machines::terms::FieldError;
use crate::machines::zone::Zone;

/// New settings, in words that nobody has checked; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SettingsPatch {
    /// A language tag, such as `es` or `en-GB`.
    pub language: Option<String>,
    /// A time zone, such as `America/Santo_Domingo` or `-04:00`.
    pub time_zone: Option<String>,
    /// Quiet hours, or none.
    pub quiet_hours: Option<QuietPatch>,
    /// Quiet days, such as `sunday`.
    pub quiet_days: Option<Vec<String>>,
    /// Muted kinds, such as `marketing`.
    pub muted: Option<Vec<String>>,
    /// How many may be shown live in one day.
    pub live_per_day: Option<u32>,
}

/// Other quiet hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuietPatch {
    /// None at all.
    Off,
    /// Every day between these.
    Between {
        /// Beginning, `HH:MM`.
        from: String,
        /// End, `HH:MM`; of the next day if it is before the beginning.
        to: String,
    },
}

impl SettingsPatch {
    /// Bytes it holds while it waits.
    pub(super) fn weight(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let list = |words: &Option<Vec<String>>| {
            let words = words.iter().flatten();
            words.map(|word| word.len() + 24).sum::<usize>()
        };
        let hours = match &self.quiet_hours {
            Some(QuietPatch::Between { from, to }) => from.len() + to.len(),
            Some(QuietPatch::Off) | None => 0,
        };
        of(&self.language)
            + of(&self.time_zone)
            + hours
            + list(&self.quiet_days)
            + list(&self.muted)
    }

    /// The settings with these changes; or all that is wrong with them.
    pub fn onto(
        &self,
        settings: &InboxSettings,
        limits: &InboxLimits,
    ) -> Result<InboxSettings, Vec<FieldError>> {
        let mut settings = settings.clone();
        let mut wrong = Vec::new();
        if let Some(tag) = &self.language {
            match Language::parse(tag) {
                Some(language) => settings.language = language,
                None => wrong.push(error("language", "must be en or es")),
            }
        }
        if let Some(name) = &self.time_zone {
            match Zone::parse(name) {
                Ok(zone) => settings.time_zone = zone,
                Err(unknown) => wrong.push(error("timeZone", unknown.to_string())),
            }
        }
        match &self.quiet_hours {
            None => {}
            Some(QuietPatch::Off) => settings.quiet_hours = None,
            Some(QuietPatch::Between { from, to }) => {
                settings.quiet_hours = quiet_hours(from, to, &mut wrong);
            }
        }
        if let Some(days) = &self.quiet_days {
            settings.quiet_days = each("quietDays", days, Weekday::ALL.len(), &mut wrong, |word| {
                Weekday::parse(word).ok_or("must be a day of the week, such as sunday")
            });
        }
        if let Some(kinds) = &self.muted {
            let most = NoticeKind::ALL.len();
            settings.muted = each(
                "muted",
                kinds,
                most,
                &mut wrong,
                |word| match NoticeKind::parse(word) {
                    Some(NoticeKind::Security) => Err("must not be security: it always passes"),
                    Some(kind) => Ok(kind),
                    None => Err("must be a type of notifications, such as marketing"),
                },
            );
        }
        if let Some(number) = self.live_per_day {
            settings.live_per_day = number;
            if number > limits.live_per_day_max {
                let problem = format!("must be at most {}", limits.live_per_day_max);
                wrong.push(error("livePerDay", problem));
            }
        }
        if wrong.is_empty() {
            Ok(settings)
        } else {
            Err(wrong)
        }
    }
}

fn quiet_hours(from: &str, to: &str, wrong: &mut Vec<FieldError>) -> Option<QuietHours> {
    let mut time = |field, text| {
        let time = TimeOfDay::parse(text);
        if time.is_none() {
            wrong.push(error(field, "must be a time as HH:MM, 00:00 to 23:59"));
        }
        time
    };
    let (from, to) = (time("quietHours.from", from), time("quietHours.to", to));
    let hours = QuietHours {
        from: from?,
        to: to?,
    };
    if hours.from == hours.to {
        wrong.push(error("quietHours.to", "must differ from quietHours.from"));
    }
    Some(hours)
}

/// Reads a list of words; each one that is wrong is named by its place.
fn each<T: Ord>(
    field: &str,
    words: &[String],
    most: usize,
    wrong: &mut Vec<FieldError>,
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> BTreeSet<T> {
    if words.len() > most {
        wrong.push(error(field, format!("must have at most {most} entries")));
        return BTreeSet::new();
    }
    let mut found = BTreeSet::new();
    for (at, word) in words.iter().enumerate() {
        match read(word) {
            Ok(value) => {
                found.insert(value);
            }
            Err(problem) => wrong.push(error(format!("{field}[{at}]"), problem)),
        }
    }
    found
}

/// `problem` of a field.
pub(super) fn error(field: impl Into<String>, problem: impl Into<String>) -> FieldError {
    FieldError {
        field: field.into(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Option<Vec<String>> {
        Some(words.iter().map(|word| (*word).to_owned()).collect())
    }

    fn between(from: &str, to: &str) -> Option<QuietPatch> {
        Some(QuietPatch::Between {
            from: from.into(),
            to: to.into(),
        })
    }

    fn wrong_fields(patch: &SettingsPatch) -> Vec<String> {
        let limits = InboxLimits::default();
        let errors = patch.onto(&InboxSettings::unsettled(&limits), &limits);
        errors
            .err()
            .into_iter()
            .flatten()
            .map(|e| e.field)
            .collect()
    }

    #[test]
    fn what_is_left_out_stays_and_the_rest_is_taken_over() {
        let limits = InboxLimits::default();
        let before = InboxSettings::unsettled(&limits);
        assert_eq!(
            SettingsPatch::default().onto(&before, &limits),
            Ok(before.clone())
        );
        let patch = SettingsPatch {
            language: Some("en-GB".into()),
            time_zone: Some("europe/madrid".into()),
            quiet_hours: between("22:00", "08:00"),
            quiet_days: words(&["sunday", "sunday"]),
            muted: words(&[]),
            live_per_day: Some(0),
        };
        let after = patch.onto(&before, &limits).expect("all of it is right");
        assert_eq!(after.language, Language::English);
        assert_eq!(after.time_zone.as_str(), "Europe/Madrid");
        let hours = after.quiet_hours.expect("given");
        assert_eq!(
            (hours.from.to_string(), hours.to.to_string()),
            ("22:00".into(), "08:00".into())
        );
        assert_eq!(after.quiet_days, BTreeSet::from([Weekday::Sunday]));
        assert!(after.muted.is_empty() && after.live_per_day == 0);
        let off = SettingsPatch {
            quiet_hours: Some(QuietPatch::Off),
            ..SettingsPatch::default()
        };
        let off = off.onto(&after, &limits).expect("right");
        assert_eq!((off.quiet_hours, off.time_zone), (None, after.time_zone));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let patch = SettingsPatch {
            language: Some("fr".into()),
            time_zone: Some("Mars/Olympus".into()),
            quiet_hours: between("25:00", "8"),
            quiet_days: words(&["sunday", "Caturday"]),
            muted: words(&["marketing", "everything", "security"]),
            live_per_day: Some(1_001),
        };
        assert_eq!(
            wrong_fields(&patch),
            [
                "language",
                "timeZone",
                "quietHours.from",
                "quietHours.to",
                "quietDays[1]",
                "muted[1]",
                "muted[2]",
                "livePerDay"
            ]
        );
    }

    #[test]
    fn hours_that_end_as_they_begin_and_endless_lists_are_refused() {
        let empty = SettingsPatch {
            quiet_hours: between("08:00", "08:00"),
            ..SettingsPatch::default()
        };
        assert_eq!(wrong_fields(&empty), ["quietHours.to"]);
        let endless = SettingsPatch {
            muted: Some(vec!["?".into(); 100_000]),
            quiet_days: Some(vec!["monday".into(); 8]),
            ..SettingsPatch::default()
        };
        assert_eq!(wrong_fields(&endless), ["quietDays", "muted"]);
    }
}
