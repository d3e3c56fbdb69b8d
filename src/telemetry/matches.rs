//! Counts requests that find their musician, by instrument and region. Recorded once for each assignment that becomes
//! durable, by the node that wrote it, whichever way it was asked for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actors::hub::{Hub, Match, matched};
use actors::journal::Journal;
use actors::machines::matching::cells::region_of;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::metrics::{record_match, record_matching_duration};

/// What stands for everything that has no label of its own.
const OTHER: &str = "other";
/// Instruments with a label of their own, each with the words that mean it.
const INSTRUMENTS: &[(&str, &[&str])] = &[
    ("guitarra", &["guitar"]),
    ("piano", &[]),
    ("bajo", &["bass"]),
    ("bateria", &["batería", "drums"]),
    ("saxofon", &["saxofón", "saxophone", "sax"]),
    ("trompeta", &["trumpet"]),
    ("violin", &["violín"]),
    ("canto", &["voz", "voice", "vocals", "singing"]),
    ("teclado", &["keyboard"]),
    ("flauta", &["flute"]),
    ("clarinete", &["clarinet"]),
    ("trombon", &["trombón", "trombone"]),
    ("acordeon", &["acordeón", "accordion"]),
    ("armonica", &["armónica", "harmonica"]),
    ("ukelele", &["ukulele"]),
    ("cajon", &["cajón"]),
    ("maracas", &[]),
];
/// Regions with a label of their own: the first so many that a process meets.
const MOST_REGIONS: usize = 128;
/// Assignments that are looked at at the same time; of more, none is counted.
const AT_ONCE: usize = 64;

/// Regions that have a label.
#[derive(Default)]
struct Regions(Mutex<BTreeSet<String>>);

impl Regions {
    fn label(&self, region: Option<String>) -> String {
        let mut known = self.0.lock();
        match region {
            Some(region) if known.contains(&region) => region,
            Some(region) if known.len() < MOST_REGIONS => {
                known.insert(region.clone());
                region
            }
            _ => OTHER.into(),
        }
    }
}

fn instrument(word: &str) -> &'static str {
    let means = |(label, words): &&(&'static str, &[&str])| *label == word || words.contains(&word);
    let found = INSTRUMENTS.iter().find(means);
    found.map_or(OTHER, |(label, _)| *label)
}

fn record(found: &Match, regions: &Regions) {
    let region = regions.label(region_of(&found.gig.place));
    record_match(instrument(found.gig.instrument.as_str()), region);
    let took_ms = found.assigned_at.since(found.opened_at);
    record_matching_duration(Duration::from_millis(took_ms));
}

/// Counts the assignments of a hub with this journal from now on.
pub fn count(hub: &Hub, journal: Arc<dyn Journal>) {
    let regions = Arc::new(Regions::default());
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    hub.on_assigned(move |request, assigned| {
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            return;
        };
        let (journal, regions) = (journal.clone(), regions.clone());
        tokio::spawn(async move {
            let _permit = permit;
            match matched(&*journal, &request, assigned).await {
                Ok(Some(found)) => record(&found, &regions),
                Ok(None) => {}
                Err(error) => tracing::warn!(%request, %error, "an assignment is not counted"),
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_mean_the_same_instrument_have_one_label_and_unknown_ones_none() {
        for (word, label) in [
            ("guitarra", "guitarra"),
            ("guitar", "guitarra"),
            ("batería", "bateria"),
            ("piano", "piano"),
            ("theremin", OTHER),
            ("", OTHER),
        ] {
            assert_eq!(instrument(word), label, "{word}");
        }
    }

    #[test]
    fn only_so_many_regions_have_a_label() {
        let regions = Regions::default();
        for number in 0..2 * MOST_REGIONS {
            let region = format!("{number:x}");
            let expected = match number < MOST_REGIONS {
                true => region.as_str(),
                false => OTHER,
            };
            assert_eq!(regions.label(Some(region.clone())), expected);
        }
        assert_eq!(regions.label(Some("0".into())), "0");
        assert_eq!(regions.label(None), OTHER);
    }
}
