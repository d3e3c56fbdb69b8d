//! Fetches an issuer's keys again and again: at a pace, and sooner when a token asks for it or a fetch failed.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until, timeout};

use super::key_set::KeySet;
use super::source::{FetchError, Source};
use super::{Held, Shared};

/// Keys that are named in a line of the log.
const NAMED: usize = 8;

/// The one that fetches: there is never more than one fetch at a time.
pub(super) struct Refresher {
    shared: Arc<Shared>,
    source: Arc<dyn Source>,
    /// When the last fetch was over.
    last: Instant,
    /// The trouble that the log was last told of, and when.
    told: Option<(&'static str, bool, Instant)>,
}

impl Refresher {
    pub fn new(shared: Arc<Shared>, source: Arc<dyn Source>) -> Self {
        Self {
            shared,
            source,
            last: Instant::now(),
            told: None,
        }
    }

    /// Goes on until the task is ended.
    pub async fn run(mut self) {
        let limits = self.shared.limits;
        loop {
            let last = self.last;
            let well = self.shared.held.read().trouble.is_none();
            let pause = if well {
                limits.refresh
            } else {
                limits.min_refresh
            };
            tokio::select! {
                biased;
                () = sleep_until(last + pause) => {}
                // The wish is kept until then: whoever asks in vain again finds the keys there.
                () = self.shared.wanted.notified() => sleep_until(last + limits.min_refresh).await,
            }
            self.refresh().await;
        }
    }

    /// Fetches once and takes what came, or keeps what was there.
    pub async fn refresh(&mut self) {
        let limits = self.shared.limits;
        let fetched = match timeout(limits.fetch, self.source.fetch()).await {
            Ok(Ok(document)) => KeySet::parse(&document, limits.keys).map_err(FetchError::from),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(FetchError::Late {
                ms: limits.fetch.as_millis() as u64,
            }),
        };
        self.last = Instant::now();
        let outcome = fetched
            .as_ref()
            .map_or_else(FetchError::code, |_| "fetched");
        metrics::counter!("mussikon_jwks_refreshes_total", "outcome" => outcome).increment(1);
        match fetched {
            Ok(keys) => self.take(keys),
            Err(error) => self.keep(error),
        }
    }

    fn take(&mut self, keys: KeySet) {
        metrics::gauge!("mussikon_jwks_keys").set(keys.len() as f64);
        metrics::gauge!("mussikon_jwks_stale").set(0.0);
        let fresh = Held {
            keys,
            fetched: Some(Instant::now()),
            trouble: None,
        };
        let old = std::mem::replace(&mut *self.shared.held.write(), fresh);
        let held = self.shared.held.read();
        if self.told.take().is_some() {
            tracing::info!(keys = held.keys.len(), "the issuer gives its keys again");
        }
        let first = old.fetched.is_none();
        if first || !old.keys.names().eq(held.keys.names()) || old.keys.len() != held.keys.len() {
            let names: Vec<&str> = held.keys.names().take(NAMED).collect();
            tracing::info!(
                keys = held.keys.len(),
                ?names,
                "took the keys of the issuer"
            );
        }
        if held.keys.refused() != old.keys.refused() {
            for (kid, reason) in held.keys.refused().iter().take(NAMED) {
                let kid = kid.as_deref().unwrap_or("(none)");
                tracing::warn!(kid, code = reason.code(), %reason, "a key of the issuer cannot be used");
            }
        }
        if held.keys.is_empty() && (first || !old.keys.is_empty()) {
            tracing::error!(
                "the issuer lists no key that can be used: none of its tokens is accepted"
            );
        }
    }

    fn keep(&mut self, error: FetchError) {
        let code = error.code();
        let (age_seconds, accepted) = {
            let mut held = self.shared.held.write();
            held.trouble = Some(error.clone());
            let age = held.fetched.map(|at| at.elapsed().as_secs());
            (age, self.shared.accepts(&held))
        };
        metrics::gauge!("mussikon_jwks_stale").set(1.0);
        if !accepted {
            metrics::gauge!("mussikon_jwks_keys").set(0.0);
        }
        // One line when it begins, changes or gets worse, and one per pace of fetches.
        let again = self.told.is_some_and(|(told, was, at)| {
            (told, was) == (code, accepted) && at.elapsed() < self.shared.limits.refresh
        });
        if again {
            return;
        }
        self.told = Some((code, accepted, Instant::now()));
        let stale_seconds = self.shared.limits.stale.as_secs();
        if accepted {
            tracing::warn!(code, reason = %error, detail = error.detail(), age_seconds, stale_seconds, "the keys of the issuer could not be fetched; the last ones go on");
        } else {
            tracing::error!(code, reason = %error, detail = error.detail(), age_seconds, stale_seconds, "there are no keys of the issuer; none of its tokens is accepted");
        }
    }
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
