//! What `/health/ready` says of the keys of an outside issuer.

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
