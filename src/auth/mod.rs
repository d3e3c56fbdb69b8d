//! Who is calling: identities, and the trait that turns a bearer token into one.

mod bearer;
mod jwt;
mod secret_file;

use actors::ids::{Timestamp, UserId};
use actors::machines::terms::PlatformRole;
use thiserror::Error;

pub use bearer::bearer_token;
pub use jwt::{JwtAuthenticator, ROLE_URI};
pub use secret_file::{SecretFileError, signing_secret};

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user, from the token's subject.
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
    /// It is signed by another method than the hub accepts, or not at all.
    #[error("the token is not signed with HS256")]
    Algorithm,
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

/// Turns a bearer token into an identity.
pub trait Authenticate: Send + Sync + 'static {
    /// Checks signature, times and claims.
    fn authenticate(&self, token: &str) -> Result<Identity, AuthRefused>;
}
