//! The runtime and fan-out by example, on a memory journal that can be held back: what callers hear and
//! readers see when things are slow, full, damaged or asleep.

mod alarms;
mod entities;
mod errands;
mod listening;
mod pager;
mod panics;
mod quotas;
mod readers;
mod rows;
mod stage;
mod store;
mod typing;
mod unread;
