//! How fast each sender may send: one theoretical arrival time per sender (a token bucket in one number).

use std::collections::HashMap;

use super::RoomLimits;
use crate::ids::{Timestamp, UserId};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// When each sender's bucket will be full again, in microseconds since the epoch.
/// A sender who is missing has a full bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Rates {
    full_at: HashMap<UserId, u64>,
}

impl Rates {
    /// Takes one token of the sender, or tells after how many milliseconds there will be one.
    pub fn take(&mut self, user: &UserId, now: Timestamp, limits: &RoomLimits) -> Result<(), u64> {
        if limits.sends_per_second == 0 {
            return Ok(());
        }
        let interval = (MICROS_PER_SECOND / u64::from(limits.sends_per_second)).max(1);
        let depth = interval * u64::from(limits.send_burst.max(1));
        let now = now.0.saturating_mul(1_000);
        let empty = now.saturating_add(depth);
        if let Some(full_at) = self.full_at.get_mut(user) {
            // A bucket is never emptier than empty: a clock that jumped back locks no sender out.
            *full_at = (*full_at).clamp(now, empty);
            let after = full_at.saturating_add(interval);
            if after > empty {
                return Err((after - empty).div_ceil(1_000));
            }
            *full_at = after;
        } else {
            self.make_room(now, limits.rate_senders);
            self.full_at
                .insert(user.clone(), now.saturating_add(interval));
        }
        Ok(())
    }

    /// Forgets senders whose bucket is full again.
    pub fn sweep(&mut self, now: Timestamp) {
        let now = now.0.saturating_mul(1_000);
        self.full_at.retain(|_, full_at| *full_at > now);
    }

    pub fn len(&self) -> usize {
        self.full_at.len()
    }

    /// Above the bound those who sent least are forgotten, half of all at once so that a flood of
    /// new senders pays for it seldom.
    fn make_room(&mut self, now: u64, bound: usize) {
        if self.full_at.len() < bound.max(1) {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < bound.max(1) {
            return;
        }
        let mut order: Vec<(u64, UserId)> = self
            .full_at
            .iter()
            .map(|(user, full_at)| (*full_at, user.clone()))
            .collect();
        // Sorted by user too, so that the same history forgets the same senders.
        order.sort_unstable();
        for (_, user) in &order[..order.len().div_ceil(2)] {
            self.full_at.remove(user);
        }
    }
}
