//! The first record each way: the client says which encoding and version it speaks, the server agrees or
//! says why not. Always JSON text and `0x1E`, whatever encoding follows.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::framing::RECORD_SEPARATOR;
use crate::message::Encoding;

/// What the server sends when it agrees.
pub const ACCEPTED: &[u8] = b"{}\x1e";

/// The version that plain connections speak.
pub const PLAIN_VERSION: u32 = 1;

/// The version of connections that negotiated stateful reconnect.
pub const STATEFUL_VERSION: u32 = 2;

/// How much of the name of an unknown protocol is repeated, in characters.
const MAX_NAME: usize = 64;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandshakeRequest {
    /// Encoding of everything that follows.
    pub encoding: Encoding,
    /// Version of the hub protocol, 1 or 2.
    pub version: u32,
}

/// Why a handshake failed. The display text is what goes to the client, which shows it to people.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// An encoding that is neither JSON nor MessagePack.
    #[error("The protocol '{0}' is not supported.")]
    UnknownProtocol(String),
    /// A version that is neither 1 nor 2.
    #[error("The server does not support version {version} of the '{protocol}' protocol.")]
    UnknownVersion {
        /// Name of the encoding.
        protocol: &'static str,
        /// What the client asked for.
        version: i64,
    },
    /// Too late, or longer than a message may be.
    #[error("Handshake was canceled.")]
    Canceled,
    /// The server ends the connection for a reason of its own; this is its text.
    #[error("{0}")]
    Refused(String),
    /// Not JSON, or a member is missing.
    #[error("An unexpected error occurred during connection handshake.")]
    Malformed,
}

/// Why a client gives up on a handshake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResponseError {
    /// The server refused; the text is its own.
    #[error("the server refused the handshake: {0}")]
    Refused(String),
    /// What came is not a handshake response.
    #[error("malformed handshake response")]
    Malformed,
}

#[derive(Serialize, Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    protocol: std::borrow::Cow<'a, str>,
    version: i64,
}

#[derive(Serialize, Deserialize)]
struct Response {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// A hub message has one, a handshake response never.
    #[serde(default, rename = "type", skip_serializing)]
    kind: Option<serde::de::IgnoredAny>,
}

impl HandshakeRequest {
    /// Reads a request (without its separator).
    pub fn decode(record: &[u8]) -> Result<Self, HandshakeError> {
        let request: Request<'_> =
            serde_json::from_slice(record).map_err(|_| HandshakeError::Malformed)?;
        let named = |encoding: &Encoding| encoding.name() == request.protocol;
        let Some(encoding) = Encoding::ALL.into_iter().find(named) else {
            // Whoever logs this logs what a stranger wrote: not all of it.
            let name = request.protocol.chars().take(MAX_NAME).collect();
            return Err(HandshakeError::UnknownProtocol(name));
        };
        match u32::try_from(request.version) {
            Ok(version @ PLAIN_VERSION..=STATEFUL_VERSION) => Ok(Self { encoding, version }),
            _ => Err(HandshakeError::UnknownVersion {
                protocol: encoding.name(),
                version: request.version,
            }),
        }
    }

    /// The whole record.
    pub fn encode(&self) -> Vec<u8> {
        let name = self.encoding.name();
        format!(
            "{{\"protocol\":\"{name}\",\"version\":{}}}\u{1e}",
            self.version
        )
        .into_bytes()
    }
}

/// The record that refuses a handshake; the transport ends after it.
pub fn encode_refusal(error: &HandshakeError) -> Vec<u8> {
    let text = serde_json::Value::from(error.to_string());
    format!("{{\"error\":{text}}}{}", char::from(RECORD_SEPARATOR)).into_bytes()
}

/// Reads a response (without its separator).
pub fn decode_response(record: &[u8]) -> Result<(), ResponseError> {
    let response: Response =
        serde_json::from_slice(record).map_err(|_| ResponseError::Malformed)?;
    match response {
        Response { kind: Some(_), .. } => Err(ResponseError::Malformed),
        Response {
            error: Some(error), ..
        } => Err(ResponseError::Refused(error)),
        Response { error: None, .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(request: &str) -> String {
        HandshakeRequest::decode(request.as_bytes())
            .expect_err("refused")
            .to_string()
    }

    #[test]
    fn both_encodings_and_both_versions_are_accepted_in_any_member_order() {
        for encoding in Encoding::ALL {
            for version in [PLAIN_VERSION, STATEFUL_VERSION] {
                let request = HandshakeRequest { encoding, version };
                let bytes = request.encode();
                let (separator, record) = bytes.split_last().expect("not empty");
                assert_eq!(*separator, RECORD_SEPARATOR);
                assert_eq!(HandshakeRequest::decode(record), Ok(request));
            }
        }
        let odd = br#" {"extra":[{}],"version":2, "protocol":"messagep\u0061ck"} "#;
        let expected = HandshakeRequest {
            encoding: Encoding::MessagePack,
            version: 2,
        };
        assert_eq!(HandshakeRequest::decode(odd), Ok(expected));
    }

    #[test]
    fn refusals_have_the_texts_that_clients_show() {
        let unknown = refusal(r#"{"protocol":"xml","version":1}"#);
        assert_eq!(unknown, "The protocol 'xml' is not supported.");
        let long = refusal(&format!(
            "{{\"protocol\":\"{}\",\"version\":1}}",
            "é".repeat(9_000)
        ));
        assert_eq!(long.chars().filter(|letter| *letter == 'é').count(), 64);
        let version = refusal(r#"{"protocol":"json","version":9}"#);
        assert_eq!(
            version,
            "The server does not support version 9 of the 'json' protocol."
        );
        assert!(refusal(r#"{"protocol":"messagepack","version":-1}"#).contains("version -1 of"));
        for garbage in [
            "",
            "{}",
            "[]",
            "{\"protocol\":\"json\"}",
            "{\"version\":1}",
            "\u{91}\u{6}",
        ] {
            let text = refusal(garbage);
            assert_eq!(
                text,
                "An unexpected error occurred during connection handshake."
            );
        }
        assert_eq!(
            HandshakeError::Canceled.to_string(),
            "Handshake was canceled."
        );
    }

    #[test]
    fn a_refusal_reaches_the_client_with_its_text() {
        let error = HandshakeError::UnknownProtocol("a\"b\u{1e}".into());
        let bytes = encode_refusal(&error);
        assert_eq!(
            bytes
                .iter()
                .filter(|byte| **byte == RECORD_SEPARATOR)
                .count(),
            1
        );
        let refused = decode_response(&bytes[..bytes.len() - 1]);
        assert_eq!(refused, Err(ResponseError::Refused(error.to_string())));
        assert_eq!(decode_response(&ACCEPTED[..2]), Ok(()));
        assert_eq!(
            decode_response(br#"{"type":6}"#),
            Err(ResponseError::Malformed)
        );
        assert_eq!(decode_response(b"nonsense"), Err(ResponseError::Malformed));
    }
}
