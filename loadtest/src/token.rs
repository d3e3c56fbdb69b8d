//! Bearer tokens for the connections of a run.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How connections prove who they are.
#[derive(Clone)]
pub enum Credentials {
    /// Sign a token per user with the hub's secret.
    Secret(String),
    /// One token for all connections.
    Token(String),
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    role: &'a str,
    iat: u64,
    exp: u64,
}

const LIFETIME: Duration = Duration::from_secs(12 * 3600);

impl Credentials {
    /// A token for `user`, HS256, good for hours.
    pub fn token(&self, user: &str) -> Result<String, jsonwebtoken::errors::Error> {
        self.token_as(user, "user")
    }

    /// The same in a role.
    #[allow(
        clippy::disallowed_methods,
        reason = "a token's expiry is wall-clock time"
    )]
    pub fn token_as(&self, user: &str, role: &str) -> Result<String, jsonwebtoken::errors::Error> {
        match self {
            Self::Token(token) => Ok(token.clone()),
            Self::Secret(secret) => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                let (iat, exp) = (now.as_secs(), (now + LIFETIME).as_secs());
                let claims = Claims {
                    sub: user,
                    role,
                    iat,
                    exp,
                };
                let key = EncodingKey::from_secret(secret.as_bytes());
                jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation, decode};

    #[test]
    fn a_token_names_the_user_and_verifies_only_with_the_secret() {
        let token = Credentials::Secret("right".into()).token("u7").unwrap();
        let validation = Validation::new(Algorithm::HS256);
        let read = |secret: &[u8]| {
            decode::<serde_json::Value>(&token, &DecodingKey::from_secret(secret), &validation)
        };
        let claims = read(b"right").unwrap().claims;
        assert_eq!(
            (claims["sub"].as_str(), claims["role"].as_str()),
            (Some("u7"), Some("user"))
        );
        assert!(read(b"wrong").is_err());
    }
}
