//! Nodes that ask for encryption, a user and a password; and what is said to one that they do not let in.

use std::path::Path;
use std::sync::Arc;

use actors::journal::conformance::Store;
use actors::journal::conformance::writer::{Writer, room};
use actors::journal::scylla::{ScyllaAccess, ScyllaError, ScyllaJournal, ScyllaOptions};
use chaos::certificates::Authority;
use chaos::cql::{CqlNode, CqlSpec, FIRST_USER};
use tempfile::TempDir;

use super::cql::{access, folder, spec};
use super::place::options;

/// A node whose certificate is for `host`, and which lets in only one user.
async fn guarded(authority: &Authority, host: [u8; 4], folder: &TempDir) -> CqlNode {
    let spec = CqlSpec {
        password: true,
        tls: Some(authority.issue(host.into()).unwrap()),
        ..spec(folder)
    };
    let node = CqlNode::start(&spec).await;
    node.unwrap_or_else(|error| panic!("{error}"))
}

async fn refused(access: &ScyllaAccess, options: &ScyllaOptions) -> ScyllaError {
    let opened = ScyllaJournal::migrate(access, options).await;
    opened.expect_err("it was let in")
}

fn trusting(authority: &Path, test: &str) -> ScyllaOptions {
    ScyllaOptions {
        user: FIRST_USER.0.into(),
        tls_ca: authority.into(),
        datacenter: "datacenter1".into(),
        ..options(test)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_with_a_password_the_right_one_is_let_in_and_others_hear_why_not() {
    let files = folder();
    let mine = Authority::new(files.path().join("mine")).unwrap();
    let other = Authority::new(files.path().join("other")).unwrap();
    let node = guarded(&mine, [127, 0, 0, 1], &files).await;
    let options = trusting(&mine.certificate(), "guarded");
    let known = ScyllaAccess {
        password: FIRST_USER.1.into(),
        ..access([node.address()])
    };
    let made = ScyllaJournal::migrate(&known, &options).await;
    made.unwrap_or_else(|error| panic!("{error}"));
    let opened = ScyllaJournal::open(&known, &options).await;
    let store: Arc<dyn Store> = Arc::new(opened.unwrap_or_else(|error| panic!("{error}")));
    let mut writer = Writer::new(&store, room("guarded").unwrap());
    writer.write(3).await.unwrap();
    writer.verify().await.unwrap();

    let distrusting = trusting(&other.certificate(), "guarded");
    let error = refused(&known, &distrusting).await;
    let named = error.to_string().contains("invalid peer certificate");
    assert!(matches!(error, ScyllaError::Tls { .. }) && named, "{error}");
    let plain = ScyllaOptions {
        tls_ca: Default::default(),
        ..options.clone()
    };
    let error = refused(&known, &plain).await;
    assert!(matches!(error, ScyllaError::Connect { .. }), "{error}");
    let wrong = ScyllaAccess {
        password: "a wrong password".into(),
        ..known.clone()
    };
    let error = refused(&wrong, &options).await;
    let told = error.to_string();
    assert!(matches!(error, ScyllaError::Login { .. }), "{told}");
    assert!(
        told.contains("\"cassandra\"") && !told.contains("wrong"),
        "{told}"
    );
    let nobody = ScyllaOptions {
        user: String::new(),
        ..options.clone()
    };
    let error = refused(&known, &nobody).await;
    assert!(matches!(error, ScyllaError::Login { .. }), "{error}");
    let elsewhere = ScyllaOptions {
        datacenter: "elsewhere".into(),
        ..options
    };
    let error = refused(&known, &elsewhere).await;
    let named = error.to_string().contains("datacenter1");
    assert!(
        matches!(error, ScyllaError::Datacenter { .. }) && named,
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_for_another_host_is_refused() {
    let files = folder();
    let authority = Authority::new(files.path().join("authority")).unwrap();
    let node = guarded(&authority, [127, 0, 0, 9], &files).await;
    let known = ScyllaAccess {
        password: FIRST_USER.1.into(),
        ..access([node.address()])
    };
    let options = trusting(&authority.certificate(), "host");
    let error = refused(&known, &options).await;
    assert!(matches!(error, ScyllaError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("not valid for name"), "{error}");
}
