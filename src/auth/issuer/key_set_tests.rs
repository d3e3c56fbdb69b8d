//! Which published keys are used, why the others are not, and which key a token is checked with.

use super::*;
use chaos::issuer::IssuerKey as Key;
use serde_json::{Value, json};

fn parse(keys: &[Value]) -> KeySet {
    let document = json!({ "keys": keys }).to_string();
    KeySet::parse(document.as_bytes(), 64).expect("a set")
}

fn published(key: &Key) -> Value {
    key.published().expect("a key")
}

/// A key with other fields; `null` removes one.
fn with(key: &Value, changes: Value) -> Value {
    let mut key = key.clone();
    for (name, value) in changes.as_object().expect("fields") {
        key[name] = value.clone();
    }
    let fields = key.as_object_mut().expect("fields");
    fields.retain(|_, value| !value.is_null());
    key
}

fn number_of(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    if !bits.is_multiple_of(8) {
        bytes[0] = (1 << (bits % 8)) - 1;
    }
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn reason(key: Value) -> Option<KeyRefused> {
    let set = parse(&[key]);
    assert_eq!(set.len() + set.refused().len(), 1);
    set.refused().first().map(|(_, reason)| *reason)
}

#[test]
fn every_fault_of_a_key_has_its_reason_and_a_sound_key_has_none() {
    let rsa = published(&Key::rsa("r").expect("made"));
    let ec = published(&Key::p256("e").expect("made"));
    for key in [&rsa, &ec] {
        assert_eq!(reason(key.clone()), None);
        let bare = with(key, json!({"use": null, "alg": null, "kid": null}));
        assert_eq!(reason(bare), None, "use, alg and kid may be missing");
        let verifies = with(key, json!({"key_ops": ["verify"], "x5c": [5], "more": {}}));
        assert_eq!(reason(verifies), None, "unknown fields may hold anything");
    }
    let padded = format!("AAAA{}", number_of(2_048));
    let point = |x: &str| with(&ec, json!({ "x": x }));
    for (key, expected) in [
        (
            json!({"kty": "oct", "k": "AAAA", "kid": "s"}),
            KeyRefused::Kind,
        ),
        (
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
            KeyRefused::Kind,
        ),
        (with(&rsa, json!({"use": "enc"})), KeyRefused::Use),
        (with(&ec, json!({"key_ops": ["sign"]})), KeyRefused::Use),
        (with(&rsa, json!({"alg": "RS512"})), KeyRefused::Algorithm),
        (with(&rsa, json!({"alg": "HS256"})), KeyRefused::Algorithm),
        (with(&rsa, json!({"alg": "ES256"})), KeyRefused::Algorithm),
        (with(&ec, json!({"alg": "RS256"})), KeyRefused::Algorithm),
        (
            with(&ec, json!({"crv": "P-384", "alg": "ES384"})),
            KeyRefused::Curve,
        ),
        (with(&ec, json!({"crv": "secp256k1"})), KeyRefused::Curve),
        (with(&ec, json!({"crv": null})), KeyRefused::Curve),
        (point(&number_of(256)), KeyRefused::Point),
        (point("AAAA"), KeyRefused::Malformed),
        (
            with(&rsa, json!({"n": number_of(1_024)})),
            KeyRefused::Size { bits: 1_024 },
        ),
        (
            with(&rsa, json!({"n": number_of(2_047)})),
            KeyRefused::Size { bits: 2_047 },
        ),
        (
            with(&rsa, json!({"n": number_of(8_193)})),
            KeyRefused::Size { bits: 8_193 },
        ),
        (with(&rsa, json!({"n": ""})), KeyRefused::Size { bits: 0 }),
        (
            with(&rsa, json!({"n": "not base64!"})),
            KeyRefused::Malformed,
        ),
        (with(&rsa, json!({"n": null})), KeyRefused::Malformed),
        (with(&rsa, json!({"n": 5})), KeyRefused::Malformed),
        (with(&rsa, json!({"e": "AQ"})), KeyRefused::Exponent),
        (with(&rsa, json!({"e": "Ag"})), KeyRefused::Exponent),
        (
            with(&rsa, json!({"e": number_of(40)})),
            KeyRefused::Exponent,
        ),
        (with(&rsa, json!({"d": "AQAB"})), KeyRefused::Private),
        (
            with(&ec, json!({"kid": "k".repeat(513)})),
            KeyRefused::Malformed,
        ),
        (with(&ec, json!({"kty": null})), KeyRefused::Malformed),
        (json!("a text"), KeyRefused::Malformed),
    ] {
        assert_eq!(reason(key.clone()), Some(expected), "{key}");
    }
    let zeros = with(&rsa, json!({ "n": padded }));
    assert_eq!(reason(zeros), None, "zeros in front are no bits");
}

#[test]
fn one_bad_key_does_not_spoil_the_others_and_is_remembered_by_its_name() {
    let good = published(&Key::p256("good").expect("made"));
    let short = json!({"kty": "RSA", "kid": "short", "n": number_of(1_024), "e": "AQAB"});
    let set = parse(&[
        json!({"kty": 5, "kid": "odd"}),
        short,
        good.clone(),
        good,
        json!([]),
    ]);
    assert_eq!(set.names().collect::<Vec<_>>(), ["good"]);
    let refused = |kid: &str, reason| (Some(kid.to_owned()), reason);
    assert_eq!(
        set.refused(),
        [
            refused("odd", KeyRefused::Malformed),
            refused("short", KeyRefused::Size { bits: 1_024 }),
            refused("good", KeyRefused::Duplicate),
            (None, KeyRefused::Malformed),
        ]
    );
    let find = |kid: &str| set.find(Some(kid), Algorithm::RS256).err();
    let short = AuthRefused::UnusableKey(KeyRefused::Size { bits: 1_024 });
    assert_eq!(find("short"), Some(short));
    assert_eq!(find("good"), Some(AuthRefused::Algorithm));
    assert_eq!(find("none"), Some(AuthRefused::UnknownKey));
}

#[test]
fn a_token_without_a_name_finds_its_key_only_if_there_is_one_choice() {
    let keys = [
        Key::p256("a").expect("made"),
        Key::p256("b").expect("made"),
        Key::rsa("a").expect("made"),
    ];
    let keys: Vec<Value> = keys.iter().map(published).collect();
    let set = parse(&keys);
    assert_eq!(set.len(), 3, "a name may stand for a key of each kind");
    let of = |kid, algorithm| set.find(kid, algorithm).map(|key| key.algorithm());
    let (rs256, es256) = (Algorithm::RS256, Algorithm::ES256);
    assert_eq!(of(Some("a"), rs256), Ok(rs256));
    assert_eq!(of(Some("a"), es256), Ok(es256));
    assert_eq!(of(Some("b"), rs256), Err(AuthRefused::Algorithm));
    assert_eq!(of(Some(""), es256), Err(AuthRefused::UnknownKey));
    assert_eq!(of(None, rs256), Ok(rs256), "the only one of its kind");
    assert_eq!(of(None, es256), Err(AuthRefused::KeyNotNamed));
    let nameless = parse(&[with(&keys[0], json!({"kid": null}))]);
    let of = |kid, algorithm| nameless.find(kid, algorithm).map(|key| key.algorithm());
    assert_eq!(of(None, es256), Ok(es256));
    assert_eq!(of(None, rs256), Err(AuthRefused::UnknownKey));
    assert_eq!(of(Some("a"), es256), Err(AuthRefused::UnknownKey));
}

#[test]
fn a_document_that_is_no_set_is_refused_without_quoting_it() {
    let refused = |text: &str| KeySet::parse(text.as_bytes(), 2).expect_err("refused");
    for text in [
        "",
        "secret",
        "[]",
        "{}",
        r#"{"keys": {}}"#,
        r#"{"keys": []"#,
        "{\"keys\":\n secret}",
    ] {
        let error = refused(text);
        assert!(
            matches!(error, SetRefused::Malformed { .. }),
            "{text}: {error}"
        );
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let (actual, most) = (3, 2);
    assert_eq!(
        refused(r#"{"keys": [1, 2, 3]}"#),
        SetRefused::TooMany { actual, most }
    );
    let empty = KeySet::parse(br#"{"keys": [], "more": 1}"#, 2).expect("a set");
    assert!(empty.is_empty() && empty.refused().is_empty());
}
