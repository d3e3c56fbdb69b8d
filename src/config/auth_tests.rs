//! Tests of what contradicts itself among the settings of tokens.

use super::*;
use crate::config::{FileChoice, Sources, load};

/// What is wrong with these settings, by key.
fn wrong(settings: &[(&str, &str)]) -> Vec<String> {
    let flags = settings
        .iter()
        .map(|(key, value)| ("--set".into(), format!("auth.{key}"), (*value).into()));
    let loaded = load(&Sources {
        file: FileChoice::None,
        env: Vec::new(),
        flags: flags.collect(),
    });
    let problems = loaded.err().map(|problems| problems.0).unwrap_or_default();
    problems.into_iter().map(|problem| problem.key).collect()
}

const URL: (&str, &str) = ("jwks_url", "https://id.example/keys");
const FILE: (&str, &str) = ("jwks_file", "/etc/hub/keys.json");

#[test]
fn an_issuer_alone_or_beside_own_tokens_is_valid() {
    for settings in [
        &[URL][..],
        &[FILE],
        &[URL, ("accept_own_tokens", "false")],
        &[("jwks_url", ""), ("jwks_file", "")],
        &[
            URL,
            ("jwks_refresh_seconds", "60"),
            ("jwks_stale_seconds", "60"),
        ],
        &[("jwks_url", "http://id.example"), ("jwks_insecure", "true")],
        // What stands at its default harms nobody: `check-config` prints it all.
        &[("jwks_refresh_seconds", "300")],
    ] {
        assert!(
            wrong(settings).is_empty(),
            "{settings:?}: {:?}",
            wrong(settings)
        );
    }
}

#[test]
fn every_contradiction_is_named_by_its_key() {
    for (settings, key) in [
        (&[URL, FILE][..], "auth.jwks_file"),
        (&[("accept_own_tokens", "false")], "auth.accept_own_tokens"),
        (&[("jwks_insecure", "true")], "auth.jwks_insecure"),
        (&[URL, ("jwks_insecure", "true")], "auth.jwks_insecure"),
        (
            &[("jwks_refresh_seconds", "60")],
            "auth.jwks_refresh_seconds",
        ),
        (&[("jwks_keys", "5")], "auth.jwks_keys"),
        (&[URL, ("jwks_keys", "0")], "auth.jwks_keys"),
        (&[URL, ("jwks_fetch_ms", "0")], "auth.jwks_fetch_ms"),
        (
            &[URL, ("jwks_min_refresh_seconds", "301")],
            "auth.jwks_min_refresh_seconds",
        ),
        (
            &[URL, ("jwks_stale_seconds", "299")],
            "auth.jwks_stale_seconds",
        ),
        (&[("token_bytes", "0")], "auth.token_bytes"),
        (&[("jwks_url", "https://user@id.example/")], "auth.jwks_url"),
    ] {
        assert_eq!(wrong(settings), [key], "{settings:?}");
    }
}

#[test]
fn plain_http_goes_to_this_machine_only() {
    let address = |url: &str, insecure: bool| {
        let config = AuthConfig {
            jwks_url: url.into(),
            jwks_insecure: insecure,
            ..AuthConfig::default()
        };
        config.jwks_address().map(|uri| uri.to_string())
    };
    for url in [
        "http://localhost/keys",
        "http://LOCALHOST:81/keys",
        "http://127.0.0.1:8080/keys",
        "http://127.9.9.9/keys",
        "http://[::1]:8080/keys",
        "https://id.example/keys?v=1",
    ] {
        assert!(address(url, false).is_ok(), "{url}");
    }
    for url in [
        "http://id.example/keys",
        "http://localhost.example/keys",
        "http://127.0.0.1.example/keys",
        "http://10.0.0.1/keys",
        "http://0.0.0.0/keys",
    ] {
        let refused = address(url, false).expect_err("refused");
        assert!(refused.contains("jwks_insecure"), "{url}: {refused}");
        assert!(address(url, true).is_ok(), "{url}");
    }
    for url in [
        "id.example/keys",
        "/keys",
        "https:///keys",
        "ftp://id.example/keys",
        "file:///etc/passwd",
        "http://127.0.0.1@id.example/keys",
        "https://id.example:port/",
        "not an address",
    ] {
        assert!(address(url, true).is_err(), "{url}");
    }
}
