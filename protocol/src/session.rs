//! Stateful reconnect: what each direction of a connection keeps so that it survives its transport.
//!
//! Messages of types 1 to 5 are counted from 1, each direction by itself; the number is not on the wire.
//! The sender keeps what is not acknowledged in a [`ReplayBuffer`], the receiver numbers what arrives with a
//! [`ReceiveCounter`]. On a new transport each side first sends Sequence with the number of the first message
//! that follows, then everything it still keeps.

use std::collections::VecDeque;

use bytes::Bytes;
use thiserror::Error;

use crate::error::ProtocolError;
use crate::message::HubMessage;

/// Bytes of counted messages until they are acknowledged, in blocks of one or more messages.
///
/// The blocks are whatever the sender shares (records, or whole WebSocket frames); they are kept and given back
/// as they are. The bound is in bytes: a full buffer takes no more, its owner must hold back.
#[derive(Debug)]
pub struct ReplayBuffer {
    blocks: VecDeque<Block>,
    bytes: usize,
    limit: usize,
    /// Number of the first message in the front block, or of the next message when there is none.
    first: u64,
    /// Number that the next message gets.
    next: u64,
}

#[derive(Debug)]
struct Block {
    bytes: Bytes,
    messages: u32,
}

/// The buffer holds its limit already; nothing was added, no number was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the other side has not acknowledged {bytes} bytes")]
pub struct ReplayFull {
    /// Bytes held.
    pub bytes: usize,
}

impl ReplayBuffer {
    /// An empty buffer that is full at `limit` bytes. It overshoots by one block at most, so that a
    /// block larger than the limit gets through too.
    pub fn new(limit: usize) -> Self {
        ReplayBuffer {
            blocks: VecDeque::new(),
            bytes: 0,
            limit,
            first: 1,
            next: 1,
        }
    }

    /// Keeps a block that holds `messages` counted messages. Blocks without any are not kept.
    pub fn push(&mut self, bytes: Bytes, messages: u32) -> Result<(), ReplayFull> {
        if messages == 0 {
            return Ok(());
        }
        if self.is_full() {
            return Err(ReplayFull { bytes: self.bytes });
        }
        self.bytes += bytes.len();
        self.next += u64::from(messages);
        self.blocks.push_back(Block { bytes, messages });
        Ok(())
    }

    /// Releases every block whose messages are all acknowledged up to `sequence_id`. A number that was never
    /// given is ignored. True if the buffer was full and is not any more.
    pub fn ack(&mut self, sequence_id: u64) -> bool {
        if sequence_id >= self.next {
            return false;
        }
        let was_full = self.is_full();
        while let Some(block) = self.blocks.front()
            && self.first + u64::from(block.messages) - 1 <= sequence_id
        {
            self.first += u64::from(block.messages);
            self.bytes -= block.bytes.len();
            self.blocks.pop_front();
        }
        if self.blocks.is_empty() {
            self.blocks = VecDeque::new();
        }
        was_full && !self.is_full()
    }

    /// The message that opens a new transport; [`unacked`](Self::unacked) follows it. If an acknowledgement
    /// ended inside a block, the block is sent again from its start and numbered accordingly.
    pub fn sequence(&self) -> HubMessage {
        HubMessage::Sequence {
            sequence_id: self.first,
        }
    }

    /// What must be sent again on a new transport, in order.
    pub fn unacked(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.blocks.iter().map(|block| block.bytes.clone())
    }

    /// Number that the next message gets.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the limit is reached.
    pub fn is_full(&self) -> bool {
        self.bytes >= self.limit
    }
}

/// Numbers the messages of one direction as they arrive, and knows which have been processed.
#[derive(Debug)]
pub struct ReceiveCounter {
    /// Highest number processed.
    highest: u64,
    /// Number of the next message to arrive.
    next: u64,
    /// The transport is new and its Sequence has not come.
    awaits_sequence: bool,
    ack_wanted: bool,
}

impl Default for ReceiveCounter {
    fn default() -> Self {
        ReceiveCounter {
            highest: 0,
            next: 1,
            awaits_sequence: false,
            ack_wanted: false,
        }
    }
}

impl ReceiveCounter {
    /// Takes note of a message; true if it is to be processed. False for Sequence itself, for what was
    /// processed before, and on a new transport for everything before Sequence.
    pub fn receive(&mut self, message: &HubMessage) -> Result<bool, ProtocolError> {
        if let HubMessage::Sequence { sequence_id } = message {
            self.sequence(*sequence_id)?;
            return Ok(false);
        }
        if self.awaits_sequence {
            return Ok(false);
        }
        if !message.is_counted() {
            return Ok(true);
        }
        // A repeated message says that our last acknowledgement did not arrive.
        self.ack_wanted = true;
        let number = self.next;
        self.next += 1;
        let new = number > self.highest;
        if new {
            self.highest = number;
        }
        Ok(new)
    }

    fn sequence(&mut self, sequence_id: u64) -> Result<(), ProtocolError> {
        let expected = self.highest + 1;
        if sequence_id > expected {
            return Err(ProtocolError::SequenceAhead {
                got: sequence_id,
                expected,
            });
        }
        if sequence_id == 0 {
            return Err(ProtocolError::SequenceZero);
        }
        self.next = sequence_id;
        self.awaits_sequence = false;
        Ok(())
    }

    /// The transport has changed: nothing counts until its Sequence.
    pub fn await_sequence(&mut self) {
        self.awaits_sequence = true;
    }

    /// Whether a Sequence must come first.
    pub fn awaits_sequence(&self) -> bool {
        self.awaits_sequence
    }

    /// Whether something came since the last [`take_ack`](Self::take_ack).
    pub fn wants_ack(&self) -> bool {
        self.ack_wanted
    }

    /// The acknowledgement to send, if something came since the last one.
    pub fn take_ack(&mut self) -> Option<HubMessage> {
        let wanted = std::mem::take(&mut self.ack_wanted);
        wanted.then_some(HubMessage::Ack {
            sequence_id: self.highest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Headers;

    fn counted() -> HubMessage {
        HubMessage::CancelInvocation {
            invocation_id: "1".into(),
            headers: Headers::default(),
        }
    }

    fn sequence_id(buffer: &ReplayBuffer) -> u64 {
        match buffer.sequence() {
            HubMessage::Sequence { sequence_id } => sequence_id,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_acknowledged_block_is_released_and_a_half_acknowledged_one_is_sent_whole() {
        let mut buffer = ReplayBuffer::new(100);
        assert_eq!((sequence_id(&buffer), buffer.next_sequence()), (1, 1));
        for (bytes, messages) in [("one", 1), ("two three four", 3), ("ping", 0), ("five", 1)] {
            assert_eq!(
                buffer.push(Bytes::from_static(bytes.as_bytes()), messages),
                Ok(())
            );
        }
        assert_eq!((buffer.next_sequence(), buffer.bytes()), (6, 21));

        buffer.ack(3);
        assert_eq!(
            sequence_id(&buffer),
            2,
            "message 2 is the first of its block"
        );
        assert_eq!(
            buffer.unacked().collect::<Vec<_>>(),
            ["two three four", "five"]
        );
        buffer.ack(2);
        buffer.ack(6);
        assert_eq!(
            buffer.unacked().count(),
            2,
            "an old or impossible number changes nothing"
        );
        buffer.ack(5);
        assert_eq!(
            (
                sequence_id(&buffer),
                buffer.bytes(),
                buffer.unacked().count()
            ),
            (6, 0, 0)
        );
    }

    #[test]
    fn a_full_buffer_refuses_until_room_is_acknowledged() {
        let mut buffer = ReplayBuffer::new(10);
        assert_eq!(
            buffer.push(Bytes::from_static(&[0; 50]), 1),
            Ok(()),
            "a huge block gets through"
        );
        assert_eq!(
            buffer.push(Bytes::from_static(b"x"), 1),
            Err(ReplayFull { bytes: 50 })
        );
        assert_eq!(buffer.next_sequence(), 2, "a refused block gets no number");
        assert!(buffer.ack(1), "room again");
        assert!(!buffer.is_full());
        assert_eq!(buffer.push(Bytes::from_static(b"x"), 1), Ok(()));
        assert!(!buffer.ack(2), "it was not full");
    }

    #[test]
    fn repeated_messages_are_dropped_and_acknowledged_again() {
        let mut counter = ReceiveCounter::default();
        assert_eq!(counter.receive(&counted()), Ok(true));
        assert_eq!(counter.receive(&counted()), Ok(true));
        assert_eq!(counter.receive(&HubMessage::Ping), Ok(true));
        assert_eq!(counter.take_ack(), Some(HubMessage::Ack { sequence_id: 2 }));
        assert_eq!(counter.take_ack(), None);

        counter.await_sequence();
        assert_eq!(
            counter.receive(&counted()),
            Ok(false),
            "before Sequence nothing counts"
        );
        assert_eq!(counter.receive(&HubMessage::Ping), Ok(false));
        assert_eq!(
            counter.receive(&HubMessage::Sequence { sequence_id: 2 }),
            Ok(false)
        );
        assert_eq!(counter.receive(&counted()), Ok(false), "message 2 again");
        assert_eq!(counter.take_ack(), Some(HubMessage::Ack { sequence_id: 2 }));
        assert_eq!(counter.receive(&counted()), Ok(true), "message 3");
    }

    #[test]
    fn a_sequence_that_skips_messages_or_is_zero_is_an_error() {
        let mut counter = ReceiveCounter::default();
        assert_eq!(counter.receive(&counted()), Ok(true));
        let ahead = counter.receive(&HubMessage::Sequence { sequence_id: 3 });
        assert_eq!(
            ahead,
            Err(ProtocolError::SequenceAhead {
                got: 3,
                expected: 2
            })
        );
        let zero = counter.receive(&HubMessage::Sequence { sequence_id: 0 });
        assert_eq!(zero, Err(ProtocolError::SequenceZero));
        assert_eq!(
            counter.receive(&HubMessage::Sequence { sequence_id: 2 }),
            Ok(false)
        );
    }
}
