//! A request with a store beside it, driven the way the runtime drives it, one command at a time.

use std::collections::BTreeMap;

use actors::ids::{EntityId, RequestId, Sequence, Timestamp, UserId};
use actors::journal::{Record, Table};
use actors::machines::errand::{Errand, Outbox};
use actors::machines::matching::{Found, NoMatch};
use actors::machines::notice::{Notice, NoticeKind};
use actors::machines::request::{
    Change, Mode, Request, RequestCommand, RequestEntry, RequestInput, RequestLimits,
    RequestRejection, RequestReply, RequestState, RequestView, Standing, invariants,
};
use actors::machines::terms::{
    Breakdown, Budget, Caller, Candidate, Cents, Place, PlatformRole, SlotRefusal, Window,
};
use actors::machines::{Context, Machine};
use bytes::Bytes;

pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// A request, what a store would hold of it, its errands so far, and the time.
#[derive(Clone)]
pub struct Desk {
    pub entity: EntityId,
    pub request: Request,
    pub limits: RequestLimits,
    pub now: Timestamp,
    pub records: Vec<Record>,
    pub table: BTreeMap<(Table, Vec<u8>), (u64, Option<Bytes>)>,
    /// All errands ever, also those that are done.
    pub errands: Vec<(u64, Errand)>,
}

pub type Answer = Result<RequestReply, RequestRejection>;

pub fn user(name: &str) -> UserId {
    UserId::parse(name).expect("a user id")
}

/// The people of these tests, by name: `olga` and `otto` organize, `mod` moderates, `ada` is an admin, `uwe` a plain user,
/// everybody else is a musician.
pub fn caller(name: &str) -> Caller {
    let role = match name {
        "olga" | "otto" => PlatformRole::Organizer,
        "mod" => PlatformRole::Moderator,
        "ada" => PlatformRole::Admin,
        "uwe" => PlatformRole::User,
        _ => PlatformRole::Musician,
    };
    let user = user(name);
    Caller { user, role }
}

pub fn candidate(name: &str, score: f64) -> Candidate {
    Candidate {
        user: user(name),
        score,
        distance_km: 10.0,
        cost: Some(Cents(60_000)),
        breakdown: Breakdown {
            instrument: 1.0,
            location: score,
            ..Breakdown::default()
        },
    }
}

/// A wedding in thirty days that nothing is wrong with.
pub fn input(now: Timestamp, mode: Mode) -> RequestInput {
    let from = now.plus_millis(30 * DAY);
    RequestInput {
        title: Some("  A wedding ".into()),
        event_type: "Wedding".into(),
        instrument: " Guitarra".into(),
        more_instruments: vec!["voice".into()],
        genre: Some("Bolero".into()),
        window: Window {
            from,
            to: from.plus_millis(4 * HOUR),
        },
        place: Place {
            lat: 18.4861,
            lng: -69.9312,
            address: "Zona Colonial, Santo Domingo".into(),
        },
        budget: Budget {
            min: Cents(50_000),
            max: Cents(80_000),
            negotiable: true,
        },
        description: "Two hours of boleros".into(),
        attendees: Some(120),
        dress_code: None,
        equipment: None,
        mode,
        radius_km: None,
        deadline: None,
    }
}

impl Desk {
    /// Nothing yet, at noon.
    pub fn new() -> Self {
        let id = RequestId::parse("r-1").expect("a request id");
        let entity = EntityId::request(&id);
        Self {
            request: Request::new(&entity),
            entity,
            limits: RequestLimits::default(),
            now: Timestamp(1_700_000_000_000),
            records: Vec::new(),
            table: BTreeMap::new(),
            errands: Vec::new(),
        }
    }

    /// Olga's draft.
    pub fn draft(mode: Mode) -> Self {
        let mut desk = Self::new();
        desk.create(mode);
        desk
    }

    /// Olga's draft, submitted.
    pub fn active(mode: Mode) -> Self {
        let mut desk = Self::draft(mode);
        desk.submit();
        desk
    }

    pub fn create(&mut self, mode: Mode) {
        let input = Box::new(input(self.now, mode));
        self.ask("olga", Change::Create { input }).expect("created");
    }

    pub fn submit(&mut self) {
        let submit = Change::Submit { expected: None };
        self.ask("olga", submit).expect("submitted");
    }

    pub fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Waits until the request wants to be woken, and wakes it.
    pub fn wait_and_wake(&mut self) {
        self.now = self.request.deadline().expect("something is due");
        self.wake();
    }

    pub fn wake(&mut self) {
        self.send(RequestCommand::Wake)
            .expect("waking is never refused");
    }

    /// What someone wishes.
    pub fn ask(&mut self, name: &str, change: Change) -> Answer {
        let (by, key) = (caller(name), None);
        self.send(RequestCommand::Change { by, key, change })
    }

    /// What someone wishes, which must be refused.
    pub fn refused(&mut self, name: &str, change: Change) -> RequestRejection {
        let events = self.records.len();
        let rejection = self.ask(name, change).expect_err("to be refused");
        assert_eq!(self.records.len(), events, "a rejection changes nothing");
        rejection
    }

    /// Decides one command and makes it durable.
    pub fn send(&mut self, command: RequestCommand) -> Answer {
        let context = Context {
            now: self.now,
            limits: &self.limits,
        };
        let decision = self.request.decide(&context, &command)?;
        for entry in decision.events {
            self.take(&entry);
        }
        Ok(decision.reply)
    }

    fn take(&mut self, entry: &RequestEntry) {
        let sequence = self.request.head().next();
        let record = Request::encode(entry);
        assert_eq!(Request::decode(&record).as_ref(), Ok(entry));
        let waited = self.request.outbox().map_or(0, Outbox::len);
        self.request.apply(sequence, entry);
        let outbox = self.request.outbox().expect("requests have one");
        let new = outbox.waiting().skip(waited);
        self.errands
            .extend(new.map(|(number, e)| (number, e.clone())));
        self.records.push(record);
        let side = self.request.effects(sequence, entry);
        for write in side.table {
            let row = (write.table, write.key);
            let stored = self.table.get(&row);
            if stored.is_none_or(|(rank, _)| *rank <= write.rank) {
                self.table.insert(row, (write.rank, write.value));
            }
        }
        assert_eq!(invariants::violated(&self.request), None, "{entry:?}");
        assert!(invariants::q10_bounds_hold(&self.request, &self.limits));
    }

    pub fn state(&self) -> RequestState {
        self.request.state().expect("created")
    }

    pub fn standing(&self, name: &str) -> Option<Standing> {
        self.request.standing(&user(name))
    }

    pub fn entry(&self, sequence: u64) -> RequestEntry {
        Request::decode(&self.records[sequence as usize - 1]).expect("readable")
    }

    pub fn last(&self) -> RequestEntry {
        self.entry(self.records.len() as u64)
    }

    pub fn view(&mut self, name: &str) -> Result<RequestView, RequestRejection> {
        match self.send(RequestCommand::View { by: caller(name) })? {
            RequestReply::View(view) => Ok(*view),
            other => panic!("{other:?}"),
        }
    }

    /// The errands of the last event.
    pub fn new_errands(&self) -> Vec<Errand> {
        let last = self.request.head();
        let new = self.errands.iter();
        let new = new.filter(|(number, _)| Outbox::event_of(*number) == last);
        new.map(|(_, errand)| errand.clone()).collect()
    }

    /// Whom the last event tells what.
    pub fn told(&self) -> Vec<(String, NoticeKind)> {
        let notices = self
            .new_errands()
            .into_iter()
            .filter_map(|errand| match errand {
                Errand::Notify { user, notice } => Some((user.to_string(), notice.kind)),
                _ => None,
            });
        notices.collect()
    }

    /// What the last event tells someone.
    pub fn notice_to(&self, name: &str) -> Option<Notice> {
        let mut errands = self.new_errands().into_iter();
        errands.find_map(|errand| match errand {
            Errand::Notify { user: to, notice } if to == user(name) => Some(notice),
            _ => None,
        })
    }

    /// Number of the last search.
    pub fn search(&self) -> u64 {
        let mut errands = self.errands.iter().rev();
        let search = errands.find(|(_, errand)| matches!(errand, Errand::Search { .. }));
        search.expect("a search").0
    }

    /// Radius of the last search, and who is left out.
    pub fn aim(&self) -> (f64, Vec<String>) {
        let search = self.search();
        let errand = self.errands.iter().find(|(number, _)| *number == search);
        match &errand.expect("there").1 {
            Errand::Search {
                radius_km, except, ..
            } => (*radius_km, except.iter().map(ToString::to_string).collect()),
            other => panic!("{other:?}"),
        }
    }

    /// The last search finds these.
    pub fn found(&mut self, names: &[(&str, f64)]) {
        let candidates = names.iter().map(|(name, score)| candidate(name, *score));
        let found = Found {
            candidates: candidates.collect(),
            ..Found::default()
        };
        self.answer_search(found);
    }

    /// The last search finds nobody.
    pub fn found_nobody(&mut self, reasons: &[NoMatch], alternatives: &[&str]) {
        let alternatives = alternatives.iter().map(|name| candidate(name, 0.2));
        let found = Found {
            reasons: reasons.to_vec(),
            alternatives: alternatives.collect(),
            ..Found::default()
        };
        self.answer_search(found);
    }

    fn answer_search(&mut self, found: Found) {
        let (number, found) = (self.search(), Box::new(found));
        self.send(RequestCommand::CandidatesFound { number, found })
            .expect("answers are never refused");
    }

    /// Whose time is to be held by the last reservation, and its number.
    pub fn reservation(&self) -> (String, u64) {
        let mut errands = self.errands.iter().rev();
        let found = errands.find_map(|(number, errand)| match errand {
            Errand::Reserve { musician, .. } => Some((musician.to_string(), *number)),
            _ => None,
        });
        found.expect("a reservation")
    }

    /// The answer to the last reservation.
    pub fn answer_slot(&mut self, answer: Result<(), SlotRefusal>) {
        let (name, number) = self.reservation();
        self.answer_slot_of(&name, number, answer);
    }

    pub fn answer_slot_of(&mut self, name: &str, number: u64, answer: Result<(), SlotRefusal>) {
        let command = RequestCommand::SlotAnswered {
            musician: user(name),
            number,
            answer,
        };
        self.send(command).expect("answers are never refused");
    }

    /// The request as it comes back from its journal alone. What is done of its errands is no event.
    pub fn replayed(&self) -> Request {
        let mut request = Request::new(&self.entity);
        for (index, record) in self.records.iter().enumerate() {
            let entry = Request::decode(record).expect("readable");
            request.apply(Sequence(index as u64 + 1), &entry);
        }
        request
    }
}

/// Wishes that are short to say.
pub fn reason(text: &str) -> String {
    text.into()
}

pub fn apply_for(rate: u64) -> Change {
    Change::Apply {
        rate: Cents(rate),
        words: "I would love to".into(),
    }
}

pub fn choose(name: &str) -> Change {
    Change::Choose {
        musician: user(name),
    }
}

pub fn cancel() -> Change {
    Change::Cancel {
        reason: reason("It rains"),
    }
}

pub fn withdraw() -> Change {
    Change::Withdraw { reason: None }
}

pub fn decline() -> Change {
    Change::Decline { reason: None }
}
