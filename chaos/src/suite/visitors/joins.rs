//! People who come back to a room: a new connection, the room joined from where they were, and read up to its head.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Common, VISITORS, pace};
use crate::client::{Client, Settings};
use crate::history::Event;
use crate::member::{enter, now, record};
use crate::suite::class::Class;

/// How far behind the head they come back.
const BEHIND: u64 = 20;
/// A visit that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Visits rooms in turn until the traffic ends.
pub(super) async fn visit(common: Common, number: usize) {
    let mut pace = pace(VISITORS.1);
    let user = format!("{}visitor-{number}", common.newcomers);
    let mut settings = (common.connect)(&user, number);
    for visit in 0.. {
        pace.tick().await;
        if common.stopped() {
            return;
        }
        let room = &common.rooms[(number + visit) % common.rooms.len()];
        let name = format!("{user}/{visit}");
        let begun = now();
        let coming = come_back(&common, &settings, &name, room);
        let there = timeout(PATIENCE, coming).await.ok().flatten();
        let ended = now();
        common.history.record(&name, room, Event::Left);
        let label: Arc<str> = room.as_str().into();
        common.tried(Class::Join, &label, (begun, ended), there.is_some());
        match there {
            Some(client) => client.stop().await,
            None => settings.turn(),
        }
    }
}

async fn come_back(common: &Common, settings: &Settings, name: &str, room: &str) -> Option<Client> {
    let history = &common.history;
    let head = history.seen(|progress| progress.head(room));
    let mut last = head.saturating_sub(BEHIND);
    let mut client = Client::connect(settings).await.ok()?;
    if !enter(&client, history, name, room, last).await {
        return None;
    }
    while last < head {
        let callback = client.next().await?;
        record(name, room, &callback, &mut last, history);
    }
    Some(client)
}
