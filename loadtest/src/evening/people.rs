//! Where everybody's connection is, and what is measured of it.

use crate::run::log::Log;

/// How far somebody's connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Somewhere else.
    Away,
    /// On the way: a try is under way, or due in a moment.
    Coming,
    /// Where it wants to be.
    There,
}

/// One connection of a person.
#[derive(Debug)]
pub struct Client {
    /// How far it has come.
    pub stage: Stage,
    /// When this try began, by the clock of the run.
    pub begun_ns: u64,
    /// From when on the way back counts: the intended return, or the loss.
    pub back_ns: u64,
    /// Latencies count from no earlier than this: the last intended return, or the last time that it read on after a pause. A
    /// connection that was lost changes nothing: what is late because of that is late.
    pub since_ns: u64,
    /// It was there before.
    pub was_there: bool,
    /// A try is under way.
    pub is_trying: bool,
    /// Tries since it was there last.
    pub tries: u32,
    /// It is not read at the moment.
    pub paused: bool,
}

/// All connections of a run by line, and what is recorded of them.
pub struct People<'a> {
    /// The connections.
    pub clients: Vec<Client>,
    /// What everything took.
    pub log: &'a mut Log,
    /// When the traffic began, by the clock of the run; the end of time before that.
    pub start_ns: u64,
    /// Lines of which the join was answered since this was looked at last.
    pub joined: Vec<usize>,
    /// Events and answers that came: grows while anything still does that is waited for, which pings and typing are not.
    pub heard: u64,
    there: u32,
}

impl<'a> People<'a> {
    /// Nobody has come yet.
    pub fn new(lines: usize, log: &'a mut Log) -> Self {
        let client = |_| Client {
            stage: Stage::Away,
            begun_ns: 0,
            back_ns: 0,
            since_ns: 0,
            was_there: false,
            is_trying: false,
            tries: 0,
            paused: false,
        };
        Self {
            clients: (0..lines).map(client).collect(),
            log,
            start_ns: u64::MAX,
            joined: Vec::new(),
            heard: 0,
            there: 0,
        }
    }

    /// A moment since the traffic began; 0 before that.
    pub fn at(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.start_ns)
    }

    /// Connections that are there.
    pub fn there(&self) -> u32 {
        self.there
    }

    /// Whether one is.
    pub fn is_there(&self, line: usize) -> bool {
        self.clients[line].stage == Stage::There
    }

    /// A connection has come somewhere, or is gone; where it was before.
    pub fn go(&mut self, line: usize, stage: Stage) -> Stage {
        let was = std::mem::replace(&mut self.clients[line].stage, stage);
        self.there -= u32::from(was == Stage::There);
        self.there += u32::from(stage == Stage::There);
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::log::Outlet;

    #[test]
    fn those_who_are_there_are_counted_as_they_come_and_go() {
        let mut log = Log::new(Vec::new(), 0.0, Outlet::Here(None));
        let mut people = People::new(3, &mut log);
        assert_eq!(people.go(1, Stage::There), Stage::Away);
        assert_eq!(people.go(2, Stage::Coming), Stage::Away);
        assert_eq!(people.there(), 1);
        people.go(2, Stage::There);
        assert_eq!(people.go(1, Stage::There), Stage::There);
        assert_eq!(
            (people.there(), people.is_there(0), people.is_there(2)),
            (2, false, true)
        );
        assert_eq!(people.go(2, Stage::Away), Stage::There);
        assert_eq!(people.there(), 1);
    }
}
