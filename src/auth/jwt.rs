//! JSON Web Tokens signed with HS256: checking them, and making them for operators and tests.

use std::sync::Arc;

use actors::clock::Clock;
use actors::ids::{Timestamp, UserId};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Map, Value, json};

use super::{AuthRefused, Authenticate, Identity};
use crate::config::{AuthConfig, Secret};

/// The name that .NET gives to the role claim.
pub const ROLE_URI: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
/// Longest role, in bytes.
const ROLE_BYTES: usize = 64;

/// Checks and makes tokens with one secret.
pub struct JwtAuthenticator {
    secret: Secret,
    key: DecodingKey,
    validation: Validation,
    skew_ms: u64,
    issuer: String,
    audience: String,
    clock: Arc<dyn Clock>,
}

impl JwtAuthenticator {
    /// An authenticator for tokens signed with `secret`.
    pub fn new(secret: &Secret, config: &AuthConfig, clock: Arc<dyn Clock>) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked below, by the clock that also ends connections.
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
        Self {
            key: DecodingKey::from_secret(secret.reveal().as_bytes()),
            secret: secret.clone(),
            validation,
            skew_ms: config.clock_skew_seconds.saturating_mul(1_000),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            clock,
        }
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
}

impl Authenticate for JwtAuthenticator {
    fn authenticate(&self, token: &str) -> Result<Identity, AuthRefused> {
        let claims = decode::<Map<String, Value>>(token, &self.key, &self.validation)
            .map_err(|e| refusal(e.kind()))?
            .claims;
        let now = self.clock.now();
        let expires = instant(&claims, "exp")?.ok_or(AuthRefused::Missing("exp"))?;
        if expires.plus_millis(self.skew_ms) <= now {
            return Err(AuthRefused::Expired);
        }
        if instant(&claims, "nbf")?.is_some_and(|nbf| nbf > now.plus_millis(self.skew_ms)) {
            return Err(AuthRefused::NotYetValid);
        }
        let subject = match claims.get("sub") {
            None | Some(Value::Null) => return Err(AuthRefused::Missing("sub")),
            Some(value) => value.as_str().ok_or(AuthRefused::Claim("sub"))?,
        };
        Ok(Identity {
            user: UserId::parse(subject).map_err(|_| AuthRefused::Claim("sub"))?,
            role: role(&claims)?,
            expires_at: Some(expires.plus_millis(self.skew_ms)),
        })
    }
}

/// A moment given in seconds since the epoch, with or without a fraction.
fn instant(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<Timestamp>, AuthRefused> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(seconds)) => match (seconds.as_u64(), seconds.as_f64()) {
            (Some(whole), _) => Ok(Some(Timestamp(whole.saturating_mul(1_000)))),
            // A cast from a float saturates.
            (None, Some(fraction)) if fraction >= 0.0 => {
                Ok(Some(Timestamp((fraction * 1_000.0) as u64)))
            }
            _ => Err(AuthRefused::Claim(name)),
        },
        Some(_) => Err(AuthRefused::Claim(name)),
    }
}

/// The role; of several, as .NET writes them, the first.
fn role(claims: &Map<String, Value>) -> Result<String, AuthRefused> {
    let value = claims.get("role").or_else(|| claims.get(ROLE_URI));
    let value = match value {
        Some(Value::Array(roles)) => roles.first(),
        other => other,
    };
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(role))
            if role.len() <= ROLE_BYTES && !role.chars().any(char::is_control) =>
        {
            Ok(role.clone())
        }
        Some(_) => Err(AuthRefused::Claim("role")),
    }
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
