//! Starts real processes for tests and chaos.
