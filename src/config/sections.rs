//! The sections that belong to this crate: each struct is one section of the configuration.

use serde::{Deserialize, Serialize};

/// Requests over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Largest body of a request, in bytes.
    pub body_bytes: usize,
    /// A request that takes longer is logged as a warning, in milliseconds.
    pub slow_request_ms: u64,
    /// Requests to `/api` per second, on average, of one user, and of one address without a valid token; above it 429. 0 lifts.
    pub requests_per_second: u32,
    /// Requests to `/api` of one user, or of one address without a valid token, at once.
    pub request_burst: u32,
    /// Searches for musicians over HTTP in a day by one user, counted by each node for itself; above it 429. 0 lifts.
    pub searches_per_day: u32,
    /// First answers to requests with an `Idempotency-Key` that are kept per user; a newer one may take the place of an older.
    pub idempotency_keys: u32,
    /// How long a first answer is given again, in hours.
    pub idempotency_hours: u64,
    /// How long an accept, or a choice of a musician, waits for the musician's calendar before it is answered as under way, in milliseconds.
    pub assign_wait_ms: u64,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1_024,
            slow_request_ms: 1_000,
            requests_per_second: 50,
            request_burst: 200,
            searches_per_day: 100,
            idempotency_keys: 1_024,
            idempotency_hours: 24,
            assign_wait_ms: 2_000,
        }
    }
}

/// Which web pages may use the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsConfig {
    /// Origins of the pages, each `scheme://host[:port]`; `*` alone allows all, without credentials.
    pub origins: Vec<String>,
    /// Whether pages may send credentials.
    pub credentials: bool,
    /// How long a browser may remember the answer, in seconds.
    pub max_age_seconds: u64,
}

impl Default for CorsConfig {
    fn default() -> Self {
        Self {
            origins: [
                "http://localhost:3000",
                "http://localhost:19006",
                "https://musicalmatching.com",
            ]
            .map(String::from)
            .to_vec(),
            credentials: true,
            max_age_seconds: 600,
        }
    }
}

/// When the hub calls itself unwell (`/health/ready`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthConfig {
    /// A journal that takes longer to answer a read is degraded, in milliseconds.
    pub journal_degraded_ms: u64,
    /// A journal that takes longer is unhealthy, in milliseconds.
    pub journal_unhealthy_ms: u64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            journal_degraded_ms: 1_000,
            journal_unhealthy_ms: 2_500,
        }
    }
}

/// How log lines look on the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
    /// Nothing on the console.
    Off,
}

/// What is logged, where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Least severe level that is logged, per module if wanted: `info`, or `info,mussikon_hub::gateway=debug`.
    pub level: String,
    /// Lines on standard error: `text`, `json` or `off`.
    pub console: LogFormat,
    /// Whether to log to a file too, one per day, as JSON.
    pub file: bool,
    /// Directory of the files; a relative one is below the data directory.
    pub dir: String,
    /// How many daily files are kept.
    pub keep_files: usize,
    /// Lines that may wait to be written; more are dropped.
    pub queue_lines: usize,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".into(),
            console: LogFormat::Text,
            file: true,
            dir: "logs".into(),
            keep_files: 14,
            queue_lines: 16_384,
        }
    }
}

/// The orderly end after SIGTERM or SIGINT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrainConfig {
    /// How long `/health/ready` says no before new connections are refused, so that a load balancer notices, in milliseconds.
    pub notice_ms: u64,
    /// How many connections are closed per second, so that clients do not all come back at once.
    pub closes_per_second: u64,
    /// The closing of all connections takes at most this long, in milliseconds.
    pub spread_ms: u64,
    /// The process ends at the latest this long after the signal, in milliseconds.
    pub grace_ms: u64,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self {
            notice_ms: 0,
            closes_per_second: 500,
            spread_ms: 10_000,
            grace_ms: 25_000,
        }
    }
}

/// Threads and how they share their time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThreadsConfig {
    /// Worker threads; 0 takes as many as there are processors.
    pub workers: usize,
    /// Tasks that a worker runs before it looks at the network again.
    pub event_interval: u32,
    /// Most network events that are taken in at once.
    pub io_events_per_tick: usize,
}

impl Default for ThreadsConfig {
    fn default() -> Self {
        Self {
            workers: 0,
            event_interval: 1_024,
            io_events_per_tick: 4_096,
        }
    }
}
