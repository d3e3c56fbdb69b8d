//! An inbox with a store beside it, driven the way the runtime drives it, one command at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actors::ids::{EntityId, RequestId, Sequence, Timestamp};
use actors::journal::{Head, OverlayWrite, Record, Row, SideWrites};
use actors::machines::inbox::latest::show;
use actors::machines::inbox::{
    Inbox, InboxCommand, InboxEvent, InboxLimits, InboxRejection, InboxReply, InboxSettings,
    InboxShown, Notification, QuietPatch, SettingsPatch, invariants,
};
use actors::machines::notice::{Notice, NoticeKind, Priority};
use actors::machines::terms::{Caller, PlatformRole};
use actors::machines::{Context, Machine};
use actors::testing::words::user;

/// What a journal provider would hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Store {
    pub records: Vec<Record>,
    pub overlays: BTreeMap<Sequence, OverlayWrite>,
}

impl Store {
    pub fn head(&self) -> Sequence {
        Sequence(self.records.len() as u64)
    }

    /// Writes as the port says: the highest rank wins, erased bodies are gone.
    pub fn write(&mut self, side: &SideWrites) {
        for overlay in &side.overlays {
            let stored = self.overlays.get(&overlay.sequence);
            if stored.is_none_or(|stored| stored.applied <= overlay.applied) {
                self.overlays.insert(overlay.sequence, overlay.clone());
            }
        }
        for sequence in &side.erasures {
            self.records[sequence.0 as usize - 1].body = None;
        }
        assert!(side.table.is_empty());
    }

    pub fn shown(&self) -> Vec<(Sequence, InboxShown)> {
        let mut head = Head::default();
        let mut rows = Vec::new();
        for record in &self.records {
            let row = Row::seal(head, 0, vec![record.clone()]);
            head = row.head();
            rows.push(row);
        }
        let overlays: Vec<OverlayWrite> = self.overlays.values().cloned().collect();
        show(&rows, &overlays).expect("what was stored can be read")
    }

    /// An inbox rebuilt from `inbox` (new, or a snapshot) and the records behind it.
    pub fn replay(&self, mut inbox: Inbox) -> Inbox {
        for index in inbox.head().0..self.head().0 {
            let entry = Inbox::decode(&self.records[index as usize]).expect("readable");
            assert_eq!(
                inbox.replay_needs(&entry),
                None,
                "events tell all there is to tell"
            );
            inbox.apply(Sequence(index + 1), &entry);
        }
        inbox
    }
}

/// An inbox, its store and its clock.
#[derive(Clone)]
pub struct Desk {
    pub entity: EntityId,
    pub inbox: Inbox,
    pub limits: InboxLimits,
    pub now: Timestamp,
    pub store: Store,
}

pub type Answer = Result<InboxReply, InboxRejection>;

impl Desk {
    /// Ann's empty inbox, on a Tuesday afternoon (2023-11-14, 22:13:20 UTC).
    pub fn new() -> Self {
        let entity = EntityId::inbox(&user("ann"));
        Self {
            inbox: Inbox::new(&entity),
            entity,
            limits: InboxLimits::default(),
            now: Timestamp(1_700_000_000_000),
            store: Store::default(),
        }
    }

    /// The same, at some other moment.
    pub fn at(rfc3339: &str) -> Self {
        let mut desk = Self::new();
        desk.now = moment(rfc3339);
        desk
    }

    pub fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Decides one command and makes it durable.
    pub fn ask(&mut self, command: InboxCommand) -> Answer {
        if let Some(target) = self.inbox.needs(&command) {
            let record = self.store.records.get(target.0 as usize - 1);
            let overlay = self.store.overlays.get(&target);
            self.inbox.load(target, record, overlay).expect("readable");
            assert_eq!(self.inbox.needs(&command), None, "one load is enough");
        }
        let context = Context {
            now: self.now,
            limits: &self.limits,
        };
        self.inbox.admit(&context, &command)?;
        let decision = self.inbox.decide(&context, &command)?;
        for entry in decision.events {
            let sequence = self.inbox.head().next();
            let record = Inbox::encode(&entry);
            assert_eq!(Inbox::decode(&record).as_ref(), Ok(&entry));
            self.inbox.apply(sequence, &entry);
            let side = self.inbox.effects(sequence, &entry);
            self.store.records.push(record);
            self.store.write(&side);
            assert_eq!(self.inbox.unread(), entry.unread);
        }
        assert_eq!(invariants::violated(&self.inbox), None);
        Ok(decision.reply)
    }

    pub fn sweep(&mut self) {
        self.inbox.sweep(&Context {
            now: self.now,
            limits: &self.limits,
        });
    }

    /// The owner dies: the inbox comes back from its journal alone.
    pub fn restart(&mut self) {
        self.inbox = self.store.replay(Inbox::new(&self.entity));
    }

    /// The owner dies after a snapshot was taken.
    pub fn restart_from_snapshot(&mut self) {
        let snapshot = self.inbox.snapshot();
        self.inbox = Inbox::restore(&self.entity, &snapshot).expect("a snapshot can be read");
    }

    /// A notification of a request; where it stands, and how many are unread.
    pub fn add(&mut self, from: &str, number: u64) -> (Sequence, u64) {
        self.add_notice(
            from,
            number,
            notice(NoticeKind::NewRequest, Priority::Normal),
        )
    }

    pub fn add_notice(&mut self, from: &str, number: u64, notice: Notice) -> (Sequence, u64) {
        let from = EntityId::request(&RequestId::parse(from).expect("a request id"));
        let add = InboxCommand::Add {
            from,
            number,
            notice,
        };
        self.done(add).expect("errands are never refused")
    }

    /// Whether a further notification of a kind is shown live.
    pub fn is_live(&mut self, kind: NoticeKind, priority: Priority) -> bool {
        let number = self.store.head().0 + 1;
        let (sequence, _) = self.add_notice("live", number, notice(kind, priority));
        self.notification(sequence).live
    }

    /// The same, for one as they usually are.
    pub fn usual_is_live(&mut self) -> bool {
        self.is_live(NoticeKind::NewRequest, Priority::Normal)
    }

    pub fn done(&mut self, command: InboxCommand) -> Result<(Sequence, u64), InboxRejection> {
        match self.ask(command)? {
            InboxReply::Done { sequence, unread } => Ok((sequence, unread)),
            other => panic!("expected Done, got {other:?}"),
        }
    }

    pub fn read(&mut self, target: u64) -> Result<(Sequence, u64), InboxRejection> {
        let target = Sequence(target);
        self.done(InboxCommand::MarkRead { target })
    }

    pub fn read_all(&mut self, up_to: u64) -> Result<(Sequence, u64), InboxRejection> {
        let up_to = Sequence(up_to);
        self.done(InboxCommand::MarkAllRead { up_to })
    }

    pub fn dismiss(&mut self, target: u64) -> Result<(Sequence, u64), InboxRejection> {
        let target = Sequence(target);
        self.done(InboxCommand::Dismiss { target })
    }

    pub fn post(
        &mut self,
        role: PlatformRole,
        notice: Notice,
        key: Option<u64>,
    ) -> Result<(Sequence, u64), InboxRejection> {
        let user = user("root");
        let by = Caller { user, role };
        self.done(InboxCommand::Post { by, notice, key })
    }

    pub fn set(&mut self, settings: SettingsPatch) -> Result<InboxSettings, InboxRejection> {
        match self.ask(InboxCommand::SetSettings { settings })? {
            InboxReply::Settings { settings, sequence } => {
                assert_eq!(sequence, self.inbox.head());
                Ok(settings)
            }
            other => panic!("expected settings, got {other:?}"),
        }
    }

    /// Sets a time zone and quiet hours.
    pub fn quiet(&mut self, zone: &str, from: &str, to: &str) {
        let patch = SettingsPatch {
            time_zone: Some(zone.into()),
            quiet_hours: Some(QuietPatch::Between {
                from: from.into(),
                to: to.into(),
            }),
            ..SettingsPatch::default()
        };
        self.set(patch).expect("right settings");
    }

    /// What is unread, asked in one go.
    pub fn unread(&mut self) -> BTreeSet<u64> {
        let command = InboxCommand::Unread {
            before: None,
            limit: usize::MAX,
        };
        match self.ask(command).expect("a query") {
            InboxReply::Unread {
                unread,
                newest,
                head,
            } => {
                assert_eq!((unread, head), (self.inbox.unread(), self.inbox.head()));
                assert!(newest.is_sorted_by(|a, b| a > b));
                newest.into_iter().map(|sequence| sequence.0).collect()
            }
            other => panic!("expected Unread, got {other:?}"),
        }
    }

    /// What stands at a sequence, as readers see it now.
    pub fn shown(&self, sequence: Sequence) -> InboxShown {
        let shown = self
            .store
            .shown()
            .into_iter()
            .find(|(at, _)| *at == sequence);
        shown.expect("an entry").1
    }

    pub fn notification(&self, sequence: Sequence) -> Arc<Notification> {
        match self.shown(sequence).event {
            InboxEvent::Added(notification) => notification,
            other => panic!("no notification: {other:?}"),
        }
    }
}

pub fn notice(kind: NoticeKind, priority: Priority) -> Notice {
    let facts = [("instrument", "guitarra"), ("message", "algo")];
    let data = facts.map(|(name, fact)| (name.to_owned(), fact.to_owned()));
    Notice {
        kind,
        priority,
        data: data.into(),
    }
}

pub fn moment(rfc3339: &str) -> Timestamp {
    let at: jiff::Timestamp = rfc3339.parse().expect("a moment");
    Timestamp(at.as_millisecond().unsigned_abs())
}

pub fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}
