//! `nodes`: who is on the bus, by listening to their signs of life for a moment, and how each says it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actors::bus::frame::{self, Beat, Frame};
use actors::bus::{Bus, BusEvent, Inbox, Message, NatsBus, Reply, Subject, Traces};
use actors::cluster::Report;
use actors::cluster::placement::Placement;
use actors::cluster::report::report_in;
use actors::ids::{EntityId, NodeId, RoomId, Sequence};
use clap::Args;
use futures_util::future::join_all;
use parking_lot::Mutex;
use rand::RngCore;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Failed, print};
use crate::config::{BusKind, Config};
use crate::store;

/// This name owns nothing: an observer sends no beats.
const OBSERVER: &str = "observer";
/// How long to wait for the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a node may take to say how it is.
const REPORT: Duration = Duration::from_secs(2);
/// Every node beats so often while it is listened to, and one beat may be lost.
const BEATS: u32 = 3;

#[derive(Debug, Args)]
pub struct NodesArgs {
    /// Also where this room is: its owner, its head in the store, and each node's readers of it
    #[arg(long, value_parser = super::look::room)]
    room: Option<RoomId>,
}

/// What was heard.
#[derive(Default)]
struct Heard {
    beats: Mutex<BTreeMap<NodeId, Beat>>,
    connected: Notify,
}

impl Inbox for Heard {
    fn hint(&self, _: Subject, message: Message) {
        if let Ok((Frame::Beat(beat), _)) = frame::decode(&message.payload) {
            self.beats.lock().insert(beat.node.clone(), beat);
        }
    }

    fn request(&self, _: Message, _: Reply) {}

    fn changed(&self, event: BusEvent) {
        if event == BusEvent::Connected {
            self.connected.notify_one();
        }
    }
}

pub fn run(config: &Config, args: &NodesArgs) -> Result<(), Failed> {
    if config.bus != BusKind::Nats {
        return Err(Failed("there are no other nodes: bus is local".into()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failed::because)?;
    runtime.block_on(async {
        let seen = Box::pin(listen(config, args.room.as_ref())).await?;
        for (beat, report) in &seen {
            print(&crate::bus::shown(beat, report.as_ref()))?;
        }
        match &args.room {
            Some(room) => print(&whereabouts(config, room, &seen).await?),
            None => Ok(()),
        }
    })
}

type Seen = Vec<(Beat, Option<Report>)>;

/// Hears who is there, then asks each how it is.
async fn listen(config: &Config, room: Option<&RoomId>) -> Result<Seen, Failed> {
    let url = config.nats_url.as_ref().map_or("", |url| url.reveal());
    let name = NodeId::parse(OBSERVER).map_err(Failed::because)?;
    let bus = NatsBus::connect(url, name.clone(), &config.nats, &config.peers).await;
    let bus = bus.map_err(Failed::because)?;
    let heard = Arc::new(Heard::default());
    bus.attach(heard.clone());
    let connected = tokio::time::timeout(CONNECT, heard.connected.notified()).await;
    connected.map_err(|_| Failed("NATS does not answer".into()))?;
    tokio::time::sleep(Duration::from_millis(config.peers.heartbeat_ms) * BEATS).await;
    let beats = std::mem::take(&mut *heard.beats.lock());
    let frame = Frame::Report {
        room: room.cloned(),
    };
    let bytes = frame::encode(&frame, config.peers.format, &name);
    let traces = Traces::new(rand::rng().next_u64());
    let asked = beats.into_values().map(|beat| {
        let answer = bus.request(&beat.node, traces.begin(), bytes.clone(), REPORT);
        async move { (beat, answer.await.ok().and_then(|bytes| report_in(&bytes))) }
    });
    let seen = join_all(asked).await;
    bus.close().await;
    Ok(seen)
}

/// Who owns a room by what was heard, how far it reaches in the store, and how each node's readers stand.
async fn whereabouts(config: &Config, room: &RoomId, seen: &Seen) -> Result<Value, Failed> {
    let entity = EntityId::room(room);
    let store = store::open_existing(config)
        .await
        .map_err(Failed::because)?;
    let head = store.journal.head(&entity).await;
    store.close().await;
    let head = head.map_err(Failed::because)?.sequence;
    let takers = seen.iter().filter(|(beat, _)| !beat.draining);
    let placement = Placement::new(takers.map(|(beat, _)| beat.node.clone()));
    let lag = |position: Option<Sequence>| position.map(|at| head.0.saturating_sub(at.0));
    let nodes = seen.iter().map(|(beat, report)| {
        let room = report.as_ref().and_then(|report| report.room.as_ref());
        crate::bus::room_reported(&beat.node, room, &lag)
    });
    Ok(json!({
        "roomId": room.as_str(),
        "owner": placement.owner(&entity).map(NodeId::as_str),
        "head": head.0,
        "nodes": nodes.collect::<Vec<_>>(),
    }))
}
