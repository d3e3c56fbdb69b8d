//! What the claims of a token say: who, as what, and from when until when.

use actors::ids::{Timestamp, UserId};
use serde_json::{Map, Value};

use super::{AuthRefused, Identity};

/// The name that .NET gives to the role claim.
pub const ROLE_URI: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
/// Where issuers that do not use `sub` name the user.
const USER_ID: &str = "UserId";
/// Longest role, in bytes.
const ROLE_BYTES: usize = 64;

/// The identity that claims of a token with a valid signature stand for, at a time; clocks may differ by `skew_ms`.
pub fn identity(
    claims: &Map<String, Value>,
    now: Timestamp,
    skew_ms: u64,
) -> Result<Identity, AuthRefused> {
    let expires = instant(claims, "exp")?.ok_or(AuthRefused::Missing("exp"))?;
    let expires = expires.plus_millis(skew_ms);
    if expires <= now {
        return Err(AuthRefused::Expired);
    }
    if instant(claims, "nbf")?.is_some_and(|nbf| nbf > now.plus_millis(skew_ms)) {
        return Err(AuthRefused::NotYetValid);
    }
    Ok(Identity {
        user: user(claims)?,
        role: role(claims)?,
        expires_at: Some(expires),
    })
}

/// The subject; without one, what stands in `UserId`.
fn user(claims: &Map<String, Value>) -> Result<UserId, AuthRefused> {
    let claim = |name: &'static str| match claims.get(name) {
        None | Some(Value::Null) => None,
        Some(value) => Some((name, value)),
    };
    let found = claim("sub").or_else(|| claim(USER_ID));
    let (name, value) = found.ok_or(AuthRefused::Missing("sub"))?;
    let text = value.as_str().ok_or(AuthRefused::Claim(name))?;
    UserId::parse(text).map_err(|_| AuthRefused::Claim(name))
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
