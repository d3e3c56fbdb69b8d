//! How the tokens of a run's clients are made: hubs of the suite's own take other ones than those of a deployment.

use std::time::Duration;

use crate::token::Claims;

/// Signs the tokens of all clients of a run on hubs of the suite's own.
pub(super) const SECRET: &str = "a secret of the chaos suite, long enough for any rule";
/// Their tokens outlive every run, and clocks that are an hour wrong.
const TOKENS: Duration = Duration::from_secs(48 * 3600);

/// Makes tokens that the hubs of a run take.
#[derive(Clone)]
pub(super) struct Signer {
    pub secret: String,
    /// The issuer in tokens, if hubs want one.
    pub issuer: Option<String>,
    /// The audience in tokens, if hubs want one.
    pub audience: Option<String>,
    /// How long they are good, if not as long as usual.
    pub lasting: Option<Duration>,
}

impl Signer {
    /// For hubs of the suite's own.
    pub(super) fn own() -> Self {
        Self {
            secret: SECRET.to_owned(),
            issuer: None,
            audience: None,
            lasting: Some(TOKENS),
        }
    }

    /// A token for a user in a role. Without one, should it not be signed, a hub refuses, which a run shows.
    pub(super) fn sign(&self, user: &str, role: &str) -> Option<String> {
        let mut claims = Claims::user(user).role(role);
        if let Some(issuer) = &self.issuer {
            claims = claims.issuer(issuer);
        }
        if let Some(audience) = &self.audience {
            claims = claims.audience(audience);
        }
        if let Some(lasting) = self.lasting {
            claims = claims.expires_in(lasting);
        }
        claims.sign(&self.secret).ok()
    }

    /// A token that opens the admin endpoints.
    pub(super) fn operator(&self) -> Option<String> {
        self.sign("operator", "admin")
    }
}
