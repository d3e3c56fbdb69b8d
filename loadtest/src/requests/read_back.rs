//! After the run: every request, every calendar and every organizer's list is read, and compared with the books. What the hub
//! still carries out in the background is waited for a moment.

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use super::answers::read;
use super::cast::Cast;
use super::client::{Call, Client};
use super::contradictions::Contradictions;
use super::crowd;
use super::ledger::{Booking, Books, Seen, compare_calendar};

/// Things that are read at the same time.
const AT_ONCE: usize = 32;
/// What contradicts the books is looked at again so often, with a pause each time.
const LOOKS: u32 = 40;
/// And all of it together no oftener than this: a hub that lost everything is judged in a reasonable time.
const LOOKS_AT_ALL: u32 = 4_000;
const PAUSE: Duration = Duration::from_millis(125);

/// All that is to be read, with what was acknowledged of it.
pub struct ReadBack {
    cast: Cast,
    items: Vec<Item>,
    looks: Cell<u32>,
}

/// One thing to be read, and by whom.
enum Item {
    Request(u32, Books),
    Calendar(u32, Vec<(String, bool)>),
    List(u32, Listed),
}

/// What an organizer's list has to hold.
#[derive(Default)]
struct Listed {
    ids: BTreeSet<String>,
    /// A request may have been created without an answer.
    unsure: bool,
}

impl ReadBack {
    /// From the books of all requests, each with its organizer.
    pub fn new<'a>(cast: Cast, requests: impl Iterator<Item = (u32, &'a Books)>) -> Self {
        let mut items = Vec::new();
        let mut calendars: BTreeMap<u32, Vec<(String, bool)>> = BTreeMap::new();
        let mut lists: BTreeMap<u32, Listed> = BTreeMap::new();
        for (organizer, books) in requests {
            let list = lists.entry(organizer).or_default();
            list.unsure |= books.unsure && books.id.is_none();
            let Some(id) = &books.id else {
                continue;
            };
            list.ids.insert(id.clone());
            items.push(Item::Request(organizer, books.clone()));
            if books.unsure {
                continue;
            }
            let mut told = |musician, has| {
                let calendar = calendars.entry(musician).or_default();
                calendar.push((id.clone(), has));
            };
            let lost = books.winner.filter(|_| books.cancelled);
            let losers = books.losers.iter().copied().chain(lost);
            losers.for_each(|musician| told(musician, false));
            books
                .holder()
                .into_iter()
                .for_each(|holder| told(holder, true));
        }
        let calendars = calendars.into_iter();
        items.extend(calendars.map(|(who, told)| Item::Calendar(who, told)));
        items.extend(lists.into_iter().map(|(who, list)| Item::List(who, list)));
        let looks = Cell::new(LOOKS_AT_ALL);
        Self { cast, items, looks }
    }

    /// Reads everything and compares.
    pub async fn compare(self: Rc<Self>, client: Rc<Client>) -> Contradictions {
        let found = Rc::new(RefCell::new(Contradictions::default()));
        let (all, sum) = (self.items.len(), found.clone());
        crowd(AT_ONCE, all, move |at| {
            let (this, client, found) = (self.clone(), client.clone(), found.clone());
            async move {
                let wrong = this.settled(&client, &this.items[at]).await;
                found.borrow_mut().add(wrong);
            }
        })
        .await;
        sum.take()
    }

    /// Looks until nothing contradicts any more, or long enough.
    async fn settled(&self, client: &Client, item: &Item) -> Contradictions {
        let mut looks = LOOKS;
        loop {
            let wrong = self.look(client, item).await.unwrap_or_else(|path| {
                let mut wrong = Contradictions::default();
                wrong.unreadable += 1;
                wrong.example(|| format!("{path} cannot be read"));
                wrong
            });
            let left = self.looks.get();
            if wrong.none() || looks == 0 || left == 0 {
                return wrong;
            }
            looks -= 1;
            self.looks.set(left - 1);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads one thing; the path, if it cannot be.
    async fn look(&self, client: &Client, item: &Item) -> Result<Contradictions, String> {
        match item {
            Item::Request(organizer, books) => {
                Ok(books.compare(&self.seen(client, *organizer, books).await?))
            }
            Item::Calendar(musician, told) => {
                let agenda: Agenda = fetch(client, *musician, "/api/profile/busy".into()).await?;
                Ok(compare_calendar(told, &agenda.bookings()))
            }
            Item::List(organizer, listed) => Ok(listed.compare(&list(client, *organizer).await?)),
        }
    }

    async fn seen(&self, client: &Client, user: u32, books: &Books) -> Result<Seen, String> {
        let id = books.id.as_deref().unwrap_or_default();
        let view: View = fetch(client, user, format!("/api/requests/{id}")).await?;
        let mut messages = Vec::new();
        if !books.said.is_empty() {
            let path = format!("/api/rooms/request-{id}/messages?limit=100");
            let page: Page<Message> = fetch(client, user, path).await?;
            let said = page.items.into_iter();
            messages.extend(said.map(|one| (one.sequence, one.text.unwrap_or_default())));
        }
        let number = |id: &String| self.cast.musician_number(id);
        let parts = view.inside.parts;
        let applied = parts.iter().filter(|part| part.application.is_some());
        Ok(Seen {
            state: view.state,
            assigned: view.inside.assigned_id.as_ref().and_then(number),
            applied: applied
                .filter_map(|part| number(&part.musician_id))
                .collect(),
            offered: parts.iter().any(|part| part.offer.is_some()),
            messages,
        })
    }
}

impl Listed {
    fn compare(&self, there: &BTreeSet<String>) -> Contradictions {
        let mut wrong = Contradictions::default();
        wrong.lost_request += self.ids.difference(there).count() as u64;
        if !self.unsure {
            for id in there.difference(&self.ids) {
                wrong.doubled_request += 1;
                wrong.example(|| format!("request {id} was never acknowledged"));
            }
        }
        wrong
    }
}

/// Ids of all requests of an organizer.
async fn list(client: &Client, user: u32) -> Result<BTreeSet<String>, String> {
    let (mut found, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let path = format!("/api/requests?role=organizer&limit=100{cursor}");
        let page: Page<Entry> = fetch(client, user, path).await?;
        found.extend(page.items.into_iter().map(|one| one.request_id));
        match page.next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(found),
        }
    }
}

async fn fetch<T: serde::de::DeserializeOwned>(
    client: &Client,
    user: u32,
    path: String,
) -> Result<T, String> {
    let call = Call::get(user, path);
    let answer = client.call(&call).await.ok();
    let answer = answer.filter(|answer| answer.status == 200);
    answer.and_then(|answer| read(&answer)).ok_or(call.path)
}

#[derive(Deserialize)]
struct View {
    state: String,
    inside: Inside,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inside {
    assigned_id: Option<String>,
    parts: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    musician_id: String,
    offer: Option<IgnoredAny>,
    application: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    sequence: u64,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    request_id: String,
}

#[derive(Deserialize)]
struct Agenda {
    requests: Vec<Slot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Slot {
    request_id: String,
    from: String,
    to: String,
}

impl Agenda {
    fn bookings(self) -> Vec<Booking> {
        let slots = self.requests.into_iter();
        let booking = |slot: Slot| Booking {
            request: slot.request_id,
            from: slot.from,
            to: slot.to,
        };
        slots.map(booking).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_what_was_acknowledged_and_nothing_else() {
        let there =
            |ids: &[&str]| -> BTreeSet<String> { ids.iter().map(|id| (*id).to_owned()).collect() };
        let mut listed = Listed {
            ids: there(&["a", "b"]),
            unsure: false,
        };
        assert!(listed.compare(&there(&["a", "b"])).none());
        let found = listed.compare(&there(&["b", "c"]));
        assert_eq!(found.to_string(), "lost request 1, doubled request 1");
        listed.unsure = true;
        assert!(listed.compare(&there(&["a", "b", "c"])).none());
    }
}
