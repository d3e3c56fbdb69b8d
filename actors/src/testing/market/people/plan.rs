//! What a fair consists of: who is there, and which requests there will be.

use crate::ids::{RequestId, Timestamp, UserId};
use crate::machines::request::input::RequestInput;

/// Everybody and everything, known to all.
#[derive(Debug, Clone)]
pub struct Fair {
    /// Who looks for musicians.
    pub organizers: Vec<UserId>,
    /// Who offers music, each with where, in thousandths of a degree north of the fair.
    pub musicians: Vec<UserId>,
    /// Somebody whom others invite.
    pub guest: UserId,
    /// The requests.
    pub lots: Vec<Lot>,
}

/// A request that is to be.
#[derive(Debug, Clone)]
pub struct Lot {
    /// Its id.
    pub id: RequestId,
    /// Whose.
    pub organizer: UserId,
    /// What it says.
    pub input: RequestInput,
}

impl Lot {
    /// When it begins.
    pub fn begins(&self) -> Timestamp {
        self.input.window.from
    }
}
