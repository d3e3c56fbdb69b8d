//! Facts that are words of the platform, moments or money, said in the reader's language and by the reader's clock.

use std::collections::BTreeMap;

use super::{InboxSettings, Language};
use crate::ids::Timestamp;

/// States of a request, how a musician stands with it, and reasons: wire word, English, Spanish.
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
    ("withdrawn", "withdrawn", "se ha retirado"),
    ("place", "place", "lugar"),
    ("instrument", "instrument", "instrumento"),
    ("date", "date", "fecha"),
    ("budget", "budget", "presupuesto"),
    ("not_a_musician", "no longer a musician", "ya no es músico"),
    (
        "does_not_play",
        "does not play the instrument",
        "no toca el instrumento",
    ),
    ("too_far", "too far away", "demasiado lejos"),
    (
        "too_many_requests_held",
        "has too many requests",
        "tiene demasiadas solicitudes",
    ),
    (
        "musician_paused",
        "takes no requests",
        "no acepta solicitudes",
    ),
    (
        "musician_not_available",
        "does not play then",
        "no toca a esa hora",
    ),
    ("musician_busy", "busy then", "ocupado a esa hora"),
    ("musician_booked", "booked then", "contratado a esa hora"),
    (
        "musician_full",
        "has too many requests",
        "tiene demasiadas solicitudes",
    ),
    (
        "Another application was accepted",
        "another application was accepted",
        "se aceptó otra postulación",
    ),
];

const ENGLISH_DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SPANISH_DAYS: [&str; 7] = ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"];
const ENGLISH_MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SPANISH_MONTHS: [&str; 12] = [
    "ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic",
];

/// A fact as it is said; one that is nothing of ours, as it is written. `None` if there is nothing to say.
pub(super) fn say(
    name: &str,
    facts: &BTreeMap<String, String>,
    settings: &InboxSettings,
) -> Option<String> {
    let plain = |name: &str| {
        let fact = facts.get(name).map(|fact| fact.trim());
        fact.filter(|fact| !fact.is_empty())
    };
    let fact = plain(name)?;
    let language = settings.language;
    Some(match name {
        // What did not change is not said twice.
        "oldStatus" if plain("newStatus") == Some(fact) => return None,
        "budgetMin" if fact == "0" || plain("budgetMax") == Some(fact) => return None,
        "oldStatus" | "newStatus" | "standing" | "reason" => word(fact, language).to_owned(),
        "reasons" => {
            let reasons = fact.split(',').map(|reason| word(reason.trim(), language));
            reasons.collect::<Vec<_>>().join(", ")
        }
        "date" | "conflictFrom" | "conflictUntil" => {
            moment(fact, settings).unwrap_or_else(|| fact.to_owned())
        }
        "budgetMin" | "budgetMax" | "rate" | "amount" => {
            money(fact, language).unwrap_or_else(|| fact.to_owned())
        }
        "alternatives" => fact.lines().count().to_string(),
        _ => fact.to_owned(),
    })
}

fn word(fact: &str, language: Language) -> &str {
    let known = WORDS.iter().find(|(word, _, _)| *word == fact);
    match (known, language) {
        (Some((_, english, _)), Language::English) => english,
        (Some((_, _, spanish)), Language::Spanish) => spanish,
        (None, _) => fact,
    }
}

/// Hundredths as a number with two places.
fn money(fact: &str, language: Language) -> Option<String> {
    let hundredths: u64 = fact.parse().ok()?;
    let point = match language {
        Language::English => '.',
        Language::Spanish => ',',
    };
    Some(format!(
        "{}{point}{:02}",
        hundredths / 100,
        hundredths % 100
    ))
}

/// Such as `Sat 5 Jul 2025, 20:30`.
fn moment(fact: &str, settings: &InboxSettings) -> Option<String> {
    let at: jiff::Timestamp = fact.parse().ok()?;
    let at = Timestamp(u64::try_from(at.as_millisecond()).ok()?);
    let (day, minute) = settings.time_zone.rules().wall(at)?;
    let (year, month, of_month) = day.year_month_day()?;
    let (days, months) = match settings.language {
        Language::English => (ENGLISH_DAYS, ENGLISH_MONTHS),
        Language::Spanish => (SPANISH_DAYS, SPANISH_MONTHS),
    };
    let one_based = |number: u8, of: usize| usize::from(number.saturating_sub(1)) % of;
    let weekday = days[one_based(day.weekday(), days.len())];
    let month = months[one_based(month, months.len())];
    let (hour, minute) = (minute / 60, minute % 60);
    Some(format!(
        "{weekday} {of_month} {month} {year}, {hour:02}:{minute:02}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::inbox::InboxLimits;
    use crate::machines::request::RequestState;
    use crate::machines::zone::Zone;

    fn said(settings: &InboxSettings, name: &str, facts: &[(&str, &str)]) -> Option<String> {
        let facts = facts
            .iter()
            .map(|(n, f)| ((*n).to_owned(), (*f).to_owned()));
        say(name, &facts.collect(), settings)
    }

    fn spanish() -> InboxSettings {
        InboxSettings::unsettled(&InboxLimits::default())
    }

    fn english() -> InboxSettings {
        InboxSettings {
            language: Language::English,
            time_zone: Zone::parse("Asia/Tokyo").expect("a zone"),
            ..spanish()
        }
    }

    #[test]
    fn moments_are_said_by_the_readers_clock_and_other_texts_as_they_are() {
        let at = "2025-12-31T23:30:00.000Z";
        let date = |settings: &InboxSettings, text| said(settings, "date", &[("date", text)]);
        assert_eq!(
            date(&spanish(), at).as_deref(),
            Some("mié 31 dic 2025, 23:30")
        );
        assert_eq!(
            date(&english(), at).as_deref(),
            Some("Thu 1 Jan 2026, 08:30")
        );
        for text in ["tomorrow", "1875-01-01T00:00:00Z", "2025-13-01T00:00:00Z"] {
            assert_eq!(date(&english(), text).as_deref(), Some(text));
        }
        assert_eq!(date(&english(), "  "), None);
        let elsewhere = said(&english(), "location", &[("location", at)]);
        assert_eq!(elsewhere.as_deref(), Some(at));
    }

    #[test]
    fn money_is_said_in_whole_units_and_only_what_there_is_of_it() {
        let facts = [("budgetMin", "15000"), ("budgetMax", "20005")];
        assert_eq!(
            said(&spanish(), "budgetMin", &facts).as_deref(),
            Some("150,00")
        );
        assert_eq!(
            said(&english(), "budgetMax", &facts).as_deref(),
            Some("200.05")
        );
        let same = [("budgetMin", "9"), ("budgetMax", "9")];
        assert_eq!(said(&english(), "budgetMin", &same), None);
        assert_eq!(
            said(&english(), "budgetMax", &same).as_deref(),
            Some("0.09")
        );
        assert_eq!(said(&english(), "budgetMin", &[("budgetMin", "0")]), None);
        assert_eq!(
            said(&english(), "rate", &[("rate", "20 USD")]).as_deref(),
            Some("20 USD")
        );
    }

    #[test]
    fn a_state_that_stayed_is_said_once_and_alternatives_are_counted() {
        let stayed = [("oldStatus", "active"), ("newStatus", "active")];
        assert_eq!(said(&english(), "oldStatus", &stayed), None);
        assert_eq!(
            said(&spanish(), "newStatus", &stayed).as_deref(),
            Some("activa")
        );
        let three = [("alternatives", "ann\nbob\ncy")];
        assert_eq!(
            said(&english(), "alternatives", &three).as_deref(),
            Some("3")
        );
        let ours = [("reason", "Another application was accepted")];
        assert_eq!(
            said(&spanish(), "reason", &ours).as_deref(),
            Some("se aceptó otra postulación")
        );
        let own = [("reason", "I am ill")];
        assert_eq!(
            said(&spanish(), "reason", &own).as_deref(),
            Some("I am ill")
        );
    }

    #[test]
    fn every_state_of_a_request_has_a_word_in_every_language() {
        for state in RequestState::ALL {
            assert!(
                WORDS.iter().any(|(word, _, _)| *word == state.as_str()),
                "{state:?}"
            );
        }
    }
}
