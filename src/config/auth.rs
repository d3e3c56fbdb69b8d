//! Which tokens are accepted: the hub's own, those of an outside issuer, or both; and what contradicts itself there.

use std::net::IpAddr;
use std::path::PathBuf;

use axum::http::Uri;
use serde::{Deserialize, Serialize};

/// Which tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Issuer that a token must name (`iss`); empty accepts any.
    pub issuer: String,
    /// Audience that a token must name (`aud`); empty accepts any.
    pub audience: String,
    /// How far the clocks of hub and issuer may differ, in seconds.
    pub clock_skew_seconds: u64,
    /// Longest token, in bytes; a longer one is refused unread.
    pub token_bytes: usize,
    /// Whether tokens signed with `jwt_secret` (HS256) are accepted, such as those of `mussikon-hub token`.
    pub accept_own_tokens: bool,
    /// File with the public keys (JWKS) of an outside issuer, whose tokens (RS256, ES256) are accepted then.
    pub jwks_file: PathBuf,
    /// Address of such keys instead, `https://…`; `http://…` only to this machine.
    pub jwks_url: String,
    /// Allows `http://…` to other machines: whoever is on the way can then sign tokens.
    pub jwks_insecure: bool,
    /// The keys are fetched again this often, in seconds.
    pub jwks_refresh_seconds: u64,
    /// And at once when a token names an unknown key or a fetch failed, but not within this time of the last fetch, in seconds.
    pub jwks_min_refresh_seconds: u64,
    /// While fetches fail, the last keys are accepted for so long after they were fetched, in seconds.
    pub jwks_stale_seconds: u64,
    /// Longest time of one fetch, in milliseconds.
    pub jwks_fetch_ms: u64,
    /// Largest document with keys, in bytes.
    pub jwks_bytes: usize,
    /// Most keys in it.
    pub jwks_keys: usize,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            clock_skew_seconds: 0,
            token_bytes: 8 * 1_024,
            accept_own_tokens: true,
            jwks_file: PathBuf::new(),
            jwks_url: String::new(),
            jwks_insecure: false,
            jwks_refresh_seconds: 300,
            jwks_min_refresh_seconds: 10,
            jwks_stale_seconds: 24 * 3_600,
            jwks_fetch_ms: 5_000,
            jwks_bytes: 256 * 1_024,
            jwks_keys: 64,
        }
    }
}

impl AuthConfig {
    /// Whether tokens of an outside issuer are accepted.
    pub fn has_issuer(&self) -> bool {
        self.has_file() || !self.jwks_url.is_empty()
    }

    /// Whether the keys of the outside issuer come from a file.
    pub fn has_file(&self) -> bool {
        !self.jwks_file.as_os_str().is_empty()
    }

    /// Where the keys of the outside issuer are fetched, or what is wrong with the address.
    pub fn jwks_address(&self) -> Result<Uri, String> {
        let uri: Uri = self
            .jwks_url
            .parse()
            .map_err(|error| format!("is no address: {error}"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err("expected https://host[:port]/path".into());
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err("expected a host, without a user before it".into());
        }
        if authority.as_str() != authority.host() && authority.port_u16().is_none() {
            return Err("expected a port number after the host".into());
        }
        match scheme {
            "https" => Ok(uri),
            "http" if self.jwks_insecure || is_loopback(authority.host()) => Ok(uri),
            "http" => Err("must be https, or http to this machine: on the way the keys could be changed (auth.jwks_insecure allows that)".into()),
            _ => Err("expected https://host[:port]/path".into()),
        }
    }

    /// What contradicts itself: the key in the section, and a text that goes on after it.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        let mut require = |holds: bool, key: &'static str, text: &str| {
            if !holds {
                found.push((key, text.to_owned()));
            }
        };
        require(
            !self.has_file() || self.jwks_url.is_empty(),
            "jwks_file",
            "must be empty if auth.jwks_url is set: the keys come from one place",
        );
        require(
            self.accept_own_tokens || self.has_issuer(),
            "accept_own_tokens",
            "must be true without auth.jwks_file and auth.jwks_url, or no token would be accepted",
        );
        require(
            !self.jwks_insecure || self.jwks_url.starts_with("http:"),
            "jwks_insecure",
            "has no effect unless auth.jwks_url begins with http:",
        );
        require(
            self.jwks_min_refresh_seconds <= self.jwks_refresh_seconds,
            "jwks_min_refresh_seconds",
            "must not be above auth.jwks_refresh_seconds",
        );
        require(
            self.jwks_refresh_seconds <= self.jwks_stale_seconds,
            "jwks_stale_seconds",
            "must not be below auth.jwks_refresh_seconds: keys would end before they are fetched again",
        );
        let usual = Self::default();
        for (key, value, usual) in [
            (
                "jwks_refresh_seconds",
                self.jwks_refresh_seconds,
                usual.jwks_refresh_seconds,
            ),
            (
                "jwks_min_refresh_seconds",
                self.jwks_min_refresh_seconds,
                usual.jwks_min_refresh_seconds,
            ),
            (
                "jwks_stale_seconds",
                self.jwks_stale_seconds,
                usual.jwks_stale_seconds,
            ),
            ("jwks_fetch_ms", self.jwks_fetch_ms, usual.jwks_fetch_ms),
            (
                "jwks_bytes",
                self.jwks_bytes as u64,
                usual.jwks_bytes as u64,
            ),
            ("jwks_keys", self.jwks_keys as u64, usual.jwks_keys as u64),
        ] {
            require(value >= 1, key, "must be at least 1");
            require(
                self.has_issuer() || value == usual,
                key,
                "has no effect without auth.jwks_file and auth.jwks_url",
            );
        }
        require(self.token_bytes >= 1, "token_bytes", "must be at least 1");
        if !self.jwks_url.is_empty()
            && let Err(text) = self.jwks_address()
        {
            found.push(("jwks_url", text));
        }
        found
    }
}

/// Whether a host is this machine, whatever a name server says.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
