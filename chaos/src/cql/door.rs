//! How a node lets its clients in: in plain or over TLS, anybody or one user.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{CqlSpec, FIRST_USER};
use crate::certificates::Certificate;
use crate::provision::{ProvisionError, at};

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What is needed to come in.
#[derive(Clone, Default)]
pub(super) struct Door {
    /// Who may, if the node asks.
    pub(super) user: Option<(&'static str, &'static str)>,
    /// How connections are encrypted, and whom the certificate names.
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

impl Door {
    /// The door of nodes that are started so.
    pub(super) fn of(spec: &CqlSpec) -> Result<Self, ProvisionError> {
        Ok(Self {
            user: spec.password.then_some(FIRST_USER),
            tls: spec.tls.as_ref().map(trust).transpose()?,
        })
    }

    /// A connection to a node; its certificate must be the expected one's.
    pub(super) async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(address).await?;
        Ok(match &self.tls {
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        })
    }
}

/// Trusts the authority of this certificate, and expects its host.
fn trust(shown: &Certificate) -> Result<(TlsConnector, ServerName<'static>), ProvisionError> {
    let path = &shown.authority;
    let wrong = |reason: &dyn fmt::Display| {
        let reason = reason.to_string();
        at(path)(io::Error::new(io::ErrorKind::InvalidData, reason))
    };
    let pem = std::fs::read(path).map_err(at(path))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|e| wrong(&e))?;
        roots.add(certificate).map_err(|e| wrong(&e))?;
    }
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::IpAddress(shown.host.into());
    Ok((TlsConnector::from(Arc::new(config)), name))
}
