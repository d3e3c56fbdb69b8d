//! A client and a server under loss, cut transports and resumes, with a clock that is only a number.
//!
//! Whatever happens to the transports, as long as each resume comes in time, every message arrives once and in
//! order, both ways. That the check can fail is itself a test: see `mutations_are_caught`.

mod world;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use protocol::Encoding;
use world::{Mutation, Op, World};

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => Just(Op::ClientSends),
        6 => (1..4_u32).prop_map(Op::ServerSends),
        6 => (1..80_usize).prop_map(Op::DeliverUp),
        6 => (1..3_usize).prop_map(Op::DeliverDown),
        3 => (1..1_500_u64).prop_map(Op::Advance),
        1 => Just(Op::Cut),
        1 => Just(Op::ResumeOverLiveTransport),
        2 => Just(Op::Resume),
    ]
}

fn script() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..120)
}

fn run(encoding: Encoding, script: &[Op], mutation: Mutation) -> Result<World, String> {
    let mut world = World::new(encoding, mutation);
    for op in script {
        world.step(*op)?;
    }
    world.settle()?;
    Ok(world)
}

proptest! {
    #![proptest_config(Config { cases: 1_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_is_lost_doubled_or_reordered(script in script()) {
        for encoding in Encoding::ALL {
            let world = run(encoding, &script, Mutation::None);
            prop_assert!(world.is_ok(), "{encoding:?}: {}", world.err().unwrap_or_default());
        }
    }
}

/// The property above has teeth: each of these bugs, put into the server's owner, breaks it.
#[test]
fn mutations_are_caught() {
    let rng = || TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let caught = |mutation| {
        let mut runner = TestRunner::new_with_rng(Config::default(), rng());
        (0..200).any(|_| {
            let tree = script().new_tree(&mut runner).expect("no filters");
            run(Encoding::Json, &tree.current(), mutation).is_err()
        })
    };
    assert!(!caught(Mutation::None));
    assert!(
        caught(Mutation::SequenceOfLastSent),
        "the specification's wording: last sent + 1"
    );
    assert!(caught(Mutation::SequenceOneTooLow));
    assert!(caught(Mutation::NoSequence));
    assert!(caught(Mutation::NoReplay));
    assert!(caught(Mutation::ReplayFromSecondBlock));
    assert!(caught(Mutation::AckOneTooHigh));
    assert!(caught(Mutation::UncountedSend));
}

#[test]
fn a_client_that_resumes_at_once_gets_what_was_sent_meanwhile_exactly_once() {
    use Op::{ClientSends, Cut, DeliverDown, DeliverUp, Resume, ServerSends};
    let script = [
        ServerSends(2),
        ServerSends(1),
        DeliverDown(1),
        ClientSends,
        ClientSends,
        DeliverUp(70),
        Cut,
        ServerSends(3),
        ClientSends,
        Resume,
    ];
    for encoding in Encoding::ALL {
        let world = run(encoding, &script, Mutation::None).expect("holds");
        assert_eq!(world.received_by_client(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(world.received_by_server(), [1, 2, 3]);
        assert_eq!(world.resumes(), 1);
    }
}

#[test]
fn a_side_that_is_never_acknowledged_is_told_to_hold_back_and_goes_on_after_the_acknowledgement() {
    let mut world = World::new(Encoding::MessagePack, Mutation::None);
    for _ in 0..200 {
        world.step(Op::ServerSends(1)).expect("holds");
        world.step(Op::ClientSends).expect("holds");
    }
    let (server, client) = world.held_back();
    assert!(
        server > 100 && client > 100,
        "{server} and {client} of 200 wait"
    );
    world.settle().expect("holds");
    assert_eq!(world.held_back(), (0, 0));
    assert_eq!(world.received_by_client().len(), 200);
    assert_eq!(world.received_by_server().len(), 200);
}
