//! Deliveries as bytes: each payload becomes one whole WebSocket frame per encoding, encoded once and
//! shared by all send queues.

use std::sync::Arc;

use actors::delivery::{Delivery, Outlet, Payload, Pushed};
use bytes::Bytes;
use protocol::Encoding;
use serde::Serialize;

use super::callbacks::{self, Sink};
use super::send_queue::SendQueue;
use super::websocket::FrameBuilder;

/// Bytes that one callback usually takes.
const USUAL: usize = 320;

/// The frame of a delivery in an encoding, and how many messages it holds.
pub fn frame(delivery: &Delivery, encoding: Encoding) -> (&Bytes, u32) {
    let slot = match encoding {
        Encoding::Json => 0,
        Encoding::MessagePack => 1,
    };
    let frame = delivery.frame(slot, |payload| encode(payload, encoding));
    (frame, callbacks::count(&delivery.payload) as u32)
}

/// One frame with all callbacks of a payload.
fn encode(payload: &Payload, encoding: Encoding) -> Bytes {
    let capacity = USUAL * callbacks::count(payload);
    let mut frame = FrameBuilder::new(encoding.is_binary(), capacity);
    let mut records = Records {
        encoding,
        out: frame.payload(),
    };
    if let Err(error) = callbacks::each(payload, &mut records) {
        // Shapes of ours always can be written; should that ever fail, the sequence shows the gap.
        tracing::error!(%error, "delivery cannot be written");
    }
    frame.finish()
}

struct Records<'a> {
    encoding: Encoding,
    out: &'a mut Vec<u8>,
}

impl Sink for Records<'_> {
    type Error = protocol::EncodeError;

    fn call<A: Serialize>(
        &mut self,
        target: &'static str,
        argument: &A,
    ) -> Result<(), Self::Error> {
        protocol::encode_invocation(self.encoding, target, argument, self.out)
    }
}

impl Outlet for SendQueue {
    fn push(&self, delivery: &Arc<Delivery>) -> Pushed {
        let (frame, messages) = frame(delivery, self.encoding());
        self.offer(frame, messages)
    }

    fn on_drain(&self, wake: Box<dyn FnOnce() + Send>) {
        SendQueue::on_drain(self, wake);
    }
}
