//! Who is calling: identities, and the trait that turns a bearer token into one.

use actors::ids::{Timestamp, UserId};
use thiserror::Error;

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

/// Why a token was refused. The text is shown to the client and says nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct AuthRefused(pub &'static str);

/// Turns a bearer token into an identity.
pub trait Authenticate: Send + Sync + 'static {
    /// Checks signature, times and claims.
    fn authenticate(&self, token: &str) -> Result<Identity, AuthRefused>;
}
