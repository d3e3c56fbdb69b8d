//! Versions over HTTP: `ETag` of answers, `If-Match` of changes, `If-None-Match` of reads (RFC 9110).

use std::convert::Infallible;

use actors::ids::Sequence;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json;
use crate::error::{ErrorCode, HubError, field_error};
use crate::http::problem::Problem;

/// The ETag of a representation, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

impl From<Sequence> for Tag {
    fn from(version: Sequence) -> Self {
        Self(version.to_string())
    }
}

impl Tag {
    /// Of a version that is shown together with when somebody was seen last: another time is another representation.
    pub fn of_seen(version: Sequence, seen_ms: Option<u64>) -> Self {
        match seen_ms {
            None => version.into(),
            Some(ms) => Self(format!("{version}-{ms}")),
        }
    }
}

/// What a request says of versions.
#[derive(Debug, Clone)]
pub struct Conditions {
    matches: Named,
    none_matches: Named,
}

/// What a header names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// There is no such header.
    Nothing,
    /// `*`: whatever is there.
    Anything,
    These(Vec<Entry>),
    /// It is no list of tags.
    Malformed,
}

/// An entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    weak: bool,
    opaque: String,
}

/// The versions that a change may be based on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Whichever there is.
    Any,
    /// This one.
    One(Sequence),
    /// One of these; none at all if no tag was ever given for what is to be changed.
    OneOf(Vec<Sequence>),
}

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl Conditions {
    fn of(headers: &HeaderMap) -> Self {
        Self {
            matches: named(headers, header::IF_MATCH),
            none_matches: named(headers, header::IF_NONE_MATCH),
        }
    }

    /// What a change is based on, if the client said so. Weak tags are like no version here: what they name may differ.
    pub fn base(&self) -> Result<Base, Problem> {
        match &self.matches {
            Named::Nothing | Named::Anything => Ok(Base::Any),
            Named::Malformed => Err(HubError::invalid(vec![field_error(
                "If-Match",
                "must be `*`, or ETags in quotes with commas between them",
            )])
            .into()),
            Named::These(entries) => {
                let strong = entries.iter().filter(|entry| !entry.weak);
                let mut versions: Vec<Sequence> = strong.filter_map(version).collect();
                versions.sort_unstable();
                versions.dedup();
                Ok(match versions[..] {
                    [one] => Base::One(one),
                    _ => Base::OneOf(versions),
                })
            }
        }
    }

    /// Whether the client has this already. Weak tags count: they name the same.
    fn has(&self, tag: &Tag) -> bool {
        match &self.none_matches {
            Named::Nothing | Named::Malformed => false,
            Named::Anything => true,
            Named::These(entries) => entries.iter().any(|entry| entry.opaque == tag.0),
        }
    }

    /// A representation with its tag, or that the client has it.
    pub fn answer(&self, tag: impl Into<Tag>, value: &impl Serialize) -> Response {
        let tag = tag.into();
        match self.has(&tag) {
            true => tagged(StatusCode::NOT_MODIFIED.into_response(), tag),
            false => tagged(json(StatusCode::OK, value), tag),
        }
    }
}

impl Base {
    /// The version that a change is to name. What there is now is looked at only if more than one version would do, or none
    /// can; the answer is `conflict` then. Between this look and the change nothing is lost: the change names what was seen.
    pub async fn expected(
        self,
        now: impl Future<Output = Result<Sequence, Problem>>,
        conflict: &'static ErrorCode,
    ) -> Result<Option<Sequence>, Problem> {
        match self {
            Base::Any => Ok(None),
            Base::One(version) => Ok(Some(version)),
            Base::OneOf(versions) => {
                let now = now.await?;
                let named = versions.contains(&now);
                named.then_some(Some(now)).ok_or(Problem::new(conflict))
            }
        }
    }
}

/// An answer with the tag of what it shows.
pub fn tagged(mut answer: Response, tag: impl Into<Tag>) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", tag.into().0)) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

/// The version that a tag of ours stands for.
fn version(entry: &Entry) -> Option<Sequence> {
    let plain = entry.opaque.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| entry.opaque.parse().ok()).flatten();
    number.map(Sequence)
}

fn named(headers: &HeaderMap, name: HeaderName) -> Named {
    let values = headers.get_all(name).iter();
    let texts: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    if texts.is_empty() {
        return Named::Nothing;
    }
    let text = texts.join(",");
    match text.trim() {
        "*" => Named::Anything,
        list => entries(list).map_or(Named::Malformed, Named::These),
    }
}

/// Reads a list of entity tags; a comma within quotes is part of a tag.
fn entries(list: &str) -> Option<Vec<Entry>> {
    let between = |c: char| matches!(c, ' ' | '\t' | ',');
    let mut found = Vec::new();
    let mut rest = list.trim_matches(between);
    while !rest.is_empty() {
        let strong = rest.strip_prefix("W/");
        let (opaque, behind) = strong.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
        if opaque.chars().any(|c| c == ' ' || c.is_control()) {
            return None;
        }
        found.push(Entry {
            weak: strong.is_some(),
            opaque: opaque.to_owned(),
        });
        let next = behind.trim_start_matches([' ', '\t']);
        if !next.is_empty() && !next.starts_with(',') {
            return None;
        }
        rest = next.trim_start_matches(between);
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::VERSION_CONFLICT;
    use futures_util::FutureExt;

    fn conditions(matches: &str, none_matches: &str) -> Conditions {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::IF_MATCH, matches),
            (header::IF_NONE_MATCH, none_matches),
        ] {
            if !value.is_empty() {
                headers.insert(name, value.parse().expect("a header"));
            }
        }
        Conditions::of(&headers)
    }

    #[test]
    fn a_change_names_one_version_or_several_or_none() {
        let base = |text| conditions(text, "").base().ok();
        let several = |versions: &[u64]| {
            Some(Base::OneOf(
                versions.iter().copied().map(Sequence).collect(),
            ))
        };
        assert_eq!((base(""), base("*")), (Some(Base::Any), Some(Base::Any)));
        for one in ["\"7\"", " \"7\" ,", "\"7\", W/\"8\"", "\"7\",\"a,b\",\"7\""] {
            assert_eq!(base(one), Some(Base::One(Sequence(7))), "{one}");
        }
        assert_eq!(base("\"8\", \"7\""), several(&[7, 8]));
        for foreign in ["W/\"7\"", "\"x\"", "\"\"", "\"+7\"", "\"7-1\""] {
            assert_eq!(base(foreign), several(&[]), "{foreign}");
        }
        for malformed in ["7", "\"7", "\"7\" \"8\"", "*, \"7\"", "\"a b\"", ","] {
            assert_eq!(base(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn several_versions_are_held_against_the_one_there_is() {
        let expected = |base: Base, now| {
            let now = async move { Ok(Sequence(now)) };
            let expected = base.expected(now, VERSION_CONFLICT).now_or_never();
            expected.expect("at once").ok()
        };
        let several = || Base::OneOf(vec![Sequence(7), Sequence(8)]);
        assert_eq!(expected(several(), 8), Some(Some(Sequence(8))));
        assert_eq!(expected(several(), 9), None);
        assert_eq!(expected(Base::OneOf(Vec::new()), 0), None);
        assert_eq!(expected(Base::Any, 9), Some(None));
        assert_eq!(expected(Base::One(Sequence(7)), 9), Some(Some(Sequence(7))));
    }

    #[test]
    fn whoever_has_the_version_is_told_so() {
        let has = |text| conditions("", text).has(&Sequence(7).into());
        assert!(has("\"7\"") && has("W/\"7\"") && has("\"6\" , \"7\"") && has("*"));
        assert!(!has("") && !has("\"70\"") && !has("7") && !has("\"7-5\""));
        let answer = conditions("", "\"7\"").answer(Sequence(7), &1);
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer.headers()[header::ETAG], "\"7\"");
        let answer = conditions("", "\"6\"").answer(Sequence(7), &1);
        assert_eq!(answer.status(), StatusCode::OK);
        let seen = || Tag::of_seen(Sequence(7), Some(5));
        assert!(conditions("", "\"7-5\"").has(&seen()) && !conditions("", "\"7\"").has(&seen()));
    }
}
