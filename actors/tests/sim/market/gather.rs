//! The end of a run: what the store holds is written down, and all nodes end in order.

use std::collections::BTreeMap;

use actors::ids::Timestamp;
use actors::journal::{Journal, Table, Wakeups};
use actors::testing::market::History;
use actors::testing::oracle::Awaited;

use super::super::store::done;
use super::World;
use super::scene::TRAVEL_MS;
use actors::clock::Clock;

/// More than there can be.
const ALL: usize = 100_000;

impl World {
    pub(super) fn gather(mut self) -> History {
        let clocks = self.nodes.iter().map(|node| node.clock.now());
        let ended = clocks.min().unwrap_or_default();
        let mut history = std::mem::take(&mut *self.crowd.history.lock());
        history.ended = ended;
        history.skew_ms = self.skew();
        history.travel_ms = TRAVEL_MS;
        history.log.clone_from(&self.store.log.lock());
        history.rows = self.rows();
        let inner = &self.store.inner;
        history.alarms = done(inner.due(Timestamp(u64::MAX), None, ALL)).expect("readable");
        let open = history.attempts.iter().filter(|a| a.answer.is_none());
        let open = open.count();
        history.awaited.push(Awaited {
            what: "all commands are answered".into(),
            missed: (open > 0).then(|| format!("{open} are not")),
        });
        let open = self.drain();
        history.awaited.push(Awaited {
            what: "all nodes drain".into(),
            missed: (open > 0).then(|| format!("{open} do not")),
        });
        for attempt in &history.attempts {
            self.trace.ended(attempt.outcome());
            self.trace.note(|| format!("{attempt:?}"));
        }
        for ((table, key), row) in &history.rows {
            let key = String::from_utf8_lossy(key);
            self.trace.note(|| format!("{table:?} {key} {}", row.rank));
        }
        self.trace.note(|| format!("{:?}", history.alarms));
        history
    }

    fn rows(&self) -> BTreeMap<(Table, Vec<u8>), actors::journal::TableRow> {
        let tables = [
            Table::Musicians,
            Table::RequestsOfUser,
            Table::OpenRequests,
            Table::ErrandsDone,
        ];
        let mut rows = BTreeMap::new();
        for table in tables {
            let found = done(self.store.inner.scan_rows(table, Vec::new(), None, ALL));
            let found = found.expect("readable").into_iter();
            rows.extend(found.map(|row| ((table, row.key.clone()), row)));
        }
        rows
    }
}
