//! The connections of a run: opened, authenticated, joined to their rooms, and kept alive.

use mio::net::TcpStream;
use protocol::{Encoding, HubMessage};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::clock::Clock;
use crate::hub::{self, HubError};
use crate::ledger::Member;
use crate::plan::Shape;
use crate::pool::{Pool, Ready};
use crate::target::{ConnectError, Target, push_frame};
use crate::websocket::{self, FrameError};

/// Connections from one source address; a port range holds about 28,000.
pub const CONNECTIONS_PER_ADDRESS: u32 = 20_000;
/// Connections that may be between their first packet and their joined room.
const OPENING_AT_ONCE: usize = 64;
const STUCK_AFTER_NS: u64 = 20_000_000_000;
/// Every connection pings once in this time; hubs drop clients after 30 s of silence.
const PING_EVERY_NS: u64 = 10_000_000_000;

/// How long somebody without traffic waits for something to come.
pub const REST: Duration = Duration::from_millis(20);

/// Connections in their rooms.
pub struct Fleet {
    /// Their sockets; connection `i` has index `i`.
    pub pool: Pool,
    /// Who is where.
    pub shape: Shape,
    /// Where every connection stands in its room.
    pub positions: Vec<Member>,
    /// The hub.
    pub target: Target,
    /// Which of the target's groups of rooms this fleet uses.
    pub group: u32,
    /// Connections that are not there just now, and say nothing.
    pub away: BTreeSet<usize>,
    /// By encoding, as [`slot`] numbers them.
    pings: [Vec<u8>; 2],
    pinged_ns: u64,
    ping_next: usize,
}

/// How opening the connections went.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Opening {
    /// Connections that joined.
    pub connections: u32,
    /// From the first packet to the last joined room.
    pub seconds: f64,
    /// Tokens checked, handshakes done and rooms joined per second.
    pub connects_per_second: f64,
}

/// How far a connection has come.
enum Stage {
    Upgrading,
    Shaking,
    Joining,
    Joined,
}

struct Opener<'a> {
    stages: Vec<Stage>,
    /// What every connection says first, by encoding.
    hellos: [Vec<u8>; 2],
    /// Per room what those add who join it, by encoding.
    joins: Vec<[Vec<u8>; 2]>,
    positions: Vec<Member>,
    joined: usize,
    shape: Shape,
    target: &'a Target,
}

/// The argument of any callback, as far as it moves the position in a room.
#[derive(Deserialize)]
pub struct Event {
    /// Present on journaled events.
    pub sequence: Option<u64>,
}

impl Fleet {
    /// Creates the rooms, then opens and joins all connections, a few at a time.
    pub fn gather(
        target: &Target,
        shape: Shape,
        group: u32,
        clock: Clock,
    ) -> Result<(Self, Opening), ConnectError> {
        target.create_rooms(group, shape.rooms)?;
        Self::join(target, shape, group, clock)
    }

    /// The same with rooms that are there.
    pub fn join(
        target: &Target,
        shape: Shape,
        group: u32,
        clock: Clock,
    ) -> Result<(Self, Opening), ConnectError> {
        let requests = (0..shape.connections() as usize)
            .map(|connection| target.upgrade_request(&target.user(connection)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut pool = Pool::new()?;
        let mut opener = Opener::new(target, shape, group)?;
        let started = clock.now_ns();
        opener.open_all(&mut pool, &requests, clock)?;
        let seconds = (clock.now_ns() - started) as f64 / 1e9;
        let connections = shape.connections();
        let opening = Opening {
            connections,
            seconds,
            connects_per_second: f64::from(connections) / seconds,
        };
        let pings = in_both(hub::ping)?;
        let fleet = Self {
            pool,
            shape,
            positions: opener.positions,
            target: target.clone(),
            group,
            away: BTreeSet::new(),
            pings,
            pinged_ns: clock.now_ns(),
            ping_next: 0,
        };
        Ok((fleet, opening))
    }

    /// Lets time pass without traffic, as idle clients do, while something else is done; its result.
    pub fn rest_while<T: Send>(
        &mut self,
        clock: Clock,
        other: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        meanwhile(other, || self.rest(clock))
    }

    /// Lets a moment pass without traffic.
    pub fn rest(&mut self, clock: Clock) -> io::Result<()> {
        let mut ready = Vec::new();
        self.keep_alive(clock.now_ns());
        self.pool.wait(Some(REST), &mut ready)?;
        for event in &ready {
            if let Ready::Socket {
                index,
                readable: true,
                ..
            } = *event
            {
                // Only pings can come here; a connection that ended shows in the trial that follows.
                let _: Result<(), io::Error> = self.pool.read(index, |bytes| Ok(bytes.len()));
            }
        }
        Ok(())
    }

    /// Sends the pings that are due, spread over all connections. Call it at least every few seconds.
    pub fn keep_alive(&mut self, now_ns: u64) {
        let connections = self.shape.connections() as usize;
        let each_ns = PING_EVERY_NS / connections.max(1) as u64;
        while self.pinged_ns + each_ns <= now_ns {
            self.pinged_ns += each_ns;
            let ping = &self.pings[slot(self.target.encoding_of(self.ping_next))];
            if !self.away.contains(&self.ping_next) {
                // A connection that is gone shows when it is read.
                let _ = self.pool.write(self.ping_next, ping);
            }
            self.ping_next = (self.ping_next + 1) % connections;
        }
    }
}

impl<'a> Opener<'a> {
    fn new(target: &'a Target, shape: Shape, group: u32) -> Result<Self, ConnectError> {
        let hellos = in_both(|encoding| Ok(hub::handshake_request(encoding)))?;
        let join = |room| {
            let name = target.room_name(group, room);
            in_both(|encoding| hub::join_room(encoding, "join", &name))
        };
        let joins = (0..shape.rooms).map(join).collect::<Result<_, _>>()?;
        let positions = vec![Member::default(); shape.connections() as usize];
        Ok(Self {
            stages: Vec::new(),
            hellos,
            joins,
            positions,
            joined: 0,
            shape,
            target,
        })
    }

    fn open_all(
        &mut self,
        pool: &mut Pool,
        requests: &[Vec<u8>],
        clock: Clock,
    ) -> Result<(), ConnectError> {
        let (mut ready, mut progress_ns) = (Vec::new(), clock.now_ns());
        while self.joined < requests.len() {
            while self.stages.len() < requests.len()
                && self.stages.len() - self.joined < OPENING_AT_ONCE
            {
                let connection = self.stages.len();
                let index = pool.add(self.target.connect(connection)?)?;
                pool.queue(index, &requests[connection])?;
                self.stages.push(Stage::Upgrading);
            }
            pool.wait(Some(Duration::from_millis(100)), &mut ready)?;
            for event in &ready {
                let Ready::Socket {
                    index,
                    readable,
                    writable,
                } = *event
                else {
                    continue;
                };
                if writable {
                    pool.flush(index)?;
                }
                if readable {
                    let mut answer = Vec::new();
                    let before = self.joined;
                    pool.read(index, |bytes| self.receive(index, bytes, &mut answer))?;
                    if !answer.is_empty() {
                        pool.write(index, &answer)?;
                    }
                    if self.joined > before {
                        progress_ns = clock.now_ns();
                    }
                }
            }
            if clock.now_ns() > progress_ns + STUCK_AFTER_NS {
                return Err(ConnectError::Stuck(self.joined, requests.len()));
            }
        }
        Ok(())
    }

    fn receive(
        &mut self,
        index: usize,
        bytes: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<usize, ConnectError> {
        let mut used = 0;
        if let Stage::Upgrading = self.stages[index] {
            let Some(head) = websocket::upgrade_answer(bytes)? else {
                return Ok(0);
            };
            let slot = slot(self.target.encoding_of(index));
            answer.extend_from_slice(&self.hellos[slot]);
            if self.shape.listens(index as u32) {
                let room = self.shape.room_of_connection(index as u32);
                answer.extend_from_slice(&self.joins[room as usize][slot]);
            }
            self.stages[index] = Stage::Shaking;
            used = head;
        }
        Ok(used
            + websocket::frames(&bytes[used..], |opcode, payload| match opcode {
                websocket::TEXT | websocket::BINARY => self.payload(index, payload),
                websocket::CLOSE => Err(HubError::Closed("close frame".into()).into()),
                websocket::PING => {
                    websocket::push_frame(answer, websocket::PONG, payload, Some(*b"mask"));
                    Ok(())
                }
                _ => Ok(()),
            })?)
    }

    fn payload(&mut self, index: usize, mut payload: &[u8]) -> Result<(), ConnectError> {
        if let Stage::Shaking = self.stages[index] {
            payload = &payload[hub::handshake_answer(payload)?..];
            self.stages[index] = Stage::Joining;
            if !self.shape.listens(index as u32) {
                self.stages[index] = Stage::Joined;
                self.joined += 1;
            }
        }
        for message in hub::read_messages(self.target.encoding_of(index), payload)? {
            match message {
                HubMessage::Completion { outcome, .. } => {
                    let summary: hub::RoomSummary =
                        hub::result(&outcome)?.decode().map_err(HubError::from)?;
                    let next = &mut self.positions[index].next;
                    *next = (*next).max(summary.head + 1);
                    self.stages[index] = Stage::Joined;
                    self.joined += 1;
                }
                HubMessage::Invocation { call, .. } => {
                    if let Some(argument) = call.arguments.first()
                        && let Some(sequence) = argument
                            .decode::<Event>()
                            .ok()
                            .and_then(|event| event.sequence)
                    {
                        self.positions[index].next = sequence + 1;
                    }
                }
                HubMessage::Close { error, .. } => {
                    return Err(HubError::Closed(error.unwrap_or_default()).into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Does something on a thread of its own and rests here all the while; its result.
pub fn meanwhile<T: Send, E: From<io::Error>>(
    other: impl FnOnce() -> io::Result<T> + Send,
    mut rest: impl FnMut() -> Result<(), E>,
) -> Result<T, E> {
    std::thread::scope(|scope| {
        let other = scope.spawn(other);
        while !other.is_finished() {
            rest()?;
        }
        match other.join() {
            Ok(result) => Ok(result?),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Where what depends on the encoding stands in arrays of two.
pub fn slot(encoding: Encoding) -> usize {
    usize::from(encoding.is_binary())
}

/// Frames of a record in both encodings, as [`slot`] numbers them.
pub fn in_both(
    record: impl Fn(Encoding) -> Result<Vec<u8>, HubError>,
) -> Result<[Vec<u8>; 2], HubError> {
    let mut frames = [Vec::new(), Vec::new()];
    for encoding in Encoding::ALL {
        push_frame(encoding, &mut frames[slot(encoding)], &record(encoding)?);
    }
    Ok(frames)
}

/// Begins to connect; on loopback, later connections come from further addresses.
pub fn connect(address: SocketAddr, connection: u32) -> io::Result<TcpStream> {
    connect_with(address, connection, None)
}

/// The same with a receive buffer of so many bytes (about; the kernel counts in its own way).
pub fn connect_with(
    address: SocketAddr,
    connection: u32,
    receive_buffer: Option<u32>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(bytes) = receive_buffer {
        // Before it connects, so that the peer is never offered more.
        socket.set_recv_buffer_size(bytes as usize)?;
    }
    let source = connection / CONNECTIONS_PER_ADDRESS;
    if source > 0 && address.ip().is_loopback() && address.is_ipv4() {
        let source = Ipv4Addr::new(127, 0, (source >> 8) as u8, (source & 0xff) as u8 + 1);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    match socket.connect(&address.into()) {
        Err(error)
            if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) =>
        {
            return Err(error);
        }
        _ => {}
    }
    let stream = TcpStream::from_std(socket.into());
    // No ports in TIME_WAIT: the next run needs them.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

impl From<FrameError> for HubError {
    fn from(error: FrameError) -> Self {
        Self::Failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn connections_beyond_one_port_range_come_from_further_addresses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for (connection, source) in [
            (0, "127.0.0.1"),
            (19_999, "127.0.0.1"),
            (20_000, "127.0.0.2"),
            (40_000, "127.0.0.3"),
        ] {
            let _stream = connect(listener.local_addr().unwrap(), connection).unwrap();
            let (_, from) = listener.accept().unwrap();
            assert_eq!(from.ip().to_string(), source, "connection {connection}");
        }
    }
}
