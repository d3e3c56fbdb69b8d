//! Clients that join and stop reading for long, and then read again: they must have everything in order, the others must not
//! notice, and the hub must not keep it all in memory for them.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::probe::rest_of;
use super::{Carried, Scene};
use crate::client::{Client, Settings};
use crate::history::{Event, History};
use crate::member::{enter, now, record};
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::site::Site;

/// What the system keeps of a socket that is not read: little, so that it is the hub that has to wait.
const RECEIVE_BYTES: u32 = 16 * 1024;
/// What one of them may cost the hub, whatever is sent meanwhile: its send queue, and what is under way.
const EACH_KIBIBYTES: u64 = 1024;
/// What may come and go anyway.
const SLACK_MEBIBYTES: u64 = 64;
/// How long they may take to have everything once they read.
const READ: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);

/// One that does not read until it is told to which sequence.
struct Sleeper {
    name: String,
    room: String,
    settings: Settings,
    history: History,
    wake: watch::Receiver<Option<u64>>,
}

impl Sleeper {
    /// Joins, sleeps, reads to the end. Answers whether it got there.
    async fn live(mut self, joined: watch::Sender<usize>) -> bool {
        let (mut last, mut goal, mut first) = (0, None, true);
        loop {
            let Some(mut client) = self.join(last).await else {
                // The hub may have had enough of it: it comes again, as anybody does.
                sleep(LOOK).await;
                continue;
            };
            if std::mem::take(&mut first) {
                joined.send_modify(|count| *count += 1);
                let told = self.wake.wait_for(Option::is_some).await;
                let Ok(told) = told.map(|told| *told) else {
                    return false;
                };
                goal = told;
            }
            while let Some(callback) = client.next().await {
                record(&self.name, &self.room, &callback, &mut last, &self.history);
                if goal.is_some_and(|goal| last >= goal) {
                    self.history.record(&self.name, &self.room, Event::Left);
                    client.stop().await;
                    return true;
                }
            }
        }
    }

    async fn join(&mut self, last: u64) -> Option<Client> {
        let client = Client::connect(&self.settings).await.ok()?;
        // The answer comes before anything that it does not read.
        let there = enter(&client, &self.history, &self.name, &self.room, last).await;
        there.then_some(client)
    }
}

/// The most that the resident memory of a hub is within a time, in bytes; no less than before it.
async fn most_within(
    site: &Site<'_>,
    hub: usize,
    length: Duration,
    before: u64,
) -> Result<u64, SiteError> {
    let (begun, mut most) = (now(), before);
    while now().duration_since(begun) < length {
        most = most.max(site.process(hub).rss_bytes()?);
        rest_of(100, now()).await;
    }
    Ok(most)
}

/// Lets them join, sleep and read.
pub(super) async fn stand_by(
    site: &mut Site<'_>,
    scene: &Scene<'_>,
    hub: usize,
    clients: usize,
    millis: u64,
) -> Result<Carried, SiteError> {
    let length = Duration::from_millis(millis);
    // It takes in the messages of the others anyway, and so much in the same time.
    let resting = site.process(hub).rss_bytes()?;
    let ordinary = most_within(site, hub, length, resting).await? - resting;
    let wakes: Vec<watch::Sender<Option<u64>>> = scene
        .rooms
        .iter()
        .map(|_| watch::Sender::new(None))
        .collect();
    let before = site.process(hub).rss_bytes()?;
    let (mut sleepers, joined, connect) = (JoinSet::new(), watch::Sender::new(0), site.connect());
    let run = uuid::Uuid::new_v4().simple();
    for number in 0..clients {
        let room = number % scene.rooms.len();
        let mut settings = connect(&format!("slow-{number}"), hub);
        settings.callbacks = 1;
        settings.receive_buffer = Some(RECEIVE_BYTES);
        // It is the hub that may lose patience here.
        settings.silence = Duration::from_secs(600);
        let sleeper = Sleeper {
            name: format!("slow-{number}/{run}"),
            room: scene.rooms[room].clone(),
            settings,
            history: scene.history.clone(),
            wake: wakes[room].subscribe(),
        };
        sleepers.spawn(sleeper.live(joined.clone()));
    }
    let all = timeout(READ, async {
        let _ = joined.subscribe().wait_for(|count| *count == clients).await;
    });
    let all_joined = all.await.is_ok();
    let in_force = now();
    let most = most_within(site, hub, length, before).await?;
    let asleep = now();
    for (wake, room) in wakes.iter().zip(scene.rooms) {
        wake.send_replace(Some(scene.history.seen(|seen| seen.head(room))));
    }
    let reading = async {
        let mut there = 0;
        while let Some(got) = sleepers.join_next().await {
            there += usize::from(matches!(got, Ok(true)));
        }
        there
    };
    let there = timeout(READ, reading).await;
    let bound = (clients as u64 * EACH_KIBIBYTES).div_ceil(1024) + SLACK_MEBIBYTES;
    let checks = vec![
        Check::new(
            format!("{clients} clients join and do not read"),
            format!("{} joined", *joined.borrow()),
            all_joined,
        ),
        Check::new(
            format!("the hub grows by at most {bound} MiB more than in the same time before"),
            format!(
                "from {} to {} MiB, before by {} MiB",
                before >> 20,
                most >> 20,
                ordinary >> 20
            ),
            (most - before).saturating_sub(ordinary) >> 20 <= bound,
        ),
        Check::new(
            format!(
                "all of them reach the head within {} s when they read again",
                READ.as_secs()
            ),
            there.as_ref().map_or_else(
                |_| "some did not".to_owned(),
                |count| format!("{count} did"),
            ),
            there.is_ok_and(|count| count == clients),
        ),
    ];
    Ok(Carried::seen(in_force, checks).while_others_go_on(in_force, asleep))
}
