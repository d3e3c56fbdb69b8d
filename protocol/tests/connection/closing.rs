//! Keep-alive, silence, protocol errors and closing.

use std::sync::Arc;
use std::time::Duration;

use protocol::server::{ServerConnection, ServerEvent, ServerSettings};
use protocol::{CloseReason, ProtocolError, Timing};

use crate::{CLOSED, at, events, open_server, receive, written};

#[test]
fn the_server_pings_when_it_was_silent_and_watches_the_client_from_its_first_ping() {
    let mut server = open_server();
    assert_eq!(server.poll_timeout(), Some(at(15)));
    server.note_sent(at(10));
    server.handle_timeout(at(15));
    assert_eq!(written(&mut server), "");
    server.handle_timeout(at(25));
    assert_eq!(written(&mut server), "{\"type\":6}\u{1e}");

    server.handle_timeout(at(500));
    assert_eq!(
        events(&mut server),
        [],
        "a client that never pinged may be silent"
    );
    assert_eq!(receive(&mut server, "{\"type\":6}", at(500)), []);
    server.note_sent(at(529));
    assert_eq!(server.poll_timeout(), Some(at(530)));
    let call = receive(
        &mut server,
        "{\"type\":1,\"target\":\"A\",\"arguments\":[]}",
        at(520),
    );
    assert_eq!(call.len(), 1);
    server.handle_timeout(at(549));
    assert_eq!(events(&mut server), [], "any message counts");

    server.pause_client_timeout();
    assert_eq!(receive(&mut server, "{\"type\":6}", at(560)), []);
    server.handle_timeout(at(700));
    assert_eq!(
        events(&mut server),
        [],
        "the clock stands while a message is worked on"
    );
    server.restart_client_timeout(at(700));
    server.handle_timeout(at(729));
    assert_eq!(events(&mut server), []);
    written(&mut server);
    server.handle_timeout(at(730));
    assert_eq!(
        events(&mut server),
        [ServerEvent::Closed(CloseReason::PeerTimeout)]
    );
    assert_eq!(written(&mut server), CLOSED);
}

#[test]
fn a_protocol_error_closes_with_a_text_that_lets_clients_come_back() {
    let mut server = open_server();
    let seen = receive(
        &mut server,
        "{\"type\":6}\n{\"type\":8}\n{\"type\":6}",
        at(1),
    );
    let reason = CloseReason::Protocol(ProtocolError::Missing("sequenceId"));
    assert_eq!(seen, [ServerEvent::Closed(reason)]);
    assert_eq!(written(&mut server), CLOSED);
    assert_eq!(receive(&mut server, "{\"type\":8}", at(2)), []);
}

#[test]
fn close_is_the_last_word_of_either_side() {
    let mut server = open_server();
    server.close(None, true, at(1));
    server.close(Some("again"), false, at(1));
    assert_eq!(
        written(&mut server),
        "{\"type\":7,\"allowReconnect\":true}\u{1e}"
    );
    assert_eq!(
        events(&mut server),
        [ServerEvent::Closed(CloseReason::Local)]
    );

    let mut server = open_server();
    let seen = receive(
        &mut server,
        "{\"type\":7}\n{\"type\":1,\"target\":\"A\",\"arguments\":[]}",
        at(1),
    );
    let reason = CloseReason::Peer {
        error: None,
        allow_reconnect: false,
    };
    assert_eq!(seen, [ServerEvent::Closed(reason)]);
    assert_eq!(written(&mut server), "", "no answer to Close");

    let mut server = open_server();
    server.transport_lost(at(1));
    assert_eq!(
        events(&mut server),
        [ServerEvent::Closed(CloseReason::TransportLost)]
    );
    server.transport_closed();
    assert_eq!(events(&mut server), [], "closed only once");
}

#[test]
fn times_that_never_come_are_allowed() {
    let timing = Timing {
        handshake_timeout: Duration::MAX,
        keep_alive: Duration::MAX,
        peer_timeout: Duration::MAX,
        resume_window: Duration::MAX,
        ack_interval: Duration::MAX,
    };
    let settings = ServerSettings {
        timing,
        ..ServerSettings::default()
    };
    let mut server = ServerConnection::new(Arc::new(settings), true, at(0));
    server.receive(
        &b"{\"protocol\":\"json\",\"version\":2}\x1e{\"type\":6}\x1e"[..],
        at(1),
    );
    assert_eq!(events(&mut server).len(), 1);
    server.transport_lost(at(2));
    assert_eq!(server.poll_timeout(), Some(Duration::MAX));
    assert_eq!(server.resume(at(1_000_000)), Ok(()));
    server.handle_timeout(at(2_000_000));
    assert_eq!(
        (events(&mut server), written(&mut server)),
        (vec![], String::new())
    );
}
