//! Where a connection's bytes come from, and the buffer of the thread that they are read into.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
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
        match stream.try_read(buffer) {
            Ok(0) => return Poll::Ready(None),
            Ok(count) => return Poll::Ready(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Poll::Ready(None),
        }
    }
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
