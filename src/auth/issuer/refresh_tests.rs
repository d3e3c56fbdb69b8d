//! When keys are fetched, how long they last, and what is told of it, by a clock that the tests turn.

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::{Duration, sleep};

use super::super::{IssuerKeys, IssuerLimits, Standing};
use super::*;
use crate::auth::AuthRefused;
use chaos::issuer::{IssuerKey, key_set};
use jsonwebtoken::Algorithm::ES256;

const LIMITS: IssuerLimits = IssuerLimits {
    refresh: Duration::from_secs(300),
    min_refresh: Duration::from_secs(10),
    stale: Duration::from_secs(1_000),
    fetch: Duration::from_secs(5),
    keys: 4,
};

type Answer = Result<Vec<u8>, FetchError>;

/// Answers as told: first what is queued, then the last of it for ever. Each takes its time.
struct Script {
    answers: Mutex<VecDeque<(Duration, Answer)>>,
    asked: Mutex<Vec<Duration>>,
    begun: Instant,
}

impl Script {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::default(),
            asked: Mutex::default(),
            begun: Instant::now(),
        })
    }

    fn says(&self, answer: Answer) {
        self.says_after(0, answer);
    }

    fn says_after(&self, seconds: u64, answer: Answer) {
        let wait = Duration::from_secs(seconds);
        self.answers.lock().push_back((wait, answer));
    }

    /// Seconds at which it was asked.
    fn asked(&self) -> Vec<u64> {
        self.asked.lock().iter().map(Duration::as_secs).collect()
    }
}

impl Source for Script {
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>> {
        self.asked.lock().push(self.begun.elapsed());
        let mut answers = self.answers.lock();
        let next = match answers.len() {
            0 => panic!("asked without an answer"),
            1 => answers[0].clone(),
            _ => answers.pop_front().expect("one"),
        };
        Box::pin(async move {
            sleep(next.0).await;
            next.1
        })
    }
}

fn document(kids: &[&str]) -> Answer {
    let keys: Vec<IssuerKey> = kids
        .iter()
        .map(|kid| IssuerKey::p256(kid).expect("made"))
        .collect();
    let set = key_set(&keys.iter().collect::<Vec<_>>()).expect("a set");
    Ok(set.to_string().into_bytes())
}

fn down() -> Answer {
    Err(FetchError::Status(503))
}

/// Lets the clock go on by whole seconds, and everybody run who can.
async fn pass(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

/// Keys by this script, half a second after they were fetched: nothing else happens at that part of a second.
async fn begin(script: &Arc<Script>) -> IssuerKeys {
    let keys = IssuerKeys::begin(script.clone(), LIMITS).await;
    sleep(Duration::from_millis(500)).await;
    keys
}

fn known(keys: &IssuerKeys, kid: &str) -> Result<(), AuthRefused> {
    keys.key(Some(kid), ES256).map(|_| ())
}

fn recorder() -> (PrometheusHandle, metrics::LocalRecorderGuard<'static>) {
    // Leaked: a guard outlives the test's locals otherwise.
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    (
        recorder.handle(),
        metrics::set_default_local_recorder(recorder),
    )
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_at_a_pace_new_ones_are_taken_and_vanished_ones_refused() {
    let script = Script::new();
    script.says(document(&["old", "both"]));
    script.says(document(&["both", "new"]));
    let keys = begin(&script).await;
    assert_eq!(known(&keys, "old"), Ok(()));
    pass(299).await;
    assert_eq!((script.asked(), known(&keys, "old")), (vec![0], Ok(())));
    pass(1).await;
    assert_eq!(script.asked(), [0, 300]);
    assert_eq!(known(&keys, "both"), Ok(()));
    assert_eq!(known(&keys, "new"), Ok(()));
    assert_eq!(known(&keys, "old"), Err(AuthRefused::UnknownKey));
    assert_eq!(keys.standing(), Standing::Fresh { keys: 2 });
}

#[tokio::test(start_paused = true)]
async fn many_tokens_with_an_unknown_key_make_one_fetch_and_not_before_its_time() {
    let script = Script::new();
    script.says(document(&["old"]));
    script.says_after(2, document(&["old", "new"]));
    let keys = begin(&script).await;
    pass(100).await;
    for _ in 0..1_000 {
        assert_eq!(known(&keys, "new"), Err(AuthRefused::UnknownKey));
    }
    pass(1).await;
    assert_eq!(script.asked(), [0, 100], "at once");
    for _ in 0..1_000 {
        assert_eq!(known(&keys, "new"), Err(AuthRefused::UnknownKey));
    }
    pass(2).await;
    assert_eq!(known(&keys, "new"), Ok(()));
    // Asked for while it was fetched already: once more, for the answer may be older than the question.
    pass(8).await;
    assert_eq!(script.asked(), [0, 100]);
    pass(2).await;
    assert_eq!(script.asked(), [0, 100, 112]);
    // Names that never were come as often as they like.
    let before = script.asked().len();
    for _ in 0..60 {
        assert_eq!(known(&keys, "made up"), Err(AuthRefused::UnknownKey));
        pass(1).await;
    }
    assert!(script.asked().len() - before <= 6, "{:?}", script.asked());
    // Tokens whose key is there, or will not be, ask for nothing.
    pass(20).await;
    let before = script.asked().len();
    assert_eq!(known(&keys, "new"), Ok(()));
    let other = keys.key(Some("new"), jsonwebtoken::Algorithm::RS256).err();
    assert_eq!(other, Some(AuthRefused::Algorithm));
    assert_eq!(keys.key(None, ES256).err(), Some(AuthRefused::KeyNotNamed));
    pass(100).await;
    assert_eq!(script.asked().len(), before);
}

#[tokio::test(start_paused = true)]
async fn while_the_issuer_is_down_the_last_keys_go_on_for_their_time_and_it_is_told() {
    let (metrics, _guard) = recorder();
    let shows = |line: &str| metrics.render().lines().any(|found| found == line);
    let script = Script::new();
    script.says(document(&["a"]));
    script.says(down());
    let keys = begin(&script).await;
    assert!(shows("mussikon_jwks_stale 0") && shows("mussikon_jwks_keys 1"));
    pass(310).await;
    assert_eq!(
        script.asked(),
        [0, 300, 310],
        "sooner than after a good one"
    );
    assert_eq!(known(&keys, "a"), Ok(()));
    let stale = keys.standing();
    assert!(
        matches!(&stale, Standing::Stale { keys: 1, age, reason: FetchError::Status(503) } if age.as_secs() == 310),
        "{stale:?}"
    );
    assert!(shows("mussikon_jwks_stale 1") && shows("mussikon_jwks_keys 1"));
    assert!(shows(
        r#"mussikon_jwks_refreshes_total{outcome="status"} 2"#
    ));

    pass(689).await;
    assert_eq!(known(&keys, "a"), Ok(()), "to the last second");
    pass(11).await;
    assert_eq!(known(&keys, "a"), Err(AuthRefused::NoKeys));
    let reason = Some(FetchError::Status(503));
    assert_eq!(keys.standing(), Standing::None { reason });
    assert!(shows("mussikon_jwks_stale 1") && shows("mussikon_jwks_keys 0"));

    *script.answers.lock() = VecDeque::from([(Duration::ZERO, document(&["b"]))]);
    pass(11).await;
    assert_eq!(known(&keys, "b"), Ok(()));
    assert_eq!(known(&keys, "a"), Err(AuthRefused::UnknownKey));
    assert!(shows("mussikon_jwks_stale 0") && shows("mussikon_jwks_keys 1"));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_or_slow_at_the_start_may_come_later() {
    let script = Script::new();
    script.says_after(3_600, document(&["a"]));
    script.says(down());
    script.says(document(&["a"]));
    let keys = begin(&script).await;
    assert_eq!(
        script.begun.elapsed().as_secs(),
        5,
        "no longer than a fetch may take"
    );
    let reason = Some(FetchError::Late { ms: 5_000 });
    assert_eq!(keys.standing(), Standing::None { reason });
    assert_eq!(known(&keys, "a"), Err(AuthRefused::NoKeys));
    pass(11).await;
    assert_eq!(known(&keys, "a"), Err(AuthRefused::NoKeys));
    pass(11).await;
    assert_eq!(known(&keys, "a"), Ok(()));
    assert_eq!(script.asked(), [0, 15, 25]);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_broken_changes_nothing_and_an_empty_one_takes_all_keys_away() {
    let script = Script::new();
    script.says(document(&["a"]));
    script.says(Ok(b"<html>".to_vec()));
    script.says(document(&["1", "2", "3", "4", "5"]));
    script.says(Ok(json!({"keys": []}).to_string().into_bytes()));
    let keys = begin(&script).await;
    for code in ["malformed", "too_many_keys"] {
        pass(if code == "malformed" { 300 } else { 10 }).await;
        assert_eq!(known(&keys, "a"), Ok(()));
        let stale = keys.standing();
        assert!(
            matches!(&stale, Standing::Stale { reason, .. } if reason.code() == code),
            "{stale:?}"
        );
    }
    pass(10).await;
    assert_eq!(
        known(&keys, "a"),
        Err(AuthRefused::UnknownKey),
        "the issuer took it back"
    );
    assert_eq!(keys.standing(), Standing::None { reason: None });
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_once_the_keys_are_dropped() {
    let script = Script::new();
    script.says(document(&["a"]));
    drop(begin(&script).await);
    pass(1_000).await;
    assert_eq!(script.asked(), [0]);
    assert_eq!(Arc::strong_count(&script), 1);
}
