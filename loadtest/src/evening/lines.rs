//! Lines of many people to a hub, on one thread: opened with a new token each time, kept alive, left in any way, and not read for a
//! while. What is said on them is somebody else's matter.

use mio::net::TcpStream;
use protocol::Encoding;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::visits::Ending;
use crate::clock::Clock;
use crate::fleet::connect_with;
use crate::hub::{self, HubError};
use crate::pool::{Pool, Ready};
use crate::target::{ConnectError, Target, push_frame};
use crate::websocket;

/// Every line pings once in this time; hubs drop clients after 30 s of silence.
const PING_EVERY_NS: u64 = 10_000_000_000;
/// A hub of which nothing was heard for so long is taken for gone, as clients of SignalR do.
const SILENT_NS: u64 = 30_000_000_000;
/// The hub has this long to answer a goodbye.
const GOODBYE_NS: u64 = 2_000_000_000;
/// A connection without anybody stays open for so long.
const DEAD_NS: u64 = 45_000_000_000;
/// Most such connections: beyond, the oldest are reset.
const MOST_DEAD: usize = 4_096;

/// Whose line it is and how it is opened.
#[derive(Clone, Debug)]
pub struct Person {
    /// The user.
    pub user: String,
    /// Path of the hub.
    pub hub: &'static str,
    /// What is spoken.
    pub encoding: Encoding,
    /// Bytes that the kernel keeps for a slow reader.
    pub receive_buffer: Option<u32>,
}

/// Hears what comes.
pub trait Listener {
    /// The hub messages of one frame. An error ends the line.
    fn heard(&mut self, line: usize, payload: &[u8], now_ns: u64) -> Result<(), HubError>;
}

enum Stage {
    Down,
    /// What is said as soon as there is a WebSocket.
    Upgrading(Vec<u8>),
    Shaking,
    Up,
    /// The goodbye is said; at this time the socket is closed all the same.
    Leaving(u64),
}

struct Line {
    owner: Person,
    stage: Stage,
    heard_ns: u64,
    paused: bool,
}

/// Lines on one event loop, by index.
pub struct Lines {
    pool: Pool,
    target: Target,
    clock: Clock,
    lines: Vec<Line>,
    dead: VecDeque<(u64, TcpStream)>,
    lost: Vec<(usize, String)>,
    pinged_ns: u64,
    next_ping: usize,
    ready: Vec<Ready>,
}

impl Lines {
    /// No line yet.
    pub fn new(target: &Target, clock: Clock) -> io::Result<Self> {
        Ok(Self {
            pool: Pool::new()?,
            target: target.clone(),
            clock,
            lines: Vec::new(),
            dead: VecDeque::new(),
            lost: Vec::new(),
            pinged_ns: clock.now_ns(),
            next_ping: 0,
            ready: Vec::new(),
        })
    }

    /// One more, not opened yet; its index counts up from 0.
    pub fn add(&mut self, owner: Person) -> usize {
        self.lines.push(Line {
            owner,
            stage: Stage::Down,
            heard_ns: 0,
            paused: false,
        });
        self.pool.reserve()
    }

    /// What a line speaks.
    pub fn encoding(&self, line: usize) -> Encoding {
        self.lines[line].owner.encoding
    }

    /// Opens a line anew; `hello` are the records that follow the handshake. Call it between two turns.
    pub fn open(&mut self, index: usize, hello: &[Vec<u8>]) -> Result<(), ConnectError> {
        let line = &mut self.lines[index];
        let Person {
            user,
            hub,
            encoding,
            receive_buffer,
        } = &line.owner;
        let mut frames = Vec::new();
        push_frame(*encoding, &mut frames, &hub::handshake_request(*encoding));
        for record in hello {
            push_frame(*encoding, &mut frames, record);
        }
        line.stage = Stage::Upgrading(frames);
        line.heard_ns = self.clock.now_ns();
        line.paused = false;
        let token = self.target.credentials.token(user)?;
        let address = self.target.address(index);
        let path = format!("{hub}?access_token={token}");
        let request = websocket::upgrade_request(&address.to_string(), &path);
        let number = self.target.first.saturating_add(index as u32);
        let stream = connect_with(address, number, *receive_buffer)?;
        self.pool.renew(index, stream)?;
        self.pool.queue(index, &request)?;
        Ok(())
    }

    /// Says something; a line that cannot take it is lost.
    pub fn say(&mut self, index: usize, frame: &[u8]) {
        if let Err(error) = self.pool.write(index, frame) {
            self.lose(index, error.to_string());
        }
    }

    /// Says one record.
    pub fn say_record(&mut self, index: usize, record: &[u8]) {
        let mut frame = Vec::new();
        push_frame(self.encoding(index), &mut frame, record);
        self.say(index, &frame);
    }

    /// Leaves a line.
    pub fn leave(&mut self, index: usize, how: Ending) {
        let now_ns = self.clock.now_ns();
        let is_up = matches!(self.lines[index].stage, Stage::Up);
        self.lines[index].paused = false;
        match how {
            Ending::Clean if is_up => {
                let encoding = self.encoding(index);
                let mut frames = Vec::new();
                if let Ok(goodbye) = hub::goodbye(encoding) {
                    push_frame(encoding, &mut frames, &goodbye);
                }
                websocket::push_frame(
                    &mut frames,
                    websocket::CLOSE,
                    &1000u16.to_be_bytes(),
                    Some(*b"mask"),
                );
                let said = self.pool.write(index, &frames);
                self.lines[index].stage = match said {
                    Ok(()) => Stage::Leaving(now_ns + GOODBYE_NS),
                    Err(_) => Stage::Down,
                };
            }
            Ending::Dead if is_up => {
                self.lines[index].stage = Stage::Down;
                if let Some(stream) = self.pool.abandon(index) {
                    self.dead.push_back((now_ns + DEAD_NS, stream));
                }
                if self.dead.len() > MOST_DEAD {
                    self.dead.pop_front();
                }
            }
            // Nobody says goodbye on a line that is not there yet.
            Ending::Clean | Ending::Dead | Ending::Cut => self.close(index),
        }
    }

    fn close(&mut self, index: usize) {
        self.pool.close(index);
        self.lines[index].stage = Stage::Down;
    }

    /// Gives up a line, which is told as lost.
    pub fn lose(&mut self, index: usize, why: String) {
        let was_open = !matches!(self.lines[index].stage, Stage::Down | Stage::Leaving(_));
        self.close(index);
        if was_open {
            self.lost.push((index, why));
        }
    }

    /// The lines that were lost since this was asked last, each with the reason.
    pub fn take_lost(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.lost)
    }

    /// Reads no more from a line.
    pub fn pause(&mut self, index: usize) {
        self.lines[index].paused = true;
    }

    /// Reads on, first what has come meanwhile.
    pub fn resume(&mut self, index: usize, listener: &mut impl Listener) {
        if std::mem::take(&mut self.lines[index].paused) {
            self.lines[index].heard_ns = self.clock.now_ns();
            self.read(index, listener);
        }
    }

    /// Pings that are due, spread over all lines; looks after those that are silent or were left. Call it every few seconds.
    pub fn keep_alive(&mut self, now_ns: u64) {
        let each_ns = PING_EVERY_NS / self.lines.len().max(1) as u64;
        while self.pinged_ns + each_ns <= now_ns && !self.lines.is_empty() {
            self.pinged_ns += each_ns;
            let index = self.next_ping;
            self.next_ping = (index + 1) % self.lines.len();
            let line = &self.lines[index];
            match line.stage {
                Stage::Up if !line.paused && now_ns > line.heard_ns + SILENT_NS => {
                    self.lose(index, "nothing was heard for 30 s".to_owned());
                }
                Stage::Up => {
                    if let Ok(ping) = hub::ping(line.owner.encoding) {
                        self.say_record(index, &ping);
                    }
                }
                Stage::Leaving(until_ns) if until_ns < now_ns => self.close(index),
                _ => {}
            }
        }
        while self
            .dead
            .front()
            .is_some_and(|(until_ns, _)| *until_ns < now_ns)
        {
            self.dead.pop_front();
        }
    }

    /// Takes in what has come; true if there was something.
    pub fn turn(&mut self, timeout: Duration, listener: &mut impl Listener) -> io::Result<bool> {
        let mut ready = std::mem::take(&mut self.ready);
        self.pool.wait(Some(timeout), &mut ready)?;
        for event in &ready {
            let Ready::Socket {
                index,
                readable,
                writable,
            } = *event
            else {
                continue;
            };
            if writable && let Err(error) = self.pool.flush(index) {
                self.lose(index, error.to_string());
            }
            if readable && !self.lines[index].paused {
                self.read(index, listener);
            }
        }
        let any = !ready.is_empty();
        self.ready = ready;
        Ok(any)
    }

    fn read(&mut self, index: usize, listener: &mut impl Listener) {
        let now_ns = self.clock.now_ns();
        let line = &mut self.lines[index];
        let mut answer = Vec::new();
        let read = self.pool.read(index, |bytes| {
            line.heard_ns = now_ns;
            line.take_in(bytes, &mut answer, |payload| {
                listener.heard(index, payload, now_ns)
            })
        });
        let wrote = match answer.is_empty() {
            true => Ok(()),
            false => self.pool.write(index, &answer),
        };
        match (read, wrote) {
            (Err(error), _) => self.lose(index, error.to_string()),
            (_, Err(error)) => self.lose(index, error.to_string()),
            _ => {}
        }
    }
}

impl Line {
    /// Takes in bytes; returns how many are done with.
    fn take_in(
        &mut self,
        bytes: &[u8],
        answer: &mut Vec<u8>,
        mut heard: impl FnMut(&[u8]) -> Result<(), HubError>,
    ) -> Result<usize, ConnectError> {
        let mut used = 0;
        if let Stage::Upgrading(hello) = &self.stage {
            let Some(head) = websocket::upgrade_answer(bytes)? else {
                return Ok(0);
            };
            answer.extend_from_slice(hello);
            self.stage = Stage::Shaking;
            used = head;
        }
        Ok(used
            + websocket::frames::<ConnectError>(&bytes[used..], |opcode, mut payload| {
                match opcode {
                    websocket::TEXT | websocket::BINARY => {}
                    websocket::PING => {
                        websocket::push_frame(answer, websocket::PONG, payload, Some(*b"mask"));
                        return Ok(());
                    }
                    websocket::CLOSE => return Err(HubError::Closed("close frame".into()).into()),
                    _ => return Ok(()),
                }
                match self.stage {
                    Stage::Shaking => {
                        payload = &payload[hub::handshake_answer(payload)?..];
                        self.stage = Stage::Up;
                    }
                    // Whoever has left hears nothing any more: it comes again after the next join.
                    Stage::Leaving(_) => return Ok(()),
                    _ => {}
                }
                if !payload.is_empty() {
                    heard(payload)?;
                }
                Ok(())
            })?)
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
