//! An operator who asks every hub how it is, several times a second, past what hurts clients.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::detect::{ALARMS, Look, Standing};
use super::ground::Place;
use super::signer::Signer;
use crate::http;
use crate::member::now;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(200);
/// A hub that takes longer is silent.
const ANSWER: Duration = Duration::from_secs(1);
/// Looks that are kept: only those that differ from the one before.
const LOOKS: usize = 200_000;

/// The operator, until this is dropped.
pub(super) struct Watcher {
    looks: Arc<Mutex<Vec<Look>>>,
    _asking: JoinSet<()>,
}

impl Watcher {
    pub(super) fn start(hubs: Vec<Place>, signer: &Signer) -> Self {
        let looks = Arc::default();
        let mut asking = JoinSet::new();
        for (hub, place) in hubs.into_iter().enumerate() {
            asking.spawn(watch(hub, place, signer.clone(), Arc::clone(&looks)));
        }
        Self {
            looks,
            _asking: asking,
        }
    }

    /// What was seen so far, in the order of time.
    pub(super) fn looks(&self) -> Vec<Look> {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.clone()
    }
}

async fn watch(hub: usize, place: Place, signer: Signer, looks: Arc<Mutex<Vec<Look>>>) {
    let mut last: Option<Look> = None;
    loop {
        let look = look(hub, &place, &signer).await;
        let same = |last: &Look| (last.standing, last.alarms) == (look.standing, look.alarms);
        if !last.as_ref().is_some_and(same) {
            let mut looks = looks.lock().unwrap_or_else(PoisonError::into_inner);
            if looks.len() < LOOKS {
                looks.push(look.clone());
            }
            last = Some(look);
        }
        sleep(PAUSE).await;
    }
}

/// One look at one hub.
pub(super) async fn look(hub: usize, place: &Place, signer: &Signer) -> Look {
    let operator = signer.operator();
    let ask = async |path: &str| {
        let asking = http::get(place.address, path, operator.as_deref());
        timeout(ANSWER, asking).await.ok()?.ok()
    };
    let standing = match ask(&place.ready).await {
        Some(answer) => standing(answer.status, &answer.body),
        None => Standing::Silent,
    };
    let metrics = match standing {
        Standing::Silent => None,
        _ => ask("/metrics").await.filter(|answer| answer.status == 200),
    };
    let alarms = metrics.map(|metrics| {
        let text = String::from_utf8_lossy(&metrics.body);
        ALARMS.map(|name| http::metric(&text, name))
    });
    Look {
        at: now(),
        hub,
        standing,
        alarms,
    }
}

fn standing(status: u16, body: &[u8]) -> Standing {
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match (status, said["status"].as_str()) {
        (200, Some("degraded")) => Standing::Degraded,
        (200, _) => Standing::Ready,
        _ => Standing::Unready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_read_from_status_and_body() {
        let said = |status, body: &str| standing(status, body.as_bytes());
        assert_eq!(said(200, r#"{"status":"healthy"}"#), Standing::Ready);
        assert_eq!(said(200, r#"{"status":"degraded"}"#), Standing::Degraded);
        assert_eq!(said(503, r#"{"status":"unhealthy"}"#), Standing::Unready);
        assert_eq!(said(503, ""), Standing::Unready);
    }

    #[tokio::test]
    async fn whoever_does_not_answer_is_silent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let seen = look(0, &Place::of(address), &Signer::own()).await;
        assert_eq!((seen.standing, seen.alarms), (Standing::Silent, None));
    }
}
