//! The run itself, with people who have no connections: what is due happens in its order, and whoever looks on can end it.

use super::super::curve::Steady;
use super::super::lines::Lines;
use super::*;
use crate::clock::Clock;
use crate::run::log::{Log, Outlet};
use crate::run::traffic::Found;
use crate::target::Target;

/// Keeps what was done. Odd deeds are operations, each with a deed before it.
struct Stub<'a> {
    people: People<'a>,
    did: Vec<u32>,
    wound_up: bool,
    /// Looks until nothing is missing any more.
    missing: u32,
}

impl Listener for Stub<'_> {
    fn heard(&mut self, _: usize, _: &[u8], _: u64) -> Result<(), HubError> {
        Ok(())
    }
}

impl<'a> World<'a> for Stub<'a> {
    type Deed = u32;

    fn people(&mut self) -> &mut People<'a> {
        &mut self.people
    }

    fn look_at_people(&self) -> &People<'a> {
        &self.people
    }

    fn hello(&self, _: usize, _: &Gate<u32>) -> Result<Vec<u8>, HubError> {
        Ok(Vec::new())
    }

    fn is_operation(&self, deed: &u32) -> bool {
        deed % 2 == 1
    }

    fn before(&self, deed: &u32) -> Option<(u64, u32)> {
        self.is_operation(deed).then_some((0, deed + 1_001))
    }

    fn act(&mut self, _: &mut Gate<u32>, _: u64, deed: u32) {
        self.did.push(deed);
    }

    fn arrived(&mut self, _: &mut Gate<u32>, _: usize) {}

    fn gone(&mut self, _: usize, _: bool, _: &str) {}

    fn is_measured(&self, _: usize) -> bool {
        true
    }

    fn turn(&mut self, _: &mut Gate<u32>) -> Result<bool, ConnectError> {
        if self.wound_up {
            self.missing = self.missing.saturating_sub(1);
        }
        Ok(false)
    }

    fn tidy(&mut self) -> (usize, usize) {
        (self.did.len(), 0)
    }

    fn wind_up(&mut self, gate: &mut Gate<u32>) {
        gate.keep_deeds(|_| false);
        self.wound_up = true;
    }

    fn is_complete(&self) -> bool {
        self.missing == 0
    }
}

/// Runs deeds 0 to 9, one each 20 ms, and whatever the end brings; what was done, and how many operations were counted.
fn run(steady: &Steady, hook: &mut Hook<'_>) -> (Vec<u32>, bool, u64) {
    let target = Target::nowhere();
    let clock = Clock::start();
    let mut log = Log::new(Vec::new(), 0.0, Outlet::Here(None));
    let stub = Stub {
        people: People::new(0, &mut log),
        did: Vec::new(),
        wound_up: false,
        missing: 5,
    };
    let gate = Gate::new(Lines::new(&target, clock).unwrap(), clock, 1, 1);
    let plan = (0..10).map(|n| (steady.intended_ns(n), n));
    let mut engine = Engine::new(gate, stub, plan, steady);
    engine.gather().unwrap();
    let asked_ns = clock.now_ns();
    let start_ns = asked_ns + 30_000_000;
    engine.begin(|| Ok(start_ns)).unwrap();
    assert!(
        clock.now_ns() >= start_ns,
        "nobody begins before the others"
    );
    let busy = engine.traffic(hook).unwrap();
    assert!((0.0..=1.0).contains(&busy), "{busy}");
    engine.finish(hook).unwrap();
    let Stub {
        did,
        wound_up,
        missing,
        ..
    } = engine.world;
    let lag = log.measurement("hub", Found::default()).lag;
    (did, wound_up && missing == 0, lag.count)
}

const STEADY: Steady = Steady {
    rate: 50.0,
    warmup_s: 0.0,
    measured_s: 0.2,
};

#[test]
fn deeds_happen_in_their_order_with_those_before_them_and_the_end_waits_for_what_is_missing() {
    let (did, is_done, operations) = run(&STEADY, &mut |_| ControlFlow::Continue(()));
    // What comes before an operation was due at once.
    let (before, planned): (Vec<u32>, Vec<u32>) = did.iter().partition(|deed| **deed >= 1_000);
    assert_eq!(planned, (0..10).collect::<Vec<_>>());
    assert_eq!(before, [1_002, 1_004, 1_006, 1_008, 1_010]);
    assert!(is_done);
    assert_eq!(operations, 5);
}

#[test]
fn whoever_looks_on_can_end_the_traffic_early() {
    let slow = Steady {
        rate: 1.0,
        warmup_s: 0.0,
        measured_s: 10.0,
    };
    let mut looks = 0;
    let (did, is_done, _) = run(&slow, &mut |progress| {
        looks += 1;
        assert_eq!(progress.connections, 0);
        ControlFlow::Break(())
    });
    assert!(did.len() < 15 && looks > 0, "{did:?}");
    assert!(is_done, "the end comes all the same");
}
