//! An outside issuer: its public keys, held ready for every token, fetched again in the background.
//!
//! Checking a token never waits. A token that names an unknown key is refused with a reason that says so and has the keys
//! fetched; its client asks again. Waiting instead would let anybody park requests by naming keys that never were.

mod key_set;
mod refresh;
mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use parking_lot::RwLock;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::AuthRefused;
use crate::config::AuthConfig;
pub use key_set::{IssuerKey, KeyRefused, KeySet, SetRefused};
pub use source::{FetchError, FileSource, Source, UrlSource};

/// How often keys are fetched, how long they last, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct IssuerLimits {
    /// Time between two fetches that went well.
    pub refresh: Duration,
    /// Least time between any two fetches.
    pub min_refresh: Duration,
    /// Keys are accepted for so long after they were fetched.
    pub stale: Duration,
    /// Longest time of one fetch.
    pub fetch: Duration,
    /// Most keys in a document.
    pub keys: usize,
}

impl From<&AuthConfig> for IssuerLimits {
    fn from(config: &AuthConfig) -> Self {
        Self {
            refresh: Duration::from_secs(config.jwks_refresh_seconds),
            min_refresh: Duration::from_secs(config.jwks_min_refresh_seconds),
            stale: Duration::from_secs(config.jwks_stale_seconds),
            fetch: Duration::from_millis(config.jwks_fetch_ms),
            keys: config.jwks_keys,
        }
    }
}

/// Why a hub cannot accept tokens of its outside issuer, and does not start.
#[derive(Debug, Error)]
pub enum IssuerError {
    /// The address cannot be used.
    #[error("auth.jwks_url {0}")]
    Address(String),
    /// TLS cannot be set up.
    #[error(
        "there are no root certificates to check the issuer with (install ca-certificates, or set SSL_CERT_FILE): {0}"
    )]
    Roots(std::io::Error),
    /// The file is not there, or is no set of keys.
    #[error("the keys of the issuer in {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: FetchError,
    },
    /// The file has no key that can be used.
    #[error("{path} has no key of the issuer that can be used{because}")]
    NoKeys {
        /// The file.
        path: PathBuf,
        /// Why not, if there are keys at all.
        because: String,
    },
}

/// How well the keys of the issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The last fetch went well.
    Fresh {
        /// Keys that can be used; at least one.
        keys: usize,
    },
    /// Fetches fail, and the last keys are still accepted.
    Stale {
        /// Keys that can be used; at least one.
        keys: usize,
        /// How old they are.
        age: Duration,
        /// Why there are no newer ones.
        reason: FetchError,
    },
    /// No token of the issuer is accepted.
    None {
        /// Why; nothing if the issuer lists no key that can be used.
        reason: Option<FetchError>,
    },
}

/// The keys of an outside issuer. Dropping it ends their refreshing.
pub struct IssuerKeys {
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What the refreshing task and those who check tokens share.
struct Shared {
    limits: IssuerLimits,
    held: RwLock<Held>,
    /// A token named an unknown key. Holds one wish, so that many tokens make one fetch.
    wanted: Notify,
}

#[derive(Default)]
struct Held {
    keys: KeySet,
    /// When they were fetched; none before the first time.
    fetched: Option<Instant>,
    /// Why the last fetch failed, if it did.
    trouble: Option<FetchError>,
}

impl IssuerKeys {
    /// The keys that the configuration asks for, fetched once and then in the background. A file has to be in order now;
    /// an issuer that does not answer may come later. `None` without an outside issuer.
    pub async fn start(config: &AuthConfig) -> Result<Option<Self>, IssuerError> {
        if !config.has_issuer() {
            return Ok(None);
        }
        warn_of_strangers(config);
        let most = config.jwks_bytes;
        if !config.has_file() {
            let address = config.jwks_address().map_err(IssuerError::Address)?;
            let source = UrlSource::new(address, most).map_err(IssuerError::Roots)?;
            return Ok(Some(Self::begin(Arc::new(source), config.into()).await));
        }
        let path = config.jwks_file.clone();
        let source = FileSource { path, most };
        let keys = Self::begin(Arc::new(source), config.into()).await;
        keys.in_order(&config.jwks_file)?;
        Ok(Some(keys))
    }

    /// Fetches once, however that goes, and then in the background.
    pub async fn begin(source: Arc<dyn Source>, limits: IssuerLimits) -> Self {
        let shared = Arc::new(Shared {
            limits,
            held: RwLock::default(),
            wanted: Notify::new(),
        });
        let mut refresher = refresh::Refresher::new(shared.clone(), source);
        refresher.refresh().await;
        let task = tokio::spawn(refresher.run()).abort_handle();
        Self { shared, task }
    }

    /// The key for a token of this algorithm that names it, or names none. If the issuer might have it by now, the keys
    /// are fetched again.
    pub fn key(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<IssuerKey>, AuthRefused> {
        let found = {
            let held = self.shared.held.read();
            match self.shared.accepts(&held) {
                true => held.keys.find(kid, algorithm),
                false => Err(AuthRefused::NoKeys),
            }
        };
        if let Err(AuthRefused::UnknownKey | AuthRefused::NoKeys) = found {
            self.shared.wanted.notify_one();
        }
        found
    }

    /// How well the keys are.
    pub fn standing(&self) -> Standing {
        let held = self.shared.held.read();
        let (keys, reason) = (held.keys.len(), held.trouble.clone());
        match (held.fetched, reason) {
            (Some(_), None) if keys > 0 && self.shared.accepts(&held) => Standing::Fresh { keys },
            (Some(at), Some(reason)) if keys > 0 && self.shared.accepts(&held) => Standing::Stale {
                keys,
                age: at.elapsed(),
                reason,
            },
            (_, reason) => Standing::None { reason },
        }
    }

    fn in_order(&self, path: &std::path::Path) -> Result<(), IssuerError> {
        let held = self.shared.held.read();
        let path = path.to_owned();
        if let Some(source) = held.trouble.clone() {
            return Err(IssuerError::File { path, source });
        }
        if !held.keys.is_empty() {
            return Ok(());
        }
        let because = held.keys.refused().first();
        let because = because.map_or(String::new(), |(kid, reason)| match kid {
            Some(kid) => format!("; of {kid:?}: {reason}"),
            None => format!("; of the first: {reason}"),
        });
        Err(IssuerError::NoKeys { path, because })
    }
}

impl Drop for IssuerKeys {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// Whether the keys are young enough to be used.
    fn accepts(&self, held: &Held) -> bool {
        held.fetched
            .is_some_and(|at| at.elapsed() <= self.limits.stale)
    }
}

/// Many issuers sign for more than one service with the same keys.
fn warn_of_strangers(config: &AuthConfig) {
    for (key, value) in [
        ("auth.issuer", &config.issuer),
        ("auth.audience", &config.audience),
    ] {
        if value.is_empty() {
            tracing::warn!(
                key,
                "a setting is empty that says whom tokens are from or for: all that the outside issuer signs are accepted"
            );
        }
    }
}
