//! Sessions and what they see: subscriptions, fan-out, catch-up from the journal, presence, typing, cursors.

pub mod cursors;
mod entry;
pub mod fanout;
mod feed;
pub mod limits;
mod pump;
pub mod session;
mod typing;

pub use fanout::Fanout;
pub use limits::FanoutLimits;
pub use session::{Registered, Session, Starting};
