//! Clients whose hub goes away: each notices it by itself, tries again at random times, and goes on where it was.

use protocol::{Encoding, HubMessage};
use std::time::Duration;

use crate::clock::Clock;
use crate::fleet::{Event, Fleet};
use crate::hub::{self, HubError};
use crate::pool::Ready;
use crate::target::{ConnectError, push_frame};
use crate::websocket;

/// Whoever is not back by then never will be.
const GIVE_UP_NS: u64 = 180_000_000_000;
/// How long one try may take.
const TRY_NS: u64 = 20_000_000_000;
const TURN: Duration = Duration::from_millis(2);

/// How far a connection has come.
#[derive(Clone, Copy)]
enum Stage {
    /// It has not noticed anything yet.
    Joined,
    /// Its next try is due then.
    Waiting(u64),
    Upgrading,
    Shaking,
    Joining,
    Back,
}

struct Client {
    stage: Stage,
    /// When this try began.
    begun_ns: u64,
    lost_ns: u64,
    tries: u32,
}

/// One connection's way back.
#[derive(Clone, Copy, Debug)]
pub struct Returned {
    /// When it noticed that it was alone.
    pub lost_ns: u64,
    /// When its room was joined again.
    pub back_ns: u64,
    /// Tries until then.
    pub tries: u32,
}

/// Brings a fleet back to a hub that ends and begins anew at the same address.
pub struct Comeback<'a> {
    fleet: &'a mut Fleet,
    clock: Clock,
    spread_ns: u64,
    clients: Vec<Client>,
    requests: Vec<Vec<u8>>,
    returned: Vec<Option<Returned>>,
    left: usize,
}

impl<'a> Comeback<'a> {
    /// Tries come at random times within `spread` after a loss, and after each other.
    pub fn new(fleet: &'a mut Fleet, spread: Duration, clock: Clock) -> Result<Self, ConnectError> {
        let connections = fleet.shape.connections();
        let requests = (0..connections as usize)
            .map(|connection| fleet.target.upgrade_request(&fleet.target.user(connection)))
            .collect::<Result<Vec<_>, _>>()?;
        let client = |_| Client {
            stage: Stage::Joined,
            begun_ns: 0,
            lost_ns: 0,
            tries: 0,
        };
        Ok(Self {
            fleet,
            clock,
            spread_ns: spread.as_nanos() as u64,
            clients: (0..connections).map(client).collect(),
            requests,
            returned: vec![None; connections as usize],
            left: connections as usize,
        })
    }

    /// Goes on until everybody has been away and is back.
    pub fn run(mut self) -> Result<Vec<Returned>, ConnectError> {
        let began = self.clock.now_ns();
        let mut ready = Vec::new();
        while self.left > 0 {
            let now = self.clock.now_ns();
            if now - began > GIVE_UP_NS {
                let all = self.clients.len();
                return Err(ConnectError::Stuck(all - self.left, all));
            }
            self.begin_due(now);
            self.fleet.pool.wait(Some(TURN), &mut ready)?;
            for event in &ready {
                if let Ready::Socket {
                    index,
                    readable,
                    writable,
                } = *event
                {
                    self.serve(index, readable, writable);
                }
            }
        }
        Ok(self.returned.into_iter().flatten().collect())
    }

    fn begin_due(&mut self, now: u64) {
        for index in 0..self.clients.len() {
            let client = &self.clients[index];
            match client.stage {
                Stage::Waiting(due) if due <= now => self.begin(index, now),
                Stage::Upgrading | Stage::Shaking | Stage::Joining
                    if now - client.begun_ns > TRY_NS =>
                {
                    self.lose(index);
                }
                _ => {}
            }
        }
    }

    fn begin(&mut self, index: usize, now: u64) {
        let client = &mut self.clients[index];
        client.stage = Stage::Upgrading;
        client.begun_ns = now;
        client.tries += 1;
        let pool = &mut self.fleet.pool;
        let begun = self
            .fleet
            .target
            .connect(index)
            .and_then(|stream| pool.renew(index, stream))
            .and_then(|()| pool.queue(index, &self.requests[index]));
        if begun.is_err() {
            self.lose(index);
        }
    }

    fn serve(&mut self, index: usize, readable: bool, writable: bool) {
        let waits = matches!(self.clients[index].stage, Stage::Waiting(_));
        if waits {
            return;
        }
        if writable && self.fleet.pool.flush(index).is_err() {
            return self.lose(index);
        }
        if !readable {
            return;
        }
        let mut answer = Vec::new();
        let Self { fleet, clients, .. } = self;
        let Fleet {
            pool,
            shape,
            positions,
            target,
            group,
            ..
        } = &mut **fleet;
        let client = &mut clients[index];
        let mut reader = Reader {
            client,
            next: &mut positions[index].next,
            room: target.room_name(*group, shape.room_of_connection(index as u32)),
            encoding: target.encoding_of(index),
        };
        let read = pool.read(index, |bytes| reader.receive(bytes, &mut answer));
        let is_back = matches!(reader.client.stage, Stage::Back);
        let wrote = match answer.is_empty() {
            true => Ok(()),
            false => pool.write(index, &answer),
        };
        if read.is_err() || wrote.is_err() {
            return self.lose(index);
        }
        if is_back && self.returned[index].is_none() {
            let client = &self.clients[index];
            self.returned[index] = Some(Returned {
                lost_ns: client.lost_ns,
                back_ns: self.clock.now_ns(),
                tries: client.tries,
            });
            self.left -= 1;
        }
    }

    /// The connection is gone, or this try was none.
    fn lose(&mut self, index: usize) {
        let now = self.clock.now_ns();
        self.fleet.pool.close(index);
        let client = &mut self.clients[index];
        if let Stage::Joined = client.stage {
            client.lost_ns = now;
        }
        if self.returned[index].take().is_some() {
            // It was back, and lost again: the hub was not done with ending.
            self.left += 1;
        }
        let wait = chance(index as u64, client.tries) % self.spread_ns.max(1);
        client.stage = Stage::Waiting(now + wait);
    }
}

/// What looks random and is the same in each run.
fn chance(index: u64, tries: u32) -> u64 {
    let mixed = (index << 32 | u64::from(tries)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 16
}

/// Takes in what comes to one connection.
struct Reader<'a> {
    client: &'a mut Client,
    next: &'a mut u64,
    room: String,
    encoding: Encoding,
}

impl Reader<'_> {
    fn receive(&mut self, bytes: &[u8], answer: &mut Vec<u8>) -> Result<usize, ConnectError> {
        let mut used = 0;
        if let Stage::Upgrading = self.client.stage {
            let Some(head) = websocket::upgrade_answer(bytes)? else {
                return Ok(0);
            };
            let encoding = self.encoding;
            push_frame(encoding, answer, &hub::handshake_request(encoding));
            let after = self.next.saturating_sub(1);
            let join = hub::join_room_after(encoding, "again", &self.room, after)?;
            push_frame(encoding, answer, &join);
            self.client.stage = Stage::Shaking;
            used = head;
        }
        Ok(used
            + websocket::frames(&bytes[used..], |opcode, payload| match opcode {
                websocket::TEXT | websocket::BINARY => self.payload(payload),
                websocket::CLOSE => Err(HubError::Closed("close frame".into()).into()),
                websocket::PING => {
                    websocket::push_frame(answer, websocket::PONG, payload, Some(*b"mask"));
                    Ok(())
                }
                _ => Ok(()),
            })?)
    }

    fn payload(&mut self, mut payload: &[u8]) -> Result<(), ConnectError> {
        if let Stage::Shaking = self.client.stage {
            payload = &payload[hub::handshake_answer(payload)?..];
            self.client.stage = Stage::Joining;
        }
        for message in hub::read_messages(self.encoding, payload)? {
            match message {
                HubMessage::Completion { outcome, .. } => {
                    hub::result(&outcome)?;
                    self.client.stage = Stage::Back;
                }
                HubMessage::Invocation { call, .. } => {
                    let event = call.arguments.first().map(|first| first.decode::<Event>());
                    if let Some(Ok(Event {
                        sequence: Some(sequence),
                    })) = event
                    {
                        *self.next = sequence + 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_spread_evenly_and_not_in_step() {
        let quarter = |n: u64| (n % 1_000) / 250;
        let mut counts = [0; 4];
        for index in 0..4_000 {
            counts[quarter(chance(index, 0)) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1_200).contains(count)),
            "{counts:?}"
        );
        let again = (0..100).filter(|index| chance(*index, 0) == chance(*index, 1));
        assert_eq!(again.count(), 0);
    }
}
