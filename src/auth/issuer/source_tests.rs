//! Documents from files and from servers that are kind, large, slow, elsewhere or not there.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use tokio::net::TcpListener;

use super::super::{IssuerError, IssuerKeys, Standing};
use super::*;
use crate::config::AuthConfig;
use chaos::issuer::{IssuerKey, key_set};

const MOST: usize = 1_000;

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn fetch(address: SocketAddr, path: &str) -> Result<Vec<u8>, FetchError> {
    let address = format!("http://{address}{path}")
        .parse()
        .expect("an address");
    UrlSource::new(address, MOST)
        .expect("no TLS to set up")
        .fetch()
        .await
}

#[tokio::test]
async fn a_document_comes_whole_or_with_the_reason_why_not() {
    let asked_elsewhere = Arc::new(AtomicUsize::new(0));
    let counted = asked_elsewhere.clone();
    let elsewhere = get(move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
        "stolen"
    });
    let endless = || async {
        let chunk = || async { Some((Ok::<_, io::Error>(Bytes::from_static(&[b' '; 300])), ())) };
        Body::from_stream(futures_util::stream::unfold((), move |()| chunk()))
    };
    let router = Router::new()
        .route("/fits", get(|| async { "x".repeat(MOST) }))
        .route("/large", get(|| async { "x".repeat(MOST + 1) }))
        .route("/endless", get(endless))
        .route(
            "/moved",
            get(|| async { (StatusCode::FOUND, [("location", "/elsewhere")]) }),
        )
        .route("/elsewhere", elsewhere)
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/nothing", get(|| async { StatusCode::NO_CONTENT }))
        .route(
            "/heads",
            get(|head: HeaderMap| async move {
                format!("{:?} {:?}", head["accept"], head["user-agent"])
            }),
        )
        .route(
            "/huge-head",
            get(|| async { [("x-filler", "x".repeat(2 * HEAD_BYTES))] }),
        );
    let server = serve(router).await;
    let too_large = Err(FetchError::TooLarge { most: MOST });
    assert_eq!(fetch(server, "/fits").await, Ok(vec![b'x'; MOST]));
    assert_eq!(fetch(server, "/large").await, too_large);
    assert_eq!(fetch(server, "/endless").await, too_large);
    assert_eq!(
        fetch(server, "/moved").await,
        Err(FetchError::Redirect(302))
    );
    assert_eq!(asked_elsewhere.load(Ordering::Relaxed), 0);
    assert_eq!(
        fetch(server, "/elsewhere").await,
        Ok(b"stolen".to_vec()),
        "it is there, though"
    );
    assert_eq!(fetch(server, "/broken").await, Err(FetchError::Status(502)));
    assert_eq!(
        fetch(server, "/nothing").await,
        Err(FetchError::Status(204))
    );
    let heads = String::from_utf8(fetch(server, "/heads").await.expect("heads")).expect("text");
    assert!(
        heads.contains("application/jwk-set+json") && heads.contains("mussikon-hub/"),
        "{heads}"
    );
    let huge = fetch(server, "/huge-head").await;
    assert!(matches!(huge, Err(FetchError::Unreachable(_))), "{huge:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_or_does_not_speak_is_unreachable_with_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let gone = listener.local_addr().expect("bound");
    drop(listener);
    let error = fetch(gone, "/").await.expect_err("gone");
    assert_eq!(error.to_string(), "the issuer cannot be reached");
    assert!(error.detail().contains("refused"), "{}", error.detail());

    let plain = serve(Router::new()).await;
    let address = format!("https://{plain}/").parse().expect("an address");
    let source = UrlSource::new(address, MOST).expect("root certificates");
    let error = source.fetch().await.expect_err("it does not speak TLS");
    assert_eq!(error.code(), "unreachable");
}

fn configured(file: &Path) -> AuthConfig {
    AuthConfig {
        jwks_file: file.into(),
        jwks_bytes: MOST,
        ..AuthConfig::default()
    }
}

#[tokio::test]
async fn a_file_has_to_be_in_order_when_the_hub_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.json");
    let refused = async |config: AuthConfig| match IssuerKeys::start(&config).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("accepted"),
    };
    let text = refused(configured(&file)).await;
    assert!(
        text.contains("keys.json") && text.contains("cannot be read"),
        "{text}"
    );
    let text = refused(configured(folder.path())).await;
    assert!(text.contains("no regular file"), "{text}");
    for (content, expected) in [
        ("x".repeat(MOST + 1), "more than 1000 bytes"),
        ("secret".into(), "no set of keys"),
        (
            r#"{"keys": []}"#.into(),
            "no key of the issuer that can be used",
        ),
        (
            r#"{"keys": [{"kty": "oct", "kid": "s", "k": "AA"}]}"#.into(),
            "of \"s\": it is neither",
        ),
    ] {
        std::fs::write(&file, content).expect("written");
        let text = refused(configured(&file)).await;
        assert!(
            text.contains(expected) && !text.contains("secret"),
            "{text}"
        );
    }
    let key = IssuerKey::p256("k").expect("made");
    let set = key_set(&[&key]).expect("a set").to_string();
    std::fs::write(&file, set).expect("written");
    let keys = IssuerKeys::start(&configured(&file))
        .await
        .expect("accepted");
    assert_eq!(
        keys.expect("configured").standing(),
        Standing::Fresh { keys: 1 }
    );
    let none = IssuerKeys::start(&AuthConfig::default())
        .await
        .expect("nothing to do");
    assert!(none.is_none());
}

#[tokio::test]
async fn an_issuer_that_keeps_silent_holds_a_start_up_no_longer_than_allowed() {
    let silent = || async { tokio::time::sleep(Duration::from_secs(3_600)).await };
    let server = serve(Router::new().route("/keys", get(silent))).await;
    let config = AuthConfig {
        jwks_url: format!("http://{server}/keys"),
        jwks_fetch_ms: 50,
        ..AuthConfig::default()
    };
    let keys = IssuerKeys::start(&config).await.expect("it may come later");
    let standing = keys.expect("configured").standing();
    let reason = Some(FetchError::Late { ms: 50 });
    assert_eq!(standing, Standing::None { reason });

    let config = AuthConfig {
        jwks_url: "http://id.example/keys".into(),
        ..AuthConfig::default()
    };
    let error = IssuerKeys::start(&config).await.err().expect("refused");
    assert!(matches!(error, IssuerError::Address(_)), "{error}");
}
