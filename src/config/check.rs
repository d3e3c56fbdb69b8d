//! What serde cannot see: ranges, formats, and settings that contradict each other.

use std::collections::BTreeMap;

use actors::bus::NatsBus;
use actors::ids::NodeId;
use actors::journal::fjall::OpenError;
use actors::journal::scylla::ScyllaError;
use axum::http::Uri;
use tracing_subscriber::EnvFilter;

use super::{BusKind, Config, Environment, Problem, StoreKind};

/// Shortest secret that signs tokens, in bytes: as long as the digest of HS256 (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// All problems of a configuration.
pub fn check(config: &Config, origins: &BTreeMap<String, String>) -> Vec<Problem> {
    let mut checks = Checks {
        problems: Vec::new(),
        origins,
    };
    identity(config, &mut checks);
    tokens(config, &mut checks);
    providers(config, &mut checks);
    among_others(config, &mut checks);
    bounds(config, &mut checks);
    cors(config, &mut checks);
    checks.problems
}

struct Checks<'a> {
    problems: Vec<Problem>,
    origins: &'a BTreeMap<String, String>,
}

impl Checks<'_> {
    fn require(&mut self, holds: bool, key: &str, text: impl Into<String>) {
        if !holds {
            self.problems.push(Problem {
                key: key.to_owned(),
                origin: self.origins.get(key).cloned(),
                text: text.into(),
            });
        }
    }
}

fn identity(config: &Config, checks: &mut Checks<'_>) {
    match &config.jwt_secret {
        Some(secret) => checks.require(
            secret.reveal().len() >= MIN_SECRET_BYTES,
            "jwt_secret",
            format!(
                "needs at least {MIN_SECRET_BYTES} bytes, has {}",
                secret.reveal().len()
            ),
        ),
        None => checks.require(
            config.env != Environment::Production,
            "jwt_secret",
            "is required in production (MUSSIKON_JWT_SECRET), at least 32 random bytes as text",
        ),
    }
    let node = NodeId::parse(&config.node_id);
    checks.require(
        node.is_ok(),
        "node_id",
        node.err().map_or(String::new(), |e| e.to_string()),
    );
    checks.require(
        !config.data_dir.as_os_str().is_empty(),
        "data_dir",
        "must not be empty",
    );
}

fn tokens(config: &Config, checks: &mut Checks<'_>) {
    for (name, text) in config.auth.problems() {
        checks.require(false, &format!("auth.{name}"), text);
    }
}

fn providers(config: &Config, checks: &mut Checks<'_>) {
    let clustered = config.store == StoreKind::Scylla;
    checks.require(
        !clustered || !config.scylla_nodes.is_empty(),
        "scylla_nodes",
        "is required if store is scylla: at least one contact point",
    );
    checks.require(
        config.scylla_password.is_none() || !config.scylla.user.is_empty(),
        "scylla_password",
        "has no effect without scylla.user",
    );
    if let Err(ScyllaError::Option { name, reason }) = config.scylla.check() {
        checks.require(false, &format!("scylla.{name}"), reason);
    }
    checks.require(
        clustered || config.scylla_nodes.is_empty(),
        "scylla_nodes",
        "has no effect unless store is scylla",
    );
}

fn among_others(config: &Config, checks: &mut Checks<'_>) {
    let nats = config.bus == BusKind::Nats;
    checks.require(
        nats || config.nats_url.is_none(),
        "nats_url",
        "has no effect unless bus is nats",
    );
    checks.require(
        !nats || config.nats_url.is_some(),
        "nats_url",
        "is required if bus is nats: at least one address",
    );
    if let Some(url) = &config.nats_url
        && let Err(error) = NatsBus::check(url.reveal())
    {
        checks.require(false, "nats_url", error.to_string());
    }
    checks.require(
        !nats || config.store == StoreKind::Scylla,
        "store",
        "must be scylla if bus is nats: the nodes of a cluster share one store",
    );
    checks.require(
        !nats || checks.origins.contains_key("node_id"),
        "node_id",
        "is required if bus is nats: every node has a name of its own",
    );
    for (name, text) in config.nats.problems() {
        checks.require(false, &format!("nats.{name}"), text);
    }
    for (name, text) in config.peers.problems() {
        checks.require(false, &format!("peers.{name}"), text);
    }
}

fn bounds(config: &Config, checks: &mut Checks<'_>) {
    let room = &config.room;
    for problem in config.gateway.problems() {
        let (name, text) = problem.split_once(' ').unwrap_or((&problem, ""));
        checks.require(false, &format!("gateway.{name}"), text);
    }
    for (name, text) in config.request.problems() {
        checks.require(false, &format!("request.{name}"), text);
    }
    for (name, text) in config.inbox.problems() {
        checks.require(false, &format!("inbox.{name}"), text);
    }
    if let Err(OpenError::Option { name, least, .. }) = config.journal.check() {
        checks.require(
            false,
            &format!("journal.{name}"),
            format!("must be at least {least}"),
        );
    }
    for (name, text) in config.user.problems() {
        checks.require(false, &format!("user.{name}"), text);
    }
    for (name, text) in config.matching.problems() {
        checks.require(false, &format!("matching.{name}"), text);
    }
    for (key, value) in [
        ("room.text_chars", room.text_chars as u64),
        ("room.name_chars", room.name_chars as u64),
        ("room.emoji_bytes", room.emoji_bytes as u64),
        ("room.members_page", room.members_page as u64),
        ("room.dedupe_max", room.dedupe_max as u64),
        ("room.recent_messages", room.recent_messages as u64),
        (
            "runtime.mailbox_commands",
            config.runtime.mailbox_commands as u64,
        ),
        ("runtime.mailbox_bytes", config.runtime.mailbox_bytes as u64),
        ("runtime.node_bytes", config.runtime.node_bytes as u64),
        ("runtime.entities", config.runtime.entities as u64),
        ("runtime.ask_timeout_ms", config.runtime.ask_timeout_ms),
        ("runtime.batch_records", config.runtime.batch_records as u64),
        ("runtime.batch_bytes", config.runtime.batch_bytes as u64),
        ("runtime.idle_ms", config.runtime.idle_ms),
        (
            "runtime.alarms_at_once",
            config.runtime.alarms_at_once as u64,
        ),
        (
            "fanout.rooms_per_session",
            config.fanout.rooms_per_session as u64,
        ),
        ("fanout.catch_ups", config.fanout.catch_ups as u64),
        ("fanout.page_records", config.fanout.page_records as u64),
        ("fanout.page_bytes", config.fanout.page_bytes as u64),
        (
            "fanout.pending_cursors",
            config.fanout.pending_cursors as u64,
        ),
        ("fanout.rooms_page", config.fanout.rooms_page as u64),
        ("fanout.history_page", config.fanout.history_page as u64),
        ("http.body_bytes", config.http.body_bytes as u64),
        ("http.slow_request_ms", config.http.slow_request_ms),
        ("http.request_burst", config.http.request_burst.into()),
        ("http.idempotency_keys", config.http.idempotency_keys.into()),
        ("http.idempotency_hours", config.http.idempotency_hours),
        (
            "health.journal_degraded_ms",
            config.health.journal_degraded_ms,
        ),
        ("log.keep_files", config.log.keep_files as u64),
        ("log.queue_lines", config.log.queue_lines as u64),
        ("drain.closes_per_second", config.drain.closes_per_second),
        ("drain.grace_ms", config.drain.grace_ms),
        (
            "threads.event_interval",
            config.threads.event_interval.into(),
        ),
        (
            "threads.io_events_per_tick",
            config.threads.io_events_per_tick as u64,
        ),
    ] {
        checks.require(value >= 1, key, "must be at least 1");
    }
    // Four bytes per character, and room for the rest of an invocation.
    let text = room.text_chars.saturating_mul(4);
    let largest = text
        .saturating_add(room.metadata_bytes)
        .saturating_add(1_024);
    checks.require(
        largest <= config.gateway.max_message_bytes,
        "gateway.max_message_bytes",
        format!("must be at least {largest}, so that the longest message that a room allows fits"),
    );
    checks.require(
        config
            .runtime
            .batch_bytes
            .saturating_add(config.gateway.max_message_bytes)
            <= config.journal.max_row_bytes,
        "journal.max_row_bytes",
        "must be above runtime.batch_bytes and gateway.max_message_bytes together, so that a batch fits",
    );
    checks.require(
        config.inbox.notification_bytes() <= config.runtime.batch_bytes,
        "inbox.data_value_chars",
        "is too much: a notification with inbox.data_entries such facts must fit into runtime.batch_bytes",
    );
    checks.require(
        room.members >= 2,
        "room.members",
        "must be at least 2: a direct room has two members",
    );
    checks.require(
        room.sends_per_second == 0 || room.send_burst >= 1,
        "room.send_burst",
        "must be at least 1 unless room.sends_per_second is 0",
    );
    checks.require(
        room.dedupe_entries <= room.dedupe_max,
        "room.dedupe_entries",
        "must not be above room.dedupe_max",
    );
    checks.require(
        config.health.journal_degraded_ms < config.health.journal_unhealthy_ms,
        "health.journal_unhealthy_ms",
        "must be above health.journal_degraded_ms",
    );
    checks.require(
        config
            .drain
            .notice_ms
            .saturating_add(config.drain.spread_ms)
            < config.drain.grace_ms,
        "drain.grace_ms",
        "must be above drain.notice_ms and drain.spread_ms together",
    );
    checks.require(
        config.threads.workers <= 1_024,
        "threads.workers",
        "must not be above 1024",
    );
    checks.require(
        config.journal.workers_nice <= 19,
        "journal.workers_nice",
        "must not be above 19",
    );
    if let Err(error) = EnvFilter::builder().parse(&config.log.level) {
        checks.require(false, "log.level", error.to_string());
    }
}

fn cors(config: &Config, checks: &mut Checks<'_>) {
    let cors = &config.cors;
    for origin in &cors.origins {
        let wildcard = origin == "*" && cors.origins.len() == 1;
        checks.require(
            wildcard || is_origin(origin),
            "cors.origins",
            format!("expected scheme://host[:port] without a path, found {origin:?}"),
        );
    }
    checks.require(
        !(cors.credentials && cors.origins.iter().any(|o| o == "*")),
        "cors.credentials",
        "must be false when cors.origins is *",
    );
}

fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    let authority = uri.authority().is_some_and(|a| !a.as_str().contains('@'));
    authority
        && matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.path_and_query().is_none_or(|p| p.as_str() == "/")
        && !text.ends_with('/')
}
