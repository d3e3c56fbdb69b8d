//! Tokens of an outside issuer: what is accepted, and everything that forgers try.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actors::clock::Clock;
use actors::ids::{Timestamp, UserId};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as B64};
use chaos::issuer::{IssuerKey, key_set};
use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::issuer::{FetchError, IssuerKeys, IssuerLimits, KeyRefused, Source};
use super::{AuthRefused, Authenticate, Identity, JwtAuthenticator};
use crate::config::{AuthConfig, Secret};

const SECRET: &str = "a secret of the tests, long enough";
const NOW: u64 = 1_800_000_000;

static RSA: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("rsa-1").expect("made"));
static EC: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::p256("ec-1").expect("made"));
static FOREIGN: LazyLock<IssuerKey> = LazyLock::new(|| IssuerKey::rsa("rsa-1").expect("made"));

struct Fixed;
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp(NOW * 1_000)
    }
}

/// Always the same document.
struct Still(Value);
impl Source for Still {
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>> {
        Box::pin(async { Ok(self.0.to_string().into_bytes()) })
    }
}

async fn among(document: Value, config: AuthConfig) -> JwtAuthenticator {
    let limits = IssuerLimits::from(&config);
    let keys = IssuerKeys::begin(Arc::new(Still(document)), limits).await;
    JwtAuthenticator::new(&Secret::new(SECRET), &config, Arc::new(Fixed))
        .with_issuer(Arc::new(keys), &config)
}

async fn authenticator() -> JwtAuthenticator {
    let document = key_set(&[&RSA, &EC]).expect("a set");
    among(document, AuthConfig::default()).await
}

fn claims() -> Value {
    json!({"sub": "ana", "role": "organizer", "exp": NOW + 60, "iss": "https://id.example", "aud": "hub"})
}

fn with_secret(secret: &[u8], kid: Option<&str>) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = kid.map(str::to_owned);
    encode(&header, &claims(), &EncodingKey::from_secret(secret)).expect("signed")
}

#[tokio::test]
async fn both_algorithms_are_accepted_beside_own_tokens_or_alone() {
    let both = authenticator().await;
    let config = AuthConfig {
        accept_own_tokens: false,
        issuer: "https://id.example".into(),
        audience: "hub".into(),
        ..AuthConfig::default()
    };
    let alone = among(key_set(&[&RSA, &EC]).expect("a set"), config).await;
    let expected = Identity {
        user: UserId::parse("ana").expect("valid"),
        role: "organizer".into(),
        expires_at: Some(Timestamp((NOW + 60) * 1_000)),
    };
    for key in [&*RSA, &*EC] {
        let token = key.sign(&claims()).expect("signed");
        assert_eq!(both.authenticate(&token).as_ref(), Ok(&expected));
        assert_eq!(alone.authenticate(&token).as_ref(), Ok(&expected));
        let nameless = json!({"alg": key.algorithm()});
        let nameless = key.sign_under(&nameless, &claims()).expect("signed");
        assert_eq!(both.authenticate(&nameless).as_ref(), Ok(&expected));
    }
    let own = with_secret(SECRET.as_bytes(), None);
    assert_eq!(both.authenticate(&own).as_ref(), Ok(&expected));
    assert_eq!(alone.authenticate(&own), Err(AuthRefused::Algorithm));
}

#[tokio::test]
async fn claims_of_an_outside_token_are_checked_like_those_of_an_own_one() {
    let config = AuthConfig {
        issuer: "https://id.example".into(),
        audience: "hub".into(),
        ..AuthConfig::default()
    };
    let strict = among(key_set(&[&RSA, &EC]).expect("a set"), config).await;
    for (name, value, expected) in [
        ("exp", json!(NOW), AuthRefused::Expired),
        ("exp", Value::Null, AuthRefused::Missing("exp")),
        ("nbf", json!(NOW + 1), AuthRefused::NotYetValid),
        ("iss", json!("https://other.example"), AuthRefused::Issuer),
        ("iss", Value::Null, AuthRefused::Missing("iss")),
        ("aud", json!(["x", "y"]), AuthRefused::Audience),
        ("sub", Value::Null, AuthRefused::Missing("sub")),
        ("role", json!(7), AuthRefused::Claim("role")),
    ] {
        for key in [&*RSA, &*EC] {
            let mut claims = claims();
            claims[name] = value.clone();
            let token = key.sign(&claims).expect("signed");
            assert_eq!(strict.authenticate(&token), Err(expected), "{name}");
        }
    }
}

#[tokio::test]
async fn a_public_key_is_never_taken_for_a_secret() {
    let hub = authenticator().await;
    let key = RSA.published().expect("a key");
    let text = |name: &str| key[name].as_str().expect("a text");
    let n = B64.decode(text("n")).expect("base64");
    // What a careless server hands to its HMAC: the modulus, the key as JSON, the key as PEM.
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64_STANDARD.encode(&n)
    );
    let secrets: [&[u8]; 4] = [
        &n,
        text("n").as_bytes(),
        key.to_string().as_bytes(),
        pem.as_bytes(),
    ]
    .map(|secret: &[u8]| &*Vec::leak(secret.to_vec()));
    for secret in secrets {
        for kid in [None, Some("rsa-1"), Some("ec-1")] {
            let forged = with_secret(secret, kid);
            assert_eq!(hub.authenticate(&forged), Err(AuthRefused::Signature));
        }
    }
    // And a published secret is none: the set's symmetric keys are not used.
    let oct = json!({"keys": [{"kty": "oct", "kid": "s", "alg": "HS256", "k": B64.encode("k".repeat(32))}]});
    let hub = among(oct, AuthConfig::default()).await;
    let forged = with_secret("k".repeat(32).as_bytes(), Some("s"));
    assert_eq!(hub.authenticate(&forged), Err(AuthRefused::Signature));
    let named = RSA.sign_under(&json!({"alg": "RS256", "kid": "s"}), &claims());
    let refused = AuthRefused::UnusableKey(KeyRefused::Kind);
    assert_eq!(hub.authenticate(&named.expect("signed")), Err(refused));
}

#[tokio::test]
async fn a_head_changes_nothing_but_which_key_is_tried() {
    let hub = authenticator().await;
    let signed = |key: &IssuerKey, head: Value| {
        let token = key.sign_under(&head, &claims()).expect("signed");
        hub.authenticate(&token).map(|_| ())
    };
    for (head, expected) in [
        // Not signed, or by methods that the key is not for.
        (
            json!({"alg": "none", "kid": "rsa-1"}),
            AuthRefused::Algorithm,
        ),
        (
            json!({"alg": "None", "kid": "rsa-1"}),
            AuthRefused::Algorithm,
        ),
        (json!({"kid": "rsa-1"}), AuthRefused::Algorithm),
        (
            json!({"alg": "RS512", "kid": "rsa-1"}),
            AuthRefused::Algorithm,
        ),
        (
            json!({"alg": "PS256", "kid": "rsa-1"}),
            AuthRefused::Algorithm,
        ),
        (
            json!({"alg": "rs256", "kid": "rsa-1"}),
            AuthRefused::Algorithm,
        ),
        (
            json!({"alg": "ES256", "kid": "rsa-1"}),
            AuthRefused::Algorithm,
        ),
        (
            json!({"alg": "RS256", "kid": "ec-1"}),
            AuthRefused::Algorithm,
        ),
        (
            json!({"alg": ["RS256"], "kid": "rsa-1"}),
            AuthRefused::Malformed,
        ),
        (
            json!({"alg": "HS256", "kid": "rsa-1"}),
            AuthRefused::Signature,
        ),
        (
            json!({"alg": "ES256", "kid": "ec-1"}),
            AuthRefused::Signature,
        ),
        (json!({"alg": "ES256"}), AuthRefused::Signature),
        // Names that are none of the issuer's.
        (
            json!({"alg": "RS256", "kid": "rsa-2"}),
            AuthRefused::UnknownKey,
        ),
        (json!({"alg": "RS256", "kid": ""}), AuthRefused::UnknownKey),
        (
            json!({"alg": "RS256", "kid": "../rsa-1"}),
            AuthRefused::UnknownKey,
        ),
        (json!({"alg": "RS256", "kid": 1}), AuthRefused::Malformed),
        (
            json!({"alg": "RS256", "kid": "rsa-1", "crit": ["exp"]}),
            AuthRefused::Extension,
        ),
    ] {
        assert_eq!(signed(&RSA, head.clone()), Err(expected), "{head}");
    }
    // Its own key in the token, or where to find it, is not looked at.
    let own = FOREIGN.published().expect("a key");
    let carried =
        json!({"alg": "RS256", "kid": "rsa-1", "jwk": own, "jku": "https://forger.example/keys"});
    assert_eq!(
        signed(&FOREIGN, carried.clone()),
        Err(AuthRefused::Signature)
    );
    assert_eq!(signed(&RSA, carried), Ok(()));
    // Twice the same field.
    let head = B64.encode(r#"{"alg":"RS256","alg":"HS256","kid":"rsa-1"}"#);
    let token = RSA.sign(&claims()).expect("signed");
    let (_, rest) = token.split_once('.').expect("a token");
    let twice = hub.authenticate(&format!("{head}.{rest}"));
    assert_eq!(twice, Err(AuthRefused::Malformed));
}

#[tokio::test]
async fn changed_cut_swollen_and_foreign_tokens_are_refused() {
    let hub = authenticator().await;
    for key in [&*RSA, &*EC] {
        let token = key.sign(&claims()).expect("signed");
        let parts: Vec<&str> = token.split('.').collect();
        let [head, body, signature] = parts[..] else {
            panic!("three parts");
        };
        let mut others = claims();
        others["sub"] = json!("eve");
        let others = B64.encode(others.to_string());
        for forged in [
            format!("{head}.{others}.{signature}"),
            format!("{head}.{body}."),
            format!("{head}.{body}.{}", B64.encode([0; 64])),
            format!("{head}.{body}.{}", B64.encode([0xff; 256])),
        ] {
            let refused = hub.authenticate(&forged);
            assert_eq!(refused, Err(AuthRefused::Signature), "{forged}");
        }
        for broken in [
            format!("{head}.{body}"),
            format!("{head}.{body}.{signature}.{signature}"),
            format!("{head}={body}.{signature}"),
            format!(".{body}.{signature}"),
        ] {
            let refused = hub.authenticate(&broken);
            assert_eq!(refused, Err(AuthRefused::Malformed), "{broken}");
        }
        let huge = json!({"alg": key.algorithm(), "filler": "x".repeat(20_000)});
        let huge = key.sign_under(&huge, &claims()).expect("signed");
        assert_eq!(hub.authenticate(&huge), Err(AuthRefused::TooLong));
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        let deep = format!(r#"{{"alg":"{}","deep":{deep}}}"#, key.algorithm());
        let deep = hub.authenticate(&format!("{}.{body}.{signature}", B64.encode(deep)));
        assert_eq!(deep, Err(AuthRefused::Malformed));
    }
    let foreign = FOREIGN.sign(&claims()).expect("signed");
    assert_eq!(hub.authenticate(&foreign), Err(AuthRefused::Signature));
}

#[tokio::test(start_paused = true)]
async fn without_keys_the_reason_is_told_and_own_tokens_go_on() {
    let none = among(json!("no set"), AuthConfig::default()).await;
    let token = RSA.sign(&claims()).expect("signed");
    let refused = none.authenticate(&token).expect_err("no keys");
    assert_eq!(refused, AuthRefused::NoKeys);
    assert!(refused.to_string().contains("try again"), "{refused}");
    assert!(
        none.authenticate(&with_secret(SECRET.as_bytes(), None))
            .is_ok()
    );

    let hub = authenticator().await;
    assert!(hub.authenticate(&token).is_ok());
    tokio::time::sleep(Duration::from_secs(7 * 24 * 3_600)).await;
    assert!(hub.authenticate(&token).is_ok(), "they are refreshed");

    let plain = JwtAuthenticator::new(
        &Secret::new(SECRET),
        &AuthConfig::default(),
        Arc::new(Fixed),
    );
    assert_eq!(plain.authenticate(&token), Err(AuthRefused::Algorithm));
}
