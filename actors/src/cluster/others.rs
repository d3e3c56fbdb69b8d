//! Who is present in a room on other nodes, beside who is here.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

use super::fanout::Fanout;
use super::feed::Feed;
use crate::bus::frame::Here;
use crate::ids::{EntityId, NodeId, RoomId, Timestamp, UserId};

/// Users present, by name if they are few.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Present {
    pub count: u64,
    pub users: Option<Vec<UserId>>,
}

/// One other node's word.
#[derive(Debug)]
struct Word {
    incarnation: u64,
    version: u64,
    count: u64,
    users: BTreeSet<UserId>,
    heard: Timestamp,
}

/// The newest word of each other node about one room.
#[derive(Debug, Default)]
pub(crate) struct Others {
    words: BTreeMap<NodeId, Word>,
    /// Later words may have been lost than those that were heard before this moment.
    doubted: Option<Timestamp>,
}

impl Others {
    /// Whether no other node has told anything.
    pub fn is_silent(&self) -> bool {
        self.words.is_empty()
    }

    pub fn has(&self, user: &UserId) -> bool {
        self.words.values().any(|word| word.users.contains(user))
    }

    /// Whether that node said so of this user.
    pub fn said_by(&self, node: &NodeId, user: &UserId) -> bool {
        let word = self.words.get(node);
        word.is_some_and(|word| word.users.contains(user))
    }

    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.words.values().flat_map(|word| &word.users)
    }

    /// Users who are only counted.
    pub fn nameless(&self) -> u64 {
        let nameless = |word: &Word| word.count.saturating_sub(word.users.len() as u64);
        self.words.values().map(nameless).sum()
    }

    /// Takes a word in; the users that came and went with it, if it is the newest.
    fn take(&mut self, here: Here, now: Timestamp) -> Option<(Vec<UserId>, Vec<UserId>)> {
        let newness = (here.incarnation, here.version);
        let old = self.words.get(&here.node);
        if old.is_some_and(|old| (old.incarnation, old.version) >= newness) {
            return None;
        }
        let users: BTreeSet<UserId> = here.users.into_iter().flatten().collect();
        let before = old.map(|old| old.users.clone()).unwrap_or_default();
        let elsewhere = |user: &&UserId| {
            let mut others = self.words.iter().filter(|(node, _)| **node != here.node);
            others.any(|(_, word)| word.users.contains(*user))
        };
        let came = users.difference(&before).filter(|u| !elsewhere(u));
        let came = came.cloned().collect();
        let went = before.difference(&users).cloned().collect();
        self.words.insert(
            here.node,
            Word {
                incarnation: here.incarnation,
                version: here.version,
                count: here.count,
                users,
                heard: now,
            },
        );
        Some((came, went))
    }

    /// Words were lost before `now`: those count that are said again. Whether there are any.
    fn doubt(&mut self, now: Timestamp) -> bool {
        self.doubted = (!self.words.is_empty()).then_some(now);
        self.doubted.is_some()
    }

    /// Forgets what was not said again although there was time enough; who went with it. Nothing while there still is time.
    fn settle(&mut self, now: Timestamp, patience: u64) -> Vec<UserId> {
        match self.doubted.take_if(|since| now.since(*since) >= patience) {
            Some(since) => self.forget(|_, heard| heard < since),
            None => Vec::new(),
        }
    }

    fn forget(&mut self, gone: impl Fn(&NodeId, Timestamp) -> bool) -> Vec<UserId> {
        let mut went = Vec::new();
        self.words.retain(|node, word| {
            let goes = gone(node, word.heard);
            if goes {
                went.extend(std::mem::take(&mut word.users));
            }
            !goes
        });
        went
    }
}

impl Feed {
    /// Who is here, with those whose leaving has not been told yet.
    pub(super) fn here(&self, most: usize) -> Present {
        let users: BTreeSet<&UserId> = self.locals().chain(self.leaving.keys()).collect();
        Present {
            count: users.len() as u64,
            users: (users.len() <= most).then(|| users.into_iter().cloned().collect()),
        }
    }

    fn came_elsewhere(&mut self, users: Vec<UserId>) {
        for user in users {
            let known = self.is_here(&user) || self.leaving.contains_key(&user);
            if self.left.remove(&user) || known {
                continue;
            }
            self.coming.insert(user);
        }
    }

    fn went_elsewhere(&mut self, users: Vec<UserId>) {
        for user in users {
            if !self.is_present(&user) && !self.coming.remove(&user) {
                self.left.insert(user);
            }
        }
    }
}

impl Fanout {
    /// Another node told who is present there.
    pub(super) fn present_elsewhere(&self, room: &RoomId, here: Here, now: Timestamp) {
        let Some(feed) = self.feed_of(room) else {
            return;
        };
        {
            let mut feed = feed.lock();
            feed.asked |= here.ask;
            if let Some((came, went)) = feed.others.take(here, now) {
                feed.came_elsewhere(came);
                feed.went_elsewhere(went);
            }
        }
        self.restless.lock().insert(EntityId::room(room));
    }

    /// A node is gone, and everyone who was present there with it.
    pub(super) fn forget_node(&self, node: &NodeId, entities: &[EntityId]) {
        for room in entities.iter().filter_map(EntityId::as_room) {
            self.forget_words(&room, |other, _| other == node);
        }
    }

    /// Says again who is here, and forgets what a node has not said again for long: words may be lost. With `ask`, the
    /// others are to say it again too.
    pub(super) fn freshen_presence(&self, room: &RoomId, stale: Timestamp, ask: bool) {
        self.forget_words(room, |_, heard| heard < stale);
        if let Some(feed) = self.feed_of(room) {
            {
                let mut feed = feed.lock();
                feed.asked = true;
                feed.asks |= ask;
            }
            self.restless.lock().insert(EntityId::room(room));
        }
    }

    /// After words were lost, those count that are said again: that nobody reads on a node any more is said for seconds only,
    /// and an outage may be longer. To be called with each look. True while the others are to be asked, now and in another
    /// look soon: a question or an answer may be lost, too.
    pub(super) fn doubt_words(
        &self,
        room: &RoomId,
        now: Timestamp,
        lost: bool,
        patience: u64,
    ) -> bool {
        let Some(feed) = self.feed_of(room) else {
            return false;
        };
        if lost {
            return feed.lock().others.doubt(now);
        }
        self.let_words_go(room, &feed, |others| others.settle(now, patience));
        feed.lock().others.doubted.is_some()
    }

    fn forget_words(&self, room: &RoomId, gone: impl Fn(&NodeId, Timestamp) -> bool) {
        let Some(feed) = self.feed_of(room) else {
            return;
        };
        self.let_words_go(room, &feed, |others| others.forget(gone));
    }

    fn let_words_go(
        &self,
        room: &RoomId,
        feed: &Mutex<Feed>,
        which: impl FnOnce(&mut Others) -> Vec<UserId>,
    ) {
        {
            let mut feed = feed.lock();
            let went = which(&mut feed.others);
            if went.is_empty() {
                return;
            }
            feed.went_elsewhere(went);
        }
        self.restless.lock().insert(EntityId::room(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(incarnation: u64, version: u64, names: &[&str]) -> Here {
        let user = |name: &&str| UserId::parse(name).expect("a valid id");
        Here {
            node: NodeId::parse("other").expect("a valid id"),
            incarnation,
            version,
            count: names.len() as u64,
            users: Some(names.iter().map(user).collect()),
            ask: false,
        }
    }

    #[test]
    fn a_word_that_is_said_again_or_comes_late_changes_nothing() {
        let mut others = Others::default();
        let mut take = |word| others.take(word, Timestamp(0)).is_some();
        assert!(take(word(1, 5, &["ada"])));
        assert!(!take(word(1, 5, &[])) && !take(word(1, 4, &[])));
        assert!(take(word(1, 6, &[])));
        assert!(!take(word(1, 5, &["ada"])));
        // Another life of the node begins its versions anew.
        assert!(take(word(2, 1, &["bob"])));
        assert!(!take(word(1, 7, &["ada"])));
        assert!(
            others
                .users()
                .eq([&UserId::parse("bob").expect("a valid id")])
        );
    }
}
