//! The task of one connection: reads, takes events from the protocol, runs plain calls in order.
//!
//! One small future per connection, polled by hand, without a buffer of its own: input is read into a
//! buffer of the thread and used up before the poll ends, unless reading has to pause.

mod events;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use protocol::server::{CLOSED_WITH_ERROR, ServerConnection, ServerEvent};
use tokio::sync::OwnedSemaphorePermit;

use super::app::HubSession;
use super::handle::{ConnectionHandle, Transport, signal};
use super::hub::Hub;
use super::input::{Input, poll_read, with_buffer};
use super::lane::Lane;
use super::parked::Parked;
use super::rate::Usage;
use super::send_queue::Phase;
use super::websocket::Received;
use crate::auth::Identity;

/// Reads in one poll before others get their turn.
const READS_PER_POLL: usize = 8;

/// One connection.
pub(super) struct Connection {
    pub(super) handle: Arc<ConnectionHandle>,
    pub(super) hub: Arc<Hub>,
    pub(super) protocol: ServerConnection,
    pub(super) session: Option<Arc<dyn HubSession>>,
    pub(super) lane: Lane,
    /// Items that their upload streams had no room for.
    pub(super) parked: Parked,
    pub(super) usage: Usage,
    pub(super) calls: u64,
    /// Absent while a stateful connection is without transport.
    input: Option<Input>,
    /// Until the hub knows.
    identity: Option<Box<Identity>>,
    holding: bool,
    pub(super) draining: bool,
    left: bool,
    _permit: OwnedSemaphorePermit,
}

/// What a step of reading came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// All is used up: more input is wanted.
    More,
    /// The rest has to wait for a call or an upload stream.
    Hold,
    /// The transport or the connection is over.
    Over,
}

/// Serves the connection to its end. An async function would hold it twice, as its argument and as what it works with.
impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().serve(cx)
    }
}

impl Connection {
    pub fn new(
        handle: Arc<ConnectionHandle>,
        hub: Arc<Hub>,
        stateful: bool,
        identity: Option<Identity>,
        transport: Transport,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let core = &handle.core;
        let protocol = ServerConnection::new(core.protocol.clone(), stateful, core.now());
        let input = Input::new(transport, core.limits.max_frame_bytes);
        Connection {
            hub,
            protocol,
            session: None,
            lane: Lane::default(),
            parked: Parked::default(),
            usage: Usage::default(),
            calls: 0,
            input: Some(input),
            identity: identity.map(Box::new),
            holding: false,
            draining: false,
            left: false,
            _permit: permit,
            handle,
        }
    }

    fn serve(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.handle.queue.register_reader(cx.waker());
        let signals = self.handle.take_signals();
        if signals & signal::END != 0 {
            return Poll::Ready(());
        }
        if signals & signal::RESUME != 0 {
            self.resume();
        }
        if signals & signal::TICK != 0 {
            self.tick(cx);
        }
        self.draining |= signals & signal::DRAIN != 0;
        loop {
            if self.handle.queue.phase() != Phase::Open {
                self.leave();
                return self.poll_goodbye(cx);
            }
            self.forget_streams();
            self.poll_lane(cx);
            if self.draining {
                self.close_when_idle();
            }
            // Results, items and acknowledgements may be what the last calls wait for.
            if self.poll_input(cx) == Flow::Over {
                continue;
            }
            if self.handle.queue.phase() == Phase::Open {
                break;
            }
        }
        self.publish_due();
        Poll::Pending
    }

    /// Reads until nothing more is to be had or reading has to pause.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Flow {
        for _ in 0..READS_PER_POLL {
            let flow = match self.take_held(cx) {
                Flow::More => match self.poll_socket(cx) {
                    Poll::Ready(flow) => flow,
                    Poll::Pending => {
                        self.set_holding(false);
                        return Flow::More;
                    }
                },
                other => other,
            };
            self.set_holding(flow == Flow::Hold);
            if flow != Flow::More {
                return flow;
            }
        }
        cx.waker().wake_by_ref();
        Flow::More
    }

    /// What an earlier poll could not look at.
    fn take_held(&mut self, cx: &mut Context<'_>) -> Flow {
        match self.poll_events(cx) {
            Flow::More => {}
            other => return other,
        }
        match self.input.as_mut() {
            Some(input) if input.unread => {
                input.unread = false;
                let held = std::mem::take(&mut input.held);
                self.take_in(&held, cx)
            }
            _ => Flow::More,
        }
    }

    fn poll_socket(&mut self, cx: &mut Context<'_>) -> Poll<Flow> {
        let Some(input) = self.input.as_ref() else {
            return Poll::Pending;
        };
        let stream = input.stream.clone();
        with_buffer(|buffer| match ready!(poll_read(&stream, buffer, cx)) {
            Some(count) => Poll::Ready(self.take_in(&buffer[..count], cx)),
            None => Poll::Ready(self.lost()),
        })
    }

    /// Looks at bytes of the peer, as far as what they ask for can be taken on.
    fn take_in(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> Flow {
        let mut rest = bytes;
        loop {
            let Some(input) = self.input.as_mut() else {
                return Flow::Over;
            };
            let received = input.reader.read(&mut rest);
            let output = input.reader.take_output();
            match received {
                Some(Received::Closed) => {
                    let last = output.unwrap_or_default();
                    self.handle.queue.close_with(|_| last);
                    self.protocol.transport_closed();
                    return Flow::Over;
                }
                Some(Received::Broken(code)) => {
                    input.broken = true;
                    self.handle.close_with(Some(CLOSED_WITH_ERROR), true, code);
                    return Flow::Over;
                }
                Some(Received::Data(_)) | None => {
                    if let Some(pongs) = output {
                        self.handle.queue.send(pongs, 0);
                    }
                }
            }
            let Some(Received::Data(message)) = received else {
                return Flow::More;
            };
            self.protocol.receive(message, self.handle.core.now());
            let flow = self.poll_events(cx);
            if flow == Flow::Hold
                && let Some(input) = self.input.as_mut()
            {
                input.held = Bytes::copy_from_slice(rest);
                input.unread = true;
            }
            if flow != Flow::More {
                return flow;
            }
        }
    }

    /// Acts on what the protocol has understood.
    fn poll_events(&mut self, cx: &mut Context<'_>) -> Flow {
        loop {
            if self.handle.queue.phase() != Phase::Open {
                return Flow::Over;
            }
            self.parked.hand_over(cx);
            if self.has_to_hold() {
                return Flow::Hold;
            }
            let Some(event) = self.protocol.poll_event() else {
                self.transmit();
                return Flow::More;
            };
            match &event {
                ServerEvent::Handshaked { encoding, .. } => {
                    let answer = self.said().unwrap_or_default();
                    self.handle.queue.settle_on(*encoding, answer);
                }
                _ => self.transmit(),
            }
            self.act(event, cx);
        }
    }

    /// Whether reading has to pause until something that came has had its turn.
    fn has_to_hold(&self) -> bool {
        let limits = &self.handle.core.limits;
        if self.protocol.is_stateful() {
            // Read on as long as can be: what others wait for may be the acknowledgement that comes next.
            return self.waiting_bytes() >= limits.stateful_waiting_bytes;
        }
        !self.parked.is_empty() || self.lane.is_full(limits.pending_invocations)
    }

    /// Calls and items that wait for their turn, in bytes.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.lane.bytes() + self.parked.bytes()
    }

    /// Says when the protocol has something to do next, which depends on what waits now.
    fn publish_due(&mut self) {
        // What a client may send beyond the last acknowledgement fits into the other half, and then comes its own.
        let half = self.handle.core.limits.stateful_waiting_bytes / 2;
        let hold = self.waiting_bytes() > half;
        self.protocol.hold_acknowledgements(hold);
        let due = self.protocol.poll_timeout();
        let due_ms = due.map_or(u64::MAX, |due| due.as_millis() as u64);
        self.handle.due_ms.store(due_ms, Ordering::Relaxed);
    }

    fn set_holding(&mut self, holding: bool) {
        if self.holding == holding {
            return;
        }
        self.holding = holding;
        if holding {
            self.protocol.pause_client_timeout();
        } else {
            self.protocol.restart_client_timeout(self.handle.core.now());
        }
    }

    /// Streams that have ended free their ids before more is read.
    fn forget_streams(&mut self) {
        let over = std::mem::take(&mut self.handle.calls.lock().over);
        over.iter().for_each(|id| self.protocol.release(id));
    }

    fn close_when_idle(&mut self) {
        if self.lane.is_idle() && self.handle.calls.lock().is_idle() {
            self.handle.close(None, true);
        }
    }

    /// The connection is over for the hub, though its last bytes may still be on their way.
    fn leave(&mut self) {
        if self.left {
            return;
        }
        self.left = true;
        self.handle.resumable.store(false, Ordering::Release);
        self.handle.resume.lock().take();
        self.parked = Parked::default();
        self.lane = Lane::default();
        self.handle.end_calls();
        if let Some(session) = self.session.take() {
            session.disconnected();
        }
    }

    /// Waits until everything is written and the peer has said goodbye too.
    fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(input) = self.input.as_mut() else {
            return Poll::Ready(());
        };
        ready!(with_buffer(|buffer| input.poll_discard(buffer, cx)));
        // The queue wakes this task when it has written the last byte.
        match self.handle.queue.phase() {
            Phase::Closed => Poll::Ready(()),
            Phase::Open | Phase::Closing => Poll::Pending,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.handle.queue.abort();
        self.leave();
        let registry = &self.handle.core.registry;
        registry.remove(self.handle.key, self.handle.token_until);
        self.handle.core.metrics.connections.decrement(1);
    }
}
