//! The connection to the cluster: contact points, TLS, time-outs, and how each kind of request is run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use scylla::client::execution_profile::{ExecutionProfile, ExecutionProfileHandle};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, MetadataError,
    NewSessionError,
};
use scylla::policies::load_balancing::{DefaultPolicy, LoadBalancingPolicy};
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::response::query_result::QueryResult;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{CqlValue, Row};

use super::options::{ScyllaAccess, ScyllaError, ScyllaOptions};
use super::values::HeadColumns;

/// How requests are run, by kind.
pub(super) struct Profiles {
    /// Conditional writes: sent once, never again by the driver, and given up on soon.
    pub append: ExecutionProfileHandle,
    /// Linearizable reads.
    pub serial: ExecutionProfileHandle,
    /// Reads of what never changes: a slow replica is raced by another.
    pub history: ExecutionProfileHandle,
    /// Other reads, and writes that may run any number of times.
    pub plain: ExecutionProfileHandle,
}

impl Profiles {
    pub(super) fn new(options: &ScyllaOptions) -> Self {
        let mut nearest = DefaultPolicy::builder().token_aware(true);
        if !options.datacenter.is_empty() {
            nearest = nearest.prefer_datacenter(options.datacenter.clone());
        }
        let nearest = nearest.permit_dc_failover(false).build();
        let profile = |timeout_ms, consistency| base(&nearest, timeout_ms, consistency);
        let (append, request) = (options.append_timeout_ms, options.request_timeout_ms);
        let once = Arc::new(FallthroughRetryPolicy::new());
        let speculation = SimpleSpeculativeExecutionPolicy {
            max_retry_count: 1,
            retry_interval: Duration::from_millis(options.speculation_ms),
        };
        let speculation = (options.speculation_ms > 0).then_some(Arc::new(speculation) as Arc<_>);
        Self {
            append: profile(append, Consistency::LocalQuorum)
                .retry_policy(once.clone())
                .speculative_execution_policy(None)
                .build()
                .into_handle(),
            serial: profile(append, Consistency::LocalSerial)
                .retry_policy(once)
                .speculative_execution_policy(None)
                .build()
                .into_handle(),
            history: profile(request, Consistency::LocalQuorum)
                .speculative_execution_policy(speculation)
                .build()
                .into_handle(),
            plain: profile(request, Consistency::LocalQuorum)
                .speculative_execution_policy(None)
                .build()
                .into_handle(),
        }
    }
}

fn base(
    nearest: &Arc<dyn LoadBalancingPolicy>,
    timeout_ms: u64,
    consistency: Consistency,
) -> scylla::client::execution_profile::ExecutionProfileBuilder {
    ExecutionProfile::builder()
        .request_timeout(Some(Duration::from_millis(timeout_ms)))
        .consistency(consistency)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .load_balancing_policy(nearest.clone())
}

/// Connects, trying all contact points.
pub(super) async fn connect(
    access: &ScyllaAccess,
    options: &ScyllaOptions,
    profiles: &Profiles,
) -> Result<Session, ScyllaError> {
    options.check()?;
    if access.nodes.is_empty() {
        return Err(ScyllaError::NoNodes);
    }
    let ms = Duration::from_millis;
    let mut builder = SessionBuilder::new()
        .known_nodes(&access.nodes)
        .connection_timeout(ms(options.connect_timeout_ms))
        .keepalive_interval(ms(options.keepalive_ms))
        .keepalive_timeout(ms(options.keepalive_ms))
        .hostname_resolution_timeout(Some(ms(options.connect_timeout_ms)))
        .tcp_nodelay(true)
        // Where each part of this keyspace lies, so that requests go there, and nothing else.
        .fetch_full_schema_metadata(false)
        .keyspaces_to_fetch([&options.keyspace])
        .schema_agreement_interval(ms(50))
        .default_execution_profile_handle(profiles.plain.clone());
    if !options.user.is_empty() {
        builder = builder.user(&options.user, &access.password);
    }
    if !options.tls_ca.as_os_str().is_empty() {
        builder = builder.tls_context(Some(tls(options)?));
    }
    // The session is built in a task of its own: the driver's future is large.
    let session = Box::pin(builder.build()).await;
    let session = session.map_err(|error| refusal(error, access, options))?;
    in_datacenter(&session, options)?;
    Ok(session)
}

/// Why no node would have us.
fn refusal(error: NewSessionError, access: &ScyllaAccess, options: &ScyllaOptions) -> ScyllaError {
    use ConnectionSetupRequestErrorKind::{DbError as Said, MissingAuthentication};
    let nodes = access.nodes.join(", ");
    let reason = error.to_string();
    let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
        ConnectionPoolError::Broken {
            last_connection_error: last,
        },
    )) = &error
    else {
        return ScyllaError::Connect { nodes, reason };
    };
    let login = |reason: &str| ScyllaError::Login {
        nodes: nodes.clone(),
        user: options.user.clone(),
        reason: reason.to_owned(),
    };
    match last {
        ConnectionError::ConnectionSetupRequestError(setup) => match &setup.error {
            Said(DbError::AuthenticationError, said) => login(said),
            MissingAuthentication => login("it asks for a user and a password"),
            _ => ScyllaError::Connect { nodes, reason },
        },
        ConnectionError::IoError(io) => {
            let tls = io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
            match tls.map(ToString::to_string) {
                Some(reason) => ScyllaError::Tls { nodes, reason },
                None => ScyllaError::Connect { nodes, reason },
            }
        }
        _ => ScyllaError::Connect { nodes, reason },
    }
}

/// Requests go to the configured datacenter alone: without a node there they would all fail for want of one.
fn in_datacenter(session: &Session, options: &ScyllaOptions) -> Result<(), ScyllaError> {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter();
    let known: BTreeSet<&str> = nodes.filter_map(|n| n.datacenter.as_deref()).collect();
    let datacenter = options.datacenter.as_str();
    if datacenter.is_empty() || known.contains(datacenter) {
        return Ok(());
    }
    Err(ScyllaError::Datacenter {
        datacenter: datacenter.to_owned(),
        known: Vec::from_iter(known).join(", "),
    })
}

fn tls(options: &ScyllaOptions) -> Result<Arc<rustls::ClientConfig>, ScyllaError> {
    let failed = |reason: String| ScyllaError::Certificates {
        path: options.tls_ca.clone(),
        reason,
    };
    let pem = std::fs::read(&options.tls_ca).map_err(|e| failed(e.to_string()))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| failed(e.to_string()))?;
        roots.add(certificate).map_err(|e| failed(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("no certificate in it".into()));
    }
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The answer to a conditional write.
pub(super) struct Applied {
    /// Whether it was applied.
    pub applied: bool,
    /// Head and digest as they were, where the answer tells them.
    pub head: HeadColumns,
}

impl Applied {
    /// Looks columns up by name: servers answer different ones in different order.
    pub(super) fn parse(result: QueryResult) -> Result<Self, String> {
        let rows = result.into_rows_result().map_err(|e| e.to_string())?;
        let specs = rows.column_specs();
        let names: Vec<String> = specs.iter().map(|spec| spec.name().to_owned()).collect();
        let row: Row = rows.first_row().map_err(|e| e.to_string())?;
        let mut found = Self {
            applied: false,
            head: (None, None),
        };
        let mut told = false;
        for (name, value) in names.iter().zip(row.columns) {
            match (name.as_str(), value) {
                ("[applied]", Some(CqlValue::Boolean(applied))) => {
                    (found.applied, told) = (applied, true);
                }
                ("head", Some(CqlValue::BigInt(head))) => found.head.0 = Some(head),
                ("digest", Some(CqlValue::Blob(digest))) => found.head.1 = Some(digest),
                _ => {}
            }
        }
        match told {
            true => Ok(found),
            false => Err("the answer does not tell whether it was applied".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_without_nodes_or_with_bad_certificates_says_so() {
        let options = ScyllaOptions::default();
        let profiles = Profiles::new(&options);
        let access = ScyllaAccess::default();
        let error = connect(&access, &options, &profiles).await.err();
        assert_eq!(error, Some(ScyllaError::NoNodes));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no certificate").unwrap();
        let options = ScyllaOptions {
            tls_ca: file.path().into(),
            ..options
        };
        let error = tls(&options).err();
        assert!(
            matches!(error, Some(ScyllaError::Certificates { .. })),
            "{error:?}"
        );
    }
}
