//! Settings of the cluster store, and why it may refuse to open.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How the cluster store is reached and used. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScyllaOptions {
    /// Keyspace that holds everything: letters, digits and underscores, at most 48.
    pub keyspace: String,
    /// Datacenter of this hub; journals are linearizable within it. Empty: the cluster has only one.
    pub datacenter: String,
    /// Copies of everything in that datacenter, used when the keyspace is created.
    pub replication: u32,
    /// User to log in as; empty: none.
    pub user: String,
    /// File with the certificates (PEM) that servers' certificates must lead to; empty: no TLS.
    pub tls_ca: PathBuf,
    /// Whether a new keyspace uses tablets: `default`, `on` or `off`. Cassandra knows only `default`.
    pub tablets: Tablets,
    /// Whether statements carry `USING TIMEOUT`, which Cassandra refuses.
    pub using_timeout: bool,
    /// Milliseconds after which an append without an answer is in doubt; 1,000 to 2,000 is sensible.
    pub append_timeout_ms: u64,
    /// Milliseconds after which a read or another write without an answer has failed.
    pub request_timeout_ms: u64,
    /// Milliseconds to connect to a node.
    pub connect_timeout_ms: u64,
    /// Milliseconds after which a history read is also asked of another replica; 0: never.
    pub speculation_ms: u64,
    /// Milliseconds between two signs of life on an idle connection; as long without one it is broken.
    pub keepalive_ms: u64,
    /// Rows fetched by one page of a read.
    pub page_rows: u16,
    /// Most bytes of one row.
    pub max_row_bytes: usize,
    /// Side writes of one append that are under way at once.
    pub concurrent_writes: usize,
    /// Journals whose newest bucket is remembered.
    pub cached_buckets: usize,
}

/// Whether a new keyspace uses tablets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tablets {
    /// As the server decides.
    Default,
    /// Yes; appends need a ScyllaDB of 2025.4 or later then.
    On,
    /// No.
    Off,
}

impl Default for ScyllaOptions {
    fn default() -> Self {
        Self {
            keyspace: "mussikon".into(),
            datacenter: String::new(),
            replication: 3,
            user: String::new(),
            tls_ca: PathBuf::new(),
            tablets: Tablets::Default,
            using_timeout: false,
            append_timeout_ms: 1_500,
            request_timeout_ms: 3_000,
            connect_timeout_ms: 2_000,
            speculation_ms: 200,
            keepalive_ms: 2_000,
            page_rows: 64,
            max_row_bytes: 1 << 20,
            concurrent_writes: 16,
            cached_buckets: 65_536,
        }
    }
}

impl ScyllaOptions {
    /// Whether all of it can work; else the first setting that cannot.
    pub fn check(&self) -> Result<(), ScyllaError> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let named = (1..=48).contains(&self.keyspace.len()) && self.keyspace.chars().all(word);
        let letter = self.keyspace.starts_with(|c: char| c.is_ascii_alphabetic());
        if !named || !letter {
            let reason = "must be a letter followed by letters, digits and underscores, at most 48";
            return Err(ScyllaError::option("keyspace", reason));
        }
        let in_quotes = |c: char| c.is_control() || c == '\'';
        if self.datacenter.contains(in_quotes) {
            let reason = "must not contain quotes or control characters";
            return Err(ScyllaError::option("datacenter", reason));
        }
        let above_zero = [
            ("replication", u64::from(self.replication)),
            ("append_timeout_ms", self.append_timeout_ms),
            ("request_timeout_ms", self.request_timeout_ms),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("keepalive_ms", self.keepalive_ms),
            ("page_rows", u64::from(self.page_rows)),
            ("concurrent_writes", self.concurrent_writes as u64),
            ("cached_buckets", self.cached_buckets as u64),
        ];
        if let Some((name, _)) = above_zero.into_iter().find(|(_, value)| *value == 0) {
            return Err(ScyllaError::option(name, "must be above 0"));
        }
        if !(4096..=8 << 20).contains(&self.max_row_bytes) {
            let reason = "must be 4096 to 8388608: servers refuse larger requests";
            return Err(ScyllaError::option("max_row_bytes", reason));
        }
        Ok(())
    }
}

/// Where the cluster is and what it asks for; apart from the options because it holds a secret.
#[derive(Clone, Default)]
pub struct ScyllaAccess {
    /// Contact points, `HOST:PORT` or `HOST`.
    pub nodes: Vec<String>,
    /// Password of the options' user.
    pub password: String,
}

impl fmt::Debug for ScyllaAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ScyllaAccess");
        shown.field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

/// Why the cluster store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScyllaError {
    /// A setting cannot work.
    #[error("scylla.{name} {reason}")]
    Option {
        /// The field of [`ScyllaOptions`].
        name: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// No contact point is given.
    #[error("no node of the cluster is named; set scylla_nodes")]
    NoNodes,
    /// The certificates cannot be used.
    #[error("the certificates in {} cannot be used: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No node could be reached, or none accepted us.
    #[error("cannot connect to {nodes}: {reason}")]
    Connect {
        /// The contact points.
        nodes: String,
        /// What the driver says.
        reason: String,
    },
    /// No node talks TLS with us: its certificate leads to no trusted one or is for another host, or it has none.
    #[error("no TLS with {nodes}: {reason}")]
    Tls {
        /// The contact points.
        nodes: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The cluster does not know us.
    #[error("{nodes} refused the login as {user:?}: {reason}")]
    Login {
        /// The contact points.
        nodes: String,
        /// The user; empty for none.
        user: String,
        /// What the cluster says.
        reason: String,
    },
    /// The configured datacenter has no node.
    #[error("the cluster has no datacenter {datacenter:?}, but {known}")]
    Datacenter {
        /// What is configured.
        datacenter: String,
        /// Those that there are.
        known: String,
    },
    /// There is no schema.
    #[error("keyspace {keyspace} holds no hub schema; run `mussikon-hub migrate`")]
    NoSchema {
        /// The keyspace.
        keyspace: String,
    },
    /// The schema is older than this version needs.
    #[error(
        "the schema has version {found}, but this version needs {needed}; run `mussikon-hub migrate`"
    )]
    SchemaTooOld {
        /// Its version.
        found: i32,
        /// The least that works.
        needed: i32,
    },
    /// The schema was changed by a later version in a way that this one does not understand.
    #[error(
        "the schema has version {found}, usable by hubs that know {oldest} or later; this one knows {known}"
    )]
    SchemaTooNew {
        /// Its version.
        found: i32,
        /// What a hub must know at least.
        oldest: i32,
        /// What this hub knows.
        known: i32,
    },
    /// Another node is changing the schema and does not end.
    #[error("another node has been changing the schema for {seconds} s; try again later")]
    Migrating {
        /// How long we waited.
        seconds: u64,
    },
    /// The server refused or did not answer.
    #[error("{doing} failed: {reason}")]
    Request {
        /// What was being done.
        doing: &'static str,
        /// The driver's words.
        reason: String,
    },
}

impl ScyllaError {
    fn option(name: &'static str, reason: &'static str) -> Self {
        Self::Option { name, reason }
    }

    pub(super) fn request<E: fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Request {
            doing,
            reason: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_cannot_work_is_named() {
        assert_eq!(ScyllaOptions::default().check(), Ok(()));
        type Spoil = fn(&mut ScyllaOptions);
        let spoil: [(&str, Spoil); 6] = [
            ("keyspace", |o| o.keyspace = "a; DROP".into()),
            ("keyspace", |o| o.keyspace = "1a".into()),
            ("datacenter", |o| o.datacenter = "a' }".into()),
            ("replication", |o| o.replication = 0),
            ("append_timeout_ms", |o| o.append_timeout_ms = 0),
            ("max_row_bytes", |o| o.max_row_bytes = 1 << 30),
        ];
        for (expected, spoil) in spoil {
            let mut options = ScyllaOptions::default();
            spoil(&mut options);
            match options.check() {
                Err(ScyllaError::Option { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        let access = ScyllaAccess {
            nodes: vec!["a:9042".into()],
            password: "secret".into(),
        };
        assert!(!format!("{access:?}").contains("secret"));
    }
}
