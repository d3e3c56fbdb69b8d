//! First answers in the store: per user a ring of places, each for the last of the keys that fall there. Every look at one place
//! is also one at another, and what is too old in either goes: who asks tidies up, and who does not adds nothing.

use std::sync::Arc;

use actors::clock::Clock;
use actors::ids::{Timestamp, UserId};
use actors::journal::{AppendError, Journal, RETRY_AFTER, Table, TableRow, TableWrite};
use axum::body::Body;
use axum::http::response::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Digest;
use crate::config::HttpConfig;
use crate::error::{HubError, INTERNAL, UNAVAILABLE};
use crate::http::problem::Problem;

/// Version of a row, its first byte.
const VERSION: u8 = 1;
/// Answers above this are not kept: with the texts as long as they may be by default, none of the gateway's is. It is made again
/// then, by an entity that knows the key. So a user's ring holds no more than this times its places.
const BODY_BYTES: usize = 16 * 1_024;
/// Headers that belong to an answer, besides those that every answer gets.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];
const HOUR_MS: u64 = 3_600_000;

/// The store of first answers.
pub struct FirstAnswers {
    journal: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    places: u32,
    kept_ms: u64,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    key: Digest,
    print: Digest,
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// What is known of a key.
pub(super) enum Found {
    Nothing,
    /// It belongs to another request.
    OtherRequest,
    Answer(Kept),
}

impl FirstAnswers {
    /// Answers in this store, as the configuration bounds them.
    pub fn new(journal: Arc<dyn Journal>, clock: Arc<dyn Clock>, limits: &HttpConfig) -> Self {
        Self {
            journal,
            clock,
            places: limits.idempotency_keys.max(1),
            kept_ms: limits.idempotency_hours.saturating_mul(HOUR_MS),
        }
    }

    pub(super) async fn find(
        &self,
        user: &UserId,
        key: Digest,
        print: Digest,
    ) -> Result<Found, Problem> {
        let mut places = vec![self.place(user, &key), self.other_place(user, &key)];
        places.dedup();
        let rows = self.journal.get_rows(Table::FirstAnswers, places);
        let mut rows = rows.await.map_err(|error| {
            tracing::warn!(%error, "first answers are unreadable");
            Problem::from(HubError::retry(UNAVAILABLE, RETRY_AFTER))
        })?;
        self.tidy(&mut rows).await;
        let Some(row) = rows.into_iter().next().flatten() else {
            return Ok(Found::Nothing);
        };
        // Of a later version, perhaps: then it is as if it had been overwritten.
        Ok(match Kept::decode(&row.value) {
            Some(kept) if kept.key != key => Found::Nothing,
            Some(kept) if kept.print != print => Found::OtherRequest,
            Some(kept) => Found::Answer(kept),
            None => Found::Nothing,
        })
    }

    pub(super) async fn keep(&self, user: &UserId, kept: Kept) -> Result<(), AppendError> {
        if kept.body.len() > BODY_BYTES {
            return Ok(());
        }
        let row = TableWrite {
            table: Table::FirstAnswers,
            key: self.place(user, &kept.key),
            rank: self.clock.now().0,
            value: Some(kept.encode()),
        };
        self.journal.put_rows(vec![row]).await
    }

    /// Removes what is too old, here and in the store; if that fails, the next one who comes by does it.
    async fn tidy(&self, rows: &mut [Option<TableRow>]) {
        let now = self.clock.now();
        let old = |row: &mut TableRow| Timestamp(row.rank).plus_millis(self.kept_ms) <= now;
        let gone = rows.iter_mut().filter_map(|row| row.take_if(old));
        // A newer answer has a higher rank and stays.
        let writes = gone.map(|row| TableWrite {
            table: Table::FirstAnswers,
            key: row.key,
            rank: row.rank,
            value: None,
        });
        let writes: Vec<TableWrite> = writes.collect();
        if !writes.is_empty()
            && let Err(error) = self.journal.put_rows(writes).await
        {
            tracing::debug!(%error, "old first answers are not removed");
        }
    }

    fn place(&self, user: &UserId, key: &Digest) -> Vec<u8> {
        // Other bytes than those of the number for commands, so that the two do not tell of each other.
        let [.., a, b, c, d] = *key;
        self.row(user, u32::from_be_bytes([a, b, c, d]))
    }

    /// The place that is looked at by the way: any, and for each key another one.
    fn other_place(&self, user: &UserId, key: &Digest) -> Vec<u8> {
        let [.., a, b, c, d, _, _, _, _] = *key;
        self.row(user, u32::from_be_bytes([a, b, c, d]))
    }

    fn row(&self, user: &UserId, number: u32) -> Vec<u8> {
        let place = number % self.places;
        let mut row = user.as_str().as_bytes().to_vec();
        row.push(0);
        row.extend_from_slice(&place.to_be_bytes());
        row
    }
}

impl Kept {
    pub fn new(key: Digest, print: Digest, parts: &Parts, body: Bytes) -> Self {
        let text = |name: &HeaderName| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        Self {
            key,
            print,
            status: parts.status.as_u16(),
            headers: HEADERS.iter().filter_map(text).collect(),
            body,
        }
    }

    fn encode(&self) -> Bytes {
        let mut out = vec![VERSION];
        if let Err(error) = rmp_serde::encode::write(&mut out, self) {
            // Writing to memory does not fail; a row that cannot be read counts as none.
            tracing::error!(%error, "a first answer cannot be encoded");
        }
        out.into()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, fields) = bytes.split_first()?;
        (*version == VERSION)
            .then(|| rmp_serde::from_slice(fields).ok())
            .flatten()
    }
}

impl IntoResponse for Kept {
    fn into_response(self) -> Response {
        let Ok(status) = StatusCode::from_u16(self.status) else {
            return Problem::new(INTERNAL).into_response();
        };
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = status;
        for (name, value) in &self.headers {
            let known = HEADERS.into_iter().find(|known| known.as_str() == name);
            if let (Some(name), Ok(value)) = (known, HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actors::journal::memory::MemoryJournal;

    use super::*;
    use crate::api::tests::Hands;

    #[tokio::test]
    async fn who_asks_removes_what_is_too_old_and_nothing_else() {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let clock = Arc::new(Hands::default());
        let limits = HttpConfig {
            idempotency_keys: 8,
            idempotency_hours: 1,
            ..HttpConfig::default()
        };
        let answers = FirstAnswers::new(journal.clone(), clock.clone(), &limits);
        let user = UserId::parse("ana").expect("an id");
        let digest = |number: u32| -> Digest { blake3::hash(&number.to_be_bytes()).into() };
        let keep = async |number| {
            let (parts, ()) = Response::new(()).into_parts();
            let kept = Kept::new(digest(number), digest(0), &parts, Bytes::new());
            answers.keep(&user, kept).await.expect("kept");
        };
        let rows = async || {
            let rows = journal.scan_rows(Table::FirstAnswers, b"ana\0".to_vec(), None, 100);
            rows.await.expect("rows").len()
        };
        for number in 0..100 {
            keep(number).await;
        }
        assert_eq!(rows().await, 8);
        for number in 100..200 {
            let found = answers.find(&user, digest(number), digest(0)).await;
            assert!(matches!(found, Ok(Found::Nothing)));
        }
        assert_eq!(rows().await, 8, "none is too old");
        clock.pass(Duration::from_secs(1_800));
        keep(500).await;
        clock.pass(Duration::from_secs(1_800));
        for number in 100..200 {
            let found = answers.find(&user, digest(number), digest(0)).await;
            assert!(matches!(found, Ok(Found::Nothing)));
        }
        assert_eq!(rows().await, 1);
        let found = answers.find(&user, digest(500), digest(0)).await;
        assert!(matches!(found, Ok(Found::Answer(_))));
    }
}
