//! Where a connection's bytes come from, and the buffer of the thread that they are read into.

use std::cell::Cell;
use std::io::{self, Read};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::handle::Transport;
use super::websocket::{Reader, Received};

/// Size of a thread's read buffer.
const READ_AHEAD: usize = 64 * 1024;

thread_local! {
    /// Taken out while in use.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends the thread's read buffer.
pub(super) fn with_buffer<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFER.take();
    buffer.resize(READ_AHEAD, 0);
    let result = work(&mut buffer);
    BUFFER.set(buffer);
    result
}

/// Reads once; `None` at the end, however it came.
pub(super) fn poll_read(
    stream: &TcpStream,
    buffer: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<Option<usize>> {
    loop {
        if ready!(stream.poll_read_ready(cx)).is_err() {
            return Poll::Ready(None);
        }
        match read_some(stream, buffer) {
            Ok(0) => return Poll::Ready(None),
            Ok(count) => return Poll::Ready(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Poll::Ready(None),
        }
    }
}

/// Reads what is there. When that is less than there was room for, the socket is drained: it counts as not ready then,
/// without a second call that would only say so. What comes later makes it ready again, for readiness is told at every
/// edge, and the end of the stream always stays ready.
fn read_some(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut short = None;
    let whole = stream.try_io(Interest::READABLE, || {
        let count = (&*SockRef::from(stream)).read(buffer)?;
        if count == 0 || count == buffer.len() {
            return Ok(count);
        }
        short = Some(count);
        Err(io::ErrorKind::WouldBlock.into())
    });
    short.map_or(whole, Ok)
}

/// A transport that is read.
pub(super) struct Input {
    pub stream: Arc<TcpStream>,
    pub reader: Reader,
    /// Read but not looked at, because reading has to pause.
    pub held: Bytes,
    /// `held`, or what the reader keeps, must be looked at before the socket.
    pub unread: bool,
    /// Nothing more can be understood.
    pub broken: bool,
}

impl Input {
    pub fn new(transport: Transport, max_frame_bytes: usize) -> Self {
        Input {
            stream: transport.stream,
            reader: Reader::new(max_frame_bytes),
            held: transport.early,
            unread: true,
            broken: false,
        }
    }

    /// Reads and forgets until the peer has closed. Were the socket closed with bytes unread, the peer
    /// could lose what was sent to it last.
    pub fn poll_discard(&mut self, buffer: &mut [u8], cx: &mut Context<'_>) -> Poll<()> {
        let held = std::mem::take(&mut self.held);
        if self.discard(&held) {
            return Poll::Ready(());
        }
        match ready!(poll_read(&self.stream, buffer, cx)) {
            Some(count) if !self.discard(&buffer[..count]) => {
                // What is thrown away must not keep others waiting.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// True when the peer has said goodbye.
    fn discard(&mut self, mut bytes: &[u8]) -> bool {
        while !self.broken {
            match self.reader.read(&mut bytes) {
                Some(Received::Data(_)) => {}
                Some(Received::Closed) => return true,
                Some(Received::Broken(_)) => self.broken = true,
                None => break,
            }
        }
        // Answers to what is thrown away are not wanted either.
        self.reader.take_output();
        false
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        (client.expect("connected"), server.expect("accepted").0)
    }

    async fn read(stream: &TcpStream, buffer: &mut [u8]) -> Option<usize> {
        poll_fn(|cx| poll_read(stream, buffer, cx)).await
    }

    #[tokio::test]
    async fn the_end_is_seen_also_when_it_came_with_the_last_bytes() {
        let (mut client, server) = pair().await;
        client.write_all(b"abc").await.expect("written");
        client.shutdown().await.expect("closed");
        // Both are there before anything is read.
        server.readable().await.expect("readable");
        let mut buffer = [0; 16];
        assert_eq!(read(&server, &mut buffer).await, Some(3));
        assert_eq!(read(&server, &mut buffer).await, None);
    }

    #[tokio::test]
    async fn more_than_fits_comes_in_pieces() {
        let (mut client, server) = pair().await;
        client.write_all(b"abcdefgh").await.expect("written");
        let (mut buffer, mut all) = ([0; 4], Vec::new());
        while all.len() < 8 {
            let count = read(&server, &mut buffer).await.expect("not the end");
            all.extend_from_slice(&buffer[..count]);
        }
        assert_eq!(all, b"abcdefgh");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_edge_is_lost_between_a_short_read_and_the_next_bytes() {
        let (mut client, server) = pair().await;
        const BYTES: usize = 20_000;
        let writing = tokio::spawn(async move {
            for _ in 0..BYTES {
                client.write_all(b"x").await.expect("written");
            }
        });
        let reading = tokio::spawn(async move {
            let (mut buffer, mut got) = ([0; 64], 0);
            while let Some(count) = read(&server, &mut buffer).await {
                got += count;
            }
            got
        });
        writing.await.expect("no panic");
        assert_eq!(reading.await.expect("no panic"), BYTES);
    }
}
