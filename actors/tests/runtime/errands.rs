//! Errands are carried out once what brought them about is durable, in order per target, also after a crash; deadlines are
//! kept by alarms in the store.

use std::sync::Arc;
use std::time::Duration;

use actors::ids::{EntityId, EntityKind, Timestamp};
use actors::journal::Wakeups;
use actors::runtime::{CommitSink, Deps, Directory, RuntimeLimits};
use actors::testing::words::{Paused, pass};
use actors::testing::{Mutation, mutate};
use tokio::runtime::{Builder, Runtime};

use super::pager::{Call, Event, Pager, Runner, Shared};
use super::store::Held;

struct Nowhere;

impl CommitSink<Pager> for Nowhere {
    fn committed(&self, _: &EntityId, _: &actors::journal::Row, _: &[Event]) {}
}

fn entity() -> EntityId {
    EntityId::new(EntityKind::Request, "one").expect("valid")
}

async fn pagers(store: &Held, runner: &Shared, salt: u64) -> Directory<Pager> {
    let directory = Directory::start(Deps {
        journal: Arc::new(store.clone()),
        wakeups: store.inner.clone(),
        clock: Arc::new(Paused::default()),
        sink: Arc::new(Nowhere),
        errands: Arc::new(runner.clone()),
        limits: Arc::new(RuntimeLimits {
            snapshot_records: 3,
            snapshot_ratio: 0,
            ..RuntimeLimits::default()
        }),
        rules: Arc::new(()),
        salt,
    });
    directory.await.expect("a directory starts")
}

async fn ask(pagers: &Directory<Pager>, call: Call) -> u32 {
    pagers.ask(&entity(), call, 1).await.expect("answered")
}

async fn alarms(store: &Held) -> Vec<Timestamp> {
    let due = store.inner.due(Timestamp(u64::MAX), None, 100).await;
    due.expect("read").into_iter().map(|(_, at)| at).collect()
}

/// One life of a node: dropping it is a crash.
fn life() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    builder.build().expect("a runtime")
}

#[tokio::test(start_paused = true)]
async fn nothing_is_carried_out_before_it_is_durable() {
    let (store, runner) = (Held::new(true), Shared::default());
    let pagers = pagers(&store, &runner, 1).await;
    ask(&pagers, Call::Rung).await;
    store.hold();
    let asked = tokio::spawn({
        let pagers = pagers.clone();
        async move { ask(&pagers, Call::Page(vec!["ann"])).await }
    });
    pass(500).await;
    assert_eq!(Runner::names(&runner.0.tried), [""; 0]);
    assert_eq!(alarms(&store).await.len(), 1, "armed before the append");
    store.release();
    asked.await.expect("answered");
    pass(50).await;
    assert_eq!(Runner::names(&runner.0.done), ["ann"]);
    assert_eq!(alarms(&store).await, [], "and cleared when all is done");
}

#[tokio::test(start_paused = true)]
async fn errands_to_one_go_in_order_and_hold_up_nobody_else() {
    let (store, runner) = (Held::new(true), Shared::default());
    let pagers = pagers(&store, &runner, 1).await;
    runner.0.refuses.lock().insert("ann", 3);
    ask(&pagers, Call::Page(vec!["ann", "bob"])).await;
    ask(&pagers, Call::Page(vec!["ann", "cy"])).await;
    pass(5).await;
    assert_eq!(Runner::names(&runner.0.done), ["bob", "cy"]);
    pass(10_000).await;
    assert_eq!(Runner::names(&runner.0.done), ["bob", "cy", "ann", "ann"]);
    let numbers: Vec<u64> = runner.0.done.lock().iter().map(|(_, n)| *n).collect();
    assert!(numbers[2] < numbers[3], "{numbers:?}");
    assert_eq!(runner.0.tried.lock().len(), 7, "each refusal is one try");
}

#[tokio::test(start_paused = true)]
async fn errands_that_fail_however_many_hold_up_nobody_else() {
    const SHY: [&str; 20] = [
        "a00", "a01", "a02", "a03", "a04", "a05", "a06", "a07", "a08", "a09", "a10", "a11", "a12",
        "a13", "a14", "a15", "a16", "a17", "a18", "a19",
    ];
    let (store, runner) = (Held::new(true), Shared::default());
    let pagers = pagers(&store, &runner, 1).await;
    let shy = SHY.map(|name| (name, u32::MAX));
    *runner.0.refuses.lock() = shy.into_iter().collect();
    ask(&pagers, Call::Page(SHY.to_vec())).await;
    pass(30_000).await;
    ask(&pagers, Call::Page(vec!["bob"])).await;
    pass(100).await;
    assert_eq!(Runner::names(&runner.0.done), ["bob"]);
    runner.0.refuses.lock().clear();
    pass(5_000).await;
    assert_eq!(runner.0.done.lock().len(), 21, "and they are tried again");
}

/// Alarms of an entity that gets a deadline and an errand, which cannot be done yet, by one append; and those that are left
/// once it is done.
async fn alarms_of_both(deadline: Timestamp) -> (Vec<Timestamp>, Vec<Timestamp>) {
    let (store, runner) = (Held::new(true), Shared::default());
    let pagers = pagers(&store, &runner, 1).await;
    runner.0.refuses.lock().insert("ann", u32::MAX);
    store.hold();
    let later = deadline.plus_millis(10_000);
    let calls = [
        Call::RingAt(later),
        Call::RingAt(deadline),
        Call::Page(vec!["ann"]),
    ];
    let asked = calls.map(|call| {
        let pagers = pagers.clone();
        tokio::spawn(async move { ask(&pagers, call).await })
    });
    pass(100).await;
    store.release();
    for asked in asked {
        asked.await.expect("answered");
    }
    let armed = alarms(&store).await;
    runner.0.refuses.lock().clear();
    pass(3_000).await;
    assert_eq!(Runner::names(&runner.0.done), ["ann"]);
    (armed, alarms(&store).await)
}

#[test]
fn a_deadline_keeps_its_alarm_when_that_of_an_errand_would_be_the_same() {
    let now = actors::clock::Clock::now;
    let (errand, spread) = life().block_on(async {
        let deadline = now(&Paused::default()).plus_millis(40_000);
        let (armed, left) = alarms_of_both(deadline).await;
        assert_eq!((armed.len(), left.len()), (3, 1), "{armed:?} {left:?}");
        (armed[0], left[0].since(deadline))
    });
    life().block_on(async {
        let deadline = Timestamp(errand.0 - spread);
        let (armed, left) = alarms_of_both(deadline).await;
        assert_eq!(armed[0], errand, "the two would be one");
        assert_eq!(left, [errand], "which is still needed");
    });
}

#[test]
fn what_a_dead_node_had_not_done_another_does_and_what_it_had_done_is_not_done_again() {
    let (store, runner) = (Held::new(true), Shared::default());
    let first = life();
    first.block_on(async {
        let pagers = pagers(&store, &runner, 1).await;
        ask(&pagers, Call::Page(vec!["ann"])).await;
        pass(50).await;
        runner.0.refuses.lock().insert("bob", u32::MAX);
        ask(&pagers, Call::Page(vec!["bob", "cy"])).await;
        pass(2_000).await;
    });
    drop(first);
    assert_eq!(Runner::names(&runner.0.done), ["ann", "cy"]);
    runner.0.refuses.lock().clear();
    life().block_on(async {
        let pagers = pagers(&store, &runner, 2).await;
        let armed = alarms(&store).await;
        assert!(!armed.is_empty(), "somebody must find it");
        for at in armed {
            let of_use = !pagers.rouse(&entity(), at).await;
            pass(50).await;
            if of_use {
                assert!(pagers.rouse(&entity(), at).await, "all is done now");
            }
        }
        let done = Runner::names(&runner.0.done);
        assert_eq!(
            done.iter().filter(|name| *name == "ann").count(),
            1,
            "{done:?}"
        );
        assert!(done.contains(&"bob".to_owned()), "{done:?}");
    });
}

#[test]
fn lives_that_want_the_same_far_deadline_leave_one_alarm_behind() {
    let (store, runner) = (Held::new(true), Shared::default());
    let at = life().block_on(async { actors::clock::Clock::now(&Paused::default()) });
    let at = at.plus_millis(3_600_000);
    for salt in 1..=9 {
        life().block_on(async {
            let pagers = pagers(&store, &runner, salt).await;
            ask(&pagers, Call::RingAt(at)).await;
            pass(50).await;
            assert_eq!(alarms(&store).await.len(), 1, "life {salt}");
        });
    }
}

#[test]
fn a_deadline_is_kept_by_whoever_lives_when_it_comes() {
    let (store, runner) = (Held::new(true), Shared::default());
    let first = life();
    let now = |clock: &Paused| actors::clock::Clock::now(clock);
    first.block_on(async {
        let pagers = pagers(&store, &runner, 1).await;
        let at = now(&Paused::default()).plus_millis(3_600_000);
        ask(&pagers, Call::RingAt(at)).await;
        let sooner = now(&Paused::default()).plus_millis(60_000);
        ask(&pagers, Call::RingAt(sooner)).await;
        pass(50).await;
        let armed = alarms(&store).await;
        assert_eq!(armed.len(), 2, "the far one may be wanted by another life");
        assert!(armed[0] >= sooner && armed[0].since(sooner) < 1_000);
    });
    drop(first);
    life().block_on(async {
        let pagers = pagers(&store, &runner, 2).await;
        let at = alarms(&store).await[0];
        assert!(!pagers.rouse(&entity(), at).await, "its time has not come");
        assert_eq!(ask(&pagers, Call::Rung).await, 0);
        tokio::time::sleep(Duration::from_millis(61_000)).await;
        assert!(pagers.rouse(&entity(), at).await);
        assert_eq!(ask(&pagers, Call::Rung).await, 1);
        assert!(
            pagers.rouse(&entity(), at).await,
            "a needless alarm is harmless"
        );
        assert_eq!(ask(&pagers, Call::Rung).await, 1);
    });
}

#[tokio::test(start_paused = true)]
async fn mistakes_about_errands_would_be_noticed_here() {
    let (store, runner) = (Held::new(true), Shared::default());
    let pagers = pagers(&store, &runner, 1).await;
    ask(&pagers, Call::Rung).await;
    store.hold();
    mutate(Some(Mutation::ErrandsBeforeDurable));
    let early = tokio::spawn({
        let pagers = pagers.clone();
        async move { ask(&pagers, Call::Page(vec!["ann"])).await }
    });
    pass(500).await;
    assert_eq!(Runner::names(&runner.0.tried), ["ann"]);
    store.release();
    early.await.expect("answered");
    mutate(Some(Mutation::ErrandsTriedOnce));
    runner.0.refuses.lock().insert("bob", 1);
    ask(&pagers, Call::Page(vec!["bob"])).await;
    pass(10_000).await;
    mutate(None);
    assert_eq!(Runner::names(&runner.0.done), ["ann"], "bob is never told");
}
