//! How to reach NATS: addresses, identity, encryption, paces.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The connection to NATS. Configuration section `[nats]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NatsOptions {
    /// First part of all subjects: clusters with different ones do not hear each other.
    pub prefix: String,
    /// File with a user's JWT and seed (`.creds`); empty for none.
    pub credentials_file: PathBuf,
    /// Refuses a connection that is not encrypted.
    pub tls: bool,
    /// File with the certificates to trust besides the system's (PEM); empty for none.
    pub ca_file: PathBuf,
    /// File with this node's certificate (PEM); empty for none.
    pub cert_file: PathBuf,
    /// File with the key of that certificate (PEM).
    pub key_file: PathBuf,
    /// How long one attempt to connect may take, in milliseconds.
    pub connect_ms: u64,
    /// A silent connection is asked this often whether it lives, in milliseconds.
    pub ping_ms: u64,
    /// Longest pause before an attempt to connect again, in milliseconds; half of it is random.
    pub reconnect_ms: u64,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            prefix: "mussikon".into(),
            credentials_file: PathBuf::new(),
            tls: false,
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            connect_ms: 2_000,
            ping_ms: 5_000,
            reconnect_ms: 1_000,
        }
    }
}

impl NatsOptions {
    /// What is wrong with a prefix, in words; `None` if nothing is.
    pub fn prefix_problem(&self) -> Option<&'static str> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let good = !self.prefix.is_empty() && self.prefix.len() <= 64;
        (!good || !self.prefix.chars().all(plain))
            .then_some("must be 1 to 64 letters, digits, '-' or '_'")
    }
}
