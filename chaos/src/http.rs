//! One question over plain HTTP, as an operator asks it (health, metrics, the admin endpoints), or a client of the API.

use std::net::SocketAddr;
use std::time::Duration;

use crate::raw::{RawError, RawSocket, Response};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// The answer to `GET path`; a token goes along as bearer.
pub async fn get(
    server: SocketAddr,
    path: &str,
    token: Option<&str>,
) -> Result<Response, RawError> {
    ask(server, "GET", path, token, "").await
}

/// The answer to `POST path` with JSON, or with nothing, under an `Idempotency-Key`.
pub async fn post(
    server: SocketAddr,
    path: &str,
    token: Option<&str>,
    key: &str,
    body: Option<&serde_json::Value>,
) -> Result<Response, RawError> {
    let body = body.map(ToString::to_string).unwrap_or_default();
    let kind = match body.is_empty() {
        true => "",
        false => "Content-Type: application/json\r\n",
    };
    let length = body.len();
    let rest = format!("Idempotency-Key: {key}\r\n{kind}Content-Length: {length}\r\n\r\n{body}");
    ask(server, "POST", path, token, &rest).await
}

/// `rest` is the end of the head with the body; nothing stands for no more head and no body.
async fn ask(
    server: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    rest: &str,
) -> Result<Response, RawError> {
    let asking = async {
        let mut socket = RawSocket::connect(server).await?;
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let rest = if rest.is_empty() { "\r\n" } else { rest };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n{}{rest}",
            bearer.unwrap_or_default()
        );
        socket.write(request.as_bytes()).await?;
        socket.response(ANSWER).await
    };
    // A server that stands still takes the connection and the question, and says nothing.
    let asked = tokio::time::timeout(ANSWER, asking).await;
    asked.unwrap_or(Err(RawError::Late("answer")))
}

/// The sum over its labels of a metric in the text format of Prometheus; 0 if it is not there.
pub fn metric(text: &str, name: &str) -> f64 {
    let values = text.lines().filter_map(|line| {
        let (key, value) = line.rsplit_once(' ')?;
        let key = key.split('{').next()?;
        (key == name).then(|| value.parse::<f64>().ok())?
    });
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_over_its_labels_and_no_other_with_its_name_in_front() {
        let text = "# TYPE sent counter\nsent{to=\"a\"} 3\nsent{to=\"b\"} 4.5\nsent_bytes 100\n";
        assert_eq!(metric(text, "sent"), 7.5);
        assert_eq!(metric(text, "gone"), 0.0);
    }
}
