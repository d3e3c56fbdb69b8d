//! What befalls a world when its time has come, and when that is over.

use super::incidents::What;
use super::ways::Trouble;
use super::world::{Crowd, World};

/// Longest wait for a node that ends in order.
const DRAIN_MS: u64 = 6_000;

/// A turn of events.
#[derive(Clone, Copy)]
pub enum Turn {
    Happens(What),
    Notice(usize),
    Over(Trouble),
    /// A node that drains has had all the time it gets, if it is still in that life.
    Late(usize, u64),
}

impl<C: Crowd> World<C> {
    /// What is due happens.
    pub(super) fn happen(&mut self) {
        let now = self.now();
        while let Some(entry) = self.plan.first_entry() {
            if entry.key().0 > now {
                return;
            }
            match entry.remove() {
                Turn::Happens(what) => self.befall(what),
                Turn::Notice(node) => self.net.notice(node),
                Turn::Over(trouble) => self.net.end(trouble),
                Turn::Late(node, life) if self.nodes[node].life() == Some(life) => {
                    self.trace.hit("node drained too long");
                    self.crash(node, 20);
                }
                Turn::Late(..) => {}
            }
        }
    }

    fn later(&mut self, after: u64, turn: Turn) {
        let number = 1_000 + self.plan.len() as u64;
        let at = self.now() + after;
        let mut key = (at, number);
        while self.plan.contains_key(&key) {
            key.1 += 1;
        }
        self.plan.insert(key, turn);
    }

    fn trouble(&mut self, trouble: Trouble, ms: u64) {
        // Signs of life say nothing of rooms.
        if !matches!(trouble, Trouble::Hush(_)) {
            self.outages.push((self.now(), self.now() + ms));
        }
        self.net.begin(trouble);
        self.later(ms, Turn::Over(trouble));
    }

    fn befall(&mut self, what: What) {
        self.trace.note(|| format!("{what:?}"));
        let now = self.now();
        match what {
            What::Nothing => {}
            What::Crash {
                node,
                words,
                down,
                renamed,
            } => {
                self.nodes[node].renamed += u32::from(renamed && self.options.clustered());
                match (words, self.nodes[node].fuse()) {
                    (_, None) => {}
                    (Some(words), Some(fuse)) => fuse.light(words + 1),
                    (None, Some(_)) => self.crash(node, down),
                }
            }
            What::Pause { node, ms } => {
                self.trace.hit("node paused");
                self.nodes[node].paused_until = now + ms;
                self.outages.push((now, now + ms));
            }
            What::Cut {
                node,
                ms,
                unnoticed,
            } => {
                self.trouble(Trouble::Cut(node), ms);
                self.later(unnoticed, Turn::Notice(node));
            }
            What::CutAll { ms } => {
                self.trace.hit("bus gone for all");
                for node in 0..self.nodes.len() {
                    self.trouble(Trouble::Cut(node), ms);
                    self.net.notice(node);
                }
            }
            What::OneWay {
                from,
                to,
                ms,
                silent,
            } => {
                self.trace.hit("one way cut");
                self.trouble(Trouble::OneWay(from, to, silent), ms);
            }
            What::Deaf { node, ms } => self.trouble(Trouble::Deaf(node), ms),
            What::Hush { node, ms } => self.trouble(Trouble::Hush(node), ms),
            What::Jump { node, by } => {
                self.trace.hit("clock jumped");
                self.nodes[node].clock.jump(by);
            }
            What::Drain { node, down } => {
                self.nodes[node].drain(down);
                if let Some(life) = self.nodes[node].life() {
                    self.later(DRAIN_MS, Turn::Late(node, life));
                }
            }
        }
    }
}
