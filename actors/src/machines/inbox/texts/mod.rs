//! Title and message of a notification, from its facts, in the language of whoever gets it.
//!
//! Facts are texts by name. Those that the templates speak of: `instrument`, `eventType`, `location`; `date`,
//! `conflictFrom` and `conflictUntil` (RFC 3339, shown by the reader's clock); `budgetMin`, `budgetMax`, `rate` and
//! `amount` (hundredths of the platform's currency); `musicianName`, `senderName`, `reviewerName`, `rating`; `oldStatus`,
//! `newStatus` and `standing` (wire words), `reason`, `reasons` (wire words, separated by commas), `alternatives` (lines,
//! of which the number is said); and `title` and `message` of what operators write. None is needed: what a sentence says of
//! a fact that is missing is left out. Others go to the client unspoken.

mod english;
mod spanish;
mod template;
mod words;

use super::facts::clip;
use super::{InboxLimits, InboxSettings, Language};
use crate::machines::notice::{Notice, NoticeKind};

/// Title and message of a kind, as templates (see `template.rs` for their form).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Templates {
    title: &'static str,
    message: &'static str,
}

/// Title and message of a notice.
pub fn render(notice: &Notice, settings: &InboxSettings, limits: &InboxLimits) -> (String, String) {
    let templates = templates(settings.language, notice.kind);
    let fact = |name: &str| words::say(name, &notice.data, settings);
    let title = template::fill(templates.title, fact);
    let message = template::fill(templates.message, fact);
    let one_line = title.replace(char::is_control, " ");
    let lines = message.replace(|c: char| c.is_control() && c != '\n', " ");
    (
        clip(&one_line, limits.title_chars),
        clip(&lines, limits.message_chars),
    )
}

fn templates(language: Language, kind: NoticeKind) -> Templates {
    match language {
        Language::English => english::templates(kind),
        Language::Spanish => spanish::templates(kind),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::machines::notice::Priority;
    use crate::machines::zone::Zone;

    fn settings(language: Language) -> InboxSettings {
        InboxSettings {
            language,
            time_zone: Zone::parse("Europe/Madrid").expect("a zone"),
            ..InboxSettings::unsettled(&InboxLimits::default())
        }
    }

    fn rendered(kind: NoticeKind, language: Language, facts: &[(&str, &str)]) -> (String, String) {
        let data = facts
            .iter()
            .map(|(n, f)| ((*n).to_owned(), (*f).to_owned()));
        let notice = Notice {
            kind,
            priority: Priority::Normal,
            data: data.collect::<BTreeMap<_, _>>(),
        };
        render(&notice, &settings(language), &InboxLimits::default())
    }

    /// The names in a template, in braces or behind a comma in them.
    fn names(template: &str) -> Vec<&str> {
        let inside = template
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        inside
            .map(|inside| inside.split('|').next().unwrap_or_default())
            .collect()
    }

    #[test]
    fn every_kind_has_words_in_every_language_with_and_without_facts() {
        for language in Language::ALL {
            for kind in NoticeKind::ALL {
                let templates = templates(language, *kind);
                let mut facts: BTreeMap<&str, &str> = BTreeMap::new();
                for name in names(templates.title)
                    .into_iter()
                    .chain(names(templates.message))
                {
                    facts.insert(name, "a fact");
                }
                let facts: Vec<(&str, &str)> = facts.into_iter().collect();
                for facts in [&[][..], &facts[..]] {
                    let (title, message) = rendered(*kind, language, facts);
                    for text in [&title, &message] {
                        assert!(text.chars().count() > 4, "{kind:?} {language:?} {text:?}");
                        let left = text.contains(['{', '}', '[', ']', '|']);
                        assert!(!left, "{kind:?} {language:?} {text:?}");
                        assert_eq!(text.trim(), text, "{kind:?} {language:?}");
                        let gap = text.contains("  ") || text.contains(" .") || text.contains(" ,");
                        assert!(!gap, "{kind:?} {language:?} {text:?}");
                    }
                    let said = format!("{title} {message}").matches("fact").count();
                    // Of the nearest misses only the number is said.
                    let named = facts.iter().filter(|(name, _)| *name != "alternatives");
                    assert!(
                        said >= named.count(),
                        "{kind:?} {language:?}: {title} {message}"
                    );
                }
                assert!(
                    templates.message.ends_with(['.', '}', ']']),
                    "{kind:?} {language:?}"
                );
            }
        }
    }

    #[test]
    fn the_languages_say_the_same_facts() {
        for kind in NoticeKind::ALL {
            let of = |language| {
                let templates = templates(language, *kind);
                let mut all = names(templates.title);
                all.extend(names(templates.message));
                all.sort_unstable();
                all.dedup();
                all
            };
            assert_eq!(of(Language::English), of(Language::Spanish), "{kind:?}");
        }
    }

    #[test]
    fn facts_stand_in_their_sentences_and_unknown_ones_leave_no_gap() {
        let facts = [
            ("instrument", "guitarra"),
            ("eventType", "boda"),
            ("date", "2025-07-05T18:30:00.000Z"),
            ("location", "Sevilla"),
        ];
        let (title, message) = rendered(NoticeKind::NewRequest, Language::English, &facts);
        assert_eq!(title, "New request: guitarra");
        assert_eq!(
            message,
            "Wanted: guitarra for boda, Sat 5 Jul 2025, 20:30, in Sevilla."
        );
        let (title, message) = rendered(NoticeKind::NewRequest, Language::Spanish, &facts[..1]);
        assert_eq!(
            (title.as_str(), message.as_str()),
            ("Nueva solicitud: guitarra", "Se busca: guitarra.")
        );
    }

    #[test]
    fn states_and_reasons_are_said_in_the_language() {
        let facts = [
            ("oldStatus", "pending"),
            ("newStatus", "inReview"),
            ("reasons", "place, budget"),
        ];
        let (_, english) = rendered(NoticeKind::StatusChange, Language::English, &facts);
        let (_, spanish) = rendered(NoticeKind::StatusChange, Language::Spanish, &facts);
        assert!(
            english.contains("in review") && english.contains("pending"),
            "{english}"
        );
        assert!(
            spanish.contains("en revisión") && spanish.contains("pendiente"),
            "{spanish}"
        );
        let (_, nobody) = rendered(NoticeKind::NoMusiciansAvailable, Language::Spanish, &facts);
        assert!(nobody.contains("lugar, presupuesto"), "{nobody}");
    }

    #[test]
    fn an_operators_words_are_taken_as_they_are_but_for_control_characters_and_length() {
        let facts = [
            ("title", "Mante\nnimiento"),
            ("message", "Esta noche\r\na las 3 {x} [y]"),
        ];
        let (title, message) = rendered(NoticeKind::System, Language::Spanish, &facts);
        assert_eq!(title, "Mante nimiento");
        assert_eq!(message, "Esta noche \na las 3 {x} [y]");
        let long = "ñ".repeat(3_000);
        let (title, message) = rendered(
            NoticeKind::System,
            Language::Spanish,
            &[("title", &long), ("message", &long)],
        );
        assert_eq!(
            (title.chars().count(), message.chars().count()),
            (200, 1_000)
        );
    }
}
