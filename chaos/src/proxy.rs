//! A TCP proxy whose faults are switched while connections run through it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use crate::net::Namespace;

/// The largest piece read at once, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;
/// Pieces in flight in one direction of one connection: with delay they queue here, so 1 MiB at most.
const CHUNKS_IN_FLIGHT: usize = 64;
/// Connections through one proxy at a time; further ones wait to be accepted.
const CONNECTIONS: usize = 4096;

/// What happens to the bytes of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Nothing is read any more: the sender's writes end up waiting. Bytes are kept and flow on afterwards.
    pub paused: bool,
    /// What is read is lost, and so is the end. A connection that has lost bytes carries none in this direction any more,
    /// healed or not: no stream goes on after a hole. With one direction it is a one-way cut, with both a black hole that
    /// accepts and swallows.
    pub dropped: bool,
    /// Every byte arrives this much later.
    pub delay: Duration,
    /// At most so many bytes pass per second.
    pub bytes_per_second: Option<u32>,
}

/// What the proxy does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// New connections are reset as soon as they are there.
    pub refuse: bool,
    /// From the client to the server.
    pub upstream: Fault,
    /// From the server to the client.
    pub downstream: Fault,
}

/// Faults, and up to which connection (they are numbered) the one-time faults have struck.
#[derive(Clone, Copy, Default)]
struct State {
    faults: Faults,
    accepted: u64,
    reset_up_to: u64,
    dead_up_to: u64,
}

/// A proxy before one server. Dropping it resets every connection.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free loopback port and passes everything on to `server`.
    pub async fn start(server: SocketAddr) -> io::Result<Self> {
        Self::start_at(([127, 0, 0, 1], 0).into(), server).await
    }

    /// The same on this address.
    pub async fn start_at(address: SocketAddr, server: SocketAddr) -> io::Result<Self> {
        Self::over(TcpListener::bind(address).await?, server, None)
    }

    /// The same with a listener that may lie in a network namespace; connects from another one, if it is given.
    pub fn over(
        listener: TcpListener,
        server: SocketAddr,
        from: Option<Namespace>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let state = Arc::new(watch::Sender::new(State::default()));
        let server = Server {
            address: server,
            from,
        };
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&state)));
        Ok(Self {
            address,
            state,
            accepting,
        })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were accepted so far, refused ones included.
    pub fn accepted(&self) -> u64 {
        self.state.borrow().accepted
    }

    /// Changes the lasting faults, for running and new connections.
    pub fn set(&self, change: impl FnOnce(&mut Faults)) {
        self.state.send_modify(|state| change(&mut state.faults));
    }

    /// Cuts the server off until [`Proxy::heal`]: running connections are reset and so is every new one.
    pub fn cut_off(&self) {
        self.set(|faults| faults.refuse = true);
        self.cut();
    }

    /// Delays everything in both directions until [`Proxy::heal`].
    pub fn slow(&self, delay: Duration) {
        self.set(|faults| {
            faults.upstream.delay = delay;
            faults.downstream.delay = delay;
        });
    }

    /// No lasting faults any more.
    pub fn heal(&self) {
        self.set(|faults| *faults = Faults::default());
    }

    /// Resets every running connection, on both sides, without a word.
    pub fn cut(&self) {
        self.state
            .send_modify(|state| state.reset_up_to = state.accepted);
    }

    /// Makes every running connection half-open for good, as when a network changes: nothing passes any more, not even
    /// its end, and both sides go on believing in it. New connections work.
    pub fn half_open(&self) {
        self.state
            .send_modify(|state| state.dead_up_to = state.accepted);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

/// Whom a proxy stands before, and from where it connects.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    from: Option<Namespace>,
}

impl Server {
    async fn connect(&self) -> io::Result<TcpStream> {
        match &self.from {
            Some(namespace) => namespace.connect(self.address).await,
            None => TcpStream::connect(self.address).await,
        }
    }
}

async fn accept(listener: TcpListener, server: Server, state: Arc<watch::Sender<State>>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        let Ok((client, _)) = listener.accept().await else {
            // Out of descriptors, most likely: others have to end first.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        state.send_modify(|state| state.accepted += 1);
        let number = state.borrow().accepted;
        let state = state.subscribe();
        let server = server.clone();
        connections.spawn(async move {
            // Either side's failure ends the pair; there is nobody to tell.
            let _ = carry(client, server, Connection { number, state }).await;
            drop(permit);
        });
    }
}

/// One connection's view of the faults.
#[derive(Clone)]
struct Connection {
    number: u64,
    state: watch::Receiver<State>,
}

impl Connection {
    fn is_dead(&self) -> bool {
        self.state.borrow().dead_up_to >= self.number
    }

    /// Waits until `wanted` holds. A dropped proxy ends the wait too.
    async fn until(&mut self, wanted: impl Fn(&State) -> bool) {
        let _ = self.state.wait_for(|state| wanted(state)).await;
    }

    async fn until_reset(mut self) {
        let number = self.number;
        self.until(|state| state.reset_up_to >= number).await;
    }

    async fn until_dead(&mut self) {
        let number = self.number;
        self.until(|state| state.dead_up_to >= number).await;
    }
}

/// Carries one connection until both directions have ended in order, or else resets both sides. Ends at once with a reset
/// when the server cannot be reached.
async fn carry(mut client: TcpStream, server: Server, connection: Connection) -> io::Result<()> {
    if connection.state.borrow().faults.refuse {
        return client.set_zero_linger();
    }
    let mut server = match server.connect().await {
        Ok(server) => server,
        Err(_) => return client.set_zero_linger(),
    };
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let in_order = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let both = async {
            tokio::try_join!(
                pump(from_client, to_server, connection.clone(), |faults| faults
                    .upstream),
                pump(from_server, to_client, connection.clone(), |faults| faults
                    .downstream),
            )
        };
        tokio::select! {
            ended = both => ended.is_ok(),
            () = connection.clone().until_reset() => false,
        }
    };
    if !in_order {
        client.set_zero_linger()?;
        server.set_zero_linger()?;
    }
    Ok(())
}

/// Carries one direction until its end, which it passes on.
async fn pump(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    connection: Connection,
    fault: fn(&Faults) -> Fault,
) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
    tokio::try_join!(
        take(from, sender, connection.clone(), fault),
        give(to, receiver, connection, fault),
    )?;
    Ok(())
}

async fn take(
    mut from: ReadHalf<'_>,
    chunks: mpsc::Sender<(Instant, Bytes)>,
    mut connection: Connection,
    fault: fn(&Faults) -> Fault,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut lost = false;
    loop {
        connection.until(|state| !fault(&state.faults).paused).await;
        let read = tokio::select! {
            read = from.read(&mut buffer) => read?,
            () = connection.until(|state| fault(&state.faults).paused) => continue,
        };
        lost |= fault(&connection.state.borrow().faults).dropped;
        match (read, lost) {
            // The other side must not learn of the end.
            (0, true) => std::future::pending().await,
            (0, false) => return Ok(()),
            (_, true) => continue,
            (_, false) => {}
        }
        let due = Instant::now() + fault(&connection.state.borrow().faults).delay;
        let chunk = Bytes::copy_from_slice(&buffer[..read]);
        if chunks.send((due, chunk)).await.is_err() {
            return Ok(());
        }
    }
}

async fn give(
    mut to: WriteHalf<'_>,
    mut chunks: mpsc::Receiver<(Instant, Bytes)>,
    mut connection: Connection,
    fault: fn(&Faults) -> Fault,
) -> io::Result<()> {
    while let Some((due, mut chunk)) = chunks.recv().await {
        sleep_until(due).await;
        while !chunk.is_empty() && !connection.is_dead() {
            let rate = fault(&connection.state.borrow().faults).bytes_per_second;
            // About fifty pieces a second, so that a slow line is slow and not bursty.
            let piece = rate.map_or(chunk.len(), |rate| chunk.len().min(rate as usize / 50 + 1));
            let piece = chunk.split_to(piece);
            tokio::select! {
                written = to.write_all(&piece) => written?,
                () = connection.until_dead() => {}
            }
            if let Some(rate) = rate {
                sleep(Duration::from_secs_f64(
                    piece.len() as f64 / f64::from(rate.max(1)),
                ))
                .await;
            }
        }
    }
    if connection.is_dead() {
        // The other side must not learn of the end: keep the socket until it is reset or closed from there.
        std::future::pending::<()>().await;
    }
    to.shutdown().await
}
