//! Pages of history over HTTP, compared with each other, with what was acknowledged before, and with what readers got.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{Common, PAGE_READERS, lock, pace};
use crate::history::{Event, History};
use crate::http;
use crate::member::now;
use crate::suite::class::Class;

/// Messages of a page.
const LIMIT: usize = 20;
/// Broken promises that are kept; one is enough.
const KEPT: usize = 100;
/// Places of a room that are remembered, the newest.
const PLACES: usize = 100_000;

/// Reads the newest page of one room after the other until the traffic ends.
pub(super) async fn turn(common: Common, number: usize, pages: Arc<Mutex<Pages>>) {
    let mut pace = pace(PAGE_READERS.1);
    let user = format!("{}page-reader-{number}", common.newcomers);
    let mut hub = number;
    for read in 0.. {
        pace.tick().await;
        if common.stopped() {
            return;
        }
        let room = &common.rooms[(number + read) % common.rooms.len()];
        let path = format!("/api/rooms/{room}/messages?limit={LIMIT}");
        let known = common.history.seen(|progress| progress.head(room));
        let token = common.signer.sign(&user, "user");
        let begun = now();
        let address = common.hubs[hub % common.hubs.len()];
        let answer = http::get(address, &path, token.as_deref()).await;
        let page = answer.ok().filter(|answer| answer.status == 200);
        let page = page.and_then(|page| serde_json::from_slice::<Value>(&page.body).ok());
        let label: Arc<str> = room.as_str().into();
        common.tried(Class::Read, &label, (begun, now()), page.is_some());
        match page {
            Some(page) => lock(&pages).take(room, &page, known),
            None => hub += 1,
        }
    }
}

/// A message as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    id: String,
    text: String,
}

/// What the pages showed.
#[derive(Debug, Default)]
pub(super) struct Pages {
    rooms: BTreeMap<String, BTreeMap<u64, Shown>>,
    violations: Vec<String>,
    count: usize,
}

impl Pages {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes a page in, asked for when the room was known to reach as far as `known`.
    fn take(&mut self, room: &str, page: &Value, known: u64) {
        self.count += 1;
        let head = page["head"].as_u64().unwrap_or_default();
        if head < known {
            self.broken(format!(
                "{room}: a page ends at {head}, and {known} was acknowledged or read before it was asked for"
            ));
        }
        let mut last = 0;
        for item in page["items"].as_array().into_iter().flatten() {
            let sequence = item["sequence"].as_u64().unwrap_or_default();
            if sequence <= last {
                self.broken(format!("{room}: {sequence} comes after {last} on a page"));
            }
            last = sequence;
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let shown = Shown {
                id: format!("{}/{}", text("senderId"), text("id")),
                text: text("text"),
            };
            self.show(room, sequence, shown);
        }
    }

    fn show(&mut self, room: &str, sequence: u64, shown: Shown) {
        let places = self.rooms.entry(room.to_owned()).or_default();
        match places.get(&sequence) {
            Some(before) if *before != shown => {
                let broken = format!("{room} at {sequence}: pages show {before:?} and {shown:?}");
                self.broken(broken);
            }
            Some(_) => {}
            None => {
                places.insert(sequence, shown);
                if places.len() > PLACES {
                    places.pop_first();
                }
            }
        }
    }

    fn broken(&mut self, violation: String) {
        if self.violations.len() < KEPT {
            self.violations.push(violation);
        }
    }

    /// What is wrong with the pages, by themselves and beside what readers got.
    pub(super) fn judge(&self, history: &History) -> Vec<String> {
        let mut found = self.violations.clone();
        for record in history.records() {
            let Event::Received {
                sequence,
                id: Some(id),
                text: Some(text),
                ..
            } = record.event
            else {
                continue;
            };
            let shown = self.rooms.get(&record.room).and_then(|r| r.get(&sequence));
            let got = Shown { id, text };
            if let Some(shown) = shown.filter(|shown| **shown != got)
                && found.len() < KEPT
            {
                found.push(format!(
                    "{} at {sequence}: a page shows {shown:?}, {} got {got:?}",
                    record.room, record.client
                ));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(sequence: u64, id: &str, text: &str) -> Value {
        json!({ "sequence": sequence, "id": id, "senderId": "s", "text": text })
    }

    fn page(head: u64, items: &[Value]) -> Value {
        json!({ "head": head, "items": items })
    }

    fn got(history: &History, sequence: u64, id: &str, text: &str) {
        let event = Event::Received {
            sequence,
            entry: String::new(),
            id: Some(id.into()),
            text: Some(text.into()),
        };
        history.record("reader", "r", event);
    }

    #[test]
    fn pages_that_agree_with_each_other_and_with_readers_pass() {
        let (mut pages, history) = (Pages::default(), History::new(10));
        pages.take("r", &page(4, &[item(2, "a", "x"), item(4, "b", "y")]), 4);
        pages.take("r", &page(9, &[item(4, "b", "y")]), 4);
        got(&history, 4, "s/b", "y");
        got(&history, 5, "s/c", "never on a page");
        assert_eq!(pages.judge(&history), Vec::<String>::new());
        assert_eq!(pages.count(), 2);
    }

    #[test]
    fn whatever_a_page_has_wrong_is_named() {
        let wrong = |page: Value, known: u64| {
            let (mut pages, history) = (Pages::default(), History::new(10));
            pages.take("r", &self::page(4, &[item(2, "a", "x")]), 0);
            pages.take("r", &page, known);
            got(&history, 4, "s/b", "y");
            pages.judge(&history).join("\n")
        };
        let old = wrong(page(4, &[]), 5);
        assert!(old.contains("ends at 4, and 5"), "{old}");
        let order = wrong(page(4, &[item(4, "b", "y"), item(3, "c", "z")]), 0);
        assert!(order.contains("3 comes after 4"), "{order}");
        let forked = wrong(page(4, &[item(2, "a", "other")]), 0);
        assert!(forked.contains("r at 2: pages show"), "{forked}");
        let altered = wrong(page(4, &[item(4, "b", "other")]), 0);
        assert!(altered.contains("reader got"), "{altered}");
    }
}
