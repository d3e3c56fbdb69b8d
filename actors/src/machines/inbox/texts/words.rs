//! Facts that are words of the platform or moments, said in the reader's language and by the reader's clock.

use super::super::zone;
use super::{InboxSettings, Language};
use crate::ids::Timestamp;

/// States of a request and reasons why nobody fits: wire word, English, Spanish.
const WORDS: &[(&str, &str, &str)] = &[
    ("draft", "a draft", "en borrador"),
    ("pending", "pending", "pendiente"),
    ("active", "active", "activa"),
    ("inReview", "in review", "en revisión"),
    ("assigned", "assigned", "asignada"),
    ("inProgress", "in progress", "en curso"),
    ("completed", "completed", "completada"),
    ("cancelled", "cancelled", "cancelada"),
    ("expired", "expired", "caducada"),
    ("disputed", "disputed", "en disputa"),
    ("place", "place", "lugar"),
    ("instrument", "instrument", "instrumento"),
    ("date", "date", "fecha"),
    ("budget", "budget", "presupuesto"),
];

const ENGLISH_DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SPANISH_DAYS: [&str; 7] = ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"];
const ENGLISH_MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SPANISH_MONTHS: [&str; 12] = [
    "ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic",
];

/// A fact as it is said; one that is no such word, as it is written.
pub(super) fn say(name: &str, fact: &str, settings: &InboxSettings) -> String {
    match name {
        "from" | "to" => word(fact, settings.language).to_owned(),
        "reasons" => {
            let reasons = fact.split(',').map(str::trim);
            let reasons = reasons.map(|reason| word(reason, settings.language));
            reasons.collect::<Vec<_>>().join(", ")
        }
        "date" => moment(fact, settings).unwrap_or_else(|| fact.to_owned()),
        _ => fact.to_owned(),
    }
}

fn word(fact: &str, language: Language) -> &str {
    let known = WORDS.iter().find(|(word, _, _)| *word == fact);
    match (known, language) {
        (Some((_, english, _)), Language::English) => english,
        (Some((_, _, spanish)), Language::Spanish) => spanish,
        (None, _) => fact,
    }
}

/// Such as `Sat 5 Jul 2025, 20:30`.
fn moment(fact: &str, settings: &InboxSettings) -> Option<String> {
    let at: jiff::Timestamp = fact.parse().ok()?;
    let millis = u64::try_from(at.as_millisecond()).ok()?;
    let civil = zone::civil(&settings.time_zone, Timestamp(millis));
    let (days, months) = match settings.language {
        Language::English => (ENGLISH_DAYS, ENGLISH_MONTHS),
        Language::Spanish => (SPANISH_DAYS, SPANISH_MONTHS),
    };
    let index = |number: i8| usize::from(number.unsigned_abs());
    let weekday = days[index(civil.weekday().to_monday_zero_offset()) % 7];
    let month = months[index(civil.month() - 1) % 12];
    let (day, year) = (civil.day(), civil.year());
    let (hour, minute) = (civil.hour(), civil.minute());
    Some(format!(
        "{weekday} {day} {month} {year}, {hour:02}:{minute:02}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::inbox::InboxLimits;

    #[test]
    fn moments_are_said_by_the_readers_clock_and_other_texts_as_they_are() {
        let mut settings = InboxSettings::unsettled(&InboxLimits::default());
        let moment = "2025-12-31T23:30:00.000Z";
        assert_eq!(say("date", moment, &settings), "mié 31 dic 2025, 23:30");
        settings.time_zone = "Asia/Tokyo".into();
        settings.language = Language::English;
        assert_eq!(say("date", moment, &settings), "Thu 1 Jan 2026, 08:30");
        for text in [
            "tomorrow",
            "",
            "1875-01-01T00:00:00Z",
            "2025-13-01T00:00:00Z",
        ] {
            assert_eq!(say("date", text, &settings), text);
        }
        assert_eq!(say("location", moment, &settings), moment);
        assert_eq!(say("to", "elsewhere", &settings), "elsewhere");
    }
}
