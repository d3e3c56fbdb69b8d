//! Traffic that goes on whatever happens: senders that retry, readers that resume, and a last look of everyone at the end.

use std::time::Duration;

use protocol::Encoding;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::rooms::make_rooms;
use super::topology::Topology;
use crate::client::Settings;
use crate::history::History;
use crate::member::{Fared, Reading, Sending, connected, is_for_good, read, send};

/// How often the number of acknowledgements is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Who takes part.
#[derive(Clone, Debug)]
pub struct WorkloadSpec {
    /// Public rooms, made at the start.
    pub rooms: Vec<String>,
    /// Readers of each room.
    pub readers: usize,
    /// Senders, spread over the rooms.
    pub senders: usize,
    /// Each sender's pause between an answer and the next message.
    pub pause: Duration,
    /// Every so many-th message whose answer was lost is never tried again; 0 tries all of them again.
    pub give_up_every: usize,
    /// Time for the start, for the last answers, and for all readers to reach the end.
    pub patience: Duration,
    /// Time for every live reader to reach the head when a fault is healed: promise G5.
    pub converge_within: Duration,
}

impl Default for WorkloadSpec {
    fn default() -> Self {
        Self {
            rooms: ["cellar", "stage", "attic"].map(str::to_owned).into(),
            readers: 4,
            senders: 9,
            pause: Duration::from_millis(1),
            give_up_every: 3,
            patience: Duration::from_secs(30),
            converge_within: Duration::from_secs(5),
        }
    }
}

impl WorkloadSpec {
    /// The same for a run in which faults begin for so long: of so many records that a history holds them, each message
    /// being one for its sender's wish, one for its answer, and one for each reader.
    #[must_use]
    pub fn lasting(mut self, length: Duration, records: usize) -> Self {
        let each = self.readers + 3;
        let most = records as f64 / 2.0 / each as f64 / length.as_secs_f64().max(1.0);
        let pause = Duration::from_secs_f64(self.senders as f64 / most.max(1.0));
        self.pause = self.pause.max(pause);
        self
    }

    /// Who takes part on such hubs: in a cluster more rooms, so that every hub owns some, and everyone less eager, for all
    /// processes share a machine.
    pub fn of(topology: Topology) -> Self {
        if !topology.is_cluster() {
            return Self::default();
        }
        // Their number has no divisor in common with those of hubs and encodings, so that a room's senders differ in both.
        let rooms = ["cellar", "stage", "attic", "garden", "balcony"];
        Self {
            rooms: rooms.map(str::to_owned).into(),
            readers: 2,
            senders: 10,
            pause: Duration::from_millis(20),
            patience: Duration::from_secs(60),
            ..Self::default()
        }
    }
}

/// What the traffic came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How each sender fared.
    pub senders: Vec<Fared>,
    /// How often each reader connected.
    pub connections: Vec<usize>,
    /// From the end of all faults until every reader had everything.
    pub caught_up_in: Duration,
}

/// Why the traffic could not come to an end, which is a broken promise too.
#[derive(Debug, Error)]
pub enum WorkloadError {
    /// A room could not be made or looked at.
    #[error("room {room}: {reason}")]
    Room {
        /// Which room.
        room: String,
        /// What the hub said.
        reason: String,
    },
    /// Something took longer than the spec's patience.
    #[error("{what} took more than {within:?}")]
    Late {
        /// What.
        what: &'static str,
        /// The patience.
        within: Duration,
    },
    /// A hub failed in the midst of a fault.
    #[error("{0}")]
    Hub(String),
    /// After a fault the hubs did not all get ready and know each other.
    #[error(
        "the hubs were not all ready and known to each other within {within:?} after a fault: {reason}"
    )]
    Unready {
        /// What was wrong last.
        reason: String,
        /// The patience.
        within: Duration,
    },
}

/// How a user's client connects: its name and number go in.
pub type Connect = Box<dyn Fn(&str, usize) -> Settings + Send + Sync>;

/// Running traffic.
pub struct Workload {
    spec: WorkloadSpec,
    connect: Connect,
    history: History,
    stop: watch::Sender<bool>,
    goals: Vec<watch::Sender<Option<u64>>>,
    senders: JoinSet<Fared>,
    readers: JoinSet<usize>,
    /// How often each of them joined its room.
    joins: Vec<watch::Receiver<usize>>,
}

/// Encodings alternate, so that both are in every room.
pub fn encoding(number: usize) -> Encoding {
    Encoding::ALL[number % Encoding::ALL.len()]
}

impl Workload {
    /// Makes the rooms and starts everyone.
    pub async fn start(
        spec: WorkloadSpec,
        connect: Connect,
        history: History,
    ) -> Result<Self, WorkloadError> {
        let mut workload = Self {
            stop: watch::Sender::new(false),
            goals: spec
                .rooms
                .iter()
                .map(|_| watch::Sender::new(None))
                .collect(),
            senders: JoinSet::new(),
            readers: JoinSet::new(),
            joins: Vec::new(),
            spec,
            connect,
            history,
        };
        let made = workload.make_rooms();
        workload.in_time("making the rooms", made).await??;
        for room in 0..workload.spec.rooms.len() {
            for number in 0..workload.spec.readers {
                workload.add_reader(&reader_name(number), room, number);
            }
        }
        for number in 0..workload.spec.senders {
            let user = format!("sender-{number}");
            let sending = Sending {
                settings: (workload.connect)(&user, number),
                user,
                room: workload.spec.rooms[number % workload.spec.rooms.len()].clone(),
                pause: workload.spec.pause,
                give_up_every: workload.spec.give_up_every,
            };
            let (history, stop) = (workload.history.clone(), workload.stop.subscribe());
            workload.senders.spawn(send(sending, history, stop));
        }
        Ok(workload)
    }

    /// The rooms.
    pub fn rooms(&self) -> &[String] {
        &self.spec.rooms
    }

    /// How long things may take.
    pub fn patience(&self) -> Duration {
        self.spec.patience
    }

    /// Rooms and their readers.
    pub fn readers(&self) -> Vec<(String, String)> {
        let rooms = self.spec.rooms.iter();
        let readers = rooms.flat_map(|room| {
            (0..self.spec.readers).map(|number| (room.clone(), reader_name(number)))
        });
        readers.collect()
    }

    /// Messages acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.history.acknowledged()
    }

    /// Waits until so many are acknowledged in all.
    pub async fn until_acknowledged(&self, count: usize) -> Result<(), WorkloadError> {
        let waiting = async {
            while self.acknowledged() < count {
                sleep(LOOK).await;
            }
        };
        self.in_time("the next acknowledgements", waiting).await
    }

    /// How often each reader joined its room so far.
    pub fn joins(&self) -> Vec<usize> {
        self.joins.iter().map(|joins| *joins.borrow()).collect()
    }

    /// Waits until every reader has joined its room more often than it had `before`.
    pub async fn until_joined_again(&mut self, before: &[usize]) -> Result<(), WorkloadError> {
        let mut joins = std::mem::take(&mut self.joins);
        let waiting = async {
            for (joins, before) in joins.iter_mut().zip(before) {
                // A reader that has ended will not join again: then the patience ends.
                if joins.wait_for(|joins| joins > before).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let joined = self.in_time("the readers' return", waiting).await;
        self.joins = joins;
        joined
    }

    /// Ends the traffic: senders get their last answers, then every reader must reach the end of its room, and so must one
    /// per room that has seen nothing before.
    pub async fn finish(mut self) -> Result<Outcome, WorkloadError> {
        let healed = Instant::now();
        self.stop.send_replace(true);
        let senders = std::mem::take(&mut self.senders).join_all();
        let senders = self.in_time("the last answers of senders", senders).await?;
        let heads = self.in_time("looking at the rooms", self.heads()).await??;
        for (room, head) in heads.into_iter().enumerate() {
            self.goals[room].send_replace(Some(head));
            self.add_reader("late", room, room);
        }
        let readers = std::mem::take(&mut self.readers).join_all();
        let connections = self.in_time("reading to the end", readers).await?;
        Ok(Outcome {
            senders,
            connections,
            caught_up_in: healed.elapsed(),
        })
    }

    async fn in_time<T>(
        &self,
        what: &'static str,
        doing: impl Future<Output = T>,
    ) -> Result<T, WorkloadError> {
        let within = self.spec.patience;
        let done = timeout(within, doing).await;
        done.map_err(|_| WorkloadError::Late { what, within })
    }

    fn add_reader(&mut self, name: &str, room: usize, number: usize) {
        let joins = watch::Sender::new(0);
        self.joins.push(joins.subscribe());
        let reading = Reading {
            name: name.to_owned(),
            settings: (self.connect)(name, number),
            room: self.spec.rooms[room].clone(),
            after: 0,
            joins,
        };
        let (history, goal) = (self.history.clone(), self.goals[room].subscribe());
        self.readers.spawn(read(reading, history, goal));
    }

    async fn make_rooms(&self) -> Result<(), WorkloadError> {
        let rooms = self.spec.rooms.iter().map(String::as_str);
        let made = make_rooms(&(self.connect)("owner", 0), rooms).await;
        made.map_err(|(room, error)| refused(&room, &error.to_string()))
    }

    async fn heads(&self) -> Result<Vec<u64>, WorkloadError> {
        let mut heads = Vec::new();
        for (number, room) in self.spec.rooms.iter().enumerate() {
            let settings = (self.connect)("owner", number);
            let summary = loop {
                let witness = connected(&settings).await;
                match witness.invoke::<Value>("JoinRoom", json!([room])).await {
                    Ok(summary) => break summary,
                    Err(error) if is_for_good(&error) => {
                        return Err(refused(room, &error.to_string()));
                    }
                    // All is healed, and the hub is about to notice.
                    Err(_) => sleep(LOOK).await,
                }
            };
            let head = summary["head"].as_u64();
            heads.push(head.ok_or_else(|| refused(room, "the summary has no head"))?);
        }
        Ok(heads)
    }
}

fn reader_name(number: usize) -> String {
    format!("reader-{number}")
}

fn refused(room: &str, reason: &str) -> WorkloadError {
    WorkloadError::Room {
        room: room.to_owned(),
        reason: reason.to_owned(),
    }
}
