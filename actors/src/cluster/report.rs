//! What a node tells operators of itself and of one room, here or asked of another node.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::directories::Directories;
use super::fanout::Fanout;
use super::peers::Peers;
use crate::bus::frame::{self, Frame, Outcome};
use crate::ids::{EntityId, EntityKind, NodeId, RoomId, Sequence};

/// How long other nodes may take to report.
const WAIT: Duration = Duration::from_secs(1);

/// A node by its own account since it started. What a later version adds is passed over, what an earlier one
/// lacks is at its default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Report {
    /// Entities awake.
    pub entities_awake: u64,
    /// Rooms with subscribers.
    pub rooms_subscribed: u64,
    /// Inboxes with subscribers.
    pub inboxes_subscribed: u64,
    /// Requests with subscribers.
    pub requests_subscribed: u64,
    /// Events that its readers have yet to be shown, over everything subscribed to, as far as it has heard of them.
    pub lag: u64,
    /// Subscriptions that are being brought forward from the journal.
    pub readers_behind: u64,
    /// Appends that another writer was ahead of.
    pub conflicts: u64,
    /// Appends whose outcome had to be found out.
    pub in_doubt: u64,
    /// Gaps filled from the journal.
    pub gap_fills: u64,
    /// The room asked about, if one was.
    pub room: Option<RoomReport>,
}

/// One room on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RoomReport {
    /// Its actor is awake there.
    pub awake: bool,
    /// The last sequence that subscribers there were handed; `None` if there are none.
    pub position: Option<Sequence>,
    /// Users subscribed there.
    pub users_subscribed: u64,
    /// Subscriptions there that are being brought forward from the journal.
    pub readers_behind: u64,
    /// Appends that another writer was ahead of, since it woke there.
    pub conflicts: u64,
    /// Appends whose outcome had to be found out, since it woke there.
    pub in_doubt: u64,
    /// Gaps filled from the journal since it has subscribers there.
    pub gap_fills: u64,
}

impl Report {
    /// The byte form.
    pub fn encode(&self) -> Bytes {
        let bytes = rmp_serde::to_vec_named(self);
        bytes
            .expect("writing to memory cannot fail, and all lengths are known")
            .into()
    }

    /// Reads a report; `None` if it is none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        rmp_serde::from_slice(bytes).ok()
    }

    /// What there is to say on this node.
    pub(crate) fn here(fanout: &Fanout, directories: &Directories, room: Option<&RoomId>) -> Self {
        let (mut lag, mut readers_behind) = (0, 0);
        for feed in &fanout.feeds {
            let feed = feed.lock();
            lag += feed.lag();
            readers_behind += feed.behind() as u64;
        }
        let subscribed = |kind| fanout.subscribed(kind) as u64;
        Self {
            entities_awake: directories.awake() as u64,
            rooms_subscribed: subscribed(EntityKind::Room),
            inboxes_subscribed: subscribed(EntityKind::Inbox),
            requests_subscribed: subscribed(EntityKind::Request),
            lag,
            readers_behind,
            conflicts: directories.conflicts(),
            in_doubt: directories.in_doubt(),
            gap_fills: fanout.gap_fills.load(Ordering::Relaxed),
            room: room.map(|room| RoomReport::here(fanout, directories, room)),
        }
    }
}

impl RoomReport {
    fn here(fanout: &Fanout, directories: &Directories, room: &RoomId) -> Self {
        let tally = directories.tally_of(&EntityId::room(room));
        let mut report = Self {
            awake: tally.is_some(),
            conflicts: tally.as_ref().map_or(0, |tally| tally.conflicts()),
            in_doubt: tally.as_ref().map_or(0, |tally| tally.in_doubt()),
            ..Self::default()
        };
        if let Some(feed) = fanout.feed_of(room) {
            let feed = feed.lock();
            report.position = feed.position;
            report.users_subscribed = feed.locals().count() as u64;
            report.readers_behind = feed.behind() as u64;
            report.gap_fills = feed.fills;
        }
        report
    }
}

impl Peers {
    /// What there is to say here, as bytes for another node.
    pub(super) fn report(&self, room: Option<&RoomId>) -> Bytes {
        Report::here(&self.fanout, &self.directories, room).encode()
    }

    /// What the other nodes say of themselves and of a room; `None` of one that does not answer in time or is of an
    /// earlier version.
    pub async fn reports(&self, room: Option<&RoomId>) -> Vec<(NodeId, Option<Report>)> {
        let frame = Frame::Report {
            room: room.cloned(),
        };
        let bytes = self.encoded(&frame);
        let others = self.known();
        let asked = others.into_iter().map(|node| {
            let (trace, bytes) = (self.traces.begin(), bytes.clone());
            let answer = self.bus.request(&node, trace, bytes, WAIT);
            async move { (node, answer.await.ok().and_then(|bytes| report_in(&bytes))) }
        });
        join_all(asked).await
    }
}

/// The report in an answer between nodes.
pub fn report_in(answer: &[u8]) -> Option<Report> {
    match frame::decode(answer) {
        Ok((Frame::Answer(Outcome::Report(bytes)), _)) => Report::decode(&bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_other_versions_are_read_as_far_as_they_are_understood() {
        let report = Report {
            conflicts: 3,
            room: Some(RoomReport {
                position: Some(Sequence(9)),
                ..RoomReport::default()
            }),
            ..Report::default()
        };
        assert_eq!(Report::decode(&report.encode()), Some(report));
        #[derive(Serialize)]
        struct Later {
            conflicts: u64,
            added: &'static str,
        }
        let later = Later {
            conflicts: 7,
            added: "later",
        };
        let bytes = rmp_serde::to_vec_named(&later).expect("written");
        let read = Report::decode(&bytes).expect("readable");
        assert_eq!((read.conflicts, read.lag, read.room), (7, 0, None));
        assert_eq!(Report::decode(b"no report"), None);
    }
}
