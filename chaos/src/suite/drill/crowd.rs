//! All users of a drill together: they come in, and at the end read everything.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::client::{Common, Life, User, live};
use super::{DrillError, DrillSpec, PATIENCE};
use crate::client::Settings;
use crate::history::History;
use crate::member::connected;
use crate::suite::encoding;
use crate::suite::rooms::make_rooms;
use crate::suite::signer::SECRET;
use crate::suite::site::Site;
use crate::token::Claims;

/// Records that a drill may make.
const RECORDS: usize = 4_000_000;
/// Users that connect at once, at the start.
const DOOR: usize = 64;
/// Between two looks at anything.
const LOOK: Duration = Duration::from_millis(20);

/// All users.
pub(super) struct Crowd {
    pub(super) common: Arc<Common>,
    goals: Vec<(Arc<str>, watch::Sender<Option<u64>>)>,
    users: JoinSet<Life>,
    /// How a witness connects.
    witness: Settings,
    clients: usize,
}

impl Crowd {
    /// Makes the rooms and waits until everybody is in one.
    pub(super) async fn enter(spec: &DrillSpec, site: &Site<'_>) -> Result<Self, DrillError> {
        let urls: Vec<String> = site.hubs.iter().map(|hub| hub.url()).collect();
        let settings = |user: &str, number: usize| {
            let from = number % urls.len();
            let turned = urls[from..].iter().chain(&urls[..from]);
            let mut hubs: VecDeque<String> = turned.map(|url| format!("{url}/hubs/chat")).collect();
            // An unsigned token is refused by the hub, which a drill would show.
            let token = Claims::user(user).role("user").sign(SECRET).ok();
            let first = hubs.pop_front().unwrap_or_default();
            let mut settings = Settings::new(first, encoding(number / urls.len()), token);
            settings.others = hubs;
            settings
        };
        let common = Arc::new(Common {
            history: History::new(RECORDS),
            door: Semaphore::new(DOOR),
            joined: AtomicUsize::new(0),
            quiet: AtomicUsize::new(0),
            stop: watch::Sender::new(false),
        });
        let mut crowd = Self {
            common,
            goals: Vec::new(),
            users: JoinSet::new(),
            witness: settings("owner", 0),
            clients: spec.clients,
        };
        crowd.make_rooms(spec.rooms).await?;
        for number in 0..spec.clients {
            let (room, goal) = &crowd.goals[number % spec.rooms];
            let name = format!("user-{number}");
            let share = u32::try_from(number).unwrap_or(0) % 100;
            let user = User {
                settings: settings(&name, number),
                name,
                room: Arc::clone(room),
                pace: spec.pace,
                first: spec.pace * share / 100,
                goal: goal.subscribe(),
            };
            crowd.users.spawn(live(user, Arc::clone(&crowd.common)));
        }
        let all = spec.clients;
        if !until(|| crowd.common.joined.load(Ordering::Relaxed) >= all).await {
            let joined = crowd.common.joined.load(Ordering::Relaxed);
            return Err(DrillError::Absent {
                joined,
                clients: all,
                logs: site.logs(),
            });
        }
        Ok(crowd)
    }

    async fn make_rooms(&mut self, count: usize) -> Result<(), DrillError> {
        let names: Vec<String> = (0..count).map(|number| format!("room-{number}")).collect();
        let making = make_rooms(&self.witness, names.iter().map(String::as_str));
        let made = timeout(PATIENCE, making).await;
        let failed = |room: &str, reason: String| DrillError::Room {
            room: room.to_owned(),
            reason,
        };
        let made =
            made.map_err(|_| failed("the rooms", format!("not made within {PATIENCE:?}")))?;
        made.map_err(|(room, error)| failed(&room, error.to_string()))?;
        let goals = names
            .iter()
            .map(|room| (room.as_str().into(), watch::Sender::new(None)));
        self.goals = goals.collect();
        Ok(())
    }

    /// Ends the traffic: everybody gets the last answer, and reads to the end.
    pub(super) async fn finish(mut self) -> Result<(Vec<Life>, Option<String>), DrillError> {
        self.common.stop.send_replace(true);
        let mut stuck = None;
        let common = Arc::clone(&self.common);
        if !until(|| common.quiet.load(Ordering::Relaxed) >= self.clients).await {
            let quiet = common.quiet.load(Ordering::Relaxed);
            stuck = Some(format!(
                "{quiet} of {} users had their last answer within {PATIENCE:?}",
                self.clients
            ));
        }
        if let Err(reason) = tell_heads(&self.witness, &self.goals, PATIENCE).await {
            stuck = Some(reason);
        }
        let mut lives = Vec::new();
        let reading = async {
            while let Some(life) = self.users.join_next().await {
                lives.push(life?);
            }
            Ok::<(), tokio::task::JoinError>(())
        };
        match timeout(PATIENCE, reading).await {
            Ok(read) => read?,
            Err(_) => {
                let read = lives.len();
                // What came before is why.
                stuck.get_or_insert(format!(
                    "{read} of {} users read to the end within {PATIENCE:?}",
                    self.clients
                ));
            }
        }
        Ok((lives, stuck))
    }
}

/// Looks where each room ends and tells its readers; or what is in the way, which does not keep other rooms from being looked
/// at unless the time is over.
async fn tell_heads(
    witness: &Settings,
    goals: &[(Arc<str>, watch::Sender<Option<u64>>)],
    within: Duration,
) -> Result<(), String> {
    let telling = async {
        let mut told = Ok(());
        let witness = connected(witness).await;
        for (room, goal) in goals {
            let joined = witness.invoke::<Value>("JoinRoom", json!([&**room])).await;
            match joined.map(|summary| summary["head"].as_u64()) {
                Ok(Some(head)) => drop(goal.send_replace(Some(head))),
                Ok(None) => told = Err(format!("room {room} has no head")),
                Err(error) => told = Err(format!("room {room}: {error}")),
            }
        }
        told
    };
    let late = |_| {
        Err(format!(
            "the ends of the rooms were not told within {within:?}"
        ))
    };
    timeout(within, telling).await.unwrap_or_else(late)
}

/// Waits until something holds; false if it took too long.
async fn until(holds: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !holds() {
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, waiting).await.is_ok()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_hub_that_never_answers_does_not_keep_the_end_from_coming() {
        // Its connections are accepted by the system, and nobody ever says a word on them.
        let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/hubs/chat", silent.local_addr().unwrap());
        let settings = Settings::new(url, encoding(0), None);
        let goals = [("r".into(), watch::Sender::new(None))];
        let told = tell_heads(&settings, &goals, Duration::from_millis(50)).await;
        assert!(told.unwrap_err().contains("not told within 50ms"));
        assert_eq!(*goals[0].1.borrow(), None);
    }
}
