//! Doctored histories: each check notices what it is there for.
