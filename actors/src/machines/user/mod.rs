//! The user: profile, hours, busy times, and the times that requests hold and have booked. Types here; rules in the files
//! beside.

mod apply;
mod codec;
pub mod command;
mod decide_profile;
mod decide_slots;
mod draft;
mod effects;
pub mod event;
pub mod input;
pub mod invariants;
pub mod limits;
mod machine;
pub mod profile;
pub mod rejection;
mod snapshot;
mod state;
mod texts;
mod validate_hours;
mod validate_profile;
pub mod view;

pub use codec::RECORD_VERSION;
pub use command::{UserCommand, UserReply};
pub use event::{UsedKey, UserEvent};
pub use input::{AvailabilityInput, BusyInput, ProfileInput};
pub use limits::UserLimits;
pub use profile::{Instrument, Profile};
pub use rejection::UserRejection;
pub use state::User;
pub use view::{Agenda, BusyView, SlotState, SlotView, UserView};
