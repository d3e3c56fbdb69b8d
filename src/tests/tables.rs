//! The tables that documents contain, made from the code.

use serde_json::Value as Json;

use super::read;
use crate::chat;
use crate::config::{Config, leaves};
use crate::error;
use crate::gateway::callbacks::{self, Callback};
use crate::gateway::notices;
use crate::hubs::MethodDoc;
use crate::notifications;
use crate::telemetry::metrics::{Kind, METRICS};

/// Sections of the configuration: prefix of the key, file and struct that it is read into.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("", "src/config/mod.rs", "Config"),
    ("auth.", "src/config/auth.rs", "AuthConfig"),
    ("gateway.", "src/limits.rs", "GatewayLimits"),
    ("echo.", "src/echo/limits.rs", "EchoLimits"),
    ("room.", "actors/src/machines/room/limits.rs", "RoomLimits"),
    ("user.", "actors/src/machines/user/limits.rs", "UserLimits"),
    (
        "request.",
        "actors/src/machines/request/limits.rs",
        "RequestLimits",
    ),
    (
        "matching.",
        "actors/src/machines/matching/limits.rs",
        "MatchingLimits",
    ),
    (
        "inbox.",
        "actors/src/machines/inbox/limits.rs",
        "InboxLimits",
    ),
    ("runtime.", "actors/src/runtime/limits.rs", "RuntimeLimits"),
    ("fanout.", "actors/src/cluster/limits.rs", "FanoutLimits"),
    (
        "journal.",
        "actors/src/journal/fjall/options.rs",
        "FjallOptions",
    ),
    (
        "scylla.",
        "actors/src/journal/scylla/options.rs",
        "ScyllaOptions",
    ),
    ("nats.", "actors/src/bus/nats/options.rs", "NatsOptions"),
    ("peers.", "actors/src/bus/limits.rs", "BusLimits"),
    ("http.", "src/config/sections.rs", "HttpConfig"),
    ("cors.", "src/config/sections.rs", "CorsConfig"),
    ("health.", "src/config/sections.rs", "HealthConfig"),
    ("log.", "src/config/sections.rs", "LogConfig"),
    ("drain.", "src/config/sections.rs", "DrainConfig"),
    ("threads.", "src/config/sections.rs", "ThreadsConfig"),
];

/// A field and its documentation comment.
pub struct Field {
    pub name: String,
    pub doc: String,
}

/// The public fields of a struct as its source has them.
pub fn fields(source: &str, name: &str) -> Vec<Field> {
    let head = format!("pub struct {name} {{");
    let body = source.lines().skip_while(|line| *line != head).skip(1);
    let mut found = Vec::new();
    let mut doc: Vec<&str> = Vec::new();
    for line in body.take_while(|line| *line != "}").map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|l| l.split_once(':')) {
            found.push(Field {
                name: name.to_owned(),
                doc: doc.join(" "),
            });
            doc.clear();
        }
    }
    found
}

/// Every key of the configuration with its default and its meaning.
pub fn config() -> String {
    let tree = serde_json::to_value(Config::default()).expect("serializable");
    let mut defaults = Vec::new();
    leaves(&tree, "", &mut |key, value| {
        defaults.push((key.to_owned(), value.clone()))
    });
    let mut rows = vec![
        "| key | default | unit | meaning |".into(),
        "|---|---|---|---|".into(),
    ];
    for (prefix, file, name) in SECTIONS {
        for field in fields(&read(file), name) {
            let key = format!("{prefix}{}", field.name);
            let Some(at) = defaults.iter().position(|(known, _)| *known == key) else {
                continue; // a section
            };
            let (_, value) = defaults.remove(at);
            assert!(
                field.doc.len() > 5,
                "{key} needs a comment that says what it means"
            );
            let (default, unit) = (shown(&value), unit(&key));
            rows.push(format!(
                "| `{key}` | {default} | {unit} | {} |",
                cell(&field.doc)
            ));
        }
    }
    assert!(
        defaults.is_empty(),
        "keys without a place in the table: {defaults:?}"
    );
    rows.join("\n")
}

/// What users meet first of all bounds, and the keys that move them.
const LIMITS: &[(&str, &str)] = &[
    ("Characters of a text", "room.text_chars"),
    ("Bytes of a call as it is sent", "gateway.max_message_bytes"),
    ("Members of a room", "room.members"),
    (
        "Messages of one sender to one room per second",
        "room.sends_per_second",
    ),
    ("and at once", "room.send_burst"),
    (
        "Milliseconds in which an author may edit",
        "room.edit_window_ms",
    ),
    (
        "Calls of a connection per second",
        "gateway.invocations_per_second",
    ),
    ("and at once", "gateway.invocation_burst"),
    (
        "Calls that wait for their turn, then reading pauses",
        "gateway.pending_invocations",
    ),
    (
        "Rooms, requests and inboxes that a connection is subscribed to",
        "fanout.rooms_per_session",
    ),
    ("Messages in a page of history", "fanout.history_page"),
    ("Rooms in a page of `MyRooms`", "fanout.rooms_page"),
    (
        "Requests of a user to the HTTP API per second",
        "http.requests_per_second",
    ),
    ("and at once", "http.request_burst"),
    (
        "Searches of a user for musicians over HTTP in a day",
        "http.searches_per_day",
    ),
    ("Bytes of a body over HTTP", "http.body_bytes"),
    (
        "Bytes sent and not acknowledged, stateful reconnect",
        "gateway.stateful_buffer_bytes",
    ),
    (
        "Milliseconds without reading a byte of what waits, then disconnected",
        "gateway.slow_consumer_ms",
    ),
    ("Connections", "gateway.max_connections"),
];

/// The bounds that users meet, with their defaults.
pub fn limits() -> String {
    let tree = serde_json::to_value(Config::default()).expect("serializable");
    let mut defaults = std::collections::BTreeMap::new();
    leaves(&tree, "", &mut |key, value| {
        defaults.insert(key.to_owned(), shown(value));
    });
    let mut rows = vec!["| what | at most | key |".into(), "|---|---|---|".into()];
    for (what, key) in LIMITS {
        let default = defaults.get(*key);
        let default = default.unwrap_or_else(|| panic!("no such key: {key}"));
        rows.push(format!("| {what} | {default} | `{key}` |"));
    }
    rows.join("\n")
}

/// Text for a cell: links of the documentation tool and bars would break it.
fn cell(text: &str) -> String {
    text.replace("[`", "`")
        .replace("`]", "`")
        .replace('|', "\\|")
}

fn shown(value: &Json) -> String {
    match value {
        Json::Null => "not set".into(),
        Json::Array(items) if items.is_empty() => "none".into(),
        Json::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Json::String(text) if text.is_empty() => "empty".into(),
        Json::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn unit(key: &str) -> &'static str {
    let units = [
        ("_ms", "ms"),
        ("_seconds", "s"),
        ("_bytes", "bytes"),
        ("_chars", "characters"),
        ("_hours", "h"),
        ("_km", "km"),
        ("_cents", "cents"),
        ("_per_second", "per second"),
    ];
    let found = units.iter().rev().find(|(ending, _)| key.ends_with(ending));
    match found {
        Some(("_seconds", _)) if key.ends_with("per_second") => "per second",
        Some((_, unit)) => unit,
        None => "",
    }
}

/// Every metric.
pub fn metrics() -> String {
    let mut rows = vec![
        "| metric | kind | labels | meaning |".into(),
        "|---|---|---|---|".into(),
    ];
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels = metric
            .labels
            .iter()
            .map(|l| format!("`{l}`"))
            .collect::<Vec<_>>()
            .join(", ");
        rows.push(format!(
            "| `{}` | {kind} | {labels} | {} |",
            metric.name, metric.help
        ));
    }
    rows.join("\n")
}

/// Every error a client can meet.
pub fn errors() -> String {
    let mut rows = vec![
        "| code | HTTP status | retry | meaning |".into(),
        "|---|---|---|---|".into(),
    ];
    for row in error::TABLE {
        let retry = if row.retry { "yes" } else { "no" };
        rows.push(format!(
            "| `{}` | {} | {retry} | {} |",
            row.code,
            row.status.as_u16(),
            row.meaning
        ));
    }
    rows.join("\n")
}

/// Every operation of the HTTP API.
pub fn operations() -> String {
    let document = crate::api::document();
    let mut rows = vec!["| operation | what it does |".into(), "|---|---|".into()];
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let query = operation["parameters"].as_array().into_iter().flatten();
            let query = query.filter(|parameter| parameter["in"] == "query");
            let names: Vec<&str> = query.filter_map(|one| one["name"].as_str()).collect();
            let query = match names.is_empty() {
                true => String::new(),
                false => format!("?{}", names.join("&")),
            };
            let word = |name: &str| operation[name].as_str().unwrap_or_default();
            rows.push(format!(
                "| `{} {path}{query}` | {}: {} |",
                method.to_uppercase(),
                cell(word("summary")),
                cell(&word("description").replace('\n', " "))
            ));
        }
    }
    rows.join("\n")
}

/// Every callback of the chat hub, and of the hub for notifications.
pub fn callbacks() -> [String; 2] {
    [callbacks::CALLBACKS, notices::CALLBACKS].map(callback_rows)
}

fn callback_rows(callbacks: &[Callback]) -> String {
    let mut rows = vec![
        "| callback | argument | one per sequence | meaning |".into(),
        "|---|---|---|---|".into(),
    ];
    for callback in callbacks {
        let journaled = if callback.journaled { "yes" } else { "no" };
        rows.push(format!(
            "| `{}` | `{}` | {journaled} | {} |",
            callback.name,
            cell(callback.shape),
            cell(callback.meaning)
        ));
    }
    rows.join("\n")
}

/// Every method of the chat hub, and of the hub for notifications.
pub fn methods() -> [String; 2] {
    [chat::methods::METHODS, notifications::methods::METHODS].map(method_rows)
}

fn method_rows(methods: &[MethodDoc]) -> String {
    let mut rows = vec![
        "| method | arguments | result | meaning |".into(),
        "|---|---|---|---|".into(),
    ];
    for method in methods {
        let code = |text: &str| match text {
            "" => "–".to_owned(),
            text => format!("`{}`", cell(text)),
        };
        rows.push(format!(
            "| `{}` | {} | {} | {} |",
            method.name,
            code(method.arguments),
            code(method.result),
            cell(method.meaning)
        ));
    }
    rows.join("\n")
}

#[test]
fn fields_are_found_with_their_comments() {
    let source = "/// Outer.\npub struct A {\n    /// First,\n    /// and more.\n    #[serde(x)]\n    pub a: u8,\n    /// Second.\n    pub b: Vec<(u8, u8)>,\n}\npub struct B {\n    /// No.\n    pub c: u8,\n}\n";
    let found = fields(source, "A");
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].name.as_str(), found[0].doc.as_str()),
        ("a", "First, and more.")
    );
    assert_eq!(
        (found[1].name.as_str(), found[1].doc.as_str()),
        ("b", "Second.")
    );
}

#[test]
fn units_follow_from_the_names_of_keys() {
    assert_eq!(unit("room.sends_per_second"), "per second");
    assert_eq!(unit("auth.clock_skew_seconds"), "s");
    assert_eq!(unit("drain.grace_ms"), "ms");
    assert_eq!(unit("listen"), "");
}
