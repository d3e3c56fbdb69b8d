//! The HTTP exchange before the connection: which id, which transports, stateful reconnect or not.
//!
//! Only WebSockets are offered and used. Server: [`NegotiateRequest`], [`NegotiateResponse`],
//! [`encode_error`]. Client: [`Negotiator`].

mod client;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::client::{Negotiated, Negotiator, websocket_url};

/// The largest version that the server speaks; a client that asks for more gets this one.
pub const MAX_VERSION: u32 = 1;

/// How many redirects a client follows.
pub const MAX_REDIRECTS: u32 = 100;

const WEB_SOCKETS: &str = "WebSockets";

/// What a client asks for in the query of its negotiate request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NegotiateRequest {
    /// The version to answer with, 0 or 1.
    pub version: u32,
    /// Whether the client wants stateful reconnect.
    pub stateful_reconnect: bool,
}

impl NegotiateRequest {
    /// Reads a query string (without `?`). Parameters that do not concern the negotiation are skipped.
    pub fn from_query(query: &str) -> Result<Self, NegotiateError> {
        let version = match query_value(query, "negotiateVersion") {
            None => 0,
            Some(text) => match text.trim().parse::<i64>() {
                Ok(version @ 0..) => version.min(MAX_VERSION.into()) as u32,
                Ok(version) => return Err(NegotiateError::VersionTooLow(version)),
                Err(_) => return Err(NegotiateError::InvalidVersion(text.into_owned())),
            },
        };
        let stateful_reconnect = query_value(query, "useStatefulReconnect")
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Ok(NegotiateRequest {
            version,
            stateful_reconnect,
        })
    }
}

/// The server's answer, as its JSON members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NegotiateResponse {
    /// Version of this answer.
    #[serde(default)]
    pub negotiate_version: u32,
    /// Public id of the connection; in version 0 also the value of `id` in the connect request.
    pub connection_id: String,
    /// Version 1: the secret value of `id` in the connect request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_token: Option<String>,
    /// What the server offers, best first.
    pub available_transports: Vec<TransportOffer>,
    /// Present only for a client that asked: others stop when they see it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub use_stateful_reconnect: bool,
}

/// A transport and the formats that it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransportOffer {
    /// `WebSockets` is the one known here.
    pub transport: Cow<'static, str>,
    /// `Text`, `Binary`.
    pub transfer_formats: Vec<Cow<'static, str>>,
}

impl NegotiateResponse {
    /// Offers WebSockets. In version 0 there is no token member: the token is the connection id then.
    /// `allow_stateful` is the server's word; the client must have asked too.
    pub fn new(
        request: &NegotiateRequest,
        connection_id: String,
        connection_token: String,
        allow_stateful: bool,
    ) -> Self {
        let (connection_id, connection_token) = match request.version {
            0 => (connection_token, None),
            _ => (connection_id, Some(connection_token)),
        };
        NegotiateResponse {
            negotiate_version: request.version,
            connection_id,
            connection_token,
            available_transports: vec![TransportOffer {
                transport: WEB_SOCKETS.into(),
                transfer_formats: vec!["Text".into(), "Binary".into()],
            }],
            use_stateful_reconnect: request.stateful_reconnect && allow_stateful,
        }
    }
}

/// The body that refuses a negotiation with status 200; the client stops and shows the text.
pub fn encode_error(text: &str) -> String {
    serde_json::json!({ "error": text }).to_string()
}

/// Why a negotiation failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NegotiateError {
    /// `negotiateVersion` is not an integer. The text is meant for [`encode_error`].
    #[error("The client requested an invalid protocol version '{0}'")]
    InvalidVersion(String),
    /// `negotiateVersion` is below 0. The text is meant for [`encode_error`].
    #[error("The client requested version '{0}', but the server does not support this version.")]
    VersionTooLow(i64),
    /// Client: the server refused; the text is its own.
    #[error("the server refused to negotiate: {0}")]
    Refused(String),
    /// Client: the answer is not one.
    #[error("malformed negotiate response")]
    Malformed,
    /// Client: more than [`MAX_REDIRECTS`].
    #[error("too many redirects")]
    TooManyRedirects,
    /// Client: WebSockets are not offered, or not in the format wanted.
    #[error("the server does not offer WebSockets")]
    NoWebSockets,
    /// Client: the server turned on stateful reconnect without being asked.
    #[error("the server turned on stateful reconnect unasked")]
    UnaskedStatefulReconnect,
}

/// The first value of a query parameter, its name compared without case; `query` is without `?`.
pub fn query_value<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        percent_decode(key)
            .eq_ignore_ascii_case(name)
            .then(|| percent_decode(value))
    })
}

/// Plus is a space; what is no valid escape stays as it is.
fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |index: usize| {
            tail.get(index)
                .and_then(|byte| char::from(*byte).to_digit(16))
        };
        rest = tail;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_features_are_read_without_regard_to_case() {
        let read = NegotiateRequest::from_query;
        assert_eq!(read(""), Ok(NegotiateRequest::default()));
        let both = NegotiateRequest {
            version: 1,
            stateful_reconnect: true,
        };
        assert_eq!(
            read("room=a&NEGOTIATEVERSION=7&usestatefulreconnect=True"),
            Ok(both)
        );
        assert_eq!(
            read("negotiate%56ersion=1"),
            Ok(NegotiateRequest {
                version: 1,
                ..Default::default()
            })
        );
        assert_eq!(
            read("negotiateVersion=x%2by"),
            Err(NegotiateError::InvalidVersion("x+y".into()))
        );
        assert_eq!(
            read("negotiateVersion=-1"),
            Err(NegotiateError::VersionTooLow(-1))
        );
        assert_eq!(
            query_value("a=1&Access_Token=x%20y+%zz", "access_token").as_deref(),
            Some("x y %zz")
        );
    }

    #[test]
    fn answers_have_exactly_the_members_of_their_version() {
        let answer = |version, asked, allowed| {
            let request = NegotiateRequest {
                version,
                stateful_reconnect: asked,
            };
            let response = NegotiateResponse::new(&request, "pub".into(), "secret".into(), allowed);
            serde_json::to_string(&response).expect("plain members")
        };
        let transports = r#""availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]}]"#;
        assert_eq!(
            answer(1, true, true),
            format!(
                r#"{{"negotiateVersion":1,"connectionId":"pub","connectionToken":"secret",{transports},"useStatefulReconnect":true}}"#
            )
        );
        assert_eq!(
            answer(0, false, true),
            format!(r#"{{"negotiateVersion":0,"connectionId":"secret",{transports}}}"#)
        );
        assert!(!answer(1, true, false).contains("useStatefulReconnect"));
    }
}
