//! A user's machine on a table of its own: decides, journals, writes side data, with its clock in the test's hands.

use std::collections::BTreeMap;

use actors::ids::{EntityId, RequestId, Sequence, Timestamp, UserId};
use actors::journal::{Record, SideWrites, Table};
use actors::machines::errand::Errand;
use actors::machines::terms::{Caller, Cents, Place, PlatformRole, SlotFate, SlotRefusal, Window};
use actors::machines::user::{
    ProfileInput, User, UserCommand, UserEvent, UserLimits, UserRejection, UserReply, UserView,
    invariants,
};
use actors::machines::{Context, Machine};
use bytes::Bytes;

pub const MINUTE: u64 = 60_000;
pub const HOUR: u64 = 60 * MINUTE;

pub type Answer = Result<UserReply, UserRejection>;
pub type Rows = BTreeMap<Vec<u8>, (u64, Option<Bytes>)>;

/// The user ann, her journal and her rows in the index.
#[derive(Clone)]
pub struct Desk {
    pub entity: EntityId,
    pub user: User,
    pub limits: UserLimits,
    pub now: Timestamp,
    pub records: Vec<Record>,
    pub rows: Rows,
}

impl Desk {
    /// Nobody yet, at noon of a day.
    pub fn new() -> Self {
        let entity = EntityId::user(&id("ann"));
        Self {
            user: User::new(&entity),
            entity,
            limits: UserLimits {
                concurrent: 0,
                ..UserLimits::default()
            },
            now: Timestamp(1_790_000_000_000 / HOUR * HOUR),
            records: Vec::new(),
            rows: Rows::new(),
        }
    }

    /// A pianist in Madrid who plays at any time.
    pub fn musician() -> Self {
        let mut desk = Self::new();
        desk.set_profile(pianist()).expect("a good profile");
        desk
    }

    pub fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
    }

    /// From so many hours to so many hours after the beginning of the test's day.
    pub fn hours(&self, from: u64, to: u64) -> Window {
        let day = Timestamp(1_790_000_000_000 / HOUR * HOUR);
        Window {
            from: day.plus_millis(from * HOUR),
            to: day.plus_millis(to * HOUR),
        }
    }

    /// Decides one command and makes it durable.
    pub fn ask(&mut self, command: UserCommand) -> Answer {
        let context = Context {
            now: self.now,
            limits: &self.limits,
        };
        let decision = self.user.decide(&context, &command)?;
        for event in decision.events {
            let sequence = self.user.head().next();
            let record = User::encode(&event);
            assert_eq!(User::decode(&record).as_ref(), Ok(&event));
            self.user.apply(sequence, &event);
            assert_eq!(User::happened_at(&event), self.now);
            let side = self.user.effects(sequence, &event);
            self.records.push(record);
            write(&mut self.rows, &side);
        }
        assert_eq!(invariants::violated(&self.user), None);
        assert!(invariants::u6_bounds_hold(&self.user, &self.limits));
        Ok(decision.reply)
    }

    /// The events of one command.
    pub fn events_of(&mut self, command: UserCommand) -> Vec<UserEvent> {
        let before = self.records.len();
        self.ask(command).expect("accepted");
        let new = self.records[before..].iter();
        new.map(|record| User::decode(record).expect("readable"))
            .collect()
    }

    pub fn done(&mut self, command: UserCommand) -> Result<Sequence, UserRejection> {
        match self.ask(command)? {
            UserReply::Done { sequence } => Ok(sequence),
            other => panic!("expected Done, got {other:?}"),
        }
    }

    pub fn set_profile(&mut self, profile: ProfileInput) -> Result<Sequence, UserRejection> {
        self.done(UserCommand::SetProfile {
            by: ann(),
            key: None,
            expected: None,
            profile,
        })
    }

    pub fn view(&mut self, by: &Caller) -> Result<UserView, UserRejection> {
        match self.ask(UserCommand::View { by: by.clone() })? {
            UserReply::View(view) => Ok(*view),
            other => panic!("expected a view, got {other:?}"),
        }
    }

    pub fn reserve(&mut self, name: &str, number: u64, window: Window) -> Result<(), SlotRefusal> {
        let command = UserCommand::Reserve {
            request: request(name),
            number,
            window,
            hold_ms: MINUTE,
            demand: None,
        };
        match self.ask(command).expect("decided") {
            UserReply::Slot(answer) => answer,
            other => panic!("expected Slot, got {other:?}"),
        }
    }

    pub fn confirm(&mut self, name: &str, number: u64) -> Vec<UserEvent> {
        let request = request(name);
        self.events_of(UserCommand::Confirm { request, number })
    }

    pub fn release(&mut self, name: &str, number: u64) -> Vec<UserEvent> {
        let request = request(name);
        self.events_of(UserCommand::Release { request, number })
    }

    pub fn settled(&mut self, name: &str, number: u64, fate: SlotFate) -> Vec<UserEvent> {
        let request = request(name);
        self.events_of(UserCommand::SlotSettled {
            request,
            number,
            fate,
        })
    }

    pub fn wake(&mut self) -> Vec<UserEvent> {
        self.events_of(User::wake().expect("users are woken"))
    }

    /// Errands that wait, without their numbers.
    pub fn errands(&self) -> Vec<Errand> {
        let outbox = self.user.outbox().expect("an outbox");
        outbox.waiting().map(|(_, errand)| errand.clone()).collect()
    }

    /// All errands that wait are carried out.
    pub fn errands_done(&mut self) {
        self.user
            .outbox_mut()
            .expect("an outbox")
            .done_up_to(u64::MAX);
    }

    /// Held and booked times by request.
    pub fn taken(&self) -> Vec<(String, Window)> {
        let slots = self.user.slots();
        slots
            .map(|slot| (slot.request.to_string(), slot.window))
            .collect()
    }

    /// The machine again, from its journal behind a snapshot or from the first event on.
    pub fn replayed(&self, from: Option<&Bytes>) -> User {
        let mut user = match from {
            Some(state) => User::restore(&self.entity, state).expect("a snapshot can be read"),
            None => User::new(&self.entity),
        };
        for index in user.head().0..self.records.len() as u64 {
            let event = User::decode(&self.records[index as usize]).expect("readable");
            user.apply(Sequence(index + 1), &event);
        }
        user
    }
}

/// Writes as the port says: the highest rank wins.
pub fn write(rows: &mut Rows, side: &SideWrites) {
    for write in &side.table {
        assert_eq!(write.table, Table::Musicians);
        let stored = rows.get(&write.key);
        if stored.is_none_or(|(rank, _)| *rank <= write.rank) {
            rows.insert(write.key.clone(), (write.rank, write.value.clone()));
        }
    }
}

pub fn id(name: &str) -> UserId {
    UserId::parse(name).expect("a user id")
}

pub fn request(name: &str) -> RequestId {
    RequestId::parse(name).expect("a request id")
}

pub fn caller(name: &str, role: PlatformRole) -> Caller {
    let user = id(name);
    Caller { user, role }
}

pub fn ann() -> Caller {
    caller("ann", PlatformRole::Musician)
}

pub fn admin() -> Caller {
    caller("root", PlatformRole::Admin)
}

pub fn madrid() -> Place {
    Place {
        lat: 40.4168,
        lng: -3.7038,
        address: "Madrid".into(),
    }
}

/// A good profile.
pub fn pianist() -> ProfileInput {
    ProfileInput {
        name: "Ann".into(),
        bio: "Plays.".into(),
        musician: true,
        available: true,
        instruments: vec![("Piano".into(), 12), ("canto".into(), 3)],
        genres: vec!["Jazz".into()],
        hourly_rate: Some(Cents(6_000)),
        place: Some(madrid()),
        radius_km: 50.0,
    }
}
