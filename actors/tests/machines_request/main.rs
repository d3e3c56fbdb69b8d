//! The rules of requests by example and by chance: given some history, when someone wishes something, then this follows.

mod desk;

mod applications;
mod bytes;
mod chance;
mod drafts;
mod endings;
mod first_accept;
mod input;
mod rows;
mod seen;
mod slots;
mod table;
mod waves;
mod world;
