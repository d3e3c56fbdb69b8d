//! After the faults: everything must come to rest, by itself if nobody comes back.

use std::sync::atomic::Ordering;

use super::World;
use super::scene::OVER_MS;

/// People come back for so long.
const BACK_MS: u64 = 3_000;
/// What is still to be done is done by then: the last alarm is one for lost side writes.
const SETTLED_MS: u64 = 60_000;
/// A step while nothing is under way.
const CALM_MS: u64 = 200;

impl World {
    /// All nodes are down while the clock goes on; what was to befall them comes later by as much.
    pub(super) fn night(&mut self, millis: u64) {
        self.trace.note(|| format!("night for {millis} ms"));
        self.trace.hit("all nodes down");
        for number in 0..self.nodes.len() {
            self.crash(number, millis);
        }
        let planned = std::mem::take(&mut self.plan).into_iter();
        self.plan = planned
            .map(|((at, number), turn)| ((at + millis, number), turn))
            .collect();
        let began = self.time();
        self.now.fetch_add(millis, Ordering::Relaxed);
        self.store.run();
        let mut history = self.crowd.history.lock();
        history.nights.push((began, began.plus_millis(millis)));
    }

    /// Ends all faults and waits until all that is to come has come.
    pub(super) fn healed(&mut self) {
        self.heal();
        let healed = self.now();
        let deserted = self.options.deserted;
        if deserted {
            self.trace.hit("deserted");
        }
        let mut insisted = false;
        while self.now() < healed + BACK_MS {
            if !deserted && !self.options.quiet {
                self.act();
            }
            // Whoever was left without an answer asks once more, at last of nodes that know each other.
            if !deserted && !insisted && self.now() > healed + BACK_MS / 2 {
                insisted = true;
                let sites = Self::sites(&self.nodes);
                let people = self.crowd.people.iter_mut();
                people.for_each(|person| person.insist(&sites));
            }
            self.step(5);
        }
        if self.crowd.scene.ends_at_night && self.now() < OVER_MS {
            self.night(OVER_MS - self.now());
            self.raise();
        }
        let spread = self.skew();
        let settled = self.now().max(OVER_MS) + SETTLED_MS + spread;
        while self.now() < settled {
            let millis = if self.store.is_calm() { CALM_MS } else { 5 };
            self.step(millis);
        }
    }

    /// By how much a clock may be behind another one, or may have been.
    pub(super) fn skew(&self) -> u64 {
        self.nodes.iter().map(|node| node.clock.widest()).sum()
    }
}
