//! Sessions and what they see: subscriptions, fan-out, catch-up from the journal, presence, typing, cursors;
//! and the node among others: node set, placement, routing, hints.

pub mod cursors;
mod directories;
mod entry;
pub mod fanout;
mod feed;
mod handover;
mod interest;
pub mod limits;
mod looks;
pub mod nodes;
mod online;
mod others;
mod outlook;
pub mod peers;
pub mod placement;
mod pump;
mod relay;
mod repeats;
pub mod report;
mod router;
pub mod session;
mod shown;
mod typing;
mod wire;

pub use directories::{Directories, Hosted};
pub use fanout::Fanout;
pub use limits::FanoutLimits;
pub use outlook::{Outlook, PeerOutlook};
pub use peers::{PeerParts, Peers};
pub use relay::Relay;
pub use report::{Report, RoomReport};
pub use router::RouteError;
pub use session::{Registered, Session, Sight, Starting};
pub use shown::Listened;
