//! Where the keys of an issuer come from: a file, or an address.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::http::{Request, Uri, header};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::AsyncReadExt;

use super::key_set::SetRefused;

/// Largest head of an answer, in bytes.
const HEAD_BYTES: usize = 64 * 1_024;

/// Gives the document with an issuer's keys.
pub trait Source: Send + Sync + 'static {
    /// Fetches it once. How long that may take is the caller's to say.
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>>;
}

/// Why there is no document. The texts name no address: they are shown to whoever asks how the hub is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FetchError {
    /// No connection, or it broke. The text within is for the log: it may name hosts, as certificates do.
    #[error("the issuer cannot be reached")]
    Unreachable(String),
    /// It took too long.
    #[error("the issuer did not answer within {ms} ms")]
    Late {
        /// How long was waited.
        ms: u64,
    },
    /// It sends the hub elsewhere, where anybody might answer.
    #[error("the issuer answers {0}, and redirects are not followed")]
    Redirect(u16),
    /// It answers something else than 200.
    #[error("the issuer answers {0}")]
    Status(u16),
    /// The document is too large.
    #[error("the document of the issuer has more than {most} bytes")]
    TooLarge {
        /// Largest size that is allowed.
        most: usize,
    },
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    File(String),
    /// The document is no set of keys.
    #[error("the document of the issuer {0}")]
    Document(#[from] SetRefused),
}

impl FetchError {
    /// What the log is told beyond the text.
    pub fn detail(&self) -> &str {
        match self {
            FetchError::Unreachable(detail) => detail,
            _ => "",
        }
    }

    /// Stable name.
    pub fn code(&self) -> &'static str {
        match self {
            FetchError::Unreachable(_) => "unreachable",
            FetchError::Late { .. } => "late",
            FetchError::Redirect(_) => "redirect",
            FetchError::Status(_) => "status",
            FetchError::TooLarge { .. } => "too_large",
            FetchError::File(_) => "file",
            FetchError::Document(SetRefused::Malformed { .. }) => "malformed",
            FetchError::Document(SetRefused::TooMany { .. }) => "too_many_keys",
        }
    }
}

/// A file, read anew every time.
pub struct FileSource {
    /// Where it is.
    pub path: PathBuf,
    /// Most bytes that are read.
    pub most: usize,
}

impl Source for FileSource {
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>> {
        Box::pin(async {
            let read = self.read().await;
            let document = read.map_err(|error| FetchError::File(error.to_string()))?;
            if document.len() > self.most {
                return Err(FetchError::TooLarge { most: self.most });
            }
            Ok(document)
        })
    }
}

impl FileSource {
    async fn read(&self) -> io::Result<Vec<u8>> {
        // A pipe could keep a thread for ever.
        if !tokio::fs::metadata(&self.path).await?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let file = tokio::fs::File::open(&self.path).await?;
        let mut document = Vec::new();
        let most = (self.most as u64).saturating_add(1);
        file.take(most).read_to_end(&mut document).await?;
        Ok(document)
    }
}

/// An address, asked over a new connection every time.
pub struct UrlSource {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    address: Uri,
    most: usize,
}

impl UrlSource {
    /// The document at an address, of at most so many bytes. Servers are checked by the machine's root certificates;
    /// fails if there are none to check an `https` address with.
    pub fn new(address: Uri, most: usize) -> io::Result<Self> {
        let secure = address.scheme_str() == Some("https");
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls(secure)?);
        let connector = if secure {
            connector.https_only()
        } else {
            connector.https_or_http()
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(HEAD_BYTES)
            .build(connector.enable_http1().build());
        Ok(Self {
            client,
            address,
            most,
        })
    }

    async fn ask(&self) -> Result<Vec<u8>, FetchError> {
        let request = Request::get(&self.address)
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(
                header::USER_AGENT,
                concat!("mussikon-hub/", env!("CARGO_PKG_VERSION")),
            )
            .body(Empty::new())
            .map_err(|error| unreachable(&error))?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| unreachable(&error))?;
        match answer.status().as_u16() {
            200 => {}
            status @ 300..=399 => return Err(FetchError::Redirect(status)),
            status => return Err(FetchError::Status(status)),
        }
        let body = Limited::new(answer.into_body(), self.most).collect().await;
        match body {
            Ok(body) => Ok(body.to_bytes().to_vec()),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(FetchError::TooLarge { most: self.most })
            }
            Err(error) => Err(unreachable(&*error)),
        }
    }
}

impl Source for UrlSource {
    fn fetch(&self) -> BoxFuture<'_, Result<Vec<u8>, FetchError>> {
        Box::pin(self.ask())
    }
}

/// How servers are checked; without TLS there are none, and no root certificates are needed.
fn tls(secure: bool) -> io::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = if secure {
        builder.with_native_roots()?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}

/// An error with what lies behind it: the outermost text alone says only "client error".
fn unreachable(error: &(dyn StdError + 'static)) -> FetchError {
    let mut texts = vec![error.to_string()];
    let mut inner = error.source();
    while let Some(error) = inner {
        texts.push(error.to_string());
        inner = error.source();
    }
    FetchError::Unreachable(texts.join(": "))
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
