//! What a connection does about what the protocol has understood, and about its transport.

use std::sync::atomic::Ordering;
use std::task::Context;

use bytes::Bytes;
use protocol::server::ServerEvent;
use protocol::{CloseReason, HubMessage};

use super::{Connection, Flow};
use crate::gateway::input::Input;
use crate::gateway::reply::refuse;
use crate::gateway::websocket::{CloseCode, FrameBuilder, close_frame};

impl Connection {
    pub(super) fn act(&mut self, event: ServerEvent, cx: &mut Context<'_>) {
        match event {
            ServerEvent::Handshaked { stateful, .. } => self.begin(stateful),
            ServerEvent::Invocation {
                invocation_id,
                call,
            } => self.invoke(invocation_id, call, false, cx),
            ServerEvent::StreamInvocation {
                invocation_id,
                call,
            } => self.invoke(Some(invocation_id), call, true, cx),
            ServerEvent::Refused {
                invocation_id,
                error,
            } => refuse(&self.handle, Some(&invocation_id), error),
            ServerEvent::StreamItem { stream_id, item } => {
                let upload = self.handle.calls.lock().uploads.get(&stream_id).cloned();
                if let Some(upload) = upload {
                    self.parked.add_item(upload, item);
                }
            }
            ServerEvent::StreamEnded { stream_id, error } => {
                let upload = self.handle.calls.lock().uploads.remove(&stream_id);
                if let Some(upload) = upload {
                    self.parked.add_end(upload, error);
                }
            }
            ServerEvent::Cancel { invocation_id } => self.handle.cancel(&invocation_id),
            ServerEvent::ClientResult {
                invocation_id,
                outcome,
            } => self.handle.answered(&invocation_id, outcome),
            ServerEvent::Acknowledged { sequence_id } => self.handle.queue.acknowledge(sequence_id),
            ServerEvent::Resumed => {}
            ServerEvent::Closed(reason) => self.closed(&reason),
        }
    }

    /// The handshake is done.
    pub(super) fn begin(&mut self, stateful: bool) {
        if stateful {
            self.handle.queue.keep_for_replay();
            self.handle.resumable.store(true, Ordering::Release);
        }
        let identity = self.identity.take().map(|identity| *identity);
        let app = &self.hub.route.app;
        match app.connected(self.handle.clone(), identity) {
            Ok(session) => self.session = Some(session),
            Err(refused) => self.handle.close(Some(&refused.0), false),
        }
    }

    /// The protocol is at its end; what it had to say is queued.
    pub(super) fn closed(&mut self, reason: &CloseReason) {
        tracing::debug!(connection = self.handle.log_id(), %reason, "connection closed");
        self.handle
            .queue
            .close_with(|_| Bytes::copy_from_slice(&close_frame(CloseCode::Normal)));
    }

    /// Sends what the protocol itself has to say.
    pub(super) fn transmit(&mut self) {
        if let Some(frame) = self.said() {
            self.handle.queue.send(frame, 0);
        }
    }

    /// What the protocol itself has to say, in one frame.
    pub(super) fn said(&mut self) -> Option<Bytes> {
        let first = self.protocol.poll_transmit()?;
        let binary = self.protocol.encoding().is_binary();
        let mut frame = FrameBuilder::new(binary, first.len());
        frame.payload().extend_from_slice(&first);
        while let Some(record) = self.protocol.poll_transmit() {
            frame.payload().extend_from_slice(&record);
        }
        Some(frame.finish())
    }

    /// The transport is gone without a goodbye.
    pub(super) fn lost(&mut self) -> Flow {
        self.input = None;
        self.protocol.transport_lost(self.handle.core.now());
        if self.protocol.is_stateful() {
            self.handle.queue.detach();
        } else {
            self.handle.queue.abort();
        }
        Flow::Over
    }

    /// Another transport, perhaps while the old one seems alive.
    pub(super) fn resume(&mut self) {
        let Some(transport) = self.handle.resume.lock().take() else {
            return;
        };
        if self.protocol.resume(self.handle.core.now()).is_err() {
            return;
        }
        let opening = |sequence: &HubMessage| self.handle.encode(sequence).unwrap_or_default();
        let stream = transport.stream.clone();
        if self.handle.queue.attach(stream, opening) {
            let most = self.handle.core.limits.max_frame_bytes;
            self.input = Some(Input::new(transport, most));
            self.handle.core.metrics.resumed.increment(1);
        }
    }

    /// Pings, acknowledges, gives up: whatever the protocol has to do at this time.
    pub(super) fn tick(&mut self, cx: &mut Context<'_>) {
        self.protocol.note_sent(self.handle.queue.last_progress());
        self.protocol.handle_timeout(self.handle.core.now());
        self.transmit();
        // Unless events have to wait for others, one of them may be the end.
        self.poll_events(cx);
    }
}
