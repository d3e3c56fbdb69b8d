//! `serve`: the hub itself, from its threads to its exit.

use std::process;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failed, print};
use crate::config::{Config, ThreadsConfig};
use crate::node::Node;
use crate::telemetry;

/// For threads that are still busy when everything else has ended.
const LAST_WAIT: Duration = Duration::from_secs(1);

pub fn run(config: &Config) -> Result<(), Failed> {
    let _log = telemetry::start(config).map_err(Failed::because)?;
    let metrics = telemetry::metrics::install().map_err(Failed::because)?;
    let runtime = runtime(&config.threads).map_err(Failed::because)?;
    let served = runtime.block_on(serve(config, metrics));
    // What still blocks a thread now had its grace.
    runtime.shutdown_timeout(LAST_WAIT);
    served
}

async fn serve(config: &Config, metrics: PrometheusHandle) -> Result<(), Failed> {
    // Listened for before there is anything to end, so that no signal is lost.
    let mut signals = Signals::new().map_err(Failed::because)?;
    let started = tokio::select! {
        biased;
        (name, code) = signals.next() => {
            // Nothing is served yet, and what is stored is safe however a start ends.
            tracing::info!(signal = name, "ending before the start was done");
            process::exit(code);
        }
        started = Node::start(config, metrics) => started,
    };
    let node = started.map_err(|error| {
        tracing::error!(%error, "the hub could not start");
        Failed::because(error)
    })?;
    print(&format!("listening on http://{}", node.address()))?;
    let name = signals.next().await.0;
    tracing::info!(signal = name, "draining");
    tokio::spawn(async move {
        let (name, code) = signals.next().await;
        tracing::warn!(signal = name, "second signal, ending at once");
        process::exit(code);
    });
    if node.drain().await {
        tracing::info!("drained");
        return Ok(());
    }
    Err(Failed(
        "the grace is over before everything was finished".into(),
    ))
}

fn runtime(config: &ThreadsConfig) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if config.workers > 0 {
        builder.worker_threads(config.workers);
    }
    builder
        .event_interval(config.event_interval)
        .max_io_events_per_tick(config.io_events_per_tick)
        .thread_name("hub")
        .enable_all()
        .build()
}

/// The signals that end a process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one: its name, and the exit code that shells expect of it.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => ("SIGTERM", 128 + 15),
            _ = self.interrupt.recv() => ("SIGINT", 128 + 2),
        }
    }
}
