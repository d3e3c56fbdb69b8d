//! Every bound of the way between nodes, in one place.

use serde::{Deserialize, Serialize};

/// Bounds and paces between nodes. Configuration section `[peers]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BusLimits {
    /// Hints waiting to be sent; further ones are dropped and counted.
    pub out_messages: usize,
    /// Bytes of hints waiting to be sent.
    pub out_bytes: usize,
    /// Hints of one subject waiting to be taken in; further ones are dropped and counted.
    pub in_messages: usize,
    /// Entities whose subjects this node hears at most; what is above is kept current by looking every 30 s.
    pub interests: usize,
    /// How long an entity is heard after its last subscriber left, in milliseconds.
    pub interest_linger_ms: u64,
    /// Subjects that are begun or ceased to be heard per second at most; more wait their turn.
    pub interest_changes_per_second: u32,
    /// Commands from other nodes at work at once; further ones are answered "overloaded".
    pub commands: usize,
    /// A node says that it is there this often, in milliseconds.
    pub heartbeat_ms: u64,
    /// A node that was silent for so long is gone, in milliseconds.
    pub gone_ms: u64,
    /// One attempt to have a command carried out by another node, in milliseconds.
    pub forward_ms: u64,
    /// While an attempt waits, its node is asked this often whether it is there at all, in milliseconds.
    pub probe_ms: u64,
    /// All attempts together, in milliseconds; then this node does it itself.
    pub forward_total_ms: u64,
    /// Other nodes have so long to say who of a room's members is online there, in milliseconds.
    pub presence_ms: u64,
    /// After a connection was lost or a node left, all subscribed rooms are looked at within this time, in milliseconds.
    pub look_within_ms: u64,
    /// And as a last net all subscribed rooms once in this time, in milliseconds.
    pub look_every_ms: u64,
    /// Rooms whose last position is being repeated at once, and as many of which is repeated that nobody is present here any
    /// more; for more, the last net is all there is.
    pub tails: usize,
    /// Entities per second that are made ready on their next node when nodes come and go.
    pub handoffs_per_second: u32,
    /// Of these, how many at once.
    pub handoffs_at_once: usize,
    /// A node that comes or goes waits at most so long for entities to be made ready, those asked last first, in milliseconds.
    pub handoff_ms: u64,
    /// Version of the format that this node writes between nodes; raise it once all nodes read the new one.
    pub format: u8,
}

impl Default for BusLimits {
    fn default() -> Self {
        Self {
            out_messages: 8_192,
            out_bytes: 16 << 20,
            in_messages: 4_096,
            interests: 200_000,
            interest_linger_ms: 30_000,
            interest_changes_per_second: 5_000,
            commands: 4_096,
            heartbeat_ms: 500,
            gone_ms: 2_000,
            forward_ms: 1_500,
            probe_ms: 100,
            forward_total_ms: 4_000,
            presence_ms: 500,
            look_within_ms: 4_000,
            look_every_ms: 30_000,
            tails: 100_000,
            handoffs_per_second: 1_000,
            handoffs_at_once: 64,
            handoff_ms: 4_000,
            format: super::frame::OLDEST,
        }
    }
}

impl BusLimits {
    /// What is wrong, each as a key and words; empty if nothing is.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, key, words: &str| {
            if !holds {
                problems.push((key, words.to_owned()));
            }
        };
        for (key, value) in [
            ("out_messages", self.out_messages as u64),
            ("out_bytes", self.out_bytes as u64),
            ("in_messages", self.in_messages as u64),
            ("interests", self.interests as u64),
            (
                "interest_changes_per_second",
                u64::from(self.interest_changes_per_second),
            ),
            ("commands", self.commands as u64),
            ("heartbeat_ms", self.heartbeat_ms),
            ("forward_ms", self.forward_ms),
            ("probe_ms", self.probe_ms),
            ("look_within_ms", self.look_within_ms),
            ("look_every_ms", self.look_every_ms),
            ("handoffs_per_second", u64::from(self.handoffs_per_second)),
            ("handoffs_at_once", self.handoffs_at_once as u64),
        ] {
            require(value >= 1, key, "must be at least 1");
        }
        require(
            self.gone_ms >= 2 * self.heartbeat_ms,
            "gone_ms",
            "must be at least twice peers.heartbeat_ms, or a single lost beat is the end of a node",
        );
        require(
            self.forward_total_ms >= self.forward_ms,
            "forward_total_ms",
            "must not be below peers.forward_ms",
        );
        let formats = super::frame::OLDEST..=super::frame::NEWEST;
        require(
            formats.contains(&self.format),
            "format",
            &format!("must be from {} to {}", formats.start(), formats.end()),
        );
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_everything_wrong_is_named() {
        assert_eq!(BusLimits::default().problems(), []);
        let wrong = BusLimits {
            commands: 0,
            heartbeat_ms: 1_500,
            forward_total_ms: 5,
            format: 77,
            ..BusLimits::default()
        };
        let problems = wrong.problems();
        let keys: Vec<&str> = problems.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["commands", "gone_ms", "forward_total_ms", "format"]);
    }
}
