//! Stateful connections: what was sent is kept until it is acknowledged, and goes out again over another
//! transport.

use std::net::Shutdown;
use std::sync::Arc;

use bytes::Bytes;
use protocol::HubMessage;
use protocol::session::ReplayBuffer;
use tokio::net::TcpStream;

use super::state::shut_down;
use super::{Phase, SendQueue};

impl SendQueue {
    /// Keeps sent messages until they are acknowledged, from now on.
    pub fn keep_for_replay(&self) {
        // Bounded by this queue, which holds back and ends connections by what is unacknowledged.
        self.state.lock().replay = Some(Box::new(ReplayBuffer::new(usize::MAX)));
    }

    /// The peer has processed everything up to `sequence_id`.
    pub fn acknowledge(&self, sequence_id: u64) {
        let mut state = self.state.lock();
        if let Some(replay) = state.replay.as_mut() {
            replay.ack(sequence_id);
            state.starved_since = None;
        }
        self.announce_if_low(state);
    }

    /// The transport is gone, the connection is not: what was sent waits for the next one.
    pub fn detach(&self) {
        let stream = self.state.lock().forget_transport();
        if let Some(stream) = stream {
            shut_down(&stream, Shutdown::Both);
        }
    }

    /// Goes on over another transport: first the frame that `opening` makes of the Sequence message,
    /// then all that was not acknowledged. False when closed.
    pub fn attach(
        &self,
        stream: Arc<TcpStream>,
        opening: impl FnOnce(&HubMessage) -> Bytes,
    ) -> bool {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return false;
        }
        let Some(replay) = state.replay.take() else {
            return false;
        };
        let old = state.forget_transport();
        state.stream = Some(stream);
        self.append(&mut state, opening(&replay.sequence()), 0);
        for frame in replay.unacked() {
            self.append(&mut state, frame, 0);
        }
        state.replay = Some(replay);
        drop(state);
        if let Some(old) = old {
            shut_down(&old, Shutdown::Both);
        }
        true
    }
}
