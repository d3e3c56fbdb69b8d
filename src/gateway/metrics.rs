//! The gateway's metrics as handles that are looked up once.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Handles for everything the hot paths count.
#[derive(Clone)]
pub struct GatewayMetrics {
    /// Connections of SignalR clients.
    pub connections: Gauge,
    /// Bytes written to WebSockets.
    pub bytes_out: Counter,
    /// Frames written to WebSockets.
    pub frames_out: Counter,
    /// Connections that one turn of a flusher wrote to.
    pub flush_connections: Histogram,
    /// Sockets that would block, so that a task had to wait for them.
    pub blocked_writes: Counter,
    /// Connections ended because they did not read.
    pub disconnected: Counter,
    /// Pushes of fan-out refused because the queue was full.
    pub held_back: Counter,
    /// Bytes waiting in all send queues, looked at once per sweep.
    pub queue_bytes: Gauge,
    /// Handshakes refused by a limit.
    pub refused_handshakes: Counter,
    /// Stateful connections that went on over another transport.
    pub resumed: Counter,
}

impl GatewayMetrics {
    /// Handles from the recorder that is installed now.
    pub fn new() -> Self {
        GatewayMetrics {
            connections: gauge!("musical_matching_active_connections"),
            bytes_out: counter!("mussikon_websocket_sent_bytes_total"),
            frames_out: counter!("mussikon_websocket_sent_frames_total"),
            flush_connections: histogram!("mussikon_flush_connections"),
            blocked_writes: counter!("mussikon_blocked_writes_total"),
            disconnected: counter!("mussikon_disconnected_consumers_total"),
            held_back: counter!("mussikon_held_back_deliveries_total"),
            queue_bytes: gauge!("mussikon_send_queue_bytes"),
            refused_handshakes: counter!("mussikon_refused_handshakes_total"),
            resumed: counter!("mussikon_resumed_connections_total"),
        }
    }
}

impl Default for GatewayMetrics {
    fn default() -> Self {
        Self::new()
    }
}
