//! The rules of rooms by example: given some history, when someone wishes something, then this follows.

#[path = "../hall/mod.rs"]
mod hall;

mod arranged;
mod content;
mod dedupe;
mod members;
mod messages;
mod reading;
mod recovery;
mod rooms;
