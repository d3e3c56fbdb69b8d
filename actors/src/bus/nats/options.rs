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
    /// File with the certificates to trust instead of the system's (PEM); empty trusts those.
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
    /// What is wrong, each as a key and words; empty if nothing is.
    pub fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let length = (1..=64).contains(&self.prefix.len());
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        let pair = given(&self.cert_file) == given(&self.key_file);
        let encrypts = self.tls || !(given(&self.ca_file) || given(&self.cert_file));
        let checks = [
            (
                length && self.prefix.chars().all(plain),
                "prefix",
                "must be 1 to 64 letters, digits, '-' or '_'",
            ),
            (pair, "key_file", "must be set together with nats.cert_file"),
            (
                encrypts,
                "tls",
                "must be true if nats.ca_file or nats.cert_file is set",
            ),
            (self.connect_ms >= 1, "connect_ms", "must be at least 1"),
            (self.ping_ms >= 1, "ping_ms", "must be at least 1"),
            (self.reconnect_ms >= 2, "reconnect_ms", "must be at least 2"),
        ];
        let wrong = checks.into_iter().filter(|(holds, _, _)| !holds);
        wrong.map(|(_, key, words)| (key, words)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_everything_wrong_is_named() {
        assert_eq!(NatsOptions::default().problems(), []);
        let wrong = NatsOptions {
            prefix: "a.b".into(),
            cert_file: "cert.pem".into(),
            reconnect_ms: 0,
            ..NatsOptions::default()
        };
        let keys: Vec<&str> = wrong.problems().iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["prefix", "key_file", "tls", "reconnect_ms"]);
    }
}
