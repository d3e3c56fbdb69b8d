//! The hub process.
fn main() {}
