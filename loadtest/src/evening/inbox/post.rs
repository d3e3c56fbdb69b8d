//! What goes over HTTP: notices to the hub, and inboxes to those who look at them.

use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

use super::super::people::People;
use super::books::Books;
use super::http::{Answer, Http, request};
use super::{NAME, TRIAL};
use crate::run::record::class;
use crate::stamp::Stamp;
use crate::target::ConnectError;

/// Notices on a page when all are read.
const PAGE: u32 = 100;

/// What is asked. Times count from the beginning of the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A notice for somebody.
    Notice {
        /// Which operation.
        n: u32,
        /// For whom.
        user: u32,
        /// When it was intended.
        at_ns: u64,
    },
    /// The newest notices of somebody.
    Page {
        /// Whose.
        user: u32,
        /// How many notices of all had been accepted.
        before: u32,
        /// When it was intended.
        at_ns: u64,
    },
    /// How many are unread, in the end.
    Count {
        /// Whose.
        user: u32,
    },
    /// All notices, in the end.
    All {
        /// Whose.
        user: u32,
        /// Where the page before ended.
        cursor: Option<String>,
    },
}

#[derive(Deserialize)]
struct Accepted {
    sequence: u64,
}

#[derive(Deserialize)]
struct Count {
    unread: u64,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
    next: Option<String>,
    unread: u64,
}

#[derive(Deserialize)]
struct Item {
    sequence: u64,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

impl Page {
    fn notices(&self) -> Vec<(u64, Option<u32>)> {
        let of = |item: &Item| {
            let stamp = item
                .data
                .get(NAME)
                .and_then(|digits| Stamp::read(digits.as_bytes()));
            (item.sequence, stamp.map(|stamp| stamp.index))
        };
        self.items.iter().map(of).collect()
    }
}

/// Requests of everybody.
pub struct Post {
    http: Http<u32>,
    /// Requests that are under way, by their number; answered ones are none.
    asked: BTreeMap<u32, Ask>,
    next: u32,
    /// Who posts notices.
    admin: String,
    /// Names of the users, and their tokens.
    users: Vec<(String, String)>,
    nonce: String,
    page: u32,
    /// Notices that the hub wants once more.
    pub again: Vec<u32>,
    /// What was read of inboxes in the end, by user: pages so far.
    read: BTreeMap<u32, Vec<(u64, Option<u32>)>>,
}

impl Post {
    /// Users by name and token.
    pub fn new(
        http: Http<u32>,
        admin: String,
        users: Vec<(String, String)>,
        nonce: &str,
        page: u32,
    ) -> Self {
        Self {
            http,
            asked: BTreeMap::new(),
            next: 0,
            admin,
            users,
            nonce: nonce.to_owned(),
            page,
            again: Vec::new(),
            read: BTreeMap::new(),
        }
    }

    /// Asks for something.
    pub fn ask(&mut self, ask: Ask) {
        let get =
            |user: u32, path: &str| request("GET", path, &self.users[user as usize].1, None, None);
        let bytes = match &ask {
            Ask::Notice { n, user, .. } => self.notice(*n, *user),
            Ask::Page { user, .. } => get(*user, &format!("/api/inbox?limit={}", self.page)),
            Ask::Count { user } => get(*user, "/api/inbox/unread"),
            Ask::All { user, cursor: None } => get(*user, &format!("/api/inbox?limit={PAGE}")),
            Ask::All {
                user,
                cursor: Some(cursor),
            } => get(*user, &format!("/api/inbox?limit={PAGE}&cursor={cursor}")),
        };
        let tag = self.next;
        self.next = self.next.wrapping_add(1);
        self.asked.insert(tag, ask);
        self.http.ask(tag, bytes);
    }

    /// A repeat has the same key, and is the same.
    fn notice(&self, n: u32, user: u32) -> Vec<u8> {
        let digits = Stamp {
            trial: TRIAL,
            index: n,
        }
        .digits();
        let digits = String::from_utf8_lossy(&digits);
        let body = json!({
            "userId": self.users[user as usize].0,
            "type": "security",
            "title": "Somebody signed in",
            "message": "If it was not you, change your password.",
            "data": { NAME: digits },
        });
        let key = format!("{}-{digits}", self.nonce);
        request(
            "POST",
            "/api/admin/notifications",
            &self.admin,
            Some(&key),
            Some(&body.to_string()),
        )
    }

    /// Nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.again.is_empty()
    }

    /// Takes in answers; true if there was one.
    pub fn turn(
        &mut self,
        books: &mut Books,
        people: &mut People<'_>,
        now_ns: u64,
    ) -> Result<bool, ConnectError> {
        let answers = self.http.turn()?;
        let any = !answers.is_empty();
        for Answer { tag, outcome } in answers {
            people.heard += 1;
            let Some(ask) = self.asked.remove(&tag) else {
                continue;
            };
            let found = match outcome {
                Ok((status, body)) => self.answered(&ask, status, &body, books),
                Err(error) => Err(error.to_string()),
            };
            let at_ns = people.at(now_ns);
            self.enter(&ask, found, books, people, at_ns);
        }
        Ok(any)
    }

    /// Makes of an answer what it means; `Err` is why it is an error.
    fn answered(
        &mut self,
        ask: &Ask,
        status: u16,
        body: &[u8],
        books: &mut Books,
    ) -> Result<(), String> {
        if !(200..300).contains(&status) {
            if let (Ask::Notice { n, .. }, 429 | 503 | 504) = (ask, status) {
                self.again.push(*n);
            }
            let said: String = String::from_utf8_lossy(body).chars().take(200).collect();
            return Err(format!("{status} {said}"));
        }
        let odd = |error: serde_json::Error| format!("an answer of another shape: {error}");
        match ask {
            Ask::Notice { n, .. } => {
                let accepted: Accepted = serde_json::from_slice(body).map_err(odd)?;
                books.accept(*n, accepted.sequence);
            }
            Ask::Page { user, before, .. } => {
                let page: Page = serde_json::from_slice(body).map_err(odd)?;
                books.compare(*user, &page.notices(), *before, page.next.is_none());
            }
            Ask::Count { user } => {
                let count: Count = serde_json::from_slice(body).map_err(odd)?;
                books.compare_unread(*user, count.unread);
            }
            Ask::All { user, .. } => {
                let page: Page = serde_json::from_slice(body).map_err(odd)?;
                self.read_on(*user, page, books);
            }
        }
        Ok(())
    }

    fn read_on(&mut self, user: u32, page: Page, books: &mut Books) {
        self.read.entry(user).or_default().extend(page.notices());
        if let Some(cursor) = page.next {
            return self.ask(Ask::All {
                user,
                cursor: Some(cursor),
            });
        }
        let all = self.read.remove(&user).unwrap_or_default();
        books.compare(user, &all, books.accepted(), true);
        books.compare_unread(user, page.unread);
    }

    fn enter(
        &mut self,
        ask: &Ask,
        found: Result<(), String>,
        books: &mut Books,
        people: &mut People<'_>,
        now_ns: u64,
    ) {
        let at_ns = match ask {
            Ask::Notice { at_ns, .. } | Ask::Page { at_ns, .. } => *at_ns,
            // Nobody asks for these while it is measured.
            Ask::Count { user } | Ask::All { user, .. } => {
                if let Err(error) = found {
                    books.wrong.count("unreadable", || {
                        format!("the inbox of user {user}: {error}")
                    });
                }
                return;
            }
        };
        match found {
            Ok(()) => {
                let us = now_ns.saturating_sub(at_ns) / 1_000;
                people.log.took(class::HTTP, at_ns, us);
            }
            Err(error) => {
                people.log.failed(class::HTTP, at_ns);
                books.wrong.example("http", || format!("{ask:?}: {error}"));
                if let Ask::Notice { n, .. } = ask
                    && !self.again.contains(n)
                {
                    books.give_up(*n);
                }
            }
        }
    }
}
