//! One connection of a storm, from the upgrade to the joined room.

use protocol::{Encoding, HubMessage};

use crate::hub::{self, HubError};
use crate::target::ConnectError;
use crate::websocket;

/// How far the connection in a place has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is none.
    Free,
    /// It asks for a WebSocket.
    Upgrading,
    /// It waits for the answer to its handshake.
    Shaking,
    /// It waits for its room.
    Joining,
    /// It is in its room.
    Joined,
}

/// Takes in what comes to one connection.
pub struct Reader<'a> {
    /// How far it has come.
    pub stage: &'a mut Stage,
    /// What it says first.
    pub hello: &'a [u8],
    /// With what it joins its room.
    pub join: &'a [u8],
    /// What it speaks.
    pub encoding: Encoding,
    /// What it has to say now.
    pub answer: Vec<u8>,
}

impl Reader<'_> {
    /// Takes in bytes; how many of them it is done with.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<usize, ConnectError> {
        let mut used = 0;
        if *self.stage == Stage::Upgrading {
            let Some(head) = websocket::upgrade_answer(bytes)? else {
                return Ok(0);
            };
            self.answer.extend_from_slice(self.hello);
            self.answer.extend_from_slice(self.join);
            *self.stage = Stage::Shaking;
            used = head;
        }
        Ok(used
            + websocket::frames(&bytes[used..], |opcode, payload| match opcode {
                websocket::TEXT | websocket::BINARY => self.payload(payload),
                websocket::CLOSE => Err(HubError::Closed("close frame".into()).into()),
                websocket::PING => {
                    websocket::push_frame(
                        &mut self.answer,
                        websocket::PONG,
                        payload,
                        Some(*b"mask"),
                    );
                    Ok(())
                }
                _ => Ok(()),
            })?)
    }

    fn payload(&mut self, mut payload: &[u8]) -> Result<(), ConnectError> {
        if *self.stage == Stage::Shaking {
            payload = &payload[hub::handshake_answer(payload)?..];
            *self.stage = Stage::Joining;
        }
        for message in hub::read_messages(self.encoding, payload)? {
            match message {
                HubMessage::Completion { outcome, .. } => {
                    let joined = hub::result(&outcome)?.decode::<hub::RoomSummary>();
                    joined.map_err(HubError::from)?;
                    *self.stage = Stage::Joined;
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
