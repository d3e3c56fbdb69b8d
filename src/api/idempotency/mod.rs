//! `Idempotency-Key`: whoever asks again with the same key is given the first answer, on any node.
//!
//! The answer is kept once it is there, so a crash between the deed and its answer leaves none. Therefore the key goes down
//! into the commands too, and ids of new things are derived from it: an entity that has done the deed says so again, and
//! refuses the key if it comes with another request.

mod answers;
mod flights;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use actors::ids::UserId;
use actors::machines::repeat_key::RepeatKey;

use super::caller::By;
use super::{Api, input};
use crate::error::{HubError, IDEMPOTENCY_KEY_REUSED, INTERNAL, field_error};
use crate::http::problem::{Passing, Problem};
pub use answers::FirstAnswers;
use answers::{Found, Kept};
pub use flights::Flights;

/// Name of the header with the key of a request.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Name of the header of an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in bytes.
pub const KEY_BYTES: usize = 255;

/// The key of a request, if it has one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Key(Option<Given>);

/// A key and what it was given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    /// Of user and key.
    key: Digest,
    /// Of the request.
    print: Digest,
}

type Digest = [u8; 32];

impl Key {
    /// For commands: a number that the same user, key and request always give, and of which entities see when the key comes
    /// with another request.
    pub fn number(&self) -> Option<u64> {
        let Given { key, print } = self.0?;
        Some(RepeatKey::new(first_bits(&key), first_bits(&print)).number())
    }

    /// For new things that know the key: an id that the same user and key always give, and no other.
    pub fn id(&self, of: &str) -> Option<String> {
        Some(id_of(&self.0?.key, of))
    }

    /// For new things that do not: another request with the key gives another one, lest it be answered with the first.
    pub fn id_of_request(&self, of: &str) -> Option<String> {
        let Given { key, print } = self.0?;
        Some(id_of(blake3::keyed_hash(&key, &print).as_bytes(), of))
    }
}

fn id_of(digest: &Digest, of: &str) -> String {
    let digest = blake3::keyed_hash(digest, of.as_bytes());
    digest.to_hex()[..32].to_owned()
}

fn first_bits(digest: &Digest) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn digest_of(user: &UserId, key: &str) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key("mussikon-hub 2026 idempotency keys");
    hasher.update(user.as_str().as_bytes());
    // No user id contains a NUL.
    hasher.update(&[0]);
    hasher.update(key.as_bytes());
    hasher.finalize().into()
}

/// Runs a request with a key once, and gives its answer to all that repeat it.
pub async fn once(State(api): State<Api>, by: By, mut request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let key = match given(request.headers(), by.user()) {
        Ok(None) => return next.run(request).await,
        Ok(Some(key)) => key,
        Err(problem) => return problem.into_response(),
    };
    let answered = async {
        let print = fingerprint(&mut request).await?;
        let seat = api.flights.enter(key, print);
        let seat = seat.ok_or_else(reused)?;
        // Whoever repeats what is under way here waits until it is over, and then finds the answer, or tries it anew.
        let _turn = seat.turn().await;
        match api.answers.find(by.user(), key, print).await? {
            Found::Answer(kept) => return Ok(replayed(kept)),
            Found::OtherRequest => return Err(reused()),
            Found::Nothing => {}
        }
        request
            .extensions_mut()
            .insert(Key(Some(Given { key, print })));
        let response = next.run(request).await;
        keep(&api, by.user(), key, print, response).await
    };
    answered.await.unwrap_or_else(Problem::into_response)
}

fn given(headers: &HeaderMap, user: &UserId) -> Result<Option<Digest>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().ok();
    let fits = |text: &&str| {
        (1..=KEY_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    };
    match text.filter(fits) {
        Some(text) if values.next().is_none() => Ok(Some(digest_of(user, text))),
        _ => {
            let problem =
                format!("must be given once and have 1 to {KEY_BYTES} visible characters of ASCII");
            let field = field_error("Idempotency-Key", problem);
            Err(HubError::invalid(vec![field]).into())
        }
    }
}

/// What makes two requests the same. The body is read for it and put back.
async fn fingerprint(request: &mut Request) -> Result<Digest, Problem> {
    let (parts, body) = std::mem::take(request).into_parts();
    let body = input::read_body(Request::new(body)).await?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(parts.method.as_str().as_bytes());
    hasher.update(b" ");
    hasher.update(parts.uri.to_string().as_bytes());
    hasher.update(b"\n");
    hasher.update(&body);
    *request = Request::from_parts(parts, Body::from(body));
    Ok(hasher.finalize().into())
}

/// Keeps an answer that would be the same the next time. One that says "later" is none, nor is one that says that the key
/// belongs to another request: it would take this one's place.
async fn keep(
    api: &Api,
    user: &UserId,
    key: Digest,
    print: Digest,
    response: Response,
) -> Result<Response, Problem> {
    let status = response.status();
    let none = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::ACCEPTED,
        IDEMPOTENCY_KEY_REUSED.status,
    ];
    let passing = response.extensions().get::<Passing>().is_some();
    if status.is_server_error() || none.contains(&status) || passing {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    // Handlers answer with what they have in memory already.
    let body = axum::body::to_bytes(body, usize::MAX).await;
    let body = body.map_err(|_| Problem::new(INTERNAL))?;
    let kept = Kept::new(key, print, &parts, body.clone());
    // The deed is done: its answer is true whether it is kept or not, and the entity knows the key.
    if let Err(error) = api.answers.keep(user, kept).await {
        tracing::warn!(%error, "a first answer is not kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replayed(kept: Kept) -> Response {
    let mut response = kept.into_response();
    let yes = HeaderValue::from_static("true");
    response.headers_mut().insert(REPLAYED, yes);
    response
}

fn reused() -> Problem {
    Problem::new(IDEMPOTENCY_KEY_REUSED)
}
