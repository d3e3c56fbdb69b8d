//! What `/health/ready` says of a disk that is nearly full, and of the keys of an outside issuer.

use actors::journal::fjall::{FjallJournal, FjallOptions};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::*;
use crate::auth::issuer::{FetchError, IssuerLimits, Source};
use chaos::issuer::{IssuerKey, key_set};

const LIMITS: IssuerLimits = IssuerLimits {
    refresh: Duration::from_secs(60),
    min_refresh: Duration::from_secs(60),
    stale: Duration::from_secs(150),
    fetch: Duration::from_secs(5),
    keys: 4,
};

/// Gives this document, or is down.
struct Given(Mutex<Option<String>>);

impl Source for Given {
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>> {
        let document = self.0.lock().clone();
        Box::pin(async {
            let document = document.ok_or(FetchError::Status(503))?;
            Ok(document.into_bytes())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn old_keys_of_the_issuer_are_degraded_and_none_are_unhealthy() {
    let key = IssuerKey::p256("k").expect("made");
    let document = key_set(&[&key]).expect("a set").to_string();
    let source = Arc::new(Given(Mutex::new(Some(document))));
    let keys = IssuerKeys::begin(source.clone(), LIMITS).await;
    let check = |status, description: &str| Check {
        name: "issuer",
        status,
        elapsed_ms: 0,
        description: description.into(),
    };
    assert_eq!(issuer_check(&keys), check(Status::Healthy, "keys: 1"));
    *source.0.lock() = None;
    tokio::time::sleep(Duration::from_secs(61)).await;
    let old = "keys: 1, 61 s old: the issuer answers 503";
    assert_eq!(issuer_check(&keys), check(Status::Degraded, old));
    tokio::time::sleep(Duration::from_secs(90)).await;
    let none = "no keys: the issuer answers 503";
    assert_eq!(issuer_check(&keys), check(Status::Unhealthy, none));
    *source.0.lock() = Some(r#"{"keys": []}"#.into());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let none = "no keys: the issuer lists none that can be used";
    assert_eq!(issuer_check(&keys), check(Status::Unhealthy, none));
}

#[tokio::test]
async fn a_store_whose_disk_is_nearly_full_reads_on_and_is_degraded() {
    let said = async |reserve_bytes| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = FjallOptions {
            reserve_bytes,
            ..FjallOptions::default()
        };
        let journal = FjallJournal::open(directory.path(), &options).expect("it opens");
        let journal = Arc::new(journal);
        let limits = HealthConfig {
            journal_degraded_ms: 60_000,
            journal_unhealthy_ms: 60_000,
        };
        let (_signal, watch) = crate::drain::channel();
        let health = Health::new(journal.clone(), journal, None, limits, watch);
        let check = health.journal_check().await;
        (check.status, check.description)
    };
    assert_eq!(said(0).await, (Status::Healthy, "reads and writes".into()));
    // Less than the reserve, and more than the part of it that nothing may use.
    let disk = rustix::fs::statvfs(std::env::temp_dir()).expect("the disk tells what is free");
    let free = disk.f_bavail * disk.f_frsize;
    let refused = "writes are refused: the disk is nearly full".to_owned();
    assert_eq!(said(free * 2).await, (Status::Degraded, refused));
}
