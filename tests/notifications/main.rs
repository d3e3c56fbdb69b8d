//! The hub for notifications in this process, over real sockets: inboxes live and by page, marks, settings, and the steps
//! of requests.
#![allow(clippy::unwrap_used)]

mod place;
mod settings;
mod stories;
mod watching;
