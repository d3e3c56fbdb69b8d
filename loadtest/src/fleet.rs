//! The connections of a run: opened, authenticated, joined to their rooms, and kept alive.

use mio::net::TcpStream;
use protocol::HubMessage;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::clock::Clock;
use crate::hub::{self, HubError};
use crate::ledger::Member;
use crate::plan::Shape;
use crate::pool::{Pool, Ready};
use crate::target::{ConnectError, Target};
use crate::websocket::{self, FrameError};

/// Connections from one source address; a port range holds about 28,000.
const CONNECTIONS_PER_ADDRESS: u32 = 20_000;
/// Connections that may be between their first packet and their joined room.
const OPENING_AT_ONCE: usize = 64;
const STUCK_AFTER_NS: u64 = 20_000_000_000;
/// Every connection pings once in this time; hubs drop clients after 30 s of silence.
const PING_EVERY_NS: u64 = 10_000_000_000;

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
    ping: Vec<u8>,
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
    /// What every connection says first.
    hello: Vec<u8>,
    /// Per room what those add who join it.
    joins: Vec<Vec<u8>>,
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
        let requests = (0..shape.connections())
            .map(|connection| target.upgrade_request(&format!("u{connection}")))
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
        let mut ping = Vec::new();
        target.push_frame(&mut ping, &hub::ping(target.encoding)?);
        let fleet = Self {
            pool,
            shape,
            positions: opener.positions,
            target: target.clone(),
            group,
            ping,
            pinged_ns: clock.now_ns(),
            ping_next: 0,
        };
        Ok((fleet, opening))
    }

    /// Sends the pings that are due, spread over all connections. Call it at least every few seconds.
    pub fn keep_alive(&mut self, now_ns: u64) {
        let connections = self.shape.connections() as usize;
        let each_ns = PING_EVERY_NS / connections.max(1) as u64;
        while self.pinged_ns + each_ns <= now_ns {
            self.pinged_ns += each_ns;
            // A connection that is gone shows when it is read.
            let _ = self.pool.write(self.ping_next, &self.ping);
            self.ping_next = (self.ping_next + 1) % connections;
        }
    }
}

impl<'a> Opener<'a> {
    fn new(target: &'a Target, shape: Shape, group: u32) -> Result<Self, ConnectError> {
        let mut hello = Vec::new();
        target.push_frame(&mut hello, &hub::handshake_request(target.encoding));
        let mut joins = Vec::new();
        for room in 0..shape.rooms {
            let mut frame = Vec::new();
            let join = hub::join_room(target.encoding, "join", &target.room_name(group, room))?;
            target.push_frame(&mut frame, &join);
            joins.push(frame);
        }
        let positions = vec![Member::default(); shape.connections() as usize];
        Ok(Self {
            stages: Vec::new(),
            hello,
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
                let index =
                    pool.add(connect(self.target.address(connection), connection as u32)?)?;
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
            answer.extend_from_slice(&self.hello);
            if self.shape.listens(index as u32) {
                let room = self.shape.room_of_connection(index as u32);
                answer.extend_from_slice(&self.joins[room as usize]);
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
        for message in hub::read_messages(self.target.encoding, payload)? {
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

/// Begins to connect; on loopback, later connections come from further addresses.
pub fn connect(address: SocketAddr, connection: u32) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
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
