//! Every bound of the echo hub in one place, and what its callers are told at one. Configuration section `[echo]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::gateway::app::InvokeError;

/// Bounds of what one call to the echo hub may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EchoLimits {
    /// Most calls that one `SendBurst` makes, and most numbers of one `StreamCounter`.
    pub burst: u32,
    /// Bursts of a connection that run at once.
    pub bursts: usize,
    /// Longest text that `BigString`, `StreamingConcat` and the padding of `SendBurst` make, in characters.
    pub characters: usize,
    /// Most numbers that `Record` keeps for a connection.
    pub recorded: usize,
    /// Longest time that a method waits before it answers or goes on, in milliseconds.
    pub wait_ms: u64,
}

impl Default for EchoLimits {
    fn default() -> Self {
        Self {
            burst: 1_000_000,
            bursts: 16,
            characters: 16 * 1_024 * 1_024,
            recorded: 100_000,
            wait_ms: 60_000,
        }
    }
}

/// Why the echo hub does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EchoRefused {
    /// More calls or numbers than one call may ask for.
    #[error("{asked} are too many, at most {most} may be asked for at once")]
    Burst {
        /// How many were asked for.
        asked: u32,
        /// How many may be.
        most: u32,
    },
    /// Too many bursts run already.
    #[error("no more than {0} bursts run at once")]
    Bursts(usize),
    /// A text that is too long, or of less than no length.
    #[error("a length must be between 0 and {0}")]
    Length(usize),
    /// Too many numbers are kept already.
    #[error("no more than {0} numbers are kept")]
    Recorded(usize),
}

impl From<EchoRefused> for InvokeError {
    fn from(refused: EchoRefused) -> Self {
        InvokeError::Hub(refused.to_string())
    }
}

impl EchoLimits {
    pub(super) fn count(&self, asked: u32) -> Result<u32, EchoRefused> {
        let most = self.burst;
        match asked <= most {
            true => Ok(asked),
            false => Err(EchoRefused::Burst { asked, most }),
        }
    }

    pub(super) fn length(&self, asked: i64) -> Result<usize, EchoRefused> {
        let length = usize::try_from(asked).ok();
        let length = length.filter(|length| *length <= self.characters);
        length.ok_or(EchoRefused::Length(self.characters))
    }

    pub(super) fn wait(&self, ms: u32) -> Duration {
        Duration::from_millis(u64::from(ms).min(self.wait_ms))
    }
}
