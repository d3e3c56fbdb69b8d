//! Two owners of one room over one store, who do not know of each other, and random wishes for them.

use actors::ids::{EntityId, Sequence, Timestamp, UserId};
use actors::machines::room::{
    Content, Location, Media, MessageKind, Metadata, Role, Room, RoomCommand, RoomEntry, RoomKind,
    RoomLimits, RoomRejection, RoomReply, invariants,
};
use actors::machines::{Context, Machine};
use bytes::Bytes;
use proptest::prelude::*;

use crate::hall::{Store, message, user};

/// Two owners; whoever decides on an outdated state loses, reloads and decides again.
pub struct World {
    pub entity: EntityId,
    pub store: Store,
    pub owners: [Room; 2],
    pub limits: RoomLimits,
    pub now: Timestamp,
    /// A snapshot that both may recover from.
    pub snapshot: Option<Bytes>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// A command reaches one of the owners.
    Ask(usize, RoomCommand),
    /// Time passes, in milliseconds.
    Wait(u64),
    /// An owner forgets what it may.
    Sweep(usize),
    /// An owner dies and recovers.
    Restart(usize),
    /// An owner that is up to date stores a snapshot.
    Snapshot(usize),
}

pub type Outcome = Result<RoomReply, RoomRejection>;

impl World {
    pub fn new(limits: RoomLimits) -> Self {
        let entity = EntityId::new(Room::KIND, "world").expect("an id");
        Self {
            owners: [Room::new(&entity), Room::new(&entity)],
            entity,
            store: Store::default(),
            limits,
            now: Timestamp(1_000_000),
            snapshot: None,
        }
    }

    /// Takes a step; the answer if it was a command.
    pub fn step(&mut self, step: &Step) -> Option<Outcome> {
        match step {
            Step::Ask(owner, command) => return Some(self.ask(*owner, command)),
            Step::Wait(millis) => self.now = self.now.plus_millis(*millis),
            Step::Sweep(owner) => {
                let context = Context {
                    now: self.now,
                    limits: &self.limits,
                };
                self.owners[*owner].sweep(&context);
                let room = &self.owners[*owner];
                assert!(invariants::r9_bounds_hold(room, &self.limits));
            }
            Step::Restart(owner) => self.recover(*owner),
            Step::Snapshot(owner) => {
                if self.owners[*owner].head() == self.store.head() {
                    self.snapshot = Some(self.owners[*owner].snapshot());
                }
            }
        }
        None
    }

    /// Decides on what the owner believes; if that is outdated, again on the truth.
    pub fn ask(&mut self, owner: usize, command: &RoomCommand) -> Outcome {
        let believed = self.decide(owner, command);
        let decision = if self.owners[owner].head() == self.store.head() {
            believed
        } else {
            self.recover(owner);
            self.decide(owner, command)
        };
        let (events, reply) = decision?;
        for entry in events {
            self.append(owner, &entry);
        }
        assert_eq!(invariants::violated(&self.owners[owner]), None);
        Ok(reply)
    }

    pub fn recover(&mut self, owner: usize) {
        let from = match &self.snapshot {
            Some(state) => Room::restore(&self.entity, state).expect("a snapshot can be read"),
            None => Room::new(&self.entity),
        };
        self.owners[owner] = self.store.replay(from);
    }

    fn decide(
        &mut self,
        owner: usize,
        command: &RoomCommand,
    ) -> Result<(Vec<RoomEntry>, RoomReply), RoomRejection> {
        let room = &mut self.owners[owner];
        if let Some(target) = room.needs(command) {
            self.store.load(room, target);
            assert_eq!(room.needs(command), None);
        }
        let context = Context {
            now: self.now,
            limits: &self.limits,
        };
        room.admit(&context, command)?;
        let decision = room.decide(&context, command)?;
        Ok((decision.events, decision.reply))
    }

    fn append(&mut self, owner: usize, entry: &RoomEntry) {
        let room = &mut self.owners[owner];
        let sequence = self.store.head().next();
        let record = Room::encode(entry);
        assert_eq!(Room::decode(&record).as_ref(), Ok(entry));
        room.apply(sequence, entry);
        let side = room.effects(sequence, entry);
        self.store.records.push(record);
        self.store.write(&side);
        let before = self.store.clone();
        self.store
            .write(&self.owners[owner].effects(sequence, entry));
        assert_eq!(
            self.store, before,
            "effects may be written any number of times"
        );
    }
}

pub fn users() -> impl Strategy<Value = UserId> {
    (0..5_u8).prop_map(|n| user(&format!("u{n}")))
}

fn targets() -> impl Strategy<Value = Sequence> {
    prop_oneof![8 => 0..20_u64, 1 => any::<u64>()].prop_map(Sequence)
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-c]{1,2}",
        1 => any::<String>(),
        1 => "\\PC{0,1010}",
    ]
}

fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Member), Just(Role::Moderator), Just(Role::Owner)]
}

fn contents() -> impl Strategy<Value = Content> {
    let kinds = prop_oneof![
        6 => Just(MessageKind::Text),
        1 => Just(MessageKind::Image),
        1 => Just(MessageKind::File),
        1 => Just(MessageKind::Location),
    ];
    let url = prop_oneof![Just("/a".to_owned()), any::<String>()];
    (kinds, texts(), url, any::<(f64, f64)>()).prop_map(|(kind, text, url, (lat, lng))| {
        let metadata = match kind {
            MessageKind::Text => None,
            MessageKind::Location => Some(Metadata::Location(Location {
                lat: lat % 100.0,
                lng: lng % 200.0,
                address: None,
            })),
            _ => Some(Metadata::Media(Media {
                file_name: Some(url.clone()),
                file_url: url,
                duration: (kind == MessageKind::File).then_some(lat),
                ..Media::default()
            })),
        };
        Content {
            kind,
            text,
            metadata,
        }
    })
}

/// A message with an id out of few, so that repeats happen.
pub fn sends() -> impl Strategy<Value = RoomCommand> {
    let reply = proptest::option::weighted(0.2, targets());
    (users(), 0..30_u8, contents(), reply).prop_map(|(by, id, content, reply_to)| {
        RoomCommand::Send {
            by,
            id: message(&format!("m{id}")),
            content,
            reply_to,
        }
    })
}

/// Any command at all.
pub fn commands() -> impl Strategy<Value = RoomCommand> {
    let emoji = prop_oneof![6 => "[xy]", 1 => any::<String>()];
    prop_oneof![
        8 => sends(),
        3 => (users(), targets(), texts())
            .prop_map(|(by, target, text)| RoomCommand::Edit { by, target, text }),
        1 => (users(), targets()).prop_map(|(by, target)| RoomCommand::Delete { by, target }),
        4 => (users(), targets(), emoji, any::<bool>()).prop_map(
            |(by, target, emoji, add)| RoomCommand::React { by, target, emoji, add }
        ),
        2 => (users(), users()).prop_map(|(by, user)| RoomCommand::Invite { by, user }),
        1 => (users(), users()).prop_map(|(by, user)| RoomCommand::Remove { by, user }),
        1 => users().prop_map(|by| RoomCommand::Quit { by }),
        2 => (users(), users(), roles())
            .prop_map(|(by, user, role)| RoomCommand::SetRole { by, user, role }),
        1 => (users(), texts()).prop_map(|(by, name)| RoomCommand::Rename { by, name }),
        1 => users().prop_map(|by| RoomCommand::View { by }),
        1 => (users(), proptest::option::of(users()), any::<usize>())
            .prop_map(|(by, after, limit)| RoomCommand::Members { by, after, limit }),
        1 => creates(),
    ]
}

/// A group or public room with some members.
pub fn creates() -> impl Strategy<Value = RoomCommand> {
    let kind = prop_oneof![Just(RoomKind::Group), Just(RoomKind::Public)];
    let members = proptest::collection::vec(users(), 0..4);
    (users(), kind, members).prop_map(|(by, kind, members)| RoomCommand::Create {
        by,
        kind,
        name: None,
        members,
    })
}

/// Histories: a room is created, then anything may happen.
pub fn histories(
    command: impl Strategy<Value = RoomCommand>,
    length: usize,
) -> impl Strategy<Value = (RoomCommand, Vec<Step>)> {
    let owner = 0..2_usize;
    let step = prop_oneof![
        20 => (owner.clone(), command).prop_map(|(owner, command)| Step::Ask(owner, command)),
        4 => (0..400_u64).prop_map(Step::Wait),
        2 => owner.clone().prop_map(Step::Sweep),
        3 => owner.clone().prop_map(Step::Restart),
        3 => owner.prop_map(Step::Snapshot),
    ];
    (creates(), proptest::collection::vec(step, 0..length))
}
