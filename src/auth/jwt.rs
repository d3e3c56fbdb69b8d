//! JSON Web Tokens: checking the hub's own (HS256) and an outside issuer's (RS256, ES256), and making own ones.
//!
//! The key decides the algorithm, never the token: what a token says of itself only chooses which key is tried, and that
//! key is tried by its own algorithm.

use std::sync::Arc;

use actors::clock::Clock;
use actors::ids::UserId;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::issuer::IssuerKeys;
use super::{AuthRefused, Authenticate, Identity, claims};
use crate::config::{AuthConfig, Secret};

/// Checks tokens, and makes own ones.
pub struct JwtAuthenticator {
    secret: Secret,
    key: DecodingKey,
    own: Validation,
    accept_own: bool,
    outside: Option<Outside>,
    token_bytes: usize,
    skew_ms: u64,
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
}

/// An outside issuer, and what its tokens must say.
struct Outside {
    keys: Arc<IssuerKeys>,
    rs256: Validation,
    es256: Validation,
}

/// What a token says of how it is signed. Nothing of it is proven.
#[derive(Deserialize)]
struct Head {
    alg: Option<String>,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl JwtAuthenticator {
    /// An authenticator for tokens signed with `secret`.
    pub fn new(secret: &Secret, config: &AuthConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            key: DecodingKey::from_secret(secret.reveal().as_bytes()),
            secret: secret.clone(),
            own: validation(Algorithm::HS256, config),
            accept_own: config.accept_own_tokens,
            outside: None,
            token_bytes: config.token_bytes,
            skew_ms: config.clock_skew_seconds.saturating_mul(1_000),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            clock,
        }
    }

    /// The same, which also accepts tokens signed with these keys.
    #[must_use]
    pub fn with_issuer(mut self, keys: Arc<IssuerKeys>, config: &AuthConfig) -> Self {
        self.outside = Some(Outside {
            keys,
            rs256: validation(Algorithm::RS256, config),
            es256: validation(Algorithm::ES256, config),
        });
        self
    }

    /// A token for a user, valid from now for `ttl_seconds`.
    pub fn issue(
        &self,
        user: &UserId,
        role: Option<&str>,
        ttl_seconds: u64,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let now = self.clock.now().0 / 1_000;
        let mut claims = Map::new();
        claims.insert("sub".into(), json!(user.as_str()));
        claims.insert("iat".into(), json!(now));
        claims.insert("exp".into(), json!(now.saturating_add(ttl_seconds)));
        let optional = [
            ("role", role.unwrap_or("")),
            ("iss", &self.issuer),
            ("aud", &self.audience),
        ];
        for (name, value) in optional {
            if !value.is_empty() {
                claims.insert(name.into(), json!(value));
            }
        }
        let key = EncodingKey::from_secret(self.secret.reveal().as_bytes());
        encode(&Header::new(Algorithm::HS256), &claims, &key)
    }

    fn check(&self, token: &str) -> Result<Identity, AuthRefused> {
        if token.len() > self.token_bytes {
            return Err(AuthRefused::TooLong);
        }
        let claims = self.signed_claims(token)?;
        claims::identity(&claims, self.clock.now(), self.skew_ms)
    }

    /// The claims, if the signature fits and they are from and for the right ones.
    fn signed_claims(&self, token: &str) -> Result<Map<String, Value>, AuthRefused> {
        let head = Head::of(token)?;
        if head.crit.is_some() {
            return Err(AuthRefused::Extension);
        }
        let kid = head.kid.as_deref();
        match (head.alg.as_deref(), &self.outside) {
            (Some("HS256"), _) if self.accept_own => decoded(token, &self.key, &self.own),
            (Some("RS256"), Some(outside)) => outside.claims(token, kid, Algorithm::RS256),
            (Some("ES256"), Some(outside)) => outside.claims(token, kid, Algorithm::ES256),
            _ => Err(AuthRefused::Algorithm),
        }
    }
}

impl Authenticate for JwtAuthenticator {
    fn authenticate(&self, token: &str) -> Result<Identity, AuthRefused> {
        self.check(token).inspect_err(|refused| {
            metrics::counter!("mussikon_tokens_refused_total", "reason" => refused.code())
                .increment(1);
        })
    }
}

impl Outside {
    fn claims(
        &self,
        token: &str,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Map<String, Value>, AuthRefused> {
        let key = self.keys.key(kid, algorithm)?;
        let validation = match key.algorithm() {
            Algorithm::RS256 => &self.rs256,
            _ => &self.es256,
        };
        decoded(token, key.decoding(), validation)
    }
}

impl Head {
    fn of(token: &str) -> Result<Self, AuthRefused> {
        let (head, _) = token.split_once('.').ok_or(AuthRefused::Malformed)?;
        let json = BASE64_URL_SAFE_NO_PAD
            .decode(head)
            .map_err(|_| AuthRefused::Malformed)?;
        serde_json::from_slice(&json).map_err(|_| AuthRefused::Malformed)
    }
}

fn validation(algorithm: Algorithm, config: &AuthConfig) -> Validation {
    let mut validation = Validation::new(algorithm);
    // Times are checked with the claims, by the clock that also ends connections.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.required_spec_claims.clear();
    validation.validate_aud = !config.audience.is_empty();
    if !config.audience.is_empty() {
        validation.set_audience(&[&config.audience]);
        validation.required_spec_claims.insert("aud".into());
    }
    if !config.issuer.is_empty() {
        validation.set_issuer(&[&config.issuer]);
        validation.required_spec_claims.insert("iss".into());
    }
    validation
}

fn decoded(
    token: &str,
    key: &DecodingKey,
    validation: &Validation,
) -> Result<Map<String, Value>, AuthRefused> {
    let token = decode::<Map<String, Value>>(token, key, validation);
    Ok(token.map_err(|error| refusal(error.kind()))?.claims)
}

fn refusal(kind: &ErrorKind) -> AuthRefused {
    match kind {
        ErrorKind::InvalidSignature => AuthRefused::Signature,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::MissingAlgorithm => AuthRefused::Algorithm,
        ErrorKind::InvalidIssuer => AuthRefused::Issuer,
        ErrorKind::InvalidAudience => AuthRefused::Audience,
        ErrorKind::MissingRequiredClaim(name) if name == "iss" => AuthRefused::Missing("iss"),
        ErrorKind::MissingRequiredClaim(name) if name == "aud" => AuthRefused::Missing("aud"),
        _ => AuthRefused::Malformed,
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
