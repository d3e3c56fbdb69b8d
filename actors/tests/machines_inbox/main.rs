//! The rules of inboxes by example and by property: what comes in, what is marked, what is shown when.

mod desk;

mod bytes;
mod once;
mod pages;
mod posts;
mod quiet;
mod replay;
mod settings;
mod stories;
