//! Every bound of the gateway in one place. Configuration section `[gateway]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds on connections, their input, their queues and their time.
///
/// Times are in milliseconds, sizes in bytes. Where it says "0 lifts", 0 means no such limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayLimits {
    /// Most WebSocket connections at once; further ones are answered 503. 0 lifts.
    pub max_connections: usize,
    /// Most sockets that are not (yet) WebSockets; at this many, accepting waits.
    pub max_http_connections: usize,
    /// Connections the kernel holds until they are accepted.
    pub accept_backlog: u32,
    /// Negotiations and upgrades per second from one address (of IPv6 the first 64 bits), on average; above it 429. 0 lifts.
    pub handshakes_per_second: u32,
    /// Negotiations and upgrades from one address at once.
    pub handshake_burst: u32,
    /// Take the client's address from the last element of `X-Forwarded-For` (only behind a proxy that sets it).
    pub trust_forwarded_for: bool,
    /// Time for the head of an HTTP request, and between two requests on one connection.
    pub http_header_ms: u64,
    /// Time for one HTTP request as a whole, and for its client to take more of the answer.
    pub http_request_ms: u64,
    /// Largest head of an HTTP request, in bytes (at least 8,192).
    pub http_head_bytes: usize,
    /// How long a negotiated connection token may be used to connect.
    pub negotiate_expiry_ms: u64,
    /// Time from the upgrade to the end of the hub handshake.
    pub handshake_ms: u64,
    /// Ping a connection to which nothing was sent for this long.
    pub keep_alive_ms: u64,
    /// Close a connection from which nothing was heard for this long, once it has pinged.
    pub client_timeout_ms: u64,
    /// How often connections are looked at for all these times.
    pub sweep_ms: u64,
    /// How long a closed WebSocket may take to say goodbye.
    pub close_wait_ms: u64,
    /// Longest WebSocket message that is accepted; it may hold many hub messages.
    pub max_frame_bytes: usize,
    /// Longest hub message that is accepted.
    pub max_message_bytes: usize,
    /// Deepest nesting of a value in a hub message.
    pub max_depth: usize,
    /// Fan-out to a connection is held back, and its next plain call waits, while this much waits in its send queue.
    pub send_queue_bytes: usize,
    /// Messages that cannot be held back (pongs, refusals, callbacks) end the connection when more of them than this waits.
    pub send_queue_max_bytes: usize,
    /// Fan-out resumes when the send queue has drained to this.
    pub send_queue_low_bytes: usize,
    /// Disconnect a reader that takes not one byte of what waits for it for this long.
    pub slow_consumer_ms: u64,
    /// Invocations of a connection that may wait for their turn; then reading pauses.
    pub pending_invocations: usize,
    /// Invocations per second of a connection, on average. 0 lifts.
    pub invocations_per_second: u32,
    /// Invocations of a connection at once.
    pub invocation_burst: u32,
    /// Warn in the log of a call that took this long. 0 lifts.
    pub slow_invocation_ms: u64,
    /// Streaming and other invocations of a connection that run beside the plain ones.
    pub parallel_streams: usize,
    /// Items of an upload stream that wait to be read; then reading pauses.
    pub stream_buffer: usize,
    /// Time for a client to answer an invocation by the server.
    pub client_result_ms: u64,
    /// Whether clients may negotiate stateful reconnect.
    pub stateful_reconnect: bool,
    /// Sent but unacknowledged bytes kept for a stateful connection; above it fan-out and streams wait until half of it is left,
    /// and the next plain call until there is room.
    pub stateful_buffer_bytes: usize,
    /// Calls and items of a stateful connection that wait for their turn, in bytes; then reading pauses. A client's own
    /// buffer for stateful reconnect must not be above half of it.
    pub stateful_waiting_bytes: usize,
    /// How long a stateful connection is kept without a transport.
    pub stateful_grace_ms: u64,
    /// On drain: how long a connection may take to finish the invocations or HTTP requests it has begun.
    pub drain_finish_ms: u64,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            max_connections: 100_000,
            max_http_connections: 4_096,
            accept_backlog: 4_096,
            handshakes_per_second: 200,
            handshake_burst: 1_000,
            trust_forwarded_for: false,
            http_header_ms: 10_000,
            http_request_ms: 30_000,
            http_head_bytes: 16 * 1_024,
            negotiate_expiry_ms: 15_000,
            handshake_ms: 15_000,
            keep_alive_ms: 15_000,
            client_timeout_ms: 30_000,
            sweep_ms: 1_000,
            close_wait_ms: 5_000,
            max_frame_bytes: 256 * 1_024,
            max_message_bytes: 32 * 1_024,
            max_depth: 64,
            send_queue_bytes: 256 * 1_024,
            send_queue_max_bytes: 1_024 * 1_024,
            send_queue_low_bytes: 64 * 1_024,
            slow_consumer_ms: 30_000,
            pending_invocations: 32,
            invocations_per_second: 200,
            invocation_burst: 1_000,
            slow_invocation_ms: 1_000,
            parallel_streams: 16,
            stream_buffer: 10,
            client_result_ms: 30_000,
            stateful_reconnect: true,
            stateful_buffer_bytes: 1_024 * 1_024,
            stateful_waiting_bytes: 2 * 1_024 * 1_024,
            stateful_grace_ms: 15_000,
            drain_finish_ms: 2_000,
        }
    }
}

impl GatewayLimits {
    /// What is wrong with this combination, one sentence per problem; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, text: &str| {
            if !holds {
                problems.push(text.to_owned());
            }
        };
        for (key, value) in [
            ("max_http_connections", self.max_http_connections as u64),
            ("accept_backlog", u64::from(self.accept_backlog)),
            ("handshake_burst", u64::from(self.handshake_burst)),
            ("http_header_ms", self.http_header_ms),
            ("http_request_ms", self.http_request_ms),
            ("negotiate_expiry_ms", self.negotiate_expiry_ms),
            ("handshake_ms", self.handshake_ms),
            ("keep_alive_ms", self.keep_alive_ms),
            ("client_timeout_ms", self.client_timeout_ms),
            ("sweep_ms", self.sweep_ms),
            ("close_wait_ms", self.close_wait_ms),
            ("slow_consumer_ms", self.slow_consumer_ms),
            ("pending_invocations", self.pending_invocations as u64),
            ("invocation_burst", u64::from(self.invocation_burst)),
            ("parallel_streams", self.parallel_streams as u64),
            ("stream_buffer", self.stream_buffer as u64),
            ("client_result_ms", self.client_result_ms),
            ("stateful_buffer_bytes", self.stateful_buffer_bytes as u64),
            ("max_depth", self.max_depth as u64),
        ] {
            require(value > 0, &format!("{key} must be at least 1"));
        }
        require(
            self.http_head_bytes >= 8_192,
            "http_head_bytes must be at least 8192",
        );
        require(
            self.max_message_bytes >= 256,
            "max_message_bytes must be at least 256",
        );
        require(
            self.max_frame_bytes >= self.max_message_bytes,
            "max_frame_bytes must not be below max_message_bytes",
        );
        require(
            self.send_queue_low_bytes <= self.send_queue_bytes,
            "send_queue_low_bytes must not be above send_queue_bytes",
        );
        require(
            self.send_queue_bytes <= self.send_queue_max_bytes,
            "send_queue_bytes must not be above send_queue_max_bytes",
        );
        require(
            self.stateful_waiting_bytes >= self.max_message_bytes,
            "stateful_waiting_bytes must not be below max_message_bytes",
        );
        require(
            self.keep_alive_ms < self.client_timeout_ms,
            "client_timeout_ms must be above keep_alive_ms",
        );
        problems
    }

    /// The interval between two looks at a connection's times.
    pub fn sweep(&self) -> Duration {
        Duration::from_millis(self.sweep_ms.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_consistent_and_contradictions_are_all_named() {
        assert_eq!(GatewayLimits::default().problems(), Vec::<String>::new());
        let contradictory = GatewayLimits {
            send_queue_low_bytes: 2,
            send_queue_bytes: 1,
            parallel_streams: 0,
            client_timeout_ms: 1,
            ..GatewayLimits::default()
        };
        let problems = contradictory.problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems.iter().any(|p| p.starts_with("parallel_streams")));
        assert!(problems.iter().any(|p| p.contains("send_queue_low_bytes")));
        assert!(problems.iter().any(|p| p.contains("client_timeout_ms")));
    }
}
