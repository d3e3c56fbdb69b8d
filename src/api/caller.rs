//! Who asks, and how often: every request below `/api` comes through here first.

use std::convert::Infallible;
use std::time::Duration;

use actors::ids::UserId;
use actors::machines::terms::{Caller, PlatformRole};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::Api;
use crate::auth::{Identity, bearer_token};
use crate::config::HttpConfig;
use crate::error::{FORBIDDEN, HubError, INTERNAL, RATE_LIMITED, UNAUTHORIZED};
use crate::gateway::client_address;
use crate::gateway::rate::{AddressRates, Rate, Rates};
use crate::http::problem::Problem;

/// The authenticated user of a request and the role in the token.
#[derive(Debug, Clone)]
pub struct By(pub Caller);

impl By {
    /// The user.
    pub fn user(&self) -> &UserId {
        &self.0.user
    }

    /// Refuses all but operators, for what concerns the hub and no entity of the platform.
    pub fn operator(&self) -> Result<(), Problem> {
        match self.0.role {
            PlatformRole::Admin => Ok(()),
            _ => Err(Problem::new(FORBIDDEN)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Only a route that does not pass `guard` has none: a mistake in the router.
        let by = parts.extensions.get::<By>().cloned();
        by.ok_or_else(|| Problem::new(INTERNAL))
    }
}

/// How often users, and addresses without a valid token, may ask.
pub struct Admission {
    begun: Instant,
    users: Rates<UserId>,
    addresses: AddressRates,
    /// Searches for musicians.
    searches: Rates<UserId>,
    trust_proxy: bool,
}

impl Admission {
    /// With the rates of the configuration.
    pub fn new(limits: &HttpConfig, trust_proxy: bool) -> Self {
        let rate = Rate::new(limits.requests_per_second, limits.request_burst);
        Self {
            begun: Instant::now(),
            users: Rates::new(rate),
            addresses: AddressRates::new(rate),
            searches: Rates::new(Rate::per_day(limits.searches_per_day)),
            trust_proxy,
        }
    }

    fn user(&self, user: &UserId) -> Result<(), Problem> {
        let taken = self.users.take(user.clone(), self.begun.elapsed());
        taken.map_err(too_often)
    }

    /// Takes one search for musicians of a user's share of the day.
    pub fn search(&self, user: &UserId) -> Result<(), Problem> {
        let taken = self.searches.take(user.clone(), self.begun.elapsed());
        taken.map_err(too_often)
    }

    /// Refuses whoever comes from where too much came lately that was not credible: to find that out costs the check of a
    /// signature each time.
    fn doubtful(&self, request: &Request) -> Result<(), Problem> {
        let Some(address) = client_address(request, self.trust_proxy) else {
            return Ok(());
        };
        let free = self.addresses.check(address, self.begun.elapsed());
        free.map_err(too_often)
    }

    /// Takes one request of whoever does not say who it is, or not credibly.
    pub fn stranger(&self, request: &Request) -> Result<(), Problem> {
        let Some(address) = client_address(request, self.trust_proxy) else {
            return Ok(());
        };
        let taken = self.addresses.take(address, self.begun.elapsed());
        taken.map_err(too_often)
    }
}

fn too_often(wait: Duration) -> Problem {
    HubError::retry(RATE_LIMITED, wait).into()
}

/// Lets in who has a valid token and does not ask too often.
pub async fn guard(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    if let Err(too_often) = api.admission.doubtful(&request) {
        return too_often.into_response();
    }
    let identity = match identify(&api, request.headers()) {
        Ok(identity) => identity,
        Err(refused) => {
            return match api.admission.stranger(&request) {
                Ok(()) => refused.into_response(),
                Err(too_often) => too_often.into_response(),
            };
        }
    };
    if let Err(too_often) = api.admission.user(&identity.user) {
        return too_often.into_response();
    }
    request.extensions_mut().insert(By(Caller {
        role: PlatformRole::of_claim(&identity.role),
        user: identity.user,
    }));
    next.run(request).await
}

/// Lets anybody in who does not ask too often.
pub async fn in_public(State(api): State<Api>, request: Request, next: Next) -> Response {
    match api.admission.stranger(&request) {
        Ok(()) => next.run(request).await,
        Err(too_often) => too_often.into_response(),
    }
}

fn identify(api: &Api, headers: &HeaderMap) -> Result<Identity, Problem> {
    // From the header only: an address with a token in its query ends up in logs and histories, and only a WebSocket
    // knows no other way.
    let nowhere = Uri::default();
    let token = bearer_token(headers, &nowhere);
    let token = token.ok_or_else(|| Problem::new(UNAUTHORIZED))?;
    let identity = api.authenticate.authenticate(&token);
    identity.map_err(|refused| HubError::new(UNAUTHORIZED, refused.to_string()).into())
}

/// What a request carries that is there or not; never refuses.
impl<S: Send + Sync> FromRequestParts<S> for super::idempotency::Key {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or_default())
    }
}
