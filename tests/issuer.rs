//! A hub that accepts tokens of an outside issuer: keys in a file, keys behind TLS, rotation, forgers, an issuer that is down.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chaos::certificates::{Authority, Certificate};
use chaos::http;
use chaos::issuer::{IssuerKey, key_set};
use chaos::raw::RawSocket;
use chaos::token::Claims;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

mod common;
use common::{SECRET, TestHub, token};

/// What is to come may take this long on a busy machine.
const SOON: Duration = Duration::from_secs(30);
const ISSUER: &str = "https://id.example/realms/stage";

fn claims(user: &str) -> Claims {
    Claims::user(user)
        .role("musician")
        .issuer(ISSUER)
        .audience("hub")
}

fn signed(key: &IssuerKey) -> String {
    key.sign(&claims("ana")).expect("signed")
}

fn document(keys: &[&IssuerKey]) -> String {
    key_set(keys).expect("a set").to_string()
}

/// Status and text of a negotiation with this token.
async fn negotiated(hub: SocketAddr, token: &str) -> (u16, String) {
    let mut socket = RawSocket::connect(hub).await.expect("connected");
    let request = format!(
        "POST /hubs/chat/negotiate?negotiateVersion=1 HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\n\
         Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    socket.write(request.as_bytes()).await.expect("written");
    let response = socket.response(SOON).await.expect("answered");
    (
        response.status,
        String::from_utf8_lossy(&response.body).into_owned(),
    )
}

async fn accepts(hub: SocketAddr, token: &str) -> bool {
    match negotiated(hub, token).await {
        (200, text) => {
            assert!(text.contains("connectionToken"), "{text}");
            true
        }
        (401, _) => false,
        other => panic!("{other:?}"),
    }
}

/// The status of `/health/ready`, and what it says of the issuer.
async fn ready(hub: SocketAddr) -> (u16, Value) {
    let response = http::get(hub, "/health/ready", None)
        .await
        .expect("answered");
    let report: Value = serde_json::from_slice(&response.body).expect("json");
    let checks = report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == "issuer");
    (response.status, check.cloned().unwrap_or_default())
}

/// Asks until it is so.
async fn soon(what: &str, hub: &TestHub, mut asked: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !asked().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let came = tokio::time::timeout(SOON, waiting).await;
    assert!(came.is_ok(), "{what}\n{}", hub.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_file_accept_their_tokens_and_no_forged_ones() {
    let folder = tempfile::tempdir_in(common::BUILD).expect("a folder");
    let file = folder.path().join("keys.json");
    let (rsa, ec) = (
        IssuerKey::rsa("r").expect("made"),
        IssuerKey::p256("e").expect("made"),
    );
    std::fs::write(&file, document(&[&rsa, &ec])).expect("written");
    let path = file.to_str().expect("text");
    let hub = TestHub::start_with(&[
        ("MUSSIKON_AUTH__JWKS_FILE", path),
        ("MUSSIKON_AUTH__JWKS_MIN_REFRESH_SECONDS", "1"),
    ])
    .await;
    let at = hub.address();
    assert!(accepts(at, &signed(&rsa)).await, "{}", hub.logs());
    assert!(accepts(at, &signed(&ec)).await, "{}", hub.logs());
    assert!(accepts(at, &token("ana")).await, "own tokens go on");
    assert_eq!(ready(at).await.1["status"], "healthy");

    let published = rsa.published().expect("a key");
    let n = published["n"].as_str().expect("a text");
    let n = BASE64_URL_SAFE_NO_PAD.decode(n).expect("base64");
    let head = |alg: &str, kid: &str| json!({"alg": alg, "kid": kid});
    let under = |head: Value| rsa.sign_under(&head, &claims("eve")).expect("signed");
    let foreign = IssuerKey::rsa("r").expect("made");
    let forged = [
        ("another key of the same name", signed(&foreign)),
        ("the public key as a secret", hmac(&n)),
        ("not signed", under(head("none", "r"))),
        ("another key's name", under(head("RS256", "e"))),
        ("another method", under(head("ES256", "e"))),
        (
            "a huge head",
            under(json!({"alg": "RS256", "kid": "r", "x": "x".repeat(7_000)})),
        ),
        (
            "expired",
            rsa.sign(&claims("eve").expired(Duration::from_secs(1)))
                .expect("signed"),
        ),
    ];
    for (what, token) in &forged {
        assert!(!accepts(at, token).await, "{what}");
    }
    let of_role = |role: &str| rsa.sign(&claims("ana").role(role)).expect("signed");
    for (role, expected) in [("admin", 200), ("moderator", 403), ("superadmin", 403)] {
        let answer = http::get(at, "/admin/nodes", Some(&of_role(role))).await;
        assert_eq!(answer.expect("answered").status, expected, "{role}");
    }

    // The file is replaced as issuers rotate: a token that names the new key has it read again.
    let fresh = IssuerKey::p256("fresh").expect("made");
    std::fs::write(&file, document(&[&rsa, &fresh])).expect("written");
    soon("the new key", &hub, async || {
        accepts(at, &signed(&fresh)).await
    })
    .await;
    let (status, text) = negotiated(at, &signed(&ec)).await;
    assert_eq!(status, 401, "a key that vanished");
    assert!(
        text.contains("unknown key") && text.contains("try again"),
        "{text}"
    );
    let metrics = http::get(at, "/metrics", None).await.expect("answered");
    let metrics = String::from_utf8(metrics.body).expect("text");
    assert_eq!(http::metric(&metrics, "mussikon_jwks_keys"), 2.0);
    let refused = http::metric(&metrics, "mussikon_tokens_refused_total");
    assert!(refused >= forged.len() as f64, "{refused}");
}

/// A token signed with HS256 that names the RSA key.
fn hmac(secret: &[u8]) -> String {
    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("r".into());
    encode(&header, &claims("eve"), &EncodingKey::from_secret(secret)).expect("signed")
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_behind_tls_are_rotated_and_outlive_their_issuer() {
    let folder = tempfile::tempdir_in(common::BUILD).expect("a folder");
    let authority = Authority::new(folder.path().join("authority")).expect("openssl");
    let certificate = authority
        .issue(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .expect("openssl");
    let (old, new) = (
        IssuerKey::rsa("old").expect("made"),
        IssuerKey::p256("new").expect("made"),
    );
    let issuer = Issuer::start(&certificate, document(&[&old])).await;
    let url = format!("https://{}/keys", issuer.address);
    let variables = |roots: &Path| {
        let roots = roots.to_str().expect("text").to_owned();
        [
            ("SSL_CERT_FILE", roots),
            ("MUSSIKON_AUTH__JWKS_URL", url.clone()),
            ("MUSSIKON_AUTH__JWKS_REFRESH_SECONDS", "1".into()),
            ("MUSSIKON_AUTH__JWKS_MIN_REFRESH_SECONDS", "1".into()),
            ("MUSSIKON_AUTH__ISSUER", ISSUER.into()),
            ("MUSSIKON_AUTH__AUDIENCE", "hub".into()),
            ("MUSSIKON_AUTH__ACCEPT_OWN_TOKENS", "false".into()),
        ]
    };
    let hub = start(&variables(&certificate.authority)).await;
    let at = hub.address();
    assert!(accepts(at, &signed(&old)).await, "{}", hub.logs());
    let own = claims("ana").sign(SECRET).expect("signed");
    assert!(!accepts(at, &own).await, "own tokens are not wanted");
    let elsewhere = claims("ana").audience("shop");
    assert!(!accepts(at, &old.sign(&elsewhere).expect("signed")).await);

    issuer.says(StatusCode::OK, document(&[&new]));
    soon("the new key", &hub, async || {
        accepts(at, &signed(&new)).await
    })
    .await;
    assert!(!accepts(at, &signed(&old)).await, "a key that vanished");

    issuer.says(StatusCode::SERVICE_UNAVAILABLE, String::new());
    soon("degraded", &hub, async || {
        ready(at).await.1["status"] == "degraded"
    })
    .await;
    let (status, check) = ready(at).await;
    assert_eq!(status, 200, "still to be sent work");
    let told = check["description"].as_str().expect("a text");
    assert!(
        told.contains("the issuer answers 503") && !told.contains("127.0.0.1"),
        "{told}"
    );
    assert!(accepts(at, &signed(&new)).await, "the last keys go on");
    issuer.says(StatusCode::OK, document(&[&new]));
    soon("healthy", &hub, async || {
        ready(at).await.1["status"] == "healthy"
    })
    .await;

    // A hub that does not trust the issuer's certificate takes no keys from it.
    let others = Authority::new(folder.path().join("others")).expect("openssl");
    let blind = start(&variables(&others.certificate())).await;
    let at = blind.address();
    let (status, check) = ready(at).await;
    assert_eq!((status, &check["status"]), (503, &json!("unhealthy")));
    assert_eq!(
        check["description"],
        "no keys: the issuer cannot be reached"
    );
    let logs = blind.logs();
    assert!(logs.contains("invalid peer certificate"), "{logs}");
    let (status, text) = negotiated(at, &signed(&new)).await;
    assert!(
        status == 401 && text.contains("try again"),
        "{status}: {text}"
    );
}

async fn start(variables: &[(&str, String)]) -> TestHub {
    let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    TestHub::start_with(&variables).await
}

/// A server with TLS that answers every question as it is told.
struct Issuer {
    address: SocketAddr,
    answer: Arc<Mutex<(StatusCode, String)>>,
}

impl Issuer {
    async fn start(certificate: &Certificate, document: String) -> Self {
        let answer = Arc::new(Mutex::new((StatusCode::OK, document)));
        let told = answer.clone();
        let router = Router::new().route(
            "/keys",
            get(move || async move { told.lock().clone().into_response() as Response }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("bound");
        let secured = Secured(listener, acceptor(certificate));
        tokio::spawn(async move { axum::serve(secured, router).await });
        Self { address, answer }
    }

    fn says(&self, status: StatusCode, document: String) {
        *self.answer.lock() = (status, document);
    }
}

fn acceptor(certificate: &Certificate) -> TlsAcceptor {
    let chain =
        vec![CertificateDer::from_pem_file(&certificate.certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a pair");
    TlsAcceptor::from(Arc::new(config))
}

/// Connections whose handshake went well, one after the other.
struct Secured(TcpListener, TlsAcceptor);

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((stream, from)) = self.0.accept().await else {
                continue;
            };
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
