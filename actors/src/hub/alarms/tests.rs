//! Alarms of other nodes, and entities that answer late, are in nobody's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::*;
use crate::ids::{EntityKind, RoomId};
use crate::journal::Wakeups;
use crate::journal::memory::MemoryJournal;

/// Users are another node's, rooms this one's; rooms called `slow…` never answer.
#[derive(Clone, Default)]
struct Tower(Arc<Parts>);

#[derive(Default)]
struct Parts {
    store: MemoryJournal,
    now: AtomicU64,
    busy: AtomicUsize,
    most: AtomicUsize,
    heeded: Mutex<Vec<Alarm>>,
}

impl Tower {
    async fn arm(&self, kind: EntityKind, name: &str, due: u64) {
        let entity = EntityId::new(kind, name).expect("a valid id");
        let armed = self.0.store.arm(&entity, Timestamp(due)).await;
        armed.expect("armed");
    }

    async fn rest(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    fn heeded(&self) -> Vec<String> {
        let heeded = self.0.heeded.lock();
        heeded.iter().map(|(e, _)| e.id().to_owned()).collect()
    }

    async fn look(&self, watch: &mut Watch, now: u64) {
        self.0.now.store(now, Ordering::Relaxed);
        watch.look(self).await;
        self.rest().await;
    }
}

impl Bell for Tower {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now.load(Ordering::Relaxed))
    }

    fn is_mine(&self, entity: &EntityId) -> bool {
        entity.kind == EntityKind::Room
    }

    fn due(&self, after: Option<Alarm>) -> BoxFuture<'_, Option<Vec<Alarm>>> {
        let due = self.0.store.due(self.now(), after, PAGE);
        Box::pin(async move { due.await.ok() })
    }

    fn heed(&self, alarm: Alarm) -> BoxFuture<'static, ()> {
        let parts = self.0.clone();
        Box::pin(async move {
            let busy = parts.busy.fetch_add(1, Ordering::Relaxed) + 1;
            parts.most.fetch_max(busy, Ordering::Relaxed);
            if alarm.0.id().starts_with("slow") {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            parts.busy.fetch_sub(1, Ordering::Relaxed);
            parts.heeded.lock().push(alarm.clone());
            parts.store.clear(&alarm.0, alarm.1).await.expect("cleared");
        })
    }
}

#[tokio::test(start_paused = true)]
async fn alarms_that_others_leave_lying_hide_nobodys() {
    let (tower, mut watch) = (Tower::default(), Watch::new(4));
    for number in 0..2 * PAGE {
        tower.arm(EntityKind::User, &format!("u{number}"), 1).await;
    }
    tower.arm(EntityKind::Room, "ours", 2).await;
    tower.look(&mut watch, 10).await;
    assert_eq!(tower.heeded(), ["ours"]);
}

#[tokio::test(start_paused = true)]
async fn more_than_one_look_can_read_are_read_in_the_next() {
    let (tower, mut watch) = (Tower::default(), Watch::new(4));
    for number in 0..PAGE * PAGES {
        tower.arm(EntityKind::User, &format!("u{number}"), 1).await;
    }
    tower.arm(EntityKind::Room, "ours", 2).await;
    tower.look(&mut watch, 10).await;
    assert_eq!(tower.heeded(), [""; 0]);
    tower.look(&mut watch, 11).await;
    assert_eq!(tower.heeded(), ["ours"]);
    tower.arm(EntityKind::Room, "again", 0).await;
    tower.look(&mut watch, 12).await;
    assert_eq!(tower.heeded(), ["ours", "again"], "then from the start");
}

#[tokio::test(start_paused = true)]
async fn entities_that_do_not_answer_take_up_their_places_and_no_more() {
    let (tower, mut watch) = (Tower::default(), Watch::new(4));
    for number in 0..3 {
        tower
            .arm(EntityKind::Room, &format!("slow{number}"), 1)
            .await;
    }
    for number in 0..20 {
        tower
            .arm(EntityKind::Room, &format!("r{number:02}"), 2)
            .await;
    }
    tower.look(&mut watch, 10).await;
    assert_eq!(tower.heeded().len(), 20);
    assert_eq!(tower.0.most.load(Ordering::Relaxed), 4);
    tower.look(&mut watch, 11).await;
    assert_eq!(
        tower.0.busy.load(Ordering::Relaxed),
        3,
        "nobody is asked twice"
    );
    tower.arm(EntityKind::Room, "slow3", 1).await;
    tower.arm(EntityKind::Room, "last", 2).await;
    tower.look(&mut watch, 12).await;
    assert_eq!(tower.heeded().len(), 21, "places are not kept for ever");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_heeds_is_taken_up_by_anybody_after_a_while() {
    let (tower, mut watch) = (Tower::default(), Watch::new(4));
    for number in 0..6 {
        tower.arm(EntityKind::User, &format!("u{number}"), 1).await;
    }
    // They are long overdue, but this node has only just begun to look.
    tower.look(&mut watch, 10 * FORSAKEN_MS).await;
    tower.look(&mut watch, 11 * FORSAKEN_MS - 1).await;
    assert_eq!(tower.heeded(), [""; 0]);
    tower.look(&mut watch, 11 * FORSAKEN_MS).await;
    let mut first = tower.heeded();
    first.sort();
    assert_eq!(first, ["u0", "u1", "u2", "u3"], "so many at once");
    tower.arm(EntityKind::User, "new", 11 * FORSAKEN_MS).await;
    tower.look(&mut watch, 11 * FORSAKEN_MS + 1).await;
    assert_eq!(tower.heeded().len(), 6, "a new one is its owner's");
    let room = EntityId::room(&RoomId::parse("r").expect("a room id"));
    assert!(tower.is_mine(&room));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_keeps_nobody_from_taking_up_what_nobody_heeds() {
    let (tower, mut watch) = (Tower::default(), Watch::new(4));
    tower.arm(EntityKind::User, "u", 1).await;
    tower.look(&mut watch, 100 * FORSAKEN_MS).await;
    tower.look(&mut watch, 10 * FORSAKEN_MS).await;
    tower.look(&mut watch, 11 * FORSAKEN_MS - 1).await;
    assert_eq!(tower.heeded(), [""; 0]);
    tower.look(&mut watch, 11 * FORSAKEN_MS).await;
    assert_eq!(tower.heeded(), ["u"]);
}
