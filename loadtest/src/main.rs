//! The load suite.
fn main() {}
