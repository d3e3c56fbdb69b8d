//! The matching request: an organizer looks for a musician. Types here; rules in the files beside, and the steps that there
//! are in one table, [`transitions`].

mod apply;
pub mod audit;
pub mod cards;
pub mod codec;
pub mod command;
mod decide_answers;
mod decide_draft;
mod decide_hunt;
mod decide_slot;
pub mod diagram;
mod effects;
mod errands;
pub mod event;
mod guards;
pub mod input;
pub mod invariants;
pub mod limits;
mod machine;
mod notices;
mod permit;
pub mod rejection;
mod snapshot;
pub mod soft;
mod state;
pub mod transitions;
mod validate;
pub mod view;
mod words;

pub use audit::{AuditEntry, audit_of};
pub use cards::RequestCard;
pub use command::{Change, Done, Outcome, RequestCommand, RequestReply};
pub use event::{Aim, Next, Nobody, RequestEntry, RequestEvent};
pub use input::{Brief, RequestInput, Texts};
pub use limits::RequestLimits;
pub use rejection::RequestRejection;
pub use state::{Application, Offer, Request};
pub use view::{Inside, PartView, RequestView, SearchView};
pub use words::{Actor, Mode, RequestState, Standing, Trigger};
