//! A deploy and a rollback with a few users.

use std::time::Duration;

use chaos::suite::{DrillKind, DrillSpec, Means, SiteSpec, Topology, Verdict, drill};

use super::cluster::Shared;
use super::folder;

const USERS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_stay_through_a_deploy_and_a_rollback_and_miss_nothing() {
    let shared = Shared::provide().await;
    let mut servers = shared.servers.lock().await;
    for kind in [DrillKind::Deploy, DrillKind::Rollback] {
        let folder = folder();
        let hub = env!("CARGO_BIN_EXE_mussikon-hub");
        let site = SiteSpec {
            hub: hub.into(),
            folder: folder.path().to_owned(),
            topology: Topology::Cluster,
            variables: Vec::new(),
            next: Some(hub.into()),
            means: Means::Proxies,
        };
        let spec = DrillSpec {
            kind,
            clients: USERS,
            rooms: 4,
            pace: Duration::from_millis(500),
        };
        let done = drill(&spec, &site, Some(&mut servers)).await;
        let (report, logs) = done.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(report.verdict, Verdict::Kept, "{report:#?}\n{logs}");
        let hubs: Vec<usize> = report.nodes.iter().map(|node| node.hub).collect();
        assert_eq!(hubs, [0, 1, 2], "{report:#?}");
        // Every user was at a hub that ended, once at least, and came back.
        let users = &report.users;
        assert!(users.reconnects >= USERS, "{users:#?}");
        let away = users.away.unwrap_or_else(|| panic!("{users:#?}"));
        assert_eq!(away.count, users.reconnects);
        assert!(users.acknowledged > USERS, "{users:#?}");
    }
}
