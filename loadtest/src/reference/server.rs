//! The reference server's event loop, rooms and fan-out.

use mio::net::TcpListener;
use protocol::Encoding;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

use super::peer::{Ask, Peer, PeerError};
use super::{Fault, Options};
use crate::fleet::slot;
use crate::hub::{self, Delivery, HubError, RoomSummary, Sent};
use crate::pool::{Pool, Ready};
use crate::stamp::STAMP_BYTES;
use crate::websocket;

const SENT_AT: &str = "2026-01-01T00:00:00.000Z";
const FAULT_EVERY: u64 = 100;

/// The whole server.
pub struct Server {
    listener: TcpListener,
    options: Options,
    pool: Pool,
    peers: Vec<Peer>,
    names: BTreeMap<String, u32>,
    rooms: Vec<Room>,
    dirty: Vec<usize>,
    /// The newest message by encoding, as [`slot`] numbers them.
    frames: [Vec<u8>; 2],
}

struct Room {
    name: String,
    members: Vec<usize>,
    sequence: u64,
    /// A frame held back to be late.
    late: Option<[Vec<u8>; 2]>,
    /// Members speak different encodings.
    mixed: bool,
}

impl Server {
    /// A server on a bound listener.
    pub fn new(mut listener: TcpListener, options: Options) -> io::Result<Self> {
        let pool = Pool::new()?;
        pool.listen(&mut listener)?;
        Ok(Self {
            listener,
            options,
            pool,
            peers: Vec::new(),
            names: BTreeMap::new(),
            rooms: Vec::new(),
            dirty: Vec::new(),
            frames: Default::default(),
        })
    }

    /// Serves for ever.
    pub fn run(mut self) -> io::Result<()> {
        let (mut ready, mut asks) = (Vec::new(), Vec::new());
        loop {
            self.pool.wait(None, &mut ready)?;
            for event in &ready {
                match *event {
                    Ready::Accept => self.accept()?,
                    Ready::Socket {
                        index,
                        readable,
                        writable,
                    } => {
                        self.turn(index, readable, writable, &mut asks);
                    }
                }
            }
            for index in std::mem::take(&mut self.dirty) {
                if self.pool.flush(index).is_err() {
                    self.leave(index);
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nodelay(true)?;
                    self.pool.add(stream)?;
                    self.peers.push(Peer::new());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn turn(&mut self, index: usize, readable: bool, writable: bool, asks: &mut Vec<Ask>) {
        let mut well = !writable || self.pool.flush(index).is_ok();
        if well && readable {
            let (peer, acknowledge) = (&mut self.peers[index], self.options.acknowledge);
            let read: Result<(), PeerError> = self
                .pool
                .read(index, |bytes| peer.receive(bytes, acknowledge, asks));
            well = read.is_ok();
        }
        for ask in asks.drain(..) {
            well &= self.fulfil(index, ask).is_ok();
        }
        if !well {
            self.pool.close(index);
            self.leave(index);
        }
    }

    fn fulfil(&mut self, index: usize, ask: Ask) -> Result<(), PeerError> {
        match ask {
            Ask::Answer(bytes) => Ok(self.pool.write(index, &bytes)?),
            Ask::Room {
                invocation_id,
                room,
                join,
            } => {
                let room = self.room(room);
                let summary = RoomSummary {
                    head: self.rooms[room as usize].sequence,
                };
                self.complete(index, &invocation_id, &summary)?;
                if join {
                    self.leave(index);
                    let own = self.peers[index].encoding();
                    let first = self.rooms[room as usize].members.first().copied();
                    let other = first.is_some_and(|first| self.peers[first].encoding() != own);
                    self.rooms[room as usize].mixed |= other;
                    self.peers[index].room = Some(room);
                    self.rooms[room as usize].members.push(index);
                }
                Ok(())
            }
            Ask::Send {
                invocation_id,
                text,
            } => {
                let room = self.peers[index].room.ok_or(PeerError::Done)?;
                self.send(index, room, invocation_id, text)
            }
        }
    }

    fn room(&mut self, name: String) -> u32 {
        let next = self.rooms.len() as u32;
        let index = *self.names.entry(name.clone()).or_insert(next);
        if index == next {
            self.rooms.push(Room {
                name,
                members: Vec::new(),
                sequence: 0,
                late: None,
                mixed: false,
            });
        }
        index
    }

    fn complete<T: serde::Serialize>(
        &mut self,
        index: usize,
        id: &str,
        result: &T,
    ) -> Result<(), PeerError> {
        let encoding = self.peers[index].encoding();
        let mut record = Vec::new();
        protocol::encode_completion(encoding, id, result, &mut record).map_err(HubError::from)?;
        let mut frame = Vec::new();
        websocket::push_frame(&mut frame, hub::opcode(encoding), &record, None);
        Ok(self.pool.write(index, &frame)?)
    }

    fn send(
        &mut self,
        index: usize,
        room: u32,
        invocation_id: Option<String>,
        text: String,
    ) -> Result<(), PeerError> {
        let sequence = self.rooms[room as usize].sequence + 1;
        let fault = self
            .options
            .fault
            .filter(|_| sequence.is_multiple_of(FAULT_EVERY));
        if let Some(id) = invocation_id {
            let named = if fault == Some(Fault::Misacknowledge) {
                sequence + 1
            } else {
                sequence
            };
            let sent = Sent {
                id: id.clone(),
                sequence: named,
                sent_at: SENT_AT.into(),
            };
            self.complete(index, &id, &sent)?;
        }
        let copies = if fault == Some(Fault::Store) { 2 } else { 1 };
        for _ in 0..copies {
            let room_at = &mut self.rooms[room as usize];
            room_at.sequence += 1;
            let (mixed, first) = (room_at.mixed, room_at.members.first().copied());
            let spoken = first.map(|first| self.peers[first].encoding());
            for encoding in Encoding::ALL {
                if mixed || spoken == Some(encoding) {
                    self.encode_delivery(encoding, room, &text)?;
                }
            }
            self.fan_out(room, fault);
        }
        Ok(())
    }

    /// Puts the frame of the room's newest message in an encoding into `self.frames`.
    fn encode_delivery(
        &mut self,
        encoding: Encoding,
        room: u32,
        text: &str,
    ) -> Result<(), PeerError> {
        let room = &self.rooms[room as usize];
        let delivery = Delivery {
            room_id: room.name.clone(),
            sequence: room.sequence,
            number: room.sequence,
            id: text[1..STAMP_BYTES].to_owned(),
            sender_id: "u000".to_owned(),
            kind: "text".to_owned(),
            text: text.to_owned(),
            sent_at: SENT_AT.to_owned(),
        };
        let mut record = Vec::with_capacity(512);
        protocol::encode_invocation(encoding, hub::RECEIVE_MESSAGE, &delivery, &mut record)
            .map_err(HubError::from)?;
        let frame = &mut self.frames[slot(encoding)];
        frame.clear();
        websocket::push_frame(frame, hub::opcode(encoding), &record, None);
        Ok(())
    }

    fn fan_out(&mut self, room: u32, fault: Option<Fault>) {
        let members = std::mem::take(&mut self.rooms[room as usize].members);
        let frames = std::mem::take(&mut self.frames);
        let (mut times, mut late) = (1, self.rooms[room as usize].late.take());
        match fault {
            Some(Fault::Drop) => times = 0,
            Some(Fault::Duplicate) => times = 2,
            Some(Fault::Swap) => {
                self.rooms[room as usize].late = Some(frames.clone());
                times = 0;
            }
            Some(Fault::Store | Fault::Misacknowledge) | None => {}
        }
        let mut gone = Vec::new();
        for (position, &member) in members.iter().enumerate() {
            let last = position + 1 == members.len();
            let slot = slot(self.peers[member].encoding());
            for _ in 0..if last { times } else { 1 } {
                self.deliver(member, &frames[slot], &mut gone);
            }
            if let Some(late) = late.take_if(|_| last) {
                self.deliver(member, &late[slot], &mut gone);
            }
        }
        self.frames = frames;
        self.rooms[room as usize].members = members;
        gone.into_iter().for_each(|member| self.leave(member));
    }

    fn deliver(&mut self, member: usize, frame: &[u8], gone: &mut Vec<usize>) {
        if self.options.coalesce {
            match self.pool.queue(member, frame) {
                Ok(true) => self.dirty.push(member),
                Ok(false) => {}
                Err(_) => gone.push(member),
            }
        } else if self.pool.write(member, frame).is_err() {
            gone.push(member);
        }
    }

    fn leave(&mut self, index: usize) {
        if let Some(room) = self.peers[index].room.take() {
            self.rooms[room as usize]
                .members
                .retain(|&member| member != index);
        }
    }
}
