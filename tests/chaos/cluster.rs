//! Three hubs over NATS and a CQL node, all of them real processes that the tests of this program use in turn.

use std::sync::{Arc, Weak};
use std::time::Duration;

use chaos::suite::{Fault, Plan, Scenario, Servers, Topology, Verdict};
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::{BUILD, carry_out, folder, keeps, short};

/// The servers as long as a test holds them.
static SHARED: Mutex<Weak<Shared>> = Mutex::const_new(Weak::new());

pub(super) struct Shared {
    pub(super) servers: Mutex<Servers>,
    _folder: TempDir,
}

impl Shared {
    /// Servers for the test that has its turn: faults need them for themselves.
    pub(super) async fn provide() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(there) = shared.upgrade() {
            return there;
        }
        let folder = folder();
        let servers = Servers::start(Topology::Cluster, BUILD.as_ref(), folder.path()).await;
        let servers = servers.unwrap_or_else(|error| panic!("{error}"));
        let there = Arc::new(Self {
            servers: Mutex::new(servers.unwrap()),
            _folder: folder,
        });
        *shared = Arc::downgrade(&there);
        there
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hubs_broker_store_and_links_fail_in_turn_and_nothing_is_lost() {
    let shared = Shared::provide().await;
    let mut servers = shared.servers.lock().await;
    let plan = Plan {
        // Eleven faults: each kind once, and a pause long enough for a hub to be taken for dead.
        seed: 320,
        length: Duration::from_secs(34),
        longest: Duration::from_secs(3),
        ..short(Scenario::Mixed, Topology::Cluster)
    };
    let report = keeps(&plan, Some(&mut servers)).await;
    assert!(report.acknowledged > 300, "{report:#?}");
    // Each kind of trouble came once at least, and what it costs was measured.
    assert!(report.faults.len() >= Scenario::mixed(Topology::Cluster).len());
    for moves in [&report.failovers, &report.handoffs] {
        let came_about = moves.samples.iter().all(|sample| sample.millis.is_some());
        assert!(came_about && !moves.samples.is_empty(), "{report:#?}");
    }
    // Two hubs of three went on, but for the times without broker or store.
    assert!(report.availability.share() > 0.3, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_hub_in_turn_is_cut_off_from_nats_and_nothing_is_lost() {
    let shared = Shared::provide().await;
    let mut servers = shared.servers.lock().await;
    let plan = Plan {
        length: Duration::from_secs(7),
        longest: Duration::from_secs(2),
        ..short(Scenario::CutNats, Topology::Cluster)
    };
    let report = keeps(&plan, Some(&mut servers)).await;
    let cut = report.faults.iter().map(|struck| match struck.step.fault {
        Fault::CutNats { hub, .. } => hub,
        other => panic!("{other:?}"),
    });
    let cut: Vec<usize> = cut.take(3).collect();
    assert_eq!(cut, [0, 1, 2], "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_went_back_is_noticed() {
    let shared = Shared::provide().await;
    let mut servers = shared.servers.lock().await;
    let plan = Plan {
        length: Duration::from_millis(4500),
        ..short(Scenario::StaleData, Topology::Cluster)
    };
    let done = carry_out(&plan, &[], Duration::from_secs(10), Some(&mut servers)).await;
    let (report, logs) = done.unwrap();
    assert_eq!(report.verdict, Verdict::Broken, "{report:#?}\n{logs}");
    let named = report.first_violations.join("\n");
    assert!(named.contains("one reader got"), "{report:#?}\n{logs}");
}
