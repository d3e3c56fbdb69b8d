//! A room with a store beside it, driven the way the runtime drives it, one command at a time.
#![allow(dead_code, reason = "each test binary uses its part of it")]

use std::collections::BTreeMap;

use actors::ids::{EntityId, RoomId, Sequence, Timestamp};
use actors::journal::{Head, OverlayWrite, Record, Row, SideWrites, Table};
use actors::machines::room::{
    Content, MessageKind, Room, RoomCommand, RoomEvent, RoomKind, RoomLimits, RoomRejection,
    RoomReply, RoomView, Sent,
};
use actors::machines::{Context, Machine};
use bytes::Bytes;

/// What a journal provider would hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Store {
    pub records: Vec<Record>,
    pub overlays: BTreeMap<Sequence, OverlayWrite>,
    pub table: BTreeMap<(Table, Vec<u8>), (u64, Option<Bytes>)>,
}

impl Store {
    pub fn head(&self) -> Sequence {
        Sequence(self.records.len() as u64)
    }

    pub fn record(&self, sequence: Sequence) -> Option<&Record> {
        self.records.get(sequence.0.checked_sub(1)? as usize)
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
        for write in &side.table {
            let key = (write.table, write.key.clone());
            let stored = self.table.get(&key);
            if stored.is_none_or(|(rank, _)| *rank <= write.rank) {
                self.table.insert(key, (write.rank, write.value.clone()));
            }
        }
    }

    /// One row per record, for readers.
    pub fn rows(&self) -> Vec<Row> {
        let mut head = Head::default();
        let mut rows = Vec::new();
        for record in &self.records {
            let row = Row::seal(head, 0, vec![record.clone()]);
            head = row.head();
            rows.push(row);
        }
        rows
    }

    pub fn overlays(&self) -> Vec<OverlayWrite> {
        self.overlays.values().cloned().collect()
    }

    /// Brings what `room` needs of an older message.
    pub fn load(&self, room: &mut Room, target: Sequence) {
        let overlay = self.overlays.get(&target);
        room.load(target, self.record(target), overlay)
            .expect("what was stored can be read");
    }

    /// A room rebuilt from `room` (new, or a snapshot) and the records behind it.
    pub fn replay(&self, mut room: Room) -> Room {
        for index in room.head().0..self.head().0 {
            let sequence = Sequence(index + 1);
            let record = &self.records[index as usize];
            let entry = Room::decode(record).expect("what was stored can be read");
            if let Some(target) = room.replay_needs(&entry) {
                self.load(&mut room, target);
            }
            room.apply(sequence, &entry);
        }
        room
    }
}

/// A room, its store and its clock.
#[derive(Clone)]
pub struct Hall {
    pub entity: EntityId,
    pub room: Room,
    pub limits: RoomLimits,
    pub now: Timestamp,
    pub store: Store,
}

pub type Answer = Result<RoomReply, RoomRejection>;

impl Hall {
    /// A hall without a room, at noon.
    pub fn new(room: &str) -> Self {
        let entity = EntityId::room(&RoomId::parse(room).expect("a room id"));
        Self {
            room: Room::new(&entity),
            entity,
            limits: RoomLimits::default(),
            now: Timestamp(1_700_000_000_000),
            store: Store::default(),
        }
    }

    /// A group of ada (owner), mo (moderator), bob and cy (members).
    pub fn group() -> Self {
        let mut hall = Self::new("band");
        hall.create("ada", RoomKind::Group, &["mo", "bob", "cy"])
            .expect("created");
        hall.ask(RoomCommand::SetRole {
            by: user("ada"),
            user: user("mo"),
            role: actors::machines::room::Role::Moderator,
        })
        .expect("promoted");
        hall
    }

    /// A public room of ada, who is its only member.
    pub fn public() -> Self {
        let mut hall = Self::new("stage");
        hall.create("ada", RoomKind::Public, &[]).expect("created");
        hall
    }

    /// The direct room of ada and bob.
    pub fn direct() -> Self {
        let mut hall = Self::new(RoomId::direct(&user("ada"), &user("bob")).as_str());
        hall.create("ada", RoomKind::Direct, &["bob"])
            .expect("created");
        hall
    }

    pub fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Decides one command and makes it durable.
    pub fn ask(&mut self, command: RoomCommand) -> Answer {
        if let Some(target) = self.room.needs(&command) {
            self.store.load(&mut self.room, target);
            assert_eq!(self.room.needs(&command), None, "one load is enough");
        }
        let context = Context {
            now: self.now,
            limits: &self.limits,
        };
        self.room.admit(&context, &command)?;
        let decision = self.room.decide(&context, &command)?;
        for entry in decision.events {
            let sequence = self.room.head().next();
            let record = Room::encode(&entry);
            assert_eq!(Room::decode(&record).as_ref(), Ok(&entry));
            self.room.apply(sequence, &entry);
            let side = self.room.effects(sequence, &entry);
            self.store.records.push(record);
            self.store.write(&side);
        }
        Ok(decision.reply)
    }

    pub fn sweep(&mut self) {
        self.room.sweep(&Context {
            now: self.now,
            limits: &self.limits,
        });
    }

    /// The owner dies: the room comes back from its journal alone.
    pub fn restart(&mut self) {
        self.room = self.store.replay(Room::new(&self.entity));
    }

    /// The owner dies after a snapshot was taken.
    pub fn restart_from_snapshot(&mut self) {
        let snapshot = self.room.snapshot();
        self.room = Room::restore(&self.entity, &snapshot).expect("a snapshot can be read");
    }

    /// The events journaled so far.
    pub fn events(&self) -> Vec<RoomEvent> {
        let decode = |record| Room::decode(record).expect("what was stored can be read");
        self.store
            .records
            .iter()
            .map(|record| decode(record).event)
            .collect()
    }

    /// The events of one command.
    pub fn ask_for_events(
        &mut self,
        command: RoomCommand,
    ) -> Result<Vec<RoomEvent>, RoomRejection> {
        let before = self.store.records.len();
        self.ask(command)?;
        Ok(self.events().split_off(before))
    }

    pub fn create(&mut self, by: &str, kind: RoomKind, members: &[&str]) -> Answer {
        self.ask(RoomCommand::Create {
            by: user(by),
            kind,
            name: None,
            members: members.iter().map(|name| user(name)).collect(),
        })
    }

    pub fn view(&mut self, by: &str) -> Result<RoomView, RoomRejection> {
        match self.ask(RoomCommand::View { by: user(by) })? {
            RoomReply::Room(view) => Ok(view),
            other => panic!("a view is answered by a room, not {other:?}"),
        }
    }

    pub fn send(&mut self, by: &str, id: &str, text: &str) -> Result<Sent, RoomRejection> {
        self.send_content(by, id, words(text), None)
    }

    pub fn send_content(
        &mut self,
        by: &str,
        id: &str,
        content: Content,
        reply_to: Option<Sequence>,
    ) -> Result<Sent, RoomRejection> {
        let command = RoomCommand::Send {
            by: user(by),
            id: message(id),
            content,
            reply_to,
        };
        match self.ask(command)? {
            RoomReply::Sent(sent) => Ok(sent),
            other => panic!("a message is answered by Sent, not {other:?}"),
        }
    }

    pub fn edit(
        &mut self,
        by: &str,
        target: Sequence,
        text: &str,
    ) -> Result<Sequence, RoomRejection> {
        self.done(RoomCommand::Edit {
            by: user(by),
            target,
            text: text.to_owned(),
        })
    }

    pub fn delete(&mut self, by: &str, target: Sequence) -> Result<Sequence, RoomRejection> {
        self.done(RoomCommand::Delete {
            by: user(by),
            target,
        })
    }

    pub fn react(
        &mut self,
        by: &str,
        target: Sequence,
        emoji: &str,
    ) -> Result<Sequence, RoomRejection> {
        self.done(RoomCommand::React {
            by: user(by),
            target,
            emoji: emoji.to_owned(),
            add: true,
        })
    }

    pub fn unreact(
        &mut self,
        by: &str,
        target: Sequence,
        emoji: &str,
    ) -> Result<Sequence, RoomRejection> {
        self.done(RoomCommand::React {
            by: user(by),
            target,
            emoji: emoji.to_owned(),
            add: false,
        })
    }

    pub fn invite(&mut self, by: &str, whom: &str) -> Result<Sequence, RoomRejection> {
        self.done(RoomCommand::Invite {
            by: user(by),
            user: user(whom),
        })
    }

    pub fn remove(&mut self, by: &str, whom: &str) -> Result<Sequence, RoomRejection> {
        self.done(RoomCommand::Remove {
            by: user(by),
            user: user(whom),
        })
    }

    pub fn quit(&mut self, by: &str) -> Result<Sequence, RoomRejection> {
        self.done(RoomCommand::Quit { by: user(by) })
    }

    pub fn done(&mut self, command: RoomCommand) -> Result<Sequence, RoomRejection> {
        match self.ask(command)? {
            RoomReply::Done { sequence } => Ok(sequence),
            other => panic!("expected Done, got {other:?}"),
        }
    }
}

pub use actors::testing::words::{id as message, user};

pub fn words(text: &str) -> Content {
    Content {
        kind: MessageKind::Text,
        text: text.to_owned(),
        metadata: None,
    }
}
