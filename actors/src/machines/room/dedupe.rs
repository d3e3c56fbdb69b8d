//! The dedupe index: which message ids a sender has used lately, and where those messages stand.
//!
//! Kept are all entries younger than the window, and beyond it each sender's last ones as long as the
//! older entries together stay within a bound. Entries stand in the order of their messages; an entry
//! costs about 100 bytes. Of one sender the older entries always go first, so that what is kept of a
//! sender is the end of what the sender sent.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{Content, Metadata, RoomLimits};
use crate::ids::{MessageId, Sequence, Timestamp, UserId};

/// Identity of (sender, message id): 128 bits of BLAKE3.
pub(super) type Key = [u64; 2];

/// A message id that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub key: Key,
    pub sequence: Sequence,
    pub sent_at: Timestamp,
    /// Identity of the content.
    pub fingerprint: u64,
    /// Index into `senders`.
    sender: u32,
    /// How manieth of this sender; wraps.
    nth: u32,
}

/// What is kept of one sender.
#[derive(Debug, Clone)]
struct Sender {
    user: UserId,
    /// `nth` of the last message.
    last: u32,
    held: u32,
    /// Places of those entries that are out of the window.
    old: VecDeque<u64>,
}

/// The index. A *place* counts insertions; the recent entries are contiguous, the old ones are not.
#[derive(Debug, Clone, Default)]
pub(super) struct Dedupe {
    places: HashMap<Key, u64>,
    old: BTreeMap<u64, Used>,
    recent: VecDeque<Used>,
    /// Place of the first recent entry.
    first_recent: u64,
    senders: Vec<Sender>,
    sender_ids: HashMap<UserId, u32>,
    free_senders: Vec<u32>,
    /// The identity computed last: admission, decision and event of one message ask for the same.
    asked: Option<(UserId, MessageId, Key)>,
}

impl Dedupe {
    /// Room for so many entries.
    pub fn with_capacity(entries: usize) -> Self {
        Self {
            places: HashMap::with_capacity(entries),
            recent: VecDeque::with_capacity(entries),
            ..Self::default()
        }
    }

    pub fn len(&self) -> usize {
        self.old.len() + self.recent.len()
    }

    /// What the sender sent under this id, as far as it is still known.
    pub fn find(&self, sender: &UserId, id: &MessageId) -> Option<&Used> {
        let place = *self.places.get(&self.key(sender, id))?;
        match place.checked_sub(self.first_recent) {
            Some(index) => self.recent.get(usize::try_from(index).ok()?),
            None => self.old.get(&place),
        }
    }

    /// Prepares for questions about one message.
    pub fn ask(&mut self, sender: &UserId, id: &MessageId) {
        let key = key(sender, id);
        self.asked = Some((sender.clone(), id.clone(), key));
    }

    /// The identity of a sender's message id.
    pub fn key(&self, sender: &UserId, id: &MessageId) -> Key {
        match &self.asked {
            Some((user, asked, key)) if user == sender && asked == id => *key,
            _ => key(sender, id),
        }
    }

    /// Remembers a message.
    pub fn insert(
        &mut self,
        key: Key,
        user: &UserId,
        sequence: Sequence,
        sent_at: Timestamp,
        fingerprint: u64,
    ) {
        let sender = self.sender(user);
        let state = &mut self.senders[sender as usize];
        state.last = state.last.wrapping_add(1);
        state.held += 1;
        let nth = state.last;
        let place = self.first_recent + self.recent.len() as u64;
        self.places.insert(key, place);
        self.recent.push_back(Used {
            key,
            sequence,
            sent_at,
            fingerprint,
            sender,
            nth,
        });
    }

    /// Lets at most `budget` entries leave the window; true if none is left that should.
    pub fn prune(&mut self, now: Timestamp, limits: &RoomLimits, budget: usize) -> bool {
        for _ in 0..budget {
            let front = self.recent.front();
            if front.is_none_or(|used| now.since(used.sent_at) < limits.dedupe_window_ms) {
                return true;
            }
            self.age();
            self.bound_old(limits);
        }
        false
    }

    /// When there is no room for another entry: milliseconds until there may be.
    pub fn full_for(&self, now: Timestamp, limits: &RoomLimits) -> Option<u64> {
        if self.len() < limits.dedupe_max {
            return None;
        }
        let front = self.recent.front()?;
        let leaves = front.sent_at.plus_millis(limits.dedupe_window_ms);
        Some(leaves.since(now).max(1))
    }

    /// All entries with their senders, in the order of their messages.
    pub fn iter(&self) -> impl Iterator<Item = (&UserId, &Used)> {
        let used = self.old.values().chain(&self.recent);
        used.map(|used| (&self.senders[used.sender as usize].user, used))
    }

    /// Whether the parts agree with each other: for invariant R5.
    pub fn is_consistent(&self) -> bool {
        let held: usize = self.senders.iter().map(|sender| sender.held as usize).sum();
        let old: usize = self.senders.iter().map(|sender| sender.old.len()).sum();
        self.places.len() <= self.len()
            && held == self.len()
            && old == self.old.len()
            && self.sender_ids.len() + self.free_senders.len() == self.senders.len()
            && self
                .iter()
                .all(|(_, used)| self.places.contains_key(&used.key))
    }

    /// Loses an entry without telling the other parts.
    #[cfg(test)]
    pub fn damage(&mut self) {
        self.recent.pop_back();
    }

    fn sender(&mut self, user: &UserId) -> u32 {
        if let Some(id) = self.sender_ids.get(user) {
            return *id;
        }
        let sender = Sender {
            user: user.clone(),
            last: 0,
            held: 0,
            old: VecDeque::new(),
        };
        let id = match self.free_senders.pop() {
            Some(id) => {
                self.senders[id as usize] = sender;
                id
            }
            None => {
                self.senders.push(sender);
                (self.senders.len() - 1) as u32
            }
        };
        self.sender_ids.insert(user.clone(), id);
        id
    }

    /// Makes the first recent entry an old one.
    fn age(&mut self) {
        let Some(used) = self.recent.pop_front() else {
            return;
        };
        let place = self.first_recent;
        self.first_recent += 1;
        self.senders[used.sender as usize].old.push_back(place);
        self.old.insert(place, used);
    }

    /// Drops old entries beyond the bounds: those the sender has left behind, then the oldest.
    fn bound_old(&mut self, limits: &RoomLimits) {
        if let Some((_, newest)) = self.old.last_key_value() {
            let sender = newest.sender;
            let last = self.senders[sender as usize].last;
            while let Some(place) = self.senders[sender as usize].old.front().copied()
                && let Some(used) = self.old.get(&place)
                && last.wrapping_sub(used.nth) as usize >= limits.dedupe_per_sender
            {
                self.forget(place);
            }
        }
        while self.old.len() > limits.dedupe_entries
            && let Some((place, _)) = self.old.first_key_value()
        {
            self.forget(*place);
        }
    }

    /// Drops an old entry, the oldest of its sender.
    fn forget(&mut self, place: u64) {
        let Some(used) = self.old.remove(&place) else {
            return;
        };
        // A later message may have taken over the key, after an owner with a shorter memory.
        if self.places.get(&used.key) == Some(&place) {
            self.places.remove(&used.key);
        }
        let sender = &mut self.senders[used.sender as usize];
        debug_assert_eq!(sender.old.front(), Some(&place));
        sender.old.pop_front();
        sender.held -= 1;
        if sender.held == 0 {
            self.sender_ids.remove(&sender.user);
            sender.old = VecDeque::new();
            self.free_senders.push(used.sender);
        }
    }
}

fn key(sender: &UserId, id: &MessageId) -> Key {
    let (sender, id) = (sender.as_str().as_bytes(), id.as_str().as_bytes());
    let mut bytes = Vec::with_capacity(8 + sender.len() + id.len());
    bytes.extend_from_slice(&(sender.len() as u64).to_le_bytes());
    bytes.extend_from_slice(sender);
    bytes.extend_from_slice(id);
    let hash = blake3::hash(&bytes);
    [word(&hash, 0), word(&hash, 8)]
}

/// Identity of what a message says, by which a repeat is told from another message with the same id.
/// Does not see blanks around the text, for those are trimmed.
pub(super) fn fingerprint(content: &Content, reply_to: Option<Sequence>) -> u64 {
    let text = content.text.trim();
    let mut bytes = Vec::with_capacity(64 + text.len());
    put(&mut bytes, content.kind.as_str().as_bytes());
    put(&mut bytes, text.as_bytes());
    let reply_to = reply_to.map(|target| target.0.to_le_bytes());
    put_option(&mut bytes, reply_to.as_ref().map(<[u8; 8]>::as_slice));
    match &content.metadata {
        None => {}
        Some(Metadata::Media(media)) => {
            bytes.push(1);
            put(&mut bytes, media.file_url.as_bytes());
            put_option(&mut bytes, media.file_name.as_deref().map(str::as_bytes));
            let size = media.file_size.map(u64::to_le_bytes);
            put_option(&mut bytes, size.as_ref().map(<[u8; 8]>::as_slice));
            put_option(&mut bytes, media.mime_type.as_deref().map(str::as_bytes));
            let duration = media.duration.map(f64::to_le_bytes);
            put_option(&mut bytes, duration.as_ref().map(<[u8; 8]>::as_slice));
        }
        Some(Metadata::Location(place)) => {
            bytes.push(2);
            bytes.extend_from_slice(&place.lat.to_le_bytes());
            bytes.extend_from_slice(&place.lng.to_le_bytes());
            put_option(&mut bytes, place.address.as_deref().map(str::as_bytes));
        }
    }
    word(&blake3::hash(&bytes), 0)
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
    bytes.extend_from_slice(part);
}

fn put_option(bytes: &mut Vec<u8>, part: Option<&[u8]>) {
    bytes.push(u8::from(part.is_some()));
    put(bytes, part.unwrap_or_default());
}

fn word(hash: &blake3::Hash, at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&hash.as_bytes()[at..at + 8]);
    u64::from_le_bytes(word)
}
