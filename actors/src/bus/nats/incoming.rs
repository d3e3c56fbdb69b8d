//! What arrives: one task that holds all subscriptions of this node and hands on what they bring.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::{Client, Subscriber};
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{Map, SelectAll, Stream};
use metrics::Counter;
use tokio::sync::mpsc;

use super::Link;
use crate::bus::trace::TRACEPARENT;
use crate::bus::{BusEvent, Inbox, Message, Reply, Subject, Token, Trace};

/// A change of interest.
pub(super) enum Wish {
    /// Begin to hear a subject.
    Hear(Token, String),
    /// Cease.
    Cease(Token),
}

#[derive(Clone, Copy)]
enum Source {
    Entity(Token),
    Node,
    Nodes,
}

type Arriving = (Source, async_nats::Message);
type Tagged = Map<Abortable<Subscriber>, Box<dyn FnMut(async_nats::Message) -> Arriving + Send>>;

struct Incoming {
    client: Client,
    inbox: Arc<dyn Inbox>,
    received: Counter,
    streams: SelectAll<Tagged>,
    /// Ends the stream, which drops the subscription, which unsubscribes.
    handles: HashMap<Token, AbortHandle>,
}

impl Incoming {
    async fn hear(&mut self, source: Source, subject: String) {
        match self.client.subscribe(subject).await {
            Ok(subscriber) => {
                let (stream, handle) = abortable(subscriber);
                self.streams.push(tagged(stream, source));
                if let Source::Entity(token) = source
                    && let Some(old) = self.handles.insert(token, handle)
                {
                    old.abort();
                }
            }
            Err(error) => tracing::error!(%error, "cannot subscribe"),
        }
    }

    fn hand_on(&self, source: Source, message: async_nats::Message) {
        let header = message.headers.as_ref().and_then(|h| h.get(TRACEPARENT));
        let Some(trace) = header.and_then(|value| Trace::parse(value.as_str())) else {
            // Not one of ours.
            metrics::counter!("mussikon_bus_dropped_total", "what" => "foreign").increment(1);
            return;
        };
        self.received.increment(1);
        let payload = message.payload;
        let arrived = Message { trace, payload };
        match (source, message.reply) {
            (Source::Entity(token), _) => self.inbox.hint(Subject::Entity(token), arrived),
            (Source::Nodes, _) => self.inbox.hint(Subject::Nodes, arrived),
            (Source::Node, Some(back)) => {
                let client = self.client.clone();
                let reply: Reply = Box::new(move |answer| {
                    tokio::spawn(async move {
                        let sent = client
                            .publish_with_headers(back, super::headers(trace), answer)
                            .await;
                        if let Err(error) = sent {
                            tracing::warn!(%error, "an answer was not sent");
                        }
                    });
                });
                self.inbox.request(arrived, reply);
            }
            (Source::Node, None) => {}
        }
    }
}

fn abortable<S: Stream>(stream: S) -> (Abortable<S>, AbortHandle) {
    let (handle, registration) = AbortHandle::new_pair();
    (Abortable::new(stream, registration), handle)
}

fn tagged(stream: Abortable<Subscriber>, source: Source) -> Tagged {
    stream.map(Box::new(move |message| (source, message)))
}

pub(super) async fn run(
    client: Client,
    own: [String; 2],
    inbox: Arc<dyn Inbox>,
    mut wishes: mpsc::Receiver<Wish>,
    link: Arc<Link>,
) {
    let mut incoming = Incoming {
        client,
        inbox,
        received: metrics::counter!("mussikon_bus_received_total"),
        streams: SelectAll::new(),
        handles: HashMap::new(),
    };
    let [node, nodes] = own;
    incoming.hear(Source::Node, node).await;
    incoming.hear(Source::Nodes, nodes).await;
    loop {
        tokio::select! {
            biased;
            // Interest first: what is not heard is lost, what waits is not.
            wish = wishes.recv() => match wish {
                Some(Wish::Hear(token, subject)) => {
                    if !incoming.handles.contains_key(&token) {
                        incoming.hear(Source::Entity(token), subject).await;
                    }
                }
                Some(Wish::Cease(token)) => {
                    if let Some(handle) = incoming.handles.remove(&token) {
                        handle.abort();
                    }
                }
                None => break,
            },
            Some((source, message)) = incoming.streams.next() => {
                incoming.hand_on(source, message);
            }
        }
    }
    link.changed(BusEvent::Disconnected);
}
