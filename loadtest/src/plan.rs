//! What is sent when by whom: the shape of the rooms and the open-loop timetable.

use serde::{Deserialize, Serialize};

use crate::stamp::Stamp;
use crate::timetable::Timetable;

/// Rooms, and the connections in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Number of rooms.
    pub rooms: u32,
    /// Connections in each room.
    pub members: u32,
    /// Of these, how many send.
    pub senders: u32,
    /// Of these, how many joined the room; the others only send.
    pub listeners: u32,
}

impl Shape {
    /// Connections in all rooms; connection `i` is in room `i / members`.
    pub fn connections(self) -> u32 {
        self.rooms * self.members
    }

    /// The room a connection is in.
    pub fn room_of_connection(self, connection: u32) -> u32 {
        connection / self.members
    }

    /// Whether a connection joined its room: the first ones of each did.
    pub fn listens(self, connection: u32) -> bool {
        connection % self.members < self.listeners
    }

    /// The room that planned send `index` goes to: rooms take turns.
    pub fn room_of(self, index: u32) -> u32 {
        index % self.rooms
    }

    /// The connection that makes planned send `index`: the senders of a room take turns.
    pub fn sender_of(self, index: u32) -> u32 {
        self.room_of(index) * self.members + index / self.rooms % self.senders
    }
}

/// The timetable of one trial. Times are nanoseconds of the run's clock.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which trial this is.
    pub trial: u16,
    /// Who sends to whom.
    pub shape: Shape,
    /// When send 0 is due.
    pub start_ns: u64,
    /// When the others are due after it.
    pub times: Timetable,
    /// Number of sends.
    pub total: u32,
    /// Sends before this index only warm up: they are checked, not measured.
    pub measured_from: u32,
    /// What others send to the same rooms at the same time, by their trial.
    pub siblings: Vec<Sibling>,
}

/// A trial of another process in the same rooms.
#[derive(Clone, Debug)]
pub struct Sibling {
    /// Which.
    pub trial: u16,
    /// When its sends are due.
    pub times: Timetable,
    /// Number of its sends.
    pub total: u32,
}

impl Plan {
    /// Spreads sends evenly so that `deliveries_per_second` result, over a warm-up and a measured part.
    pub fn new(
        trial: u16,
        shape: Shape,
        deliveries_per_second: f64,
        warmup_s: f64,
        measured_s: f64,
    ) -> Self {
        let sends_per_second = deliveries_per_second / f64::from(shape.listeners);
        let measured_from = (sends_per_second * warmup_s).ceil() as u32;
        let measured = ((sends_per_second * measured_s).ceil() as u32).max(1);
        Self {
            trial,
            shape,
            start_ns: 0,
            times: Timetable::steady(1e9 / sends_per_second),
            total: measured_from.saturating_add(measured),
            measured_from,
            siblings: Vec::new(),
        }
    }

    /// Sends at the times of a table for `seconds`, of which the first `warmup_s` are not measured.
    pub fn at_times(
        trial: u16,
        shape: Shape,
        times: Timetable,
        warmup_s: f64,
        seconds: f64,
    ) -> Self {
        Self {
            trial,
            shape,
            start_ns: 0,
            total: times.count_before((seconds * 1e9) as u64),
            measured_from: times.count_before((warmup_s * 1e9) as u64),
            times,
            siblings: Vec::new(),
        }
    }

    /// When this send is due.
    #[inline]
    pub fn intended_ns(&self, index: u32) -> u64 {
        self.start_ns.saturating_add(self.times.ns(index))
    }

    /// The same of any send in these rooms, whoever made it; none when nobody plans it.
    #[inline]
    pub fn intended(&self, stamp: Stamp) -> Option<u64> {
        if stamp.trial == self.trial {
            return Some(self.intended_ns(stamp.index));
        }
        let sibling = self.sibling(stamp)?;
        Some(self.start_ns.saturating_add(sibling.times.ns(stamp.index)))
    }

    /// Who else planned this send.
    pub fn sibling(&self, stamp: Stamp) -> Option<&Sibling> {
        let planned = |one: &&Sibling| one.trial == stamp.trial && stamp.index < one.total;
        self.siblings.iter().find(planned)
    }

    /// Sends per second at the beginning.
    pub fn rate(&self) -> f64 {
        self.times.rate_at(0)
    }

    /// When the measured part begins and when the last send's interval is over.
    pub fn measured_ns(&self) -> (u64, u64) {
        (
            self.intended_ns(self.measured_from),
            self.intended_ns(self.total),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_and_senders_take_turns_and_a_sender_sends_only_to_its_own_room() {
        let shape = Shape {
            rooms: 3,
            members: 4,
            senders: 2,
            listeners: 3,
        };
        let senders: Vec<_> = (0..8).map(|index| shape.sender_of(index)).collect();
        assert_eq!(senders, [0, 4, 8, 1, 5, 9, 0, 4]);
        for index in 0..100 {
            assert_eq!(
                shape.room_of_connection(shape.sender_of(index)),
                shape.room_of(index)
            );
        }
        assert_eq!(shape.connections(), 12);
        let listening = (0..12).filter(|&connection| shape.listens(connection));
        assert_eq!(listening.collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6, 8, 9, 10]);
    }

    #[test]
    fn a_plan_keeps_the_asked_rate_of_deliveries() {
        let shape = Shape {
            rooms: 1,
            members: 500,
            senders: 10,
            listeners: 500,
        };
        let mut plan = Plan::new(1, shape, 30_000.0, 1.0, 10.0);
        plan.start_ns = 1_000;
        assert_eq!(
            (plan.measured_from, plan.total),
            (60, 660),
            "60 sends a second reach 500 members"
        );
        assert_eq!(plan.intended_ns(0), 1_000);
        let (from, until) = plan.measured_ns();
        assert!((until - from).abs_diff(10_000_000_000) < 1_000);
    }
}
