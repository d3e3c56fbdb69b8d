//! The client's side of the negotiation, through redirects.

use serde::Deserialize;

use super::{
    MAX_REDIRECTS, MAX_VERSION, NegotiateError, NegotiateResponse, TransportOffer, WEB_SOCKETS,
};

/// What the client knows when the negotiation is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// Where to open the WebSocket, and to open it again for a resume: `ws:` or `wss:`, with `id`.
    pub websocket_url: String,
    /// The public id of the connection.
    pub connection_id: String,
    /// Whether both sides want stateful reconnect: the handshake must say version 2 then.
    pub stateful_reconnect: bool,
}

/// The client's negotiation. POST an empty body to [`request_url`](Self::request_url) with
/// [`access_token`](Self::access_token), give the body of the 200 answer to [`receive`](Self::receive), and
/// do so again as long as that says so.
#[derive(Clone)]
pub struct Negotiator {
    hub_url: String,
    access_token: Option<String>,
    stateful_reconnect: bool,
    redirects: u32,
}

/// Members of all kinds of answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    error: Option<String>,
    url: Option<String>,
    access_token: Option<String>,
}

impl Negotiator {
    /// `hub_url` is `http:` or `https:` and may have a query, which is kept on every request.
    pub fn new(hub_url: &str, access_token: Option<String>, stateful_reconnect: bool) -> Self {
        Negotiator {
            hub_url: hub_url.into(),
            access_token,
            stateful_reconnect,
            redirects: 0,
        }
    }

    /// Where to POST.
    pub fn request_url(&self) -> String {
        let (path, query) = self.hub_url.split_once('?').unwrap_or((&self.hub_url, ""));
        let slash = if path.ends_with('/') { "" } else { "/" };
        let url = if query.is_empty() {
            format!("{path}{slash}negotiate")
        } else {
            format!("{path}{slash}negotiate?{query}")
        };
        let url = with_parameter(url, "negotiateVersion", &MAX_VERSION.to_string());
        if self.stateful_reconnect {
            with_parameter(url, "useStatefulReconnect", "true")
        } else {
            url
        }
    }

    /// The bearer token for the next request and for the connection; a redirect may have changed it.
    pub fn access_token(&self) -> Option<&str> {
        self.access_token.as_deref()
    }

    /// Reads the body of an answer; `None` after a redirect: ask again.
    pub fn receive(&mut self, body: &[u8]) -> Result<Option<Negotiated>, NegotiateError> {
        let answer: Answer = serde_json::from_slice(body).map_err(|_| NegotiateError::Malformed)?;
        if let Some(error) = answer.error {
            return Err(NegotiateError::Refused(error));
        }
        if let Some(url) = answer.url {
            self.redirects += 1;
            if self.redirects > MAX_REDIRECTS {
                return Err(NegotiateError::TooManyRedirects);
            }
            self.hub_url = url;
            if answer.access_token.is_some() {
                self.access_token = answer.access_token;
            }
            return Ok(None);
        }
        let response: NegotiateResponse =
            serde_json::from_slice(body).map_err(|_| NegotiateError::Malformed)?;
        if response.use_stateful_reconnect && !self.stateful_reconnect {
            return Err(NegotiateError::UnaskedStatefulReconnect);
        }
        let offers = |offer: &TransportOffer| offer.transport == WEB_SOCKETS;
        if !response.available_transports.iter().any(offers) {
            return Err(NegotiateError::NoWebSockets);
        }
        let id = match (response.negotiate_version, &response.connection_token) {
            (0, _) => &response.connection_id,
            (_, Some(token)) => token,
            (_, None) => return Err(NegotiateError::Malformed),
        };
        Ok(Some(Negotiated {
            websocket_url: websocket_url(&self.hub_url, Some(id)),
            connection_id: response.connection_id,
            stateful_reconnect: response.use_stateful_reconnect,
        }))
    }
}

/// The WebSocket address of a hub; without an id for a connection that skips the negotiation.
pub fn websocket_url(hub_url: &str, id: Option<&str>) -> String {
    let url = match hub_url.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => hub_url.to_owned(),
    };
    match id {
        Some(id) => with_parameter(url, "id", id),
        None => url,
    }
}

fn with_parameter(mut url: String, name: &str, value: &str) -> String {
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(name);
    url.push('=');
    url.push_str(&percent_encode(value));
    url
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::negotiate::{NegotiateRequest, encode_error};

    #[test]
    fn a_client_negotiates_through_redirects_with_the_new_token() {
        let mut client = Negotiator::new("https://hub/chat?room=1", Some("old".into()), true);
        let url = "https://hub/chat/negotiate?room=1&negotiateVersion=1&useStatefulReconnect=true";
        assert_eq!(client.request_url(), url);
        let redirect = br#"{"url":"http://other/chat","accessToken":"new"}"#;
        assert_eq!(client.receive(redirect), Ok(None));
        assert_eq!(client.access_token(), Some("new"));
        assert!(
            client
                .request_url()
                .starts_with("http://other/chat/negotiate?negotiateVersion=1&")
        );

        let request = NegotiateRequest {
            version: 1,
            stateful_reconnect: true,
        };
        let response = NegotiateResponse::new(&request, "pub".into(), "s/+".into(), true);
        let body = serde_json::to_vec(&response).expect("plain members");
        let expected = Negotiated {
            websocket_url: "ws://other/chat?id=s%2F%2B".into(),
            connection_id: "pub".into(),
            stateful_reconnect: true,
        };
        assert_eq!(client.receive(&body), Ok(Some(expected)));

        let mut plain = Negotiator::new("http://hub/chat", None, false);
        assert_eq!(
            plain.receive(&body),
            Err(NegotiateError::UnaskedStatefulReconnect)
        );
        assert_eq!(plain.receive(b"{}"), Err(NegotiateError::Malformed));
        let refused = encode_error("no \"room\"");
        let expected = NegotiateError::Refused("no \"room\"".into());
        assert_eq!(plain.receive(refused.as_bytes()), Err(expected));
        for _ in 0..MAX_REDIRECTS {
            assert_eq!(plain.receive(redirect), Ok(None));
        }
        assert_eq!(
            plain.receive(redirect),
            Err(NegotiateError::TooManyRedirects)
        );
    }
}
