//! What a hub is to the gateway: methods that clients call, sessions that answer.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use protocol::{Encoding, Raw};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::handle::ConnectionHandle;
use super::upload::Upload;
use crate::auth::Identity;
use crate::error;

/// A hub: what is served at one path.
pub trait HubApp: Send + Sync + 'static {
    /// Its methods; clients may spell their names in any case.
    fn methods(&self) -> &'static [Method];

    /// A client has finished its handshake. Must not wait.
    fn connected(
        &self,
        connection: Arc<ConnectionHandle>,
        identity: Option<Identity>,
    ) -> Result<Arc<dyn HubSession>, ConnectRefused>;
}

/// One client of a hub, from its handshake to its end; survives a stateful reconnect.
pub trait HubSession: Send + Sync + 'static {
    /// A client calls a method that [`HubApp::methods`] lists, in its kind and with as many upload
    /// streams as that says. Must not wait: what takes time goes into the answer.
    fn invoke(&self, call: Call) -> Invoked;

    /// The connection is gone for good. Called once.
    fn disconnected(&self);
}

/// The connection is closed with this text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ConnectRefused(pub String);

/// A method as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// Name.
    pub name: &'static str,
    /// How it answers.
    pub kind: MethodKind,
    /// Upload streams that it takes beside its arguments.
    pub uploads: usize,
}

/// How a method answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodKind {
    /// With one result, or none.
    Unary,
    /// With a stream of items.
    Stream,
}

impl Method {
    /// A method that answers once.
    pub const fn unary(name: &'static str) -> Self {
        Method {
            name,
            kind: MethodKind::Unary,
            uploads: 0,
        }
    }

    /// A method that answers with a stream.
    pub const fn stream(name: &'static str) -> Self {
        Method {
            name,
            kind: MethodKind::Stream,
            uploads: 0,
        }
    }

    /// The same, fed by `uploads` streams of the client.
    pub const fn with_uploads(mut self, uploads: usize) -> Self {
        self.uploads = uploads;
        self
    }
}

/// A call of a method.
pub struct Call {
    /// The method, spelled as [`HubApp::methods`] has it.
    pub method: &'static str,
    /// Arguments without the streams, as the client wrote them.
    pub arguments: Vec<Raw>,
    /// Encoding of the connection, which results must have too.
    pub encoding: Encoding,
    /// The client's streams, as many as the method takes.
    pub uploads: Vec<Upload>,
    /// Counts the calls of this connection, for logs.
    pub number: u64,
}

impl Call {
    /// Refuses another number of arguments than `range` says.
    pub fn expect_arguments(
        &self,
        range: std::ops::RangeInclusive<usize>,
    ) -> Result<(), InvokeError> {
        if range.contains(&self.arguments.len()) {
            Ok(())
        } else {
            Err(InvokeError::Binding)
        }
    }

    /// The argument at `index`; absent or of another shape is a binding error.
    pub fn argument<T: DeserializeOwned>(&self, index: usize) -> Result<T, InvokeError> {
        let raw = self.arguments.get(index).ok_or(InvokeError::Binding)?;
        raw.decode().map_err(|_| InvokeError::Binding)
    }

    /// The argument at `index`, `None` if it was left out or null.
    pub fn optional<T: DeserializeOwned>(&self, index: usize) -> Result<Option<T>, InvokeError> {
        match self.arguments.get(index) {
            None => Ok(None),
            Some(raw) => raw.decode().map_err(|_| InvokeError::Binding),
        }
    }
}

/// What a method does about a call.
pub enum Invoked {
    /// It is done.
    Ready(Result<Outcome, InvokeError>),
    /// It will be; the connection's next plain call waits for it, so that calls keep their order.
    Future(BoxFuture<'static, Result<Outcome, InvokeError>>),
    /// It will be, beside everything else: it may wait for the client itself.
    Detached(BoxFuture<'static, Result<Outcome, InvokeError>>),
    /// Items, beside everything else. Dropped when the client cancels or leaves.
    Stream(BoxStream<'static, Result<Raw, InvokeError>>),
}

impl Invoked {
    /// Done, with a failure.
    pub fn failed(error: InvokeError) -> Self {
        Invoked::Ready(Err(error))
    }
}

/// How a call ended well.
#[derive(Default)]
pub struct Outcome {
    /// The result, in the connection's encoding.
    pub result: Option<Raw>,
    /// Runs once the completion has been queued: whatever it sends comes after it.
    pub after: Option<Box<dyn FnOnce() + Send>>,
}

impl Outcome {
    /// Nothing to say.
    pub fn void() -> Self {
        Self::default()
    }

    /// A result that is encoded already.
    pub fn raw(result: Raw) -> Self {
        Outcome {
            result: Some(result),
            after: None,
        }
    }

    /// A result.
    pub fn value<T: Serialize + ?Sized>(
        encoding: Encoding,
        value: &T,
    ) -> Result<Self, InvokeError> {
        match Raw::encode(encoding, value) {
            Ok(raw) => Ok(Self::raw(raw)),
            Err(error) => Err(InvokeError::Internal(error.to_string())),
        }
    }

    /// The same, and then `after`.
    pub fn then(mut self, after: impl FnOnce() + Send + 'static) -> Self {
        self.after = Some(Box::new(after));
        self
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvokeError {
    /// No method of that name.
    UnknownMethod,
    /// Wrong number or shape of arguments.
    Binding,
    /// The caller may not call this.
    Unauthorized,
    /// A text meant for the client.
    Hub(String),
    /// A text for the log; the client sees it only with detailed errors on.
    Internal(String),
    /// A stream method was invoked plainly.
    IsStream,
    /// A plain method was invoked as a stream.
    IsNoStream,
    /// A text of the protocol itself, shown as it is.
    Protocol(String),
}

impl InvokeError {
    /// Whether the hub failed, and not the caller: what alarms and error budgets count.
    pub fn is_fault(&self) -> bool {
        match self {
            InvokeError::Internal(_) => true,
            InvokeError::Hub(text) => text
                .split_once(':')
                .and_then(|(code, _)| error::lookup(code))
                .is_some_and(|row| row.status.is_server_error()),
            _ => false,
        }
    }

    /// The text that the client sees for a call of `target`.
    pub fn text(&self, target: &str, detailed: bool) -> String {
        let failed = || format!("An unexpected error occurred invoking '{target}' on the server.");
        match self {
            InvokeError::UnknownMethod => format!("Unknown hub method '{target}'"),
            InvokeError::Binding => {
                format!("Failed to invoke '{target}' due to an error on the server.")
            }
            InvokeError::Unauthorized => {
                format!("Failed to invoke '{target}' because user is unauthorized")
            }
            InvokeError::Hub(_) | InvokeError::Internal(_) => self.explained(failed(), detailed),
            InvokeError::IsStream => format!(
                "The client attempted to invoke the streaming '{target}' method with a \
                 non-streaming invocation."
            ),
            InvokeError::IsNoStream => format!(
                "The client attempted to invoke the non-streaming '{target}' method with a \
                 streaming invocation."
            ),
            InvokeError::Protocol(text) => text.clone(),
        }
    }

    /// The text that the client sees when a stream ends with this after it has begun.
    pub fn stream_text(&self, detailed: bool) -> String {
        let text = "An error occurred on the server while streaming results.".to_owned();
        self.explained(text, detailed)
    }

    fn explained(&self, text: String, detailed: bool) -> String {
        match self {
            InvokeError::Hub(why) => format!("{text} HubException: {why}"),
            InvokeError::Internal(why) if detailed => format!("{text} Exception: {why}"),
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_hub_are_told_from_mistakes_of_callers() {
        for text in [
            "unavailable: retry after 5 ms",
            "overloaded: x",
            "outcome_unknown: x",
        ] {
            assert!(InvokeError::Hub(text.into()).is_fault(), "{text}");
        }
        assert!(InvokeError::Internal("x".into()).is_fault());
        for text in ["room_not_found: x", "rate_limited: x", "no code at all"] {
            assert!(!InvokeError::Hub(text.into()).is_fault(), "{text}");
        }
        assert!(!InvokeError::Binding.is_fault());
    }

    #[test]
    fn error_texts_are_those_that_clients_know_and_hide_internals() {
        let text = |error: InvokeError| error.text("X", false);
        assert_eq!(text(InvokeError::UnknownMethod), "Unknown hub method 'X'");
        assert_eq!(
            text(InvokeError::Binding),
            "Failed to invoke 'X' due to an error on the server."
        );
        assert_eq!(
            text(InvokeError::Unauthorized),
            "Failed to invoke 'X' because user is unauthorized"
        );
        assert_eq!(
            text(InvokeError::Hub("room_not_found: no".into())),
            "An unexpected error occurred invoking 'X' on the server. HubException: room_not_found: no"
        );
        let internal = InvokeError::Internal("secret".into());
        assert_eq!(
            internal.text("X", false),
            "An unexpected error occurred invoking 'X' on the server."
        );
        assert!(internal.text("X", true).ends_with(" Exception: secret"));
        assert_eq!(
            internal.stream_text(false),
            "An error occurred on the server while streaming results."
        );
        assert_eq!(
            text(InvokeError::IsStream),
            "The client attempted to invoke the streaming 'X' method with a non-streaming invocation."
        );
        assert_eq!(
            text(InvokeError::IsNoStream),
            "The client attempted to invoke the non-streaming 'X' method with a streaming invocation."
        );
    }
}
