//! Asks every target about once a second how it is, from a thread of its own and on any core but by force the generator's.

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

use super::metrics::Look;
use super::record::Sample;
use crate::process;

/// Between two looks, at first.
const PERIOD: Duration = Duration::from_secs(1);
/// Shortest time, in seconds, over which the use of the processor is told: the system counts in hundredths of a second.
const SHORTEST_S: f64 = 0.2;
/// A node that takes longer for an answer has none for this look.
const ANSWER: Duration = Duration::from_millis(900);
/// Longest answer that is read, in bytes.
const LONGEST: usize = 4 << 20;
/// Most samples of a node: six hours at first; when they are there, pairs become one and looks half as frequent.
const MOST: usize = 21_600;

/// Why a node told nothing.
#[derive(Debug, Error)]
enum LookError {
    /// It does not answer in time.
    #[error("no answer within {ANSWER:?}")]
    Late,
    /// No connection, or one that ended.
    #[error("{0}")]
    Connection(#[from] hyper_util::client::legacy::Error),
    /// It answers something else.
    #[error("/metrics answers {0}; an operator's token may be needed")]
    Status(StatusCode),
    /// Its answer is too long, or ends too early.
    #[error("its answer cannot be read: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// No request can be made of address and token.
    #[error("cannot ask: {0}")]
    Request(#[from] hyper::http::Error),
}

/// Takes samples until it is told to end.
pub struct Sampler {
    names: Vec<String>,
    end: oneshot::Sender<()>,
    thread: Option<JoinHandle<Vec<Node>>>,
}

/// A target, and what it said so far.
struct Node {
    name: String,
    address: Option<SocketAddr>,
    pid: Option<u32>,
    samples: Vec<Sample>,
    /// Time and processor time of the look before.
    before: Option<(f64, f64)>,
    /// Why nothing was heard when it was asked last.
    silent: Option<LookError>,
}

impl Sampler {
    /// Begins at once: times count from here, so this is to be called when the traffic begins. A token goes along as bearer.
    /// `pids` belong to the targets in their order; what a node does not tell is read from `/proc`. Without targets, the
    /// processes alone are looked at, and without a process that one can look at nothing is.
    pub fn start(targets: &[SocketAddr], token: Option<String>, pids: &[u32]) -> Self {
        let nodes = nodes(targets, pids);
        let names = nodes.iter().map(|node| node.name.clone()).collect();
        let (end, ended) = oneshot::channel();
        let work = move || {
            // The thread is born on the generator's core, which is to be left alone.
            process::anywhere();
            look_until(nodes, token, ended)
        };
        let named = thread::Builder::new().name("samples".into());
        Self {
            names,
            end,
            thread: named.spawn(work).ok(),
        }
    }

    /// Whoever is looked at, as samples name it: also those that tell nothing.
    pub fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// Ends the looks. What was seen, ordered by time. Nodes that told nothing at last are named on standard error.
    pub fn finish(self) -> Vec<Sample> {
        let _ = self.end.send(());
        let nodes = self.thread.and_then(|thread| thread.join().ok());
        let nodes = nodes.unwrap_or_default();
        for node in &nodes {
            if let Some(error) = &node.silent {
                eprintln!("loadtest: no metrics from {}: {error}", node.name);
            }
        }
        let mut samples: Vec<Sample> = nodes.into_iter().flat_map(|node| node.samples).collect();
        samples.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        samples
    }
}

fn nodes(targets: &[SocketAddr], pids: &[u32]) -> Vec<Node> {
    let node = |name, address, pid| Node {
        name,
        address,
        pid,
        samples: Vec::new(),
        before: None,
        silent: None,
    };
    if targets.is_empty() {
        return pids
            .iter()
            .map(|&pid| node(format!("process {pid}"), None, Some(pid)))
            .collect();
    }
    let pids = pids
        .iter()
        .copied()
        .map(Some)
        .chain(std::iter::repeat(None));
    let each = targets.iter().zip(pids);
    each.map(|(target, pid)| node(target.to_string(), Some(*target), pid))
        .collect()
}

/// Looks until the other side speaks or is gone.
fn look_until(
    mut nodes: Vec<Node>,
    token: Option<String>,
    mut ended: oneshot::Receiver<()>,
) -> Vec<Node> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return nodes;
    };
    let looking = async {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let token = token.map(Arc::<str>::from);
        let (begun, mut period, mut last) = (Instant::now(), PERIOD, false);
        let mut ticks = every(period).await;
        loop {
            // All at once: one that hangs must not make the others late.
            let look = |node: &Node| look(client.clone(), node.address, node.pid, token.clone());
            let looks: Vec<_> = nodes.iter().map(|node| tokio::spawn(look(node))).collect();
            for (node, look) in nodes.iter_mut().zip(looks) {
                if let Ok(look) = look.await {
                    node.take(begun.elapsed().as_secs_f64(), look);
                }
            }
            if last {
                return;
            }
            if nodes.iter().any(|node| node.samples.len() >= MOST) {
                nodes
                    .iter_mut()
                    .for_each(|node| node.samples = halved(&node.samples));
                period *= 2;
                ticks = every(period).await;
            }
            tokio::select! {
                // One look more: what was left at the end.
                _ = &mut ended => last = true,
                _ = ticks.tick() => {}
            }
        }
    };
    runtime.block_on(looking);
    nodes
}

/// Ticks of which the first is a period away.
async fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    ticks
}

type Http = Client<HttpConnector, Empty<Bytes>>;

/// What a node says; what its process shows stands in for the rest.
async fn look(
    client: Http,
    address: Option<SocketAddr>,
    pid: Option<u32>,
    token: Option<Arc<str>>,
) -> (Look, Option<LookError>) {
    let shown = pid.map(process_look).unwrap_or_default();
    let Some(address) = address else {
        return (shown, None);
    };
    match timeout(ANSWER, ask(&client, address, token.as_deref())).await {
        Ok(Ok(text)) => (Look::read(&text).or(shown), None),
        Ok(Err(error)) => (shown, Some(error)),
        Err(_) => (shown, Some(LookError::Late)),
    }
}

async fn ask(client: &Http, address: SocketAddr, token: Option<&str>) -> Result<String, LookError> {
    let mut request = Request::get(format!("http://{address}/metrics"));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = client.request(request.body(Empty::new())?).await?;
    if answer.status() != StatusCode::OK {
        return Err(LookError::Status(answer.status()));
    }
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
        Ok(_) => LookError::Body(format!("it is longer than {LONGEST} bytes").into()),
        Err(error) => LookError::Body(error),
    })?;
    Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
}

/// What the system shows of a process.
fn process_look(pid: u32) -> Look {
    let meter = process::Meter::of(pid);
    Look {
        cpu_s: meter.cpu_seconds(),
        resident_kb: meter.resident_kb().map(|kb| kb as f64),
        open_files: meter.open_files().map(|count| count as f64),
        ..Look::default()
    }
}

impl Node {
    fn take(&mut self, at_s: f64, (look, silent): (Look, Option<LookError>)) {
        self.silent = silent;
        let cpu_cores = match (self.before, look.cpu_s) {
            // A process that began anew has used less than the one before; and a short time has too few ticks.
            (Some((then_s, before)), Some(now)) if now >= before && at_s - then_s >= SHORTEST_S => {
                Some((now - before) / (at_s - then_s))
            }
            _ => None,
        };
        self.before = look.cpu_s.map(|cpu| (at_s, cpu)).or(self.before);
        let sample = Sample {
            at_s,
            node: self.name.clone(),
            cpu_cores,
            resident_kb: look.resident_kb,
            open_files: look.open_files,
            tasks: look.tasks,
            connections: look.connections,
            entities: look.entities,
            subscriptions: look.subscriptions,
        };
        if look != Look::default() {
            self.samples.push(sample);
        }
    }
}

/// Half as many: of each pair the later one, with the mean use of the processor over both.
fn halved(samples: &[Sample]) -> Vec<Sample> {
    let one = |pair: &[Sample]| {
        let mut kept = pair.last()?.clone();
        if let [first, second] = pair
            && let (Some(a), Some(b)) = (first.cpu_cores, second.cpu_cores)
        {
            kept.cpu_cores = Some((a + b) / 2.0);
        }
        Some(kept)
    };
    samples.chunks(2).filter_map(one).collect()
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
