//! The SignalR hub protocol, sans-io.
