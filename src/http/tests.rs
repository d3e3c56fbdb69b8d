//! The HTTP edge over real sockets: what it answers, what it adds, what it keeps to itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actors::ids::{EntityId, Timestamp};
use actors::journal::memory::MemoryJournal;
use actors::journal::{AppendError, ReadError, Wakeups};
use axum::body::Bytes;
use axum::routing::post;
use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::HealthConfig;
use crate::drain::{self, Phase, Signal};

/// Durable alarms that answer as a test wants: after a while, or not well.
#[derive(Default)]
struct Alarms(Mutex<(Duration, Option<AppendError>)>);

impl Wakeups for Alarms {
    fn arm(&self, _: &EntityId, _: Timestamp) -> BoxFuture<'static, Result<(), AppendError>> {
        Box::pin(async { Ok(()) })
    }
    fn clear(&self, _: &EntityId, _: Timestamp) -> BoxFuture<'static, Result<(), AppendError>> {
        let (wait, error) = self.0.lock().clone();
        Box::pin(async move {
            tokio::time::sleep(wait).await;
            error.map_or(Ok(()), Err)
        })
    }
    fn due(
        &self,
        _: Timestamp,
        _: Option<(EntityId, Timestamp)>,
        _: usize,
    ) -> BoxFuture<'static, Result<Vec<(EntityId, Timestamp)>, ReadError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// A request that takes so long is slow.
const SLOW_MS: u64 = 300;

struct Served {
    address: SocketAddr,
    signal: Signal,
    alarms: Arc<Alarms>,
}

/// An edge with one route of its own, `/rooms/{id}`, that answers with its body in upper case.
async fn serve(cors: CorsConfig) -> Served {
    let (signal, watch) = drain::channel();
    let alarms = Arc::new(Alarms::default());
    let limits = HealthConfig {
        journal_degraded_ms: 20,
        journal_unhealthy_ms: 200,
    };
    let edge = Edge {
        http: HttpConfig {
            body_bytes: 10,
            slow_request_ms: SLOW_MS,
            ..HttpConfig::default()
        },
        cors,
        health: Arc::new(Health::new(
            Arc::new(MemoryJournal::new()),
            alarms.clone(),
            None,
            limits,
            watch,
        )),
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        admin: None,
        api: Router::new(),
    };
    let hubs = Router::new()
        .route(
            "/rooms/{id}",
            post(|body: Bytes| async move { body.to_ascii_uppercase() }),
        )
        .route(
            "/slow",
            get(|| tokio::time::sleep(Duration::from_millis(SLOW_MS))),
        )
        .route(
            "/panics",
            get(|| async { panic!("a handler that fails") as () }),
        );
    let router = router(edge, hubs);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    Served {
        address,
        signal,
        alarms,
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("json")
    }
}

impl Served {
    async fn ask(&self, request_line: &str, headers: &[&str], body: &str) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.expect("connected");
        let mut text = format!("{request_line} HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n");
        for header in headers {
            text += &format!("{header}\r\n");
        }
        if !body.is_empty() {
            text += &format!("content-length: {}\r\n", body.len());
        }
        text += &format!("\r\n{body}");
        socket.write_all(text.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
        Answer {
            status: status.expect("a status"),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &[], "").await
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_safe_headers() {
    let hub = serve(CorsConfig::default()).await;
    let made = hub.get("/health").await;
    assert_eq!(
        (made.status, made.body.as_str()),
        (200, r#"{"status":"alive"}"#)
    );
    assert_eq!(made.header("x-request-id").map(str::len), Some(36));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(made.header(name), Some(value), "{name}");
    }
    let given = hub
        .ask("GET /health", &["x-request-id: abc-1.2_3"], "")
        .await;
    assert_eq!(given.header("x-request-id"), Some("abc-1.2_3"));
    let long = format!("x-request-id: {}", "a".repeat(65));
    for refused in ["x-request-id: two words", long.as_str(), "x-request-id: "] {
        let id = hub.ask("GET /nowhere", &[refused], "").await;
        assert_eq!(
            id.header("x-request-id").map(str::len),
            Some(36),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn unknown_addresses_wrong_methods_and_panics_are_problems_in_json() {
    let hub = serve(CorsConfig::default()).await;
    for (line, status, code) in [
        ("GET /nowhere", 404, "not_found"),
        ("POST /health", 405, "method_not_allowed"),
        ("GET /rooms/1", 405, "method_not_allowed"),
        ("GET /panics", 500, "internal"),
    ] {
        let answer = hub.ask(line, &[], "").await;
        assert_eq!(answer.status, status, "{line}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let problem = answer.json();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&status.into(), &code.into())
        );
        assert!(answer.header("x-request-id").is_some());
        assert!(!answer.body.contains("a handler that fails"));
    }
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_refused_announced_or_not() {
    let hub = serve(CorsConfig::default()).await;
    let fits = hub.ask("POST /rooms/1", &[], "tenletters").await;
    assert_eq!((fits.status, fits.body.as_str()), (200, "TENLETTERS"));
    let announced = hub.ask("POST /rooms/1", &[], "eleven chars").await;
    assert_eq!(
        (announced.status, &announced.json()["code"]),
        (413, &"too_large".into())
    );
    let chunked = "7\r\nabcdefg\r\n7\r\nabcdefg\r\n0\r\n\r\n";
    let mut socket = TcpStream::connect(hub.address).await.expect("connected");
    let head = "POST /rooms/1 HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    socket
        .write_all(format!("{head}{chunked}").as_bytes())
        .await
        .expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn only_the_configured_origins_may_use_the_hub_and_with_credentials() {
    let hub = serve(CorsConfig::default()).await;
    let preflight = async |origin: &str| {
        let origin = format!("origin: {origin}");
        let asked = [
            origin.as_str(),
            "access-control-request-method: POST",
            "access-control-request-headers: x-requested-with,x-signalr-user-agent",
        ];
        hub.ask("OPTIONS /rooms/1", &asked, "").await
    };
    for origin in [
        "http://localhost:3000",
        "http://localhost:19006",
        "https://musicalmatching.com",
    ] {
        let answer = preflight(origin).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true")
        );
        let headers = answer.header("access-control-allow-headers");
        assert_eq!(headers, Some("x-requested-with,x-signalr-user-agent"));
    }
    for origin in ["https://evil.example", "http://localhost:3001", "null"] {
        let answer = preflight(origin).await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
    }
    let open = serve(CorsConfig {
        origins: vec!["*".into()],
        credentials: false,
        ..CorsConfig::default()
    })
    .await;
    let answer = open
        .ask("GET /health", &["origin: https://any.example"], "")
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn readiness_follows_the_store_and_the_drain_and_liveness_does_not() {
    let hub = serve(CorsConfig::default()).await;
    let ready = hub.get("/health/ready").await;
    assert_eq!(
        (ready.status, &ready.json()["status"]),
        (200, &"healthy".into())
    );
    assert_eq!(ready.json()["checks"][0]["name"], "journal");
    assert_eq!(ready.header("retry-after"), None);

    hub.signal.advance(Phase::NotReady);
    let draining = hub.get("/health/ready").await;
    assert_eq!(
        (draining.status, &draining.json()["status"]),
        (503, &"draining".into())
    );
    assert_eq!(draining.header("retry-after"), Some("1"));
    assert_eq!(hub.get("/health").await.status, 200);

    for (wait_ms, error, status, word, text) in [
        (50, None, 200, "degraded", "took "),
        (400, None, 503, "unhealthy", "no answer within 200 ms"),
        (
            0,
            Some(AppendError::Broken("fsync /secret".into())),
            503,
            "unhealthy",
            "broken",
        ),
        (
            0,
            Some(AppendError::Unavailable("queue".into())),
            503,
            "unhealthy",
            "writes fail",
        ),
    ] {
        let hub = serve(CorsConfig::default()).await;
        *hub.alarms.0.lock() = (Duration::from_millis(wait_ms), error);
        let answer = hub.get("/health/ready").await;
        let report = answer.json();
        assert_eq!(
            (answer.status, &report["status"]),
            (status, &word.into()),
            "{report}"
        );
        let words = report["checks"][0]["description"].as_str().expect("words");
        assert!(
            words.contains(text) && !words.contains("/secret"),
            "{words}"
        );
        assert_eq!(hub.get("/health").await.status, 200);
    }
}

#[tokio::test]
async fn the_store_is_looked_at_once_a_second_however_many_ask() {
    let hub = serve(CorsConfig::default()).await;
    assert_eq!(hub.get("/health/ready").await.status, 200);
    *hub.alarms.0.lock() = (Duration::ZERO, Some(AppendError::Unavailable("x".into())));
    assert_eq!(hub.get("/health/ready").await.status, 200, "kept");
}

#[test]
fn requests_are_counted_by_template_never_by_address() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    metrics::with_local_recorder(&recorder, || {
        runtime.expect("a runtime").block_on(async {
            let hub = serve(CorsConfig::default()).await;
            hub.ask("POST /rooms/secret-room?access_token=abc", &[], "x")
                .await;
            hub.get("/secret/path?access_token=abc").await;
            hub.ask("BREW /secret", &[], "").await;
            hub.get("/slow").await;
        });
    });
    let text = handle.render();
    for labels in [
        r#"{endpoint="/rooms/{id}",method="POST",status="200"} 1"#,
        r#"{endpoint="unmatched",method="GET",status="404"} 1"#,
        r#"{endpoint="unmatched",method="OTHER",status="404"} 1"#,
    ] {
        let line = format!("musical_matching_requests_total{labels}");
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
    assert!(
        text.contains("\nmussikon_slow_requests_total 1\n"),
        "{text}"
    );
    assert!(!text.contains("secret") && !text.contains("abc"));
}
