//! Who is calling: identities, and the trait that turns a bearer token into one.

mod bearer;
mod claims;
pub mod issuer;
mod jwt;
#[cfg(test)]
mod outside_tests;
mod secret_file;

use actors::ids::{Timestamp, UserId};
use actors::machines::terms::PlatformRole;
use thiserror::Error;

pub use bearer::bearer_token;
pub use claims::ROLE_URI;
use issuer::KeyRefused;
pub use jwt::JwtAuthenticator;
pub use secret_file::{SecretFileError, signing_secret};

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user, from the token's subject, or without one from its claim `UserId`.
    pub user: UserId,
    /// The role claim; empty if the token has none.
    pub role: String,
    /// When the token ends, and with it every connection opened with it.
    pub expires_at: Option<Timestamp>,
}

impl Identity {
    /// What the role claim means on the platform; none and unknown ones mean the least.
    pub fn platform_role(&self) -> PlatformRole {
        PlatformRole::of_claim(&self.role)
    }
}

/// Why a token was refused. The text is shown to the client and says nothing of the token's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthRefused {
    /// It is not a token at all.
    #[error("the token is malformed")]
    Malformed,
    /// It is longer than `auth.token_bytes`.
    #[error("the token is too long")]
    TooLong,
    /// It is signed by another method than the hub or its key accepts, or not at all.
    #[error("the token is not signed by a method that is accepted")]
    Algorithm,
    /// It demands to be understood in a way that the hub does not know (`crit`).
    #[error("the token demands an extension that is not known")]
    Extension,
    /// The issuer lists no such key, as far as the hub knows; it looks again.
    #[error(
        "the token is signed with an unknown key; the keys are being fetched, try again in a moment"
    )]
    UnknownKey,
    /// It names no key, and more than one could be meant.
    #[error("the token does not name its key, and the issuer has several")]
    KeyNotNamed,
    /// Its key is listed, and not good enough.
    #[error("the key of the token is not accepted: {0}")]
    UnusableKey(KeyRefused),
    /// The issuer has not given its keys, or too long ago.
    #[error("the keys of the issuer are not there; they are being fetched, try again in a moment")]
    NoKeys,
    /// The signature does not fit: another key, or a changed token.
    #[error("the signature of the token is not valid")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// Meant for someone else.
    #[error("the token is for another audience")]
    Audience,
    /// A claim that every token must have is missing.
    #[error("the token has no claim {0:?}")]
    Missing(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("the claim {0:?} of the token is not valid")]
    Claim(&'static str),
}

impl AuthRefused {
    /// Stable name, of which there are few.
    pub fn code(&self) -> &'static str {
        match self {
            AuthRefused::Malformed => "malformed",
            AuthRefused::TooLong => "too_long",
            AuthRefused::Algorithm => "algorithm",
            AuthRefused::Extension => "extension",
            AuthRefused::UnknownKey => "unknown_key",
            AuthRefused::KeyNotNamed => "key_not_named",
            AuthRefused::UnusableKey(_) => "unusable_key",
            AuthRefused::NoKeys => "no_keys",
            AuthRefused::Signature => "signature",
            AuthRefused::Expired => "expired",
            AuthRefused::NotYetValid => "not_yet_valid",
            AuthRefused::Issuer => "issuer",
            AuthRefused::Audience => "audience",
            AuthRefused::Missing(_) => "missing_claim",
            AuthRefused::Claim(_) => "claim",
        }
    }
}

/// Turns a bearer token into an identity.
pub trait Authenticate: Send + Sync + 'static {
    /// Checks signature, times and claims.
    fn authenticate(&self, token: &str) -> Result<Identity, AuthRefused>;
}
