//! One group commit in the making: decides each request against the heads that the group itself makes,
//! and gathers what must be written in one engine batch.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::fjall::{OwnedWriteBatch as WriteBatch, Slice};
use parking_lot::Mutex;

use super::heads::HeadCache;
use super::keys;
use super::queue::{Answer, Outcome, Request};
use super::store::{Store, corrupt};
use crate::ids::{EntityId, Sequence};
use crate::journal::{AppendError, Head, ReadError};

/// What one request asks the commit thread to do. Verified and encoded by whoever asked.
pub(super) enum Work {
    Append(Box<AppendWork>),
    /// Writes that stand alone: table rows.
    Writes(Vec<Write>),
    /// A snapshot at a sequence, which its journal must have reached.
    Snapshot {
        entity: EntityId,
        sequence: Sequence,
        write: Write,
    },
    /// Removal of rows and overlays, lowest first, and the new first retained sequence.
    Trim {
        entity: EntityId,
        keys: Vec<Vec<u8>>,
        first: Write,
    },
    /// A wake-up set (with its value) or cleared.
    Wakeup {
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    },
}

impl Work {
    /// Whose journal it writes to, if it is one.
    pub(super) fn entity(&self) -> Option<&EntityId> {
        match self {
            Self::Append(append) => Some(&append.entity),
            Self::Snapshot { entity, .. } | Self::Trim { entity, .. } => Some(entity),
            Self::Writes(_) | Self::Wakeup { .. } => None,
        }
    }

    /// Whether the store is smaller afterwards, sooner or later.
    pub(super) fn frees(&self) -> bool {
        matches!(self, Self::Trim { .. } | Self::Wakeup { value: None, .. })
    }
}

pub(super) struct AppendWork {
    pub(super) entity: EntityId,
    pub(super) after: Head,
    pub(super) head: Head,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) erasures: Vec<Sequence>,
    pub(super) writes: Vec<Write>,
}

/// A ranked value: ignored if a higher rank is stored.
pub(super) struct Write {
    pub(super) key: Vec<u8>,
    pub(super) rank: u64,
    pub(super) value: Vec<u8>,
    /// The row goes, and the value is the mark that it leaves elsewhere.
    pub(super) removes: bool,
}

impl Write {
    pub(super) fn new(key: Vec<u8>, rank: u64, value: Vec<u8>) -> Self {
        Self {
            key,
            rank,
            value,
            removes: false,
        }
    }
}

/// What stands under a key.
#[derive(Clone, Copy)]
struct Stored {
    rank: u64,
    /// The rank is that of a mark, which has to go when something is there again.
    removed: bool,
}

/// The last write to a key within a group. The engine orders writes of one batch by key only, so each
/// key may stand in it once.
struct Pending {
    rank: u64,
    value: Option<Slice>,
}

pub(super) struct Group<'a> {
    store: &'a Store,
    heads: &'a Mutex<HeadCache>,
    rows: Vec<(Slice, Slice)>,
    others: BTreeMap<Vec<u8>, Pending>,
    made: HashMap<EntityId, Head>,
    rewritten: BTreeSet<EntityId>,
    pub(super) waiting: Vec<(Answer, Outcome)>,
}

impl<'a> Group<'a> {
    pub(super) fn new(store: &'a Store, heads: &'a Mutex<HeadCache>) -> Self {
        Self {
            store,
            heads,
            rows: Vec::new(),
            others: BTreeMap::new(),
            made: HashMap::new(),
            rewritten: BTreeSet::new(),
            waiting: Vec::new(),
        }
    }

    /// Whether a request must wait for the next group: it rewrites or removes stored rows, which are read
    /// from the engine, and this group has already changed the same journal.
    pub(super) fn must_precede(&self, work: &Work) -> bool {
        let entity = match work {
            Work::Append(append) if !append.erasures.is_empty() => &append.entity,
            Work::Trim { entity, .. } => entity,
            _ => return false,
        };
        self.made.contains_key(entity) || self.rewritten.contains(entity)
    }

    /// Decides one request. A refusal that rests on durable state is answered at once; everything else
    /// waits until the group is durable, even a conflict, if the head found is the group's own.
    pub(super) fn add(&mut self, request: Request) {
        let decided = match request.work {
            Work::Append(append) => self.append(*append),
            Work::Writes(writes) => self.ranked(writes).map(Ok),
            Work::Snapshot {
                entity,
                sequence,
                write,
            } => self.snapshot(&entity, sequence, write).map(Ok),
            Work::Trim {
                entity,
                keys,
                first,
            } => self.trim(entity, keys, first).map(Ok),
            Work::Wakeup { key, value } => {
                let value = value.map(Slice::from);
                self.others.insert(key, Pending { rank: 0, value });
                Ok(Ok(()))
            }
        };
        match decided {
            Ok(outcome) => self.waiting.push((request.answer, outcome)),
            // The asker may be gone.
            Err(refusal) => drop(request.answer.send(Err(refusal))),
        }
    }

    /// Keys it writes.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.others.len()
    }

    /// Fills the engine batch; what is left is who waits and which heads were made.
    pub(super) fn stage(&mut self, batch: &mut WriteBatch) {
        let data = &self.store.data;
        for (key, value) in self.rows.drain(..) {
            batch.insert(data, key, value);
        }
        for (key, pending) in std::mem::take(&mut self.others) {
            match pending.value {
                Some(value) => batch.insert(data, key, value),
                None => batch.remove(data, key),
            }
        }
    }

    /// Heads made by the group, now durable, become everybody's.
    pub(super) fn publish(&mut self) {
        let mut heads = self.heads.lock();
        for (entity, head) in self.made.drain() {
            heads.put(entity, head);
        }
    }

    fn append(&mut self, append: AppendWork) -> Result<Outcome, AppendError> {
        let own = self.made.get(&append.entity).copied();
        let head = match own {
            Some(head) => head,
            None => self.durable_head(&append.entity)?,
        };
        if head != append.after {
            let conflict = AppendError::Conflict { head };
            return match own {
                Some(_) => Ok(Err(conflict)),
                None => Err(conflict),
            };
        }
        let erased = self.erased_rows(&append.entity, &append.erasures)?;
        self.ranked(append.writes)?;
        if !append.erasures.is_empty() {
            self.rewritten.insert(append.entity.clone());
        }
        for (key, value) in erased {
            let value = Some(Slice::from(value));
            self.others.insert(key, Pending { rank: 0, value });
        }
        self.rows.push((append.key.into(), append.value.into()));
        self.made.insert(append.entity, append.head);
        Ok(Ok(()))
    }

    fn durable_head(&self, entity: &EntityId) -> Result<Head, AppendError> {
        if let Some(head) = self.heads.lock().get(entity) {
            return Ok(head);
        }
        let head = self.store.head(entity).map_err(unread)?;
        self.heads.lock().put(entity.clone(), head);
        Ok(head)
    }

    /// The stored rows that hold these sequences, without their bodies.
    fn erased_rows(
        &self,
        entity: &EntityId,
        erasures: &[Sequence],
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, AppendError> {
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for sequence in erasures {
            let found = self.store.row_holding(entity, *sequence).map_err(unread)?;
            let Some((key, mut row)) = found else {
                continue;
            };
            if let Some(earlier) = rows.get(&key) {
                let parsed = keys::parse_row(&key, earlier);
                row = parsed.map_err(|reason| unread(corrupt(entity, *sequence, reason)))?;
            }
            row.erase(*sequence);
            let value = keys::row_value(&key, &row);
            rows.insert(key, value);
        }
        Ok(rows)
    }

    /// Stages the writes that no higher rank forestalls, or none of them if one cannot be judged.
    fn ranked(&mut self, writes: Vec<Write>) -> Outcome {
        let mut winners = Vec::with_capacity(writes.len());
        for write in writes {
            let stored = self.stored(&write.key)?;
            if stored.is_none_or(|stored| stored.rank <= write.rank) {
                winners.push((write, stored.is_some_and(|stored| stored.removed)));
            }
        }
        for (write, removed) in winners {
            // An earlier one of these may have changed what stands there.
            let staged = self.staged(&write.key);
            if staged.is_none_or(|staged| staged.rank <= write.rank) {
                self.put(write, staged.map_or(removed, |staged| staged.removed));
            }
        }
        Ok(())
    }

    fn staged(&self, key: &[u8]) -> Option<Stored> {
        let pending = self.others.get(key)?;
        Some(Stored {
            rank: pending.rank,
            removed: pending.value.is_none(),
        })
    }

    fn stored(&self, key: &[u8]) -> Result<Option<Stored>, AppendError> {
        if let Some(staged) = self.staged(key) {
            return Ok(Some(staged));
        }
        let of = |rank, removed| Stored { rank, removed };
        if let Some(rank) = self.store.rank(key).map_err(unread)? {
            return Ok(Some(of(rank, false)));
        }
        let Some(mark) = keys::of_removed(key) else {
            return Ok(None);
        };
        let rank = self.store.rank(&mark).map_err(unread)?;
        Ok(rank.map(|rank| of(rank, true)))
    }

    /// Stages a write; a row and its mark are never there together.
    fn put(&mut self, write: Write, was_removed: bool) {
        let (rank, value) = (write.rank, Some(Slice::from(write.value)));
        let gone = Pending { rank, value: None };
        let there = Pending { rank, value };
        match keys::of_removed(&write.key) {
            Some(mark) if write.removes => {
                self.others.insert(mark, there);
                self.others.insert(write.key, gone);
            }
            Some(mark) if was_removed => {
                self.others.insert(mark, gone);
                self.others.insert(write.key, there);
            }
            _ => {
                self.others.insert(write.key, there);
            }
        }
    }

    fn snapshot(&mut self, entity: &EntityId, sequence: Sequence, write: Write) -> Outcome {
        let head = match self.made.get(entity) {
            Some(head) => *head,
            None => self.durable_head(entity)?,
        };
        if sequence > head.sequence {
            let reason = format!("a snapshot at {sequence} ahead of {head}");
            return Err(AppendError::Invalid(reason));
        }
        self.ranked(vec![write])
    }

    fn trim(&mut self, entity: EntityId, keys: Vec<Vec<u8>>, first: Write) -> Outcome {
        self.ranked(vec![first])?;
        for key in keys {
            let gone = Pending {
                rank: u64::MAX,
                value: None,
            };
            self.others.insert(key, gone);
        }
        self.rewritten.insert(entity);
        Ok(())
    }
}

/// A write that cannot be decided because something stored cannot be read. It is not applied.
fn unread(error: ReadError) -> AppendError {
    AppendError::Unavailable(error.to_string())
}
