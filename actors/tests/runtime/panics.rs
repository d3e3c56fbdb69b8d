//! A panic inside one entity's actor: it rests and comes back, its callers hear something definite, no other notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::ids::EntityId;
use actors::journal::Row;
use actors::journal::memory::MemoryJournal;
use actors::machines::room::{
    Room, RoomCommand, RoomEntry, RoomKind, RoomLimits, RoomRejection, RoomReply,
};
use actors::runtime::{AskError, CommitSink, Deps, Directory, RuntimeLimits};
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use parking_lot::Mutex;

use super::stage::{Paused, entity, message, pass, user};

/// Panics when one entity commits, as often as it is told to.
#[derive(Default)]
struct Fragile {
    who: Mutex<Option<EntityId>>,
    left: AtomicU64,
    failed: Mutex<Vec<EntityId>>,
}

impl Fragile {
    fn panics(&self, who: &EntityId, times: u64) {
        *self.who.lock() = Some(who.clone());
        self.left.store(times, Ordering::Relaxed);
    }
}

impl CommitSink<Room> for Fragile {
    fn committed(&self, entity: &EntityId, _: &Row, _: &[RoomEntry]) {
        let meant = self.who.lock().as_ref() == Some(entity);
        if meant && self.left.load(Ordering::Relaxed) > 0 {
            self.left.fetch_sub(1, Ordering::Relaxed);
            panic!("a deliberate panic in the actor of {entity}");
        }
    }

    fn failed(&self, entity: &EntityId) {
        self.failed.lock().push(entity.clone());
    }
}

/// Counts the failures of entities and no other metric.
#[derive(Default)]
struct Failures(Arc<Count>);

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl metrics::Recorder for Failures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "mussikon_entity_failures_total" => Counter::from_arc(self.0.clone()),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

type Answer = Result<RoomReply, AskError<RoomRejection>>;

async fn ask(rooms: &Directory<Room>, name: &str, command: RoomCommand) -> Answer {
    rooms.ask(&entity(name), command, 100).await
}

async fn send(rooms: &Directory<Room>, name: &str, id: &str) -> Answer {
    ask(rooms, name, message("ada", id)).await
}

fn sequence(answer: Answer) -> u64 {
    match answer.expect("accepted") {
        RoomReply::Sent(sent) => sent.sequence.0,
        other => panic!("not an answer to a message: {other:?}"),
    }
}

/// Two rooms, `band` and `duo`, each with its creation and its creator journaled.
async fn rooms(sink: Arc<Fragile>) -> Directory<Room> {
    let store = Arc::new(MemoryJournal::new());
    let rooms = Directory::start(Deps {
        journal: store.clone(),
        wakeups: store,
        clock: Arc::new(Paused::default()),
        sink,
        errands: Arc::new(actors::runtime::NoErrands),
        limits: Arc::new(RuntimeLimits::default()),
        rules: Arc::new(RoomLimits {
            sends_per_second: 0,
            ..RoomLimits::default()
        }),
        salt: 7,
    });
    let rooms = rooms.await.expect("a directory starts");
    for name in ["band", "duo"] {
        let create = RoomCommand::Create {
            by: user("ada"),
            kind: RoomKind::Group,
            name: None,
            members: Vec::new(),
        };
        ask(&rooms, name, create).await.expect("created");
    }
    rooms
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_supervised_counted_and_answered_and_hurts_no_other() {
    const TIMES: u64 = 4;
    let recorder = Failures::default();
    let _counted = metrics::set_default_local_recorder(&recorder);
    let sink = Arc::new(Fragile::default());
    let rooms = rooms(sink.clone()).await;
    sink.panics(&entity("band"), TIMES);
    let mut rests = Vec::new();
    for round in 0..TIMES {
        // One command is decided, the other comes while its row is being appended; the actor dies with both.
        let (one, two) = (format!("one-{round}"), format!("two-{round}"));
        let began = tokio::time::Instant::now();
        let (one, two, other) = tokio::join!(
            send(&rooms, "band", &one),
            send(&rooms, "band", &two),
            send(&rooms, "duo", &one),
        );
        assert_eq!(one, Err(AskError::OutcomeUnknown));
        assert_eq!(two, Err(AskError::OutcomeUnknown));
        assert_eq!(sequence(other), 3 + round, "the other room serves on");
        let waited = began.elapsed();
        assert!(
            waited < Duration::from_secs(1),
            "left hanging for {waited:?}"
        );
        // Let its supervisor notice.
        pass(1).await;
        match send(&rooms, "band", "too-early").await {
            Err(AskError::Unavailable { retry_after, .. }) => {
                rests.push(retry_after.as_millis());
                tokio::time::sleep(retry_after).await;
            }
            other => panic!("it must rest: {other:?}"),
        }
    }
    assert!(rests.windows(2).all(|pair| pair[1] > pair[0]), "{rests:?}");
    assert_eq!(recorder.0.0.load(Ordering::Relaxed), TIMES);
    assert_eq!(sink.failed.lock().len() as u64, TIMES);

    // What was durable when the actor died is found again by its id, what was refused was not begun.
    assert_eq!(sequence(send(&rooms, "band", "one-0").await), 3);
    let repeated = sequence(send(&rooms, "band", "two-0").await);
    assert_eq!(sequence(send(&rooms, "band", "two-0").await), repeated);
    assert_eq!(
        sequence(send(&rooms, "band", "too-early").await),
        repeated + 1
    );
}
