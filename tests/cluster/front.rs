//! nginx with the configuration of `deploy/` before three hubs: round robin, no affinity.

use std::path::Path;

use chaos::history::History;
use chaos::nginx::Nginx;

use super::chat::{RECORDS, begin, finish, further};
use super::place::{BUILD, Place, get_from};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_behind_nginx_are_spread_over_all_hubs_and_survive_the_death_of_one() {
    let mut place = Place::start("front", 3, &[]).await;
    place.until_others(2).await;
    let servers: Vec<_> = place.hubs.iter().map(|hub| hub.address()).collect();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx/hub.conf");
    let folder = place.hubs[0].folder().join("nginx");
    let nginx = Nginx::start(Path::new(BUILD), &folder, &config, &servers).await;
    let nginx = nginx.unwrap_or_else(|error| panic!("{error}"));

    let history = History::new(RECORDS);
    let connect = Place::connect(vec![nginx.url()]);
    let workload = begin(connect, &history).await;
    further(&workload, 150, &place).await;
    let mut forwarded = 0.0;
    for hub in 0..3 {
        forwarded += place.metric(hub, "mussikon_forwarded_total").await;
        let connections = place
            .metric(hub, "musical_matching_active_connections")
            .await;
        assert!(connections >= 3.0, "hub {hub} has {connections}");
    }
    // Whoever owns a room answers for it, wherever its members are.
    assert!(
        forwarded > 50.0,
        "every hub answered by itself: {forwarded}"
    );
    for hidden in ["/metrics", "/admin/nodes"] {
        let answer = get_from(nginx.address(), hidden, "admin").await;
        assert!(
            answer.contains("404") && !answer.contains("mussikon"),
            "{hidden}: {answer}"
        );
    }
    place.hubs[0].kill();
    further(&workload, 100, &place).await;
    place.hubs[0].restart().await.unwrap();
    further(&workload, 50, &place).await;
    finish(workload, &history, &place).await;
    // A hub that cannot hear the others says so to the balancer's checks.
    place.nats.kill();
    place
        .until_metric(1, "mussikon_bus_connected", |up| up == 0.0)
        .await;
    let health = get_from(place.hubs[1].address(), "/health/ready", "user").await;
    assert!(health.contains("cut off from the other nodes"), "{health}");
}
