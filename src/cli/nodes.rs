//! `nodes`: who is on the bus, by listening to their signs of life for a moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actors::bus::frame::{self, Beat, Frame};
use actors::bus::{Bus, BusEvent, Inbox, Message, NatsBus, Reply, Subject};
use actors::ids::NodeId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Failed, print};
use crate::config::{BusKind, Config};

/// This name owns nothing: an observer sends no beats.
const OBSERVER: &str = "observer";
/// How long to wait for the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Every node beats so often while it is listened to, and one beat may be lost.
const BEATS: u32 = 3;

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

pub fn run(config: &Config) -> Result<(), Failed> {
    if config.bus != BusKind::Nats {
        return Err(Failed("there are no other nodes: bus is local".into()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failed::because)?;
    for beat in runtime.block_on(Box::pin(listen(config)))? {
        print(&crate::bus::shown(&beat))?;
    }
    Ok(())
}

async fn listen(config: &Config) -> Result<Vec<Beat>, Failed> {
    let url = config.nats_url.as_ref().map_or("", |url| url.reveal());
    let name = NodeId::parse(OBSERVER).map_err(Failed::because)?;
    let bus = NatsBus::connect(url, name, &config.nats, &config.peers).await;
    let bus = bus.map_err(Failed::because)?;
    let heard = Arc::new(Heard::default());
    bus.attach(heard.clone());
    let connected = tokio::time::timeout(CONNECT, heard.connected.notified()).await;
    connected.map_err(|_| Failed("NATS does not answer".into()))?;
    tokio::time::sleep(Duration::from_millis(config.peers.heartbeat_ms) * BEATS).await;
    bus.close().await;
    let beats = std::mem::take(&mut *heard.beats.lock());
    Ok(beats.into_values().collect())
}
