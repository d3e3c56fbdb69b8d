//! Many sockets on one thread: readiness, reading through one shared buffer, and writing what the kernel did not take at once.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use crate::websocket::MAX_FRAME_BYTES;

/// Bytes that may wait for a socket that does not take them before the connection counts as lost. With hundreds of them a
/// server without this bound takes all memory when it is offered more than it can write.
const MAX_BACKLOG_BYTES: usize = 4 << 20;
const FIRST_BUFFER_BYTES: usize = 256 << 10;
const EVENTS_PER_TURN: usize = 1024;

/// A socket that became ready.
#[derive(Clone, Copy, Debug)]
pub enum Ready {
    /// New connections wait on the listener.
    Accept,
    /// The socket with this index can be read, written, or both.
    Socket {
        /// Index as given by [`Pool::add`].
        index: usize,
        /// Bytes, the end or an error can be read.
        readable: bool,
        /// There is room to write.
        writable: bool,
    },
}

struct Socket {
    stream: Option<TcpStream>,
    /// Bytes of an unfinished frame.
    tail: Vec<u8>,
    /// Bytes the kernel did not take yet, from `sent` on.
    backlog: Vec<u8>,
    sent: usize,
    /// The peer has ended: the end is to be read, too, for nothing else will tell of it.
    ended: bool,
}

impl Socket {
    fn empty() -> Self {
        Self {
            stream: None,
            tail: Vec::new(),
            backlog: Vec::new(),
            sent: 0,
            ended: false,
        }
    }
}

/// The sockets of one event loop.
pub struct Pool {
    poll: Poll,
    events: Events,
    sockets: Vec<Socket>,
    buffer: Vec<u8>,
}

const LISTENER: Token = Token(usize::MAX - 1);

impl Pool {
    /// An empty pool.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_PER_TURN),
            sockets: Vec::new(),
            buffer: vec![0; FIRST_BUFFER_BYTES],
        })
    }

    /// Reports connections that wait on `listener` as [`Ready::Accept`].
    pub fn listen(&self, listener: &mut TcpListener) -> io::Result<()> {
        self.poll
            .registry()
            .register(listener, LISTENER, Interest::READABLE)
    }

    /// Takes in a socket and returns its index; indexes count up from 0 and are never used again.
    pub fn add(&mut self, mut stream: TcpStream) -> io::Result<usize> {
        let index = self.sockets.len();
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(index), both)?;
        self.sockets.push(Socket {
            stream: Some(stream),
            ..Socket::empty()
        });
        Ok(index)
    }

    /// Puts a socket in a place of its own choice: a new one, or that of another one, as [`renew`](Self::renew) does.
    pub fn place(&mut self, index: usize, stream: TcpStream) -> io::Result<()> {
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, Socket::empty);
        }
        self.renew(index, stream)
    }

    /// Keeps an index for a socket that [`renew`](Self::renew) brings.
    pub fn reserve(&mut self) -> usize {
        self.sockets.push(Socket::empty());
        self.sockets.len() - 1
    }

    /// Gives a socket away, open as it is, and forgets it.
    pub fn abandon(&mut self, index: usize) -> Option<TcpStream> {
        let socket = self.sockets.get_mut(index)?;
        let mut stream = std::mem::replace(socket, Socket::empty()).stream?;
        // It was registered, so it can be taken out.
        self.poll.registry().deregister(&mut stream).ok()?;
        Some(stream)
    }

    /// Puts another socket in the place of one. What was ready of the old one is void: call it between two turns.
    pub fn renew(&mut self, index: usize, mut stream: TcpStream) -> io::Result<()> {
        self.close(index);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(index), both)?;
        if let Some(socket) = self.sockets.get_mut(index) {
            socket.stream = Some(stream);
        }
        Ok(())
    }

    /// Waits for readiness (for ever without `timeout`, not at all with zero) and puts what is ready into `ready`.
    pub fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            ready.push(match event.token() {
                LISTENER => Ready::Accept,
                Token(index) => {
                    let ended = event.is_error() || event.is_read_closed();
                    if let Some(socket) = self.sockets.get_mut(index).filter(|_| ended) {
                        socket.ended = true;
                    }
                    Ready::Socket {
                        index,
                        readable: event.is_readable() || ended,
                        writable: event.is_writable(),
                    }
                }
            });
        }
        Ok(())
    }

    /// Reads what is there and hands it to `consume`, which returns how many bytes it is done with; the rest comes again.
    /// An error, from the socket or from `consume`, closes the socket; so does the end of the stream.
    pub fn read<E: From<io::Error>>(
        &mut self,
        index: usize,
        mut consume: impl FnMut(&[u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let outcome = self.read_all(index, &mut consume);
        if outcome.is_err() {
            self.close(index);
        }
        outcome
    }

    #[inline]
    fn read_all<E: From<io::Error>>(
        &mut self,
        index: usize,
        consume: &mut impl FnMut(&[u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let Some(Socket {
            stream: Some(stream),
            tail,
            ended,
            ..
        }) = self.sockets.get_mut(index)
        else {
            return Ok(());
        };
        loop {
            let kept = tail.len();
            self.buffer[..kept].copy_from_slice(tail);
            let read = match stream.read(&mut self.buffer[kept..]) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let filled = kept + read;
            let used = consume(&self.buffer[..filled])?;
            tail.clear();
            tail.extend_from_slice(&self.buffer[used..filled]);
            // A short read of a stream socket means that it is drained; new bytes make a new event.
            let is_drained = filled < self.buffer.len();
            if is_drained && !*ended {
                return Ok(());
            }
            if used == 0 && !is_drained {
                if self.buffer.len() > MAX_FRAME_BYTES {
                    return Err(io::Error::other("a frame does not fit the buffer").into());
                }
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
    }

    /// Writes `bytes`, or keeps what the kernel does not take. Errors close the socket.
    pub fn write(&mut self, index: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(socket) = self.sockets.get_mut(index) else {
            return Ok(());
        };
        let Some(stream) = &mut socket.stream else {
            return Err(ErrorKind::NotConnected.into());
        };
        let mut written = 0;
        if socket.backlog.is_empty() {
            match stream.write(bytes) {
                Ok(count) => written = count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::NotConnected => {}
                Err(error) => {
                    self.close(index);
                    return Err(error);
                }
            }
        }
        if written < bytes.len() {
            socket.backlog.extend_from_slice(&bytes[written..]);
            self.check_backlog(index)?;
        }
        Ok(())
    }

    /// Keeps `bytes` for the next [`flush`](Self::flush); true when nothing was waiting before. Too much closes the socket.
    pub fn queue(&mut self, index: usize, bytes: &[u8]) -> io::Result<bool> {
        let Some(socket) = self
            .sockets
            .get_mut(index)
            .filter(|socket| socket.stream.is_some())
        else {
            return Err(ErrorKind::NotConnected.into());
        };
        let first = socket.backlog.is_empty();
        socket.backlog.extend_from_slice(bytes);
        self.check_backlog(index)?;
        Ok(first)
    }

    /// Writes what waits for this socket, as far as the kernel takes it. Errors close the socket.
    pub fn flush(&mut self, index: usize) -> io::Result<()> {
        let Some(socket) = self.sockets.get_mut(index) else {
            return Ok(());
        };
        let Some(stream) = &mut socket.stream else {
            return Ok(());
        };
        while socket.sent < socket.backlog.len() {
            match stream.write(&socket.backlog[socket.sent..]) {
                Ok(count) => socket.sent += count,
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::NotConnected
                    ) =>
                {
                    if socket.sent > MAX_BACKLOG_BYTES / 4 {
                        socket.backlog.drain(..socket.sent);
                        socket.sent = 0;
                    }
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.close(index);
                    return Err(error);
                }
            }
        }
        socket.backlog.clear();
        socket.sent = 0;
        Ok(())
    }

    fn check_backlog(&mut self, index: usize) -> io::Result<()> {
        let socket = &self.sockets[index];
        if socket.backlog.len() - socket.sent > MAX_BACKLOG_BYTES {
            self.close(index);
            return Err(io::Error::other("the peer stopped reading"));
        }
        Ok(())
    }

    /// Closes a socket and forgets its buffers; the index stays taken.
    pub fn close(&mut self, index: usize) {
        if let Some(socket) = self.sockets.get_mut(index) {
            *socket = Socket::empty();
        }
    }
}
