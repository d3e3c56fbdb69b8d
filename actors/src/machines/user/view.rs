//! What readers see of a user.

use serde::{Deserialize, Serialize};

use super::Profile;
use crate::ids::{RequestId, Sequence, UserId};
use crate::machines::hours::Availability;
use crate::machines::matching::Figures;
use crate::machines::terms::Window;

/// A user as one caller sees one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserView {
    /// Who.
    pub user: UserId,
    /// Sequence of the last change by the user or an admin; zero if there was none. Times of requests do not change it.
    pub version: Sequence,
    /// The profile. Others see of somebody who offers music no more of the place than [`Place::coarse`], of anybody else the name
    /// and the text only.
    ///
    /// [`Place::coarse`]: crate::machines::terms::Place::coarse
    pub profile: Profile,
    /// Hours, of whoever offers music.
    pub availability: Availability,
    /// Figures.
    pub figures: Figures,
    /// Busy, held and booked times: for the user and admins.
    pub agenda: Option<Agenda>,
}

/// Times that are taken, by their beginnings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Agenda {
    /// Busy times.
    pub busy: Vec<BusyView>,
    /// Times of requests.
    pub slots: Vec<SlotView>,
}

/// A busy time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusyView {
    /// Its id.
    pub id: Sequence,
    /// When.
    pub window: Window,
    /// Why.
    pub note: String,
}

/// A time that a request holds or has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotView {
    /// The request.
    pub request: RequestId,
    /// When.
    pub window: Window,
    /// Held or booked.
    pub state: SlotState,
}

/// How firm a request's time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotState {
    /// Until the request has made up its mind.
    Held,
    /// The request has it.
    Booked,
}
