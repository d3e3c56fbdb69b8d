//! What the methods of all hubs have in common: what they are given, and how they fail.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;

use crate::error::{HubError, INTERNAL, INVALID_ARGUMENT};
use crate::gateway::app::{Call, InvokeError};

/// A method as the reference shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodDoc {
    /// Name.
    pub name: &'static str,
    /// Arguments; a trailing one with `?` may be left out.
    pub arguments: &'static str,
    /// The result; empty for none.
    pub result: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// Every method of a hub in one table: the wire reads it, and so does the reference.
macro_rules! methods {
    ($($name:ident = $text:literal, $arguments:literal, $result:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $text;)*

        /// The methods in the order of the reference.
        pub const METHODS: &[$crate::hubs::MethodDoc] = &[$($crate::hubs::MethodDoc {
            name: $text, arguments: $arguments, result: $result, meaning: $meaning,
        }),*];

        /// What the gateway looks names up in.
        pub const WIRE: &[$crate::gateway::app::Method] =
            &[$($crate::gateway::app::Method::unary($text)),*];
    };
}
pub(crate) use methods;

/// A failure as the caller is told of it.
pub(crate) fn told(error: HubError) -> InvokeError {
    if error.code == INTERNAL {
        return InvokeError::Internal(error.text);
    }
    InvokeError::Hub(error.to_string())
}

/// The same of what the hub itself says.
pub(crate) fn shown(error: actors::hub::HubError) -> InvokeError {
    told(error.into())
}

/// An argument is wrong.
pub(crate) fn invalid(text: impl Into<String>) -> InvokeError {
    told(HubError::new(INVALID_ARGUMENT, text))
}

/// Refuses another number of arguments.
pub(crate) fn expect_arguments(
    call: &Call,
    range: RangeInclusive<usize>,
) -> Result<(), InvokeError> {
    let given = call.arguments.len();
    if range.contains(&given) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    let wanted = match most - least {
        0 => least.to_string(),
        _ => format!("{least} to {most}"),
    };
    Err(invalid(format!(
        "{wanted} arguments are wanted, {given} were given"
    )))
}

/// An argument of the wrong shape is told to the client with what is wrong.
pub(crate) fn argument<T: DeserializeOwned>(call: &Call, index: usize) -> Result<T, InvokeError> {
    let missing = || invalid(format!("argument {} is missing", index + 1));
    let raw = call.arguments.get(index).ok_or_else(missing)?;
    raw.decode()
        .map_err(|error| invalid(format!("argument {}: {error}", index + 1)))
}

/// One that may be left out, or null.
pub(crate) fn optional<T: DeserializeOwned>(
    call: &Call,
    index: usize,
) -> Result<Option<T>, InvokeError> {
    match call.arguments.get(index) {
        None => Ok(None),
        Some(raw) if raw.is_null() => Ok(None),
        Some(_) => argument(call, index).map(Some),
    }
}

/// The size of a page.
pub(crate) fn at_least_one(limit: Option<u64>, default: usize) -> Result<usize, InvokeError> {
    match limit {
        None => Ok(default),
        Some(0) => Err(invalid("limit must be at least 1")),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}
