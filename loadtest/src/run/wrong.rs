//! A setting of a scenario that cannot be, and what it may be instead.

use std::fmt::Display;
use thiserror::Error;

/// A setting that cannot be.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{key} is {value}: {allowed}")]
pub struct Wrong {
    /// Its full name, such as `traffic.senders`.
    pub key: String,
    /// What it is.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

impl Wrong {
    /// Names a setting, its value, and what is allowed.
    pub fn new(key: impl Into<String>, value: impl Display, allowed: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }
}

/// A number within bounds, or what is wrong with it.
pub fn within(key: &str, value: u32, least: u32, most: u32) -> Result<(), Wrong> {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(Wrong::new(
            key,
            value,
            format!("{least} to {most} is allowed"),
        )),
    }
}
