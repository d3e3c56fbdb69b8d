//! One simulated node: a hub on a paused runtime of its own. Dropping the runtime is a crash.

use std::sync::Arc;
use std::time::Duration;

use actors::cluster::FanoutLimits;
use actors::hub::{Hub, HubLimits, HubParts};
use actors::machines::room::RoomLimits;
use actors::runtime::RuntimeLimits;
use tokio::runtime::{Builder, Handle, Runtime};

use super::bus::{Bus, Sender};
use super::clock::{NodeClock, Now};
use super::faults::Faults;
use super::journal::Client;
use super::store::Store;

pub struct Node {
    pub number: usize,
    life: Option<Life>,
    /// Down until then, or held up until then.
    pub down_until: u64,
    pub paused_until: u64,
    /// Virtual time that its runtime has yet to live through.
    lag: u64,
}

struct Life {
    hub: Hub,
    runtime: Runtime,
}

impl Node {
    pub fn new(number: usize) -> Self {
        Self {
            number,
            life: None,
            down_until: 0,
            paused_until: 0,
            lag: 0,
        }
    }

    pub fn start(&mut self, lives: u64, now: &Now, store: &Arc<Store>, bus: &Arc<Bus>) {
        let faults = store.faults.lock().clone();
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let client = Arc::new(Client(store.clone()));
        let parts = HubParts {
            journal: client.clone(),
            wakeups: client,
            clock: Arc::new(NodeClock {
                now: now.clone(),
                skew: if self.number == 0 { 0 } else { faults.skew },
            }),
            limits: limits(&faults),
            salt: self.number as u64 * 1_000_003 + lives,
        };
        let relay = Arc::new(Sender {
            bus: bus.clone(),
            from: self.number,
            nodes: faults.nodes,
        });
        let hub = runtime
            .block_on(Hub::start_with(parts, Some(relay)))
            .expect("a hub starts");
        self.life = Some(Life { hub, runtime });
        self.lag = 0;
    }

    pub fn crash(&mut self) {
        self.life = None;
    }

    pub fn hub(&self) -> Option<(&Hub, &Handle)> {
        let life = self.life.as_ref()?;
        Some((&life.hub, life.runtime.handle()))
    }

    /// Lets so many milliseconds pass; a node that is held up lives through them later, all at once.
    pub fn step(&mut self, millis: u64, now: u64) {
        self.lag += millis;
        if self.paused_until > now {
            return;
        }
        if let Some(life) = &self.life {
            let pass = Duration::from_millis(std::mem::take(&mut self.lag));
            life.runtime
                .block_on(async move { tokio::time::sleep(pass).await });
        }
    }
}

fn limits(faults: &Faults) -> HubLimits {
    HubLimits {
        room: RoomLimits {
            sends_per_second: 0,
            recent_messages: faults.recent_messages,
            ..RoomLimits::default()
        },
        runtime: RuntimeLimits {
            ask_timeout_ms: 4_000,
            mailbox_commands: faults.mailbox_commands,
            batch_records: faults.batch_records,
            snapshot_records: faults.snapshot_records,
            snapshot_ratio: 0,
            retention_ms: faults.retention_ms,
            idle_ms: faults.idle_ms,
            retry_max_ms: 500,
            restart_max_ms: 1_000,
            ..RuntimeLimits::default()
        },
        fanout: FanoutLimits {
            page_records: faults.page_records,
            recent_events: faults.recent_events,
            ..FanoutLimits::default()
        },
    }
}
