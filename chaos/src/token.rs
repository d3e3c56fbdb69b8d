//! Signed tokens for clients, as an issuer beside the hub would make them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode, errors::Error};
use serde::Serialize;

/// The claims of a token, to be signed with HS256.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
}

impl Claims {
    /// A token for `user`, valid for an hour from now.
    pub fn user(user: impl Into<String>) -> Self {
        let iat = now();
        Self {
            sub: user.into(),
            role: None,
            exp: iat + 3600,
            iat,
            iss: None,
            aud: None,
        }
    }

    /// With a role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Valid from now for `lifetime` (whole seconds).
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.exp = self.iat + seconds(lifetime);
        self
    }

    /// Expired `age` ago (whole seconds).
    #[must_use]
    pub fn expired(mut self, age: Duration) -> Self {
        self.exp = self.iat - seconds(age);
        self
    }

    /// With an issuer.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.iss = Some(issuer.into());
        self
    }

    /// With an audience.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.aud = Some(audience.into());
        self
    }

    /// Signs the claims.
    pub fn sign(&self, secret: &str) -> Result<String, Error> {
        encode(
            &Header::default(),
            self,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
    }
}

#[allow(clippy::disallowed_methods)] // A token is good by the wall clock of the hub, which is this machine's.
fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, seconds)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
