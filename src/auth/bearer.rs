//! Where a request carries its token: the `Authorization` header, or `access_token` in the query.

use std::borrow::Cow;

use axum::http::{HeaderMap, Uri, header};

/// The bearer token of a request. The header wins; the query is looked at because browsers cannot set
/// headers on a WebSocket. Names are compared without case.
pub fn bearer_token<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<Cow<'a, str>> {
    from_header(headers)
        .map(Cow::Borrowed)
        .or_else(|| from_query(uri.query()?))
}

fn from_header(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn from_query(query: &str) -> Option<Cow<'_, str>> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, value)| name.eq_ignore_ascii_case("access_token") && !value.is_empty())
        .map(|(_, value)| percent_decoded(value))
}

/// A token that is no valid UTF-8 once decoded cannot be valid; it is kept as it came and fails there.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: Option<&str>, uri: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
        }
        let uri = uri.parse().expect("a uri");
        bearer_token(&headers, &uri).map(Cow::into_owned)
    }

    #[test]
    fn the_header_wins_over_the_query_and_schemes_ignore_case() {
        assert_eq!(
            token(Some("Bearer a.b.c"), "/x?access_token=q").as_deref(),
            Some("a.b.c")
        );
        assert_eq!(token(Some("bearer  a "), "/x").as_deref(), Some("a"));
        assert_eq!(
            token(Some("Basic zzz"), "/x?access_token=q").as_deref(),
            Some("q")
        );
        assert_eq!(token(Some("Bearer "), "/x"), None);
        assert_eq!(token(Some("Bearer"), "/x"), None);
    }

    #[test]
    fn the_query_is_decoded_and_may_hold_other_parameters() {
        assert_eq!(
            token(None, "/x?id=1&access_token=a%2Eb%2ec&y").as_deref(),
            Some("a.b.c")
        );
        assert_eq!(token(None, "/x?Access_Token=q").as_deref(), Some("q"));
        assert_eq!(
            token(None, "/x?access_token=%zz%2").as_deref(),
            Some("%zz%2")
        );
        assert_eq!(
            token(None, "/x?access_token=%ff").as_deref(),
            Some("%ff"),
            "no UTF-8"
        );
        assert_eq!(token(None, "/x?access_token=&b=access_token"), None);
        assert_eq!(token(None, "/x"), None);
    }
}
