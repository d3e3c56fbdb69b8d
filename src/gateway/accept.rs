//! The accept loop: serves a router over HTTP/1.1 on each socket, until it is told to stop.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use super::stall::StallGuard;
use crate::error::REQUEST_TIMEOUT;
use crate::http::problem::Problem;
use crate::limits::GatewayLimits;

/// After an error of accept that is not the peer's fault, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener with a large backlog.
pub fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// Serves `router` on every connection to `listener` until `stop` resolves; then lets the HTTP requests
/// that have begun come to their end, as long as a drain waits for calls. WebSockets are not waited for: they belong to the
/// gateway.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &GatewayLimits,
    stop: impl Future<Output = ()>,
) {
    let slots = limits
        .max_http_connections
        .clamp(1, Semaphore::MAX_PERMITS >> 1);
    let permits = Arc::new(Semaphore::new(slots));
    let (stage, watched) = watch::channel(Stage::Serving);
    let http = Arc::new(Http::new(router, limits));
    let mut stop = pin!(stop);
    loop {
        let permit = tokio::select! {
            biased;
            () = &mut stop => break,
            permit = permits.clone().acquire_owned() => permit,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let serving = http.clone().serve(stream, peer, permit, watched.clone());
                tokio::spawn(serving);
            }
            Err(error) if is_of_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    stage.send_replace(Stage::Finishing);
    let all = u32::try_from(slots).unwrap_or(u32::MAX);
    // Every slot is free again when all of them can be taken.
    let finish = Duration::from_millis(limits.drain_finish_ms);
    if tokio::time::timeout(finish, permits.acquire_many(all))
        .await
        .is_err()
    {
        tracing::info!("HTTP connections that did not finish are ended");
        stage.send_replace(Stage::Over);
        let _ = permits.acquire_many(all).await;
    }
}

/// How far the server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Takes connections.
    Serving,
    /// Finishes requests that have begun.
    Finishing,
    /// Ends what is left.
    Over,
}

/// What all HTTP connections share.
struct Http {
    router: Router,
    builder: http1::Builder,
    request_limit: Duration,
}

impl Http {
    fn new(router: Router, limits: &GatewayLimits) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(limits.http_header_ms))
            .max_buf_size(limits.http_head_bytes.max(8_192))
            .keep_alive(true);
        Http {
            router,
            builder,
            request_limit: Duration::from_millis(limits.http_request_ms),
        }
    }

    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        _permit: OwnedSemaphorePermit,
        mut stage: watch::Receiver<Stage>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "peer left at once");
            return;
        }
        let service = service_fn(|request| self.answer(request, peer));
        let connection = self
            .builder
            .serve_connection(
                TokioIo::new(StallGuard::new(stream, self.request_limit)),
                service,
            )
            .with_upgrades();
        let mut connection = pin!(connection);
        let result = tokio::select! {
            biased;
            result = &mut connection => result,
            () = reached(&mut stage, Stage::Finishing) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    result = &mut connection => result,
                    () = reached(&mut stage, Stage::Over) => return,
                }
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "HTTP connection ended");
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response, Infallible> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = self.router.clone().oneshot(request);
        match tokio::time::timeout(self.request_limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Ok(Problem::new(REQUEST_TIMEOUT).into_response()),
        }
    }
}

/// Resolves once the server has come to `wanted`, or is gone. Holds no lock while others run.
async fn reached(stage: &mut watch::Receiver<Stage>, wanted: Stage) {
    while *stage.borrow_and_update() < wanted {
        if stage.changed().await.is_err() {
            return;
        }
    }
}

/// Errors of accept that concern only the connection that was to be accepted.
fn is_of_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
