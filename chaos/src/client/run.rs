//! The task of one connection: writes calls and pings, reads as long as someone takes what comes.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::{Call, Encoding, HubMessage, Id, Outcome, encode};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite::Message;

use super::connect::Opened;
use super::{Answer, Callback, Command, Ended};

/// Between two pings.
const PING: Duration = Duration::from_secs(5);
/// Calls that are written in one frame at most.
const BATCH: usize = 32;

pub(super) async fn run(
    opened: Opened,
    mut commands: mpsc::Receiver<Command>,
    callbacks: mpsc::Sender<Callback>,
) -> Ended {
    let mut connection = Connection {
        opened,
        pending: HashMap::new(),
        arrived: VecDeque::new(),
        next_id: 0,
    };
    if let Err(ended) = connection.take_messages().await {
        return ended;
    }
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // A receiver that is closed wants no callbacks any more: they are dropped, and reading goes on.
        if callbacks.is_closed() {
            connection.arrived.clear();
        }
        let step = tokio::select! {
            command = commands.recv() => connection.write_calls(command, &mut commands).await,
            _ = pings.tick() => connection.write(vec![HubMessage::Ping]).await,
            permit = callbacks.reserve(), if !connection.arrived.is_empty() => {
                if let (Ok(permit), Some(callback)) = (permit, connection.arrived.pop_front()) {
                    permit.send(callback);
                }
                Ok(())
            }
            frame = connection.opened.socket.next(), if connection.arrived.is_empty() => {
                connection.read(frame).await
            }
        };
        if let Err(ended) = step {
            // What arrived before the end is still owed, as far as there is room for it.
            for callback in connection.arrived.drain(..) {
                if callbacks.send(callback).await.is_err() {
                    break;
                }
            }
            return ended;
        }
    }
}

struct Connection {
    opened: Opened,
    /// Calls without an answer yet; each has a caller that waits.
    pending: HashMap<Id, Answer>,
    /// Callbacks of the frame read last.
    arrived: VecDeque<Callback>,
    next_id: u64,
}

impl Connection {
    async fn write_calls(
        &mut self,
        first: Option<Command>,
        more: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Ended> {
        let mut messages = Vec::new();
        let mut command = first;
        loop {
            match command {
                Some(Command::Call {
                    target,
                    arguments,
                    answer,
                }) => {
                    let invocation_id = answer.map(|answer| self.register(answer));
                    let call = Call::new(target, arguments);
                    messages.push(HubMessage::Invocation {
                        invocation_id,
                        call,
                    });
                }
                Some(Command::Stop) | None => {
                    messages.push(HubMessage::Close {
                        error: None,
                        allow_reconnect: false,
                    });
                    self.write(messages).await?;
                    // The hub may be gone already; this side has ended in any case.
                    let _ = self.opened.socket.close(None).await;
                    return Err(Ended::Stopped);
                }
            }
            match more.try_recv() {
                Ok(next) if messages.len() < BATCH => command = Some(next),
                Ok(next) => {
                    self.write(std::mem::take(&mut messages)).await?;
                    command = Some(next);
                }
                Err(_) => return self.write(messages).await,
            }
        }
    }

    fn register(&mut self, answer: Answer) -> Id {
        let id = Id::from(self.next_id.to_string());
        self.next_id += 1;
        self.pending.insert(id.clone(), answer);
        id
    }

    async fn write(&mut self, messages: Vec<HubMessage>) -> Result<(), Ended> {
        let mut bytes = Vec::new();
        for message in &messages {
            encode(self.opened.encoding, message, &mut bytes).map_err(lost)?;
        }
        let frame = match self.opened.encoding {
            Encoding::Json => Message::text(String::from_utf8(bytes).map_err(lost)?),
            Encoding::MessagePack => Message::binary(bytes),
        };
        self.opened.socket.send(frame).await.map_err(lost)
    }

    async fn read(
        &mut self,
        frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Result<(), Ended> {
        match frame {
            Some(Ok(Message::Text(text))) => self.opened.decoder.push(bytes::Bytes::from(text)),
            Some(Ok(Message::Binary(bytes))) => self.opened.decoder.push(bytes),
            Some(Ok(Message::Close(_))) | None => {
                return Err(Ended::Lost(
                    "the WebSocket ended without a Close message".to_owned(),
                ));
            }
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => return Err(lost(error)),
        }
        self.take_messages().await
    }

    /// Handles all messages that have arrived whole.
    async fn take_messages(&mut self) -> Result<(), Ended> {
        while let Some(message) = self.opened.decoder.next().map_err(lost)? {
            match message {
                HubMessage::Invocation {
                    invocation_id,
                    call,
                } => {
                    if let Some(invocation_id) = invocation_id {
                        self.decline(invocation_id).await?;
                    }
                    self.arrived.push_back(Callback {
                        target: call.target.to_string(),
                        arguments: call.arguments,
                    });
                }
                HubMessage::Completion {
                    invocation_id,
                    outcome,
                    ..
                } => {
                    if let Some(answer) = self.pending.remove(&invocation_id) {
                        // A caller that has given up needs no answer.
                        let _ = answer.send(match outcome {
                            Outcome::Void => Ok(None),
                            Outcome::Result(result) => Ok(Some(result)),
                            Outcome::Error(text) => Err(text),
                        });
                    }
                }
                HubMessage::Close {
                    error,
                    allow_reconnect,
                } => {
                    return Err(Ended::Closed {
                        error,
                        allow_reconnect,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// This client has no results to give.
    async fn decline(&mut self, invocation_id: Id) -> Result<(), Ended> {
        let outcome = Outcome::Error("Client didn't provide a result.".to_owned());
        self.write(vec![HubMessage::Completion {
            invocation_id,
            outcome,
            headers: protocol::Headers::default(),
        }])
        .await
    }
}

fn lost(error: impl std::fmt::Display) -> Ended {
    Ended::Lost(error.to_string())
}
