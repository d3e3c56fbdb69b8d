//! Listening to an inbox on one node: by slow connections, past what was trimmed, and within what bounds a node.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use actors::delivery::{Delivery, Outlet, Payload, Pushed, ResetReason};
use actors::hub::{HubError, HubSession};
use actors::ids::{EntityId, RequestId, Sequence};
use actors::machines::inbox::{InboxCommand, InboxReply};
use actors::machines::notice::{Notice, NoticeKind, Priority};
use actors::runtime::AskError;
use parking_lot::Mutex;

use super::stage::{Stage, pass, user};

/// A connection whose queue holds a few deliveries and is read by hand.
struct Slow {
    capacity: usize,
    queue: Mutex<VecDeque<Arc<Delivery>>>,
    highest: Mutex<usize>,
    wake: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Sequences shown; a reset as the negative of where it leads.
    seen: Mutex<Vec<i64>>,
}

impl Slow {
    fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            queue: Mutex::default(),
            highest: Mutex::default(),
            wake: Mutex::default(),
            seen: Mutex::default(),
        })
    }

    fn read(&self, count: usize) {
        for _ in 0..count {
            let Some(delivery) = self.queue.lock().pop_front() else {
                break;
            };
            let mut seen = self.seen.lock();
            match &delivery.payload {
                Payload::Events(block) => {
                    assert_eq!(block.entity, inbox("bob"));
                    seen.extend((block.first.0..=block.last().0).map(|at| at as i64));
                }
                Payload::Reset {
                    entity,
                    from,
                    reason,
                } => {
                    assert_eq!((entity, *reason), (&inbox("bob"), ResetReason::Trimmed));
                    seen.push(-(from.0 as i64));
                }
                other => panic!("nothing of rooms: {other:?}"),
            }
        }
        let wake = self.wake.lock().take();
        if let Some(wake) = wake {
            wake();
        }
    }

    fn seen(&self) -> Vec<i64> {
        self.seen.lock().clone()
    }
}

impl Outlet for Slow {
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
        let mut queue = self.queue.lock();
        if queue.len() >= self.capacity {
            return Pushed::Full;
        }
        queue.push_back(delivery.clone());
        let mut highest = self.highest.lock();
        *highest = queue.len().max(*highest);
        Pushed::Accepted
    }

    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>) {
        *self.wake.lock() = Some(wake);
    }
}

fn inbox(name: &str) -> EntityId {
    EntityId::inbox(&user(name))
}

async fn notify(stage: &Stage, name: &str, number: u64) -> Result<u64, HubError> {
    let gig = RequestId::parse(&format!("gig-{number}")).expect("a request id");
    let add = InboxCommand::Add {
        from: EntityId::request(&gig),
        number,
        notice: Notice {
            kind: NoticeKind::NewRequest,
            priority: Priority::Normal,
            data: BTreeMap::new(),
        },
    };
    match stage.hub.inbox(&user(name), add).await? {
        InboxReply::Done { sequence, .. } => Ok(sequence.0),
        other => panic!("not an answer to a notification: {other:?}"),
    }
}

async fn listen(stage: &Stage, slow: &Arc<Slow>, after: Option<u64>) -> HubSession {
    let session = stage.hub.connect_apart(user("bob"), slow.clone());
    let starting = session.attach(&inbox("bob"), after.map(Sequence)).await;
    starting.expect("attached").begin();
    session
}

#[tokio::test(start_paused = true)]
async fn nothing_is_shown_before_it_is_begun_and_then_all_of_it() {
    let stage = Stage::new(|_| ()).await;
    for number in 1..=3 {
        notify(&stage, "bob", number).await.expect("taken in");
    }
    let slow = Slow::new(100);
    let session = stage.hub.connect_apart(user("bob"), slow.clone());
    let starting = session.attach(&inbox("bob"), Some(Sequence(1))).await;
    let starting = starting.expect("attached");
    assert_eq!(starting.head(), Sequence(3));
    notify(&stage, "bob", 4).await.expect("taken in");
    pass(500).await;
    slow.read(100);
    assert_eq!(slow.seen(), [] as [i64; 0]);
    starting.begin();
    pass(500).await;
    slow.read(100);
    assert_eq!(slow.seen(), [2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_loses_nothing_and_its_queue_stays_bounded() {
    let stage = Stage::new(|limits| limits.fanout.page_records = 7).await;
    let slow = Slow::new(3);
    let _session = listen(&stage, &slow, Some(0)).await;
    for number in 1..=200 {
        notify(&stage, "bob", number).await.expect("taken in");
    }
    assert!(slow.seen().is_empty());
    for _ in 0..400 {
        slow.read(1);
        pass(10).await;
    }
    assert_eq!(slow.seen(), (1..=200).collect::<Vec<_>>());
    assert_eq!(*slow.highest.lock(), 3, "full, and never fuller");
}

#[tokio::test(start_paused = true)]
async fn entries_that_were_trimmed_are_answered_with_a_reset() {
    let stage = Stage::new(|limits| {
        limits.runtime.snapshot_records = 4;
        limits.runtime.snapshot_ratio = 0;
        limits.runtime.retention_ms = 1_000;
    })
    .await;
    for number in 1..=12 {
        pass(500).await;
        notify(&stage, "bob", number).await.expect("taken in");
    }
    pass(100).await;
    let slow = Slow::new(100);
    let _session = listen(&stage, &slow, Some(1)).await;
    pass(100).await;
    slow.read(100);
    let seen = slow.seen();
    let from = -seen[0];
    assert!(from > 2, "something was trimmed: {seen:?}");
    assert_eq!(seen[1..], (from..=12).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_bounds_a_node_bounds_the_entities_of_all_kinds_together() {
    let stage = Stage::new(|limits| limits.runtime.entities = 2).await;
    stage.create("band", &[]).await.expect("created");
    notify(&stage, "bob", 1).await.expect("taken in");
    assert_eq!(stage.hub.load().0, 2);
    let refused = notify(&stage, "eve", 1).await.err();
    assert!(matches!(
        refused,
        Some(HubError::Inbox(AskError::Overloaded { .. }))
    ));
    let refused = stage.create("duo", &[]).await.err();
    assert!(matches!(
        refused,
        Some(HubError::Room(AskError::Overloaded { .. }))
    ));
    // Whoever sleeps makes room for others, of whatever kind.
    pass(70_000).await;
    assert_eq!(stage.hub.load().0, 0);
    stage.create("duo", &[]).await.expect("created");
    notify(&stage, "eve", 1).await.expect("taken in");
}
