//! Every way a token can be refused, and what an accepted one says.

use super::*;
use crate::auth::ROLE_URI;
use actors::ids::Timestamp;
use actors::machines::terms::PlatformRole;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;

const SECRET: &str = "a secret of the tests, long enough";
const NOW: u64 = 1_800_000_000;

struct Fixed(u64);
impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp(self.0)
    }
}

fn authenticator(config: AuthConfig) -> JwtAuthenticator {
    JwtAuthenticator::new(&Secret::new(SECRET), &config, Arc::new(Fixed(NOW * 1_000)))
}

fn signed(algorithm: Algorithm, secret: &str, claims: Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), &claims, &key).expect("signed")
}

fn check(claims: Value) -> Result<Identity, AuthRefused> {
    authenticator(AuthConfig::default()).authenticate(&signed(Algorithm::HS256, SECRET, claims))
}

fn strict() -> AuthConfig {
    AuthConfig {
        issuer: "https://id.example".into(),
        audience: "hub".into(),
        clock_skew_seconds: 30,
        ..AuthConfig::default()
    }
}

#[test]
fn what_is_issued_is_accepted_until_it_expires_and_not_a_moment_longer() {
    let issuer = authenticator(strict());
    let user = UserId::parse("ana").expect("valid");
    let token = issuer.issue(&user, Some("musician"), 60).expect("issued");
    let at = |ms: u64| {
        JwtAuthenticator::new(
            &Secret::new(SECRET),
            &AuthConfig {
                clock_skew_seconds: 0,
                ..strict()
            },
            Arc::new(Fixed(NOW * 1_000 + ms)),
        )
        .authenticate(&token)
    };
    let identity = at(0).expect("accepted");
    assert_eq!(identity.user, user);
    assert_eq!(identity.role, "musician");
    assert_eq!(identity.expires_at, Some(Timestamp((NOW + 60) * 1_000)));
    assert!(at(59_999).is_ok());
    assert_eq!(at(60_000), Err(AuthRefused::Expired));
}

#[test]
fn clock_skew_is_allowed_only_as_configured() {
    let lenient = authenticator(AuthConfig {
        clock_skew_seconds: 30,
        ..AuthConfig::default()
    });
    let token = |claims| signed(Algorithm::HS256, SECRET, claims);
    let late = token(json!({"sub": "ana", "exp": NOW - 29}));
    let later = token(json!({"sub": "ana", "exp": NOW - 30}));
    let early = token(json!({"sub": "ana", "exp": NOW + 60, "nbf": NOW + 30}));
    let earlier = token(json!({"sub": "ana", "exp": NOW + 60, "nbf": NOW + 31}));
    let accepted = lenient.authenticate(&late).expect("within the skew");
    assert_eq!(accepted.expires_at, Some(Timestamp((NOW + 1) * 1_000)));
    assert_eq!(lenient.authenticate(&later), Err(AuthRefused::Expired));
    assert!(lenient.authenticate(&early).is_ok());
    assert_eq!(
        lenient.authenticate(&earlier),
        Err(AuthRefused::NotYetValid)
    );
    let exact = authenticator(AuthConfig::default());
    assert_eq!(exact.authenticate(&late), Err(AuthRefused::Expired));
    assert_eq!(exact.authenticate(&early), Err(AuthRefused::NotYetValid));
}

#[test]
fn only_hs256_by_the_right_key_is_accepted() {
    let claims = json!({"sub": "ana", "exp": NOW + 60});
    let exact = authenticator(AuthConfig::default());
    let refused = |token: &str| exact.authenticate(token).expect_err("refused");
    let other = signed(
        Algorithm::HS256,
        "another secret, also long enough!",
        claims.clone(),
    );
    assert_eq!(refused(&other), AuthRefused::Signature);
    let hs512 = signed(Algorithm::HS512, SECRET, claims.clone());
    assert_eq!(refused(&hs512), AuthRefused::Algorithm);

    let good = signed(Algorithm::HS256, SECRET, claims.clone());
    let parts: Vec<&str> = good.split('.').collect();
    let body = B64.encode(json!({"sub": "eve", "exp": NOW + 60}).to_string());
    let forged = format!("{}.{body}.{}", parts[0], parts[2]);
    assert_eq!(refused(&forged), AuthRefused::Signature);
    for alg in ["none", "None", "RS256", "ES256"] {
        let header = B64.encode(json!({"alg": alg, "typ": "JWT"}).to_string());
        for signature in ["", parts[2]] {
            let error = refused(&format!("{header}.{}.{signature}", parts[1]));
            assert!(
                matches!(error, AuthRefused::Algorithm | AuthRefused::Malformed),
                "{alg}: {error}"
            );
        }
    }
    for garbage in [
        "",
        ".",
        "..",
        "a.b.c",
        "not a token",
        &good[..good.len() / 2],
    ] {
        let error = refused(garbage);
        assert!(
            matches!(error, AuthRefused::Malformed | AuthRefused::Signature),
            "{garbage:?}: {error}"
        );
    }
}

#[test]
fn expiry_and_subject_are_required_and_must_make_sense() {
    let refused = |claims| check(claims).expect_err("refused");
    assert_eq!(refused(json!({"sub": "ana"})), AuthRefused::Missing("exp"));
    assert_eq!(
        refused(json!({"exp": NOW + 60})),
        AuthRefused::Missing("sub")
    );
    for exp in [json!("soon"), json!(-5), json!(true), json!({})] {
        assert_eq!(
            refused(json!({"sub": "ana", "exp": exp})),
            AuthRefused::Claim("exp")
        );
    }
    for sub in [
        json!(5),
        json!(""),
        json!("a\u{0}b"),
        json!("x".repeat(129)),
    ] {
        assert_eq!(
            refused(json!({"sub": sub, "exp": NOW + 60})),
            AuthRefused::Claim("sub")
        );
    }
    let fraction = check(json!({"sub": "ana", "exp": NOW as f64 + 0.5})).expect("accepted");
    assert_eq!(fraction.expires_at, Some(Timestamp(NOW * 1_000 + 500)));
    let huge = check(json!({"sub": "ana", "exp": 1e300})).expect("accepted");
    assert_eq!(huge.expires_at, Some(Timestamp(u64::MAX)));
}

#[test]
fn issuer_and_audience_are_checked_when_configured() {
    let strict = authenticator(strict());
    let refused = |claims: Value| {
        let mut all = json!({"sub": "ana", "exp": NOW + 60});
        for (name, value) in claims.as_object().expect("an object") {
            all[name] = value.clone();
        }
        strict
            .authenticate(&signed(Algorithm::HS256, SECRET, all))
            .err()
    };
    let iss = "https://id.example";
    assert_eq!(refused(json!({"iss": iss, "aud": "hub"})), None);
    assert_eq!(refused(json!({"iss": iss, "aud": ["x", "hub"]})), None);
    assert_eq!(
        refused(json!({"iss": "me", "aud": "hub"})),
        Some(AuthRefused::Issuer)
    );
    assert_eq!(
        refused(json!({"iss": iss, "aud": "x"})),
        Some(AuthRefused::Audience)
    );
    assert_eq!(
        refused(json!({"aud": "hub"})),
        Some(AuthRefused::Missing("iss"))
    );
    assert_eq!(
        refused(json!({"iss": iss})),
        Some(AuthRefused::Missing("aud"))
    );
    let any = check(json!({"sub": "ana", "exp": NOW + 60, "iss": "x", "aud": "y"}));
    assert!(any.is_ok(), "without configuration any is accepted");
}

#[test]
fn roles_come_from_either_claim_and_only_from_texts() {
    let role = |claims: Value| {
        let mut all = json!({"sub": "ana", "exp": NOW + 60});
        for (name, value) in claims.as_object().expect("an object") {
            all[name] = value.clone();
        }
        check(all).map(|identity| identity.role)
    };
    assert_eq!(role(json!({})), Ok(String::new()));
    assert_eq!(role(json!({"role": "admin"})), Ok("admin".into()));
    assert_eq!(role(json!({ROLE_URI: "organizer"})), Ok("organizer".into()));
    assert_eq!(
        role(json!({"role": ["moderator", "user"]})),
        Ok("moderator".into())
    );
    for wrong in [json!(1), json!({"a": 1}), json!("r".repeat(65)), json!([2])] {
        assert_eq!(
            role(json!({"role": wrong})),
            Err(AuthRefused::Claim("role"))
        );
    }
}

#[test]
fn a_token_without_a_subject_names_its_user_in_another_claim() {
    let user = |claims: Value| {
        let mut all = json!({"exp": NOW + 60});
        for (name, value) in claims.as_object().expect("an object") {
            all[name] = value.clone();
        }
        check(all).map(|identity| identity.user.as_str().to_owned())
    };
    assert_eq!(user(json!({"UserId": "ana"})), Ok("ana".into()));
    assert_eq!(
        user(json!({"sub": null, "UserId": "ana"})),
        Ok("ana".into())
    );
    assert_eq!(
        user(json!({"sub": "ben", "UserId": "ana"})),
        Ok("ben".into())
    );
    assert_eq!(
        user(json!({"sub": 5, "UserId": "ana"})),
        Err(AuthRefused::Claim("sub")),
        "a wrong subject is not passed over"
    );
    assert_eq!(
        user(json!({"UserId": 7})),
        Err(AuthRefused::Claim("UserId"))
    );
    assert_eq!(
        user(json!({"userid": "ana"})),
        Err(AuthRefused::Missing("sub"))
    );
}

#[test]
fn a_role_means_what_the_platform_knows_or_the_least() {
    let role = |role: Value| {
        let identity = check(json!({"sub": "ana", "exp": NOW + 60, "role": role}));
        identity.expect("accepted").platform_role()
    };
    for known in PlatformRole::ALL {
        assert_eq!(role(json!(known.as_str())), known);
    }
    assert_eq!(role(json!(["organizer", "admin"])), PlatformRole::Organizer);
    for strange in [json!(""), json!("Admin"), json!("root"), Value::Null] {
        assert_eq!(role(strange), PlatformRole::User);
    }
}

#[test]
fn a_token_that_is_too_long_or_demands_more_than_is_known_is_refused_unread() {
    let exact = authenticator(AuthConfig {
        token_bytes: 1_000,
        ..AuthConfig::default()
    });
    let long = |bytes: usize| {
        let claims = json!({"sub": "ana", "exp": NOW + 60, "more": "x".repeat(bytes)});
        exact.authenticate(&signed(Algorithm::HS256, SECRET, claims))
    };
    assert!(long(500).is_ok());
    assert_eq!(long(1_000), Err(AuthRefused::TooLong));
    assert_eq!(
        exact.authenticate(&".".repeat(1_001)),
        Err(AuthRefused::TooLong)
    );
    let mut header = Header::new(Algorithm::HS256);
    header.crit = Some(vec!["b64".into()]);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = encode(&header, &json!({"sub": "ana", "exp": NOW + 60}), &key).expect("signed");
    assert_eq!(exact.authenticate(&token), Err(AuthRefused::Extension));
}

#[test]
fn own_tokens_are_refused_where_they_are_not_wanted() {
    let authenticator = authenticator(AuthConfig {
        accept_own_tokens: false,
        ..AuthConfig::default()
    });
    let token = signed(
        Algorithm::HS256,
        SECRET,
        json!({"sub": "ana", "exp": NOW + 60}),
    );
    assert_eq!(
        authenticator.authenticate(&token),
        Err(AuthRefused::Algorithm)
    );
}
