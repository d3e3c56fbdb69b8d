//! A market in simulation: organizers and musicians as seeded clients of any node, what they were told, and what must be true
//! of it.

pub mod books;
pub mod checks;
pub mod history;
pub mod people;

pub use books::Books;
pub use history::{History, SharedHistory, Wish};
