//! Samples of a server from before the clients come until they are gone, with times of the run.

use std::net::SocketAddr;

use super::record::Sample;
use super::samples::Sampler;
use crate::clock::Clock;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Whoever was looked at, also those that told nothing.
    pub nodes: Vec<String>,
    /// Everything that was told, ordered by time.
    pub samples: Vec<Sample>,
}

/// Looks again and again, until it is ended.
pub struct Watch {
    sampler: Sampler,
    begun_ns: u64,
}

impl Watch {
    /// Begins to look: at nodes that tell how they are, or at processes alone.
    pub fn begin(nodes: &[SocketAddr], token: Option<String>, pids: &[u32], clock: Clock) -> Self {
        Self {
            begun_ns: clock.now_ns(),
            sampler: Sampler::start(nodes, token, pids),
        }
    }

    /// Everything that was seen, with times since `start_ns`: what was before is negative.
    pub fn end(self, start_ns: u64) -> Seen {
        let nodes = self.sampler.names();
        let before_s = (start_ns as f64 - self.begun_ns as f64) / 1e9;
        let samples = self.sampler.finish().into_iter();
        let since = |sample: Sample| Sample {
            at_s: sample.at_s - before_s,
            ..sample
        };
        Seen {
            nodes,
            samples: samples.map(since).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_before_the_start_has_negative_times() {
        let clock = Clock::start();
        let watch = Watch::begin(&[], None, &[std::process::id()], clock);
        let start_ns = clock.now_ns() + 5_000_000_000;
        while clock.now_ns() + 4_900_000_000 < start_ns {
            std::thread::yield_now();
        }
        let Seen { nodes, samples } = watch.end(start_ns);
        assert_eq!(nodes, [samples[0].node.clone()]);
        assert!(!samples.is_empty());
        assert!(
            samples.iter().all(|sample| sample.at_s < -1.0),
            "{samples:?}"
        );
        assert!(samples[0].resident_kb.is_some_and(|kb| kb > 500.0));
    }
}
