//! The echo hub: every part of the protocol as a method, for interoperability tests of clients.

mod limits;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;
use protocol::{Encoding, Raw};
use serde::Serialize;

use crate::auth::Identity;
use crate::gateway::app::{
    Call, ConnectRefused, HubApp, HubSession, InvokeError, Invoked, Method, Outcome,
};
use crate::gateway::calls::AskError;
use crate::gateway::handle::ConnectionHandle;
pub use limits::{EchoLimits, EchoRefused};

const METHODS: &[Method] = &[
    Method::unary("Echo"),
    Method::unary("EchoComplexObject"),
    Method::unary("VoidMethod"),
    Method::unary("Add"),
    Method::unary("ThrowException"),
    Method::unary("ThrowHubException"),
    Method::unary("InvokeWithString"),
    Method::unary("SendCustomObject"),
    Method::unary("GetCallerConnectionId"),
    Method::unary("GetActiveTransportName"),
    Method::unary("SlowEcho"),
    Method::unary("BigString"),
    Method::unary("Record"),
    Method::unary("GetRecorded"),
    Method::unary("SendBurst"),
    Method::unary("InvokeClientResult"),
    Method::unary("CloseMe"),
    Method::stream("Stream"),
    Method::stream("EmptyStream"),
    Method::stream("StreamThrowException"),
    Method::stream("StreamThenThrow"),
    Method::stream("StreamCounter"),
    Method::stream("InfiniteStream"),
    Method::unary("StreamingConcat").with_uploads(1),
    Method::stream("StreamEcho").with_uploads(1),
];

/// The hub.
#[derive(Debug, Default, Clone, Copy)]
pub struct EchoHub(EchoLimits);

impl EchoHub {
    /// With these bounds on what a call may ask for.
    pub fn new(limits: EchoLimits) -> Self {
        Self(limits)
    }
}

struct EchoSession {
    connection: Arc<ConnectionHandle>,
    limits: EchoLimits,
    /// One reference for each burst that runs, and one more.
    bursts: Arc<()>,
    recorded: Mutex<Vec<i64>>,
}

type Items = BoxStream<'static, Result<Raw, InvokeError>>;

impl HubApp for EchoHub {
    fn methods(&self) -> &'static [Method] {
        METHODS
    }

    fn connected(
        &self,
        connection: Arc<ConnectionHandle>,
        _identity: Option<Identity>,
    ) -> Result<Arc<dyn HubSession>, ConnectRefused> {
        Ok(Arc::new(EchoSession {
            connection,
            limits: self.0,
            bursts: Arc::default(),
            recorded: Mutex::default(),
        }))
    }
}

impl HubSession for EchoSession {
    fn invoke(&self, call: Call) -> Invoked {
        let invoked = match call.method {
            "SlowEcho" => slow_echo(&call, &self.limits),
            "InvokeClientResult" => self.invoke_client_result(&call),
            "StreamingConcat" => streaming_concat(call, self.limits),
            "Stream"
            | "EmptyStream"
            | "StreamThrowException"
            | "StreamThenThrow"
            | "StreamCounter"
            | "InfiniteStream"
            | "StreamEcho" => self.stream(call).map(Invoked::Stream),
            _ => Ok(Invoked::Ready(self.answer(&call))),
        };
        invoked.unwrap_or_else(Invoked::failed)
    }

    fn disconnected(&self) {}
}

impl EchoSession {
    /// The methods that answer at once.
    fn answer(&self, call: &Call) -> Result<Outcome, InvokeError> {
        match call.method {
            "Echo" => {
                let text: Option<String> = only(call)?;
                Outcome::value(call.encoding, &text)
            }
            "EchoComplexObject" => Ok(Outcome::raw(only_raw(call)?)),
            "VoidMethod" => call.expect_arguments(0..=0).map(|()| Outcome::void()),
            "Add" => {
                call.expect_arguments(2..=2)?;
                let (a, b): (i32, i32) = (call.argument(0)?, call.argument(1)?);
                Outcome::value(call.encoding, &a.wrapping_add(b))
            }
            "ThrowException" => Err(InvokeError::Internal(only(call)?)),
            "ThrowHubException" => Err(InvokeError::Hub(only(call)?)),
            "InvokeWithString" => {
                let text: Option<String> = only(call)?;
                self.connection.send("Message", &text);
                Ok(Outcome::void())
            }
            "SendCustomObject" => {
                let object = only_raw(call)?;
                self.connection.send_raw("CustomObject", vec![object]);
                Ok(Outcome::void())
            }
            "GetCallerConnectionId" => {
                call.expect_arguments(0..=0)?;
                Outcome::value(call.encoding, self.connection.id())
            }
            "GetActiveTransportName" => {
                call.expect_arguments(0..=0)?;
                Outcome::value(call.encoding, self.connection.transport_name())
            }
            "BigString" => {
                let text = "x".repeat(self.limits.length(only(call)?)?);
                Outcome::value(call.encoding, &text)
            }
            "Record" => self.record(only(call)?),
            "GetRecorded" => {
                call.expect_arguments(0..=0)?;
                Outcome::value(call.encoding, &*self.recorded.lock())
            }
            "SendBurst" => self.send_burst(call),
            "CloseMe" => {
                let allow_reconnect: bool = only(call)?;
                let connection = self.connection.clone();
                Ok(Outcome::void().then(move || connection.close(None, allow_reconnect)))
            }
            _ => Err(InvokeError::UnknownMethod),
        }
    }

    fn record(&self, number: i64) -> Result<Outcome, InvokeError> {
        let mut recorded = self.recorded.lock();
        if recorded.len() >= self.limits.recorded {
            return Err(EchoRefused::Recorded(self.limits.recorded).into());
        }
        recorded.push(number);
        Ok(Outcome::void())
    }

    /// Answers at once; the calls follow the answer.
    fn send_burst(&self, call: &Call) -> Result<Outcome, InvokeError> {
        call.expect_arguments(2..=3)?;
        let count = self.limits.count(call.argument(0)?)?;
        let pause = self.limits.wait(call.argument(1)?);
        let pad = self.limits.length(call.optional(2)?.unwrap_or(0))?;
        if Arc::strong_count(&self.bursts) > self.limits.bursts {
            return Err(EchoRefused::Bursts(self.limits.bursts).into());
        }
        let (pad, running) = ("p".repeat(pad), self.bursts.clone());
        let encoding = call.encoding;
        let connection = self.connection.clone();
        let burst = async move {
            for number in 0..count {
                if number > 0 && !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                let mut arguments = vec![encode(encoding, &number)?];
                if !pad.is_empty() {
                    arguments.push(encode(encoding, &pad)?);
                }
                if !connection.send_when_room("Burst", arguments).await {
                    break;
                }
            }
            drop(running);
            Ok::<(), InvokeError>(())
        };
        Ok(Outcome::void().then(move || {
            tokio::spawn(burst);
        }))
    }

    /// Asks the client and passes its answer on, without holding up what else the client calls.
    fn invoke_client_result(&self, call: &Call) -> Result<Invoked, InvokeError> {
        let question = only_raw(call)?;
        let answer = self.connection.ask("GetClientResult", vec![question]);
        Ok(Invoked::Detached(Box::pin(async move {
            match answer.await {
                Ok(result) => Ok(Outcome {
                    result,
                    after: None,
                }),
                Err(AskError::Failed(text)) => Err(InvokeError::Hub(text)),
                Err(other) => Err(InvokeError::Hub(other.to_string())),
            }
        })))
    }

    fn stream(&self, mut call: Call) -> Result<Items, InvokeError> {
        let encoding = call.encoding;
        let letters = move |letters: &'static [&'static str]| {
            stream::iter(letters).map(move |letter| encode(encoding, letter))
        };
        match call.method {
            "Stream" => none(&call).map(|()| letters(&["a", "b", "c"]).boxed()),
            "EmptyStream" => none(&call).map(|()| stream::empty().boxed()),
            "StreamThrowException" => Err(InvokeError::Internal(only(&call)?)),
            "StreamThenThrow" => {
                let error = InvokeError::Internal(only(&call)?);
                let end = stream::once(async move { Err(error) });
                Ok(letters(&["a", "b"]).chain(end).boxed())
            }
            "StreamCounter" => {
                call.expect_arguments(2..=2)?;
                let count = self.limits.count(call.argument(0)?)?;
                let pause = self.limits.wait(call.argument(1)?);
                Ok(counter(count, pause, encoding))
            }
            "InfiniteStream" => {
                none(&call)?;
                let canceled = Canceled(self.connection.clone());
                // Holds on to the guard until it is dropped.
                let never = stream::pending().map(move |item| {
                    let _held = &canceled;
                    item
                });
                Ok(never.boxed())
            }
            _ => {
                none(&call)?;
                let upload = call.uploads.pop().ok_or(InvokeError::Binding)?;
                let failed = |error: crate::gateway::upload::UploadFailed| {
                    InvokeError::Hub(error.to_string())
                };
                Ok(upload.map(move |item| item.map_err(failed)).boxed())
            }
        }
    }
}

/// Tells the client that its endless stream has ended.
struct Canceled(Arc<ConnectionHandle>);

impl Drop for Canceled {
    fn drop(&mut self) {
        self.0.send_raw("StreamCanceled", Vec::new());
    }
}

fn slow_echo(call: &Call, limits: &EchoLimits) -> Result<Invoked, InvokeError> {
    call.expect_arguments(2..=2)?;
    let text: Option<String> = call.argument(0)?;
    let pause = limits.wait(call.argument(1)?);
    let encoding = call.encoding;
    Ok(Invoked::Future(Box::pin(async move {
        tokio::time::sleep(pause).await;
        Outcome::value(encoding, &text)
    })))
}

fn streaming_concat(mut call: Call, limits: EchoLimits) -> Result<Invoked, InvokeError> {
    none(&call)?;
    let mut upload = call.uploads.pop().ok_or(InvokeError::Binding)?;
    let encoding = call.encoding;
    Ok(Invoked::Detached(Box::pin(async move {
        let mut joined = String::new();
        while let Some(item) = upload.next().await {
            let item = item.map_err(|error| InvokeError::Hub(error.to_string()))?;
            let text: String = item.decode().map_err(|_| InvokeError::Binding)?;
            limits.length((joined.len() + text.len()) as i64)?;
            joined.push_str(&text);
        }
        Outcome::value(encoding, &joined)
    })))
}

fn counter(count: u32, pause: Duration, encoding: Encoding) -> Items {
    stream::unfold(0, move |number| async move {
        if number >= count {
            return None;
        }
        if number > 0 && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Some((encode(encoding, &number), number + 1))
    })
    .boxed()
}

/// The only argument.
fn only<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, InvokeError> {
    call.expect_arguments(1..=1)?;
    call.argument(0)
}

/// The only argument, as it was written.
fn only_raw(call: &Call) -> Result<Raw, InvokeError> {
    call.expect_arguments(1..=1)?;
    Ok(call.arguments[0].clone())
}

fn none(call: &Call) -> Result<(), InvokeError> {
    call.expect_arguments(0..=0)
}

fn encode<T: Serialize + ?Sized>(encoding: Encoding, value: &T) -> Result<Raw, InvokeError> {
    Raw::encode(encoding, value).map_err(|error| InvokeError::Internal(error.to_string()))
}
