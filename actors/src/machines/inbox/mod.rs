//! The inbox: a user's notifications, which of them are unread, and when they may be shown live. Types here; rules in
//! the files beside.

mod apply;
mod codec;
pub mod command;
mod decide;
mod draft;
mod effects;
pub mod event;
pub mod facts;
pub mod invariants;
mod known;
pub mod latest;
pub mod limits;
mod live;
mod machine;
pub mod patch;
mod peek;
pub mod rejection;
pub mod settings;
mod snapshot;
mod sources;
mod state;
pub mod texts;

pub use codec::{decode_mark, encode_mark};
pub use command::{InboxCommand, InboxReply};
pub use event::{Content, InboxEntry, InboxEvent, Notification, Source};
pub use latest::{InboxShown, Mark};
pub use limits::InboxLimits;
pub use patch::{QuietPatch, SettingsPatch};
pub use peek::{Peek, RECORD_VERSION, RecordKind, peek};
pub use rejection::InboxRejection;
pub use settings::{InboxSettings, Language, QuietHours, TimeOfDay, Weekday};
pub use state::Inbox;
