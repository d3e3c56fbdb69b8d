//! A hub client over real sockets: calls with answers, and what the hub calls, in order.
//!
//! Callbacks wait in a bounded queue. While it is full nothing is read from the socket, so a client that does not take its
//! callbacks is a client that has stopped reading; it still sends, pings included.

mod connect;
mod run;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use protocol::{CloseReason, Encoding, Raw};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use connect::ConnectError;

/// Calls that wait to be written, at most.
const COMMANDS: usize = 64;

/// Whom to connect to, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The hub's address with its path, such as `http://127.0.0.1:8080/hubs/chat`.
    pub hub: String,
    /// Other hubs of the same cluster, where a member goes when this one is away.
    pub others: VecDeque<String>,
    /// The bearer token, if the hub wants one.
    pub token: Option<String>,
    /// The encoding of hub messages.
    pub encoding: Encoding,
    /// Callbacks that may wait to be taken; then reading stops.
    pub callbacks: usize,
    /// What the system keeps of what was not read yet, in bytes; none leaves that to the system.
    pub receive_buffer: Option<u32>,
    /// Whether to ask for stateful reconnect: the connection then outlives its socket.
    pub stateful: bool,
    /// The hub is given up when nothing was read from it for this long.
    pub silence: Duration,
}

impl Settings {
    /// A client of `hub` that reads ahead 1,024 callbacks.
    pub fn new(hub: impl Into<String>, encoding: Encoding, token: Option<String>) -> Self {
        Self {
            hub: hub.into(),
            others: VecDeque::new(),
            token,
            encoding,
            callbacks: 1024,
            receive_buffer: None,
            stateful: false,
            silence: Duration::from_secs(30),
        }
    }

    /// The next hub from now on; this one comes last.
    pub fn turn(&mut self) {
        if let Some(next) = self.others.pop_front() {
            self.others
                .push_back(std::mem::replace(&mut self.hub, next));
        }
    }
}

/// A method of this client that the hub called.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The method.
    pub target: String,
    /// Its arguments.
    pub arguments: Vec<Raw>,
}

impl Callback {
    /// The first argument, whatever its encoding.
    pub fn object(&self) -> Option<Value> {
        self.arguments.first()?.decode().ok()
    }
}

/// Why a call has no result.
#[derive(Debug, Error)]
pub enum InvokeError {
    /// The hub answered with this error.
    #[error("{0}")]
    Refused(String),
    /// The connection ended before an answer came: the call may have had its effect or not.
    #[error("the connection ended before the answer came")]
    Lost,
    /// The arguments or the result do not fit.
    #[error("{0}")]
    Value(String),
}

impl InvokeError {
    /// Whether the hub answered with this stable code.
    pub fn is_code(&self, code: &str) -> bool {
        matches!(self, Self::Refused(text) if text.contains(&format!("HubException: {code}: ")))
    }
}

/// The stable code in a hub's error text, or what stands in its place.
pub fn code_of(text: &str) -> &str {
    let told = text.split("HubException: ").nth(1).unwrap_or(text);
    told.split(": ").next().unwrap_or(told)
}

/// Takes the result of a call or the error text of the hub.
type Answer = oneshot::Sender<Result<Option<Raw>, String>>;

enum Command {
    Call {
        target: String,
        arguments: Vec<Raw>,
        answer: Option<Answer>,
    },
    Stop,
}

/// Makes calls on a client's connection; any number of them at once.
#[derive(Clone)]
pub struct Caller {
    encoding: Encoding,
    commands: mpsc::Sender<Command>,
}

impl Caller {
    /// Calls a method with the elements of an array and waits for its result.
    pub async fn invoke<T: DeserializeOwned>(
        &self,
        target: &str,
        arguments: Value,
    ) -> Result<T, InvokeError> {
        let raw = self.invoke_raw(target, self.encode(arguments)?).await?;
        raw.decode()
            .map_err(|error| InvokeError::Value(error.to_string()))
    }

    /// Calls a method and returns its result as it came; a void one is null.
    pub async fn invoke_raw(&self, target: &str, arguments: Vec<Raw>) -> Result<Raw, InvokeError> {
        let (answer, answered) = oneshot::channel();
        self.command(target, arguments, Some(answer)).await?;
        match answered.await {
            Ok(Ok(result)) => Ok(result.unwrap_or_else(|| Raw::null(self.encoding))),
            Ok(Err(text)) => Err(InvokeError::Refused(text)),
            Err(_) => Err(InvokeError::Lost),
        }
    }

    /// Calls a method and wants no answer.
    pub async fn send(&self, target: &str, arguments: Value) -> Result<(), InvokeError> {
        let arguments = self.encode(arguments)?;
        self.command(target, arguments, None).await
    }

    fn encode(&self, arguments: Value) -> Result<Vec<Raw>, InvokeError> {
        let Value::Array(arguments) = arguments else {
            return Err(InvokeError::Value("arguments must be an array".to_owned()));
        };
        let encode = |value: &Value| Raw::encode(self.encoding, value);
        let encoded: Result<Vec<Raw>, _> = arguments.iter().map(encode).collect();
        encoded.map_err(|error| InvokeError::Value(error.to_string()))
    }

    async fn command(
        &self,
        target: &str,
        arguments: Vec<Raw>,
        answer: Option<Answer>,
    ) -> Result<(), InvokeError> {
        let target = target.to_owned();
        let command = Command::Call {
            target,
            arguments,
            answer,
        };
        self.commands
            .send(command)
            .await
            .map_err(|_| InvokeError::Lost)
    }
}

/// A connection to a hub. Dropping it ends the connection without a word.
pub struct Client {
    caller: Caller,
    callbacks: mpsc::Receiver<Callback>,
    running: JoinHandle<CloseReason>,
    connection_id: String,
}

impl Client {
    /// Negotiates, opens the WebSocket and shakes hands.
    pub async fn connect(settings: &Settings) -> Result<Self, ConnectError> {
        let connection = Box::pin(run::Connection::open(settings)).await?;
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (sender, callbacks) = mpsc::channel(settings.callbacks);
        let connection_id = connection.id().to_owned();
        let running = tokio::spawn(connection.run(receiver, sender));
        Ok(Self {
            caller: Caller {
                encoding: settings.encoding,
                commands,
            },
            callbacks,
            running,
            connection_id,
        })
    }

    /// The public id of this connection.
    pub fn connection_id(&self) -> &str {
        &self.connection_id
    }

    /// A handle for calls beside this one's.
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Calls a method with the elements of an array and waits for its result.
    pub async fn invoke<T: DeserializeOwned>(
        &self,
        target: &str,
        arguments: Value,
    ) -> Result<T, InvokeError> {
        self.caller.invoke(target, arguments).await
    }

    /// The next callback; `None` once the connection has ended and all were taken.
    pub async fn next(&mut self) -> Option<Callback> {
        self.callbacks.recv().await
    }

    /// Waits for the end of the connection, and tells why. Callbacks that were not taken are lost.
    pub async fn ended(mut self) -> CloseReason {
        self.callbacks.close();
        (&mut self.running)
            .await
            .unwrap_or(CloseReason::TransportLost)
    }

    /// Says goodbye and waits until the connection has ended.
    pub async fn stop(mut self) {
        self.callbacks.close();
        // Without anyone to take the command the connection has ended already.
        let _ = self.caller.commands.send(Command::Stop).await;
        let _ = (&mut self.running).await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.connection_id)
    }
}
