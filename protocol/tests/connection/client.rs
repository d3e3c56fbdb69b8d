//! The client's end, where it says more than the server's.

use bytes::Bytes;
use protocol::client::{ClientConnection, ClientEvent, ClientSettings, SendError};
use protocol::handshake::ResponseError;
use protocol::{Call, CloseReason, Encoding, HubMessage, to_bytes};

use crate::at;

#[test]
fn a_client_learns_why_its_handshake_failed_and_sends_nothing_before_it() {
    let mut client = ClientConnection::new(ClientSettings::new(Encoding::Json, true), at(0));
    let hello = client.poll_transmit().expect("the handshake");
    assert_eq!(&hello[..], b"{\"protocol\":\"json\",\"version\":2}\x1e");
    let early = client.invoke(Call::new("A", vec![]), at(0));
    assert!(matches!(early, Err(SendError::NotOpen)));
    client.receive(&b"{\"error\":\"no\"}\x1e{\"type\":6}\x1e"[..], at(1));
    let reason = CloseReason::Response(ResponseError::Refused("no".into()));
    assert_eq!(client.poll_event(), Some(ClientEvent::Closed(reason)));
    assert_eq!((client.poll_event(), client.poll_transmit()), (None, None));

    let mut client = ClientConnection::new(ClientSettings::new(Encoding::Json, false), at(0));
    client.handle_timeout(at(15));
    assert_eq!(
        client.poll_event(),
        Some(ClientEvent::Closed(CloseReason::HandshakeTimeout))
    );
}

#[test]
fn a_client_pings_at_once_and_every_15_seconds_and_gives_up_on_a_silent_server() {
    let mut client =
        ClientConnection::new(ClientSettings::new(Encoding::MessagePack, false), at(0));
    client.receive(&b"{}\x1e"[..], at(0));
    assert_eq!(
        client.poll_event(),
        Some(ClientEvent::Handshaked { stateful: false })
    );
    let mut sent: Vec<Bytes> = std::iter::from_fn(|| client.poll_transmit()).collect();
    assert_eq!(sent.pop().as_deref(), Some(&[2, 0x91, 6][..]));
    assert_eq!(client.poll_timeout(), Some(at(15)));
    client.handle_timeout(at(15));
    assert_eq!(client.poll_transmit().as_deref(), Some(&[2, 0x91, 6][..]));
    client.handle_timeout(at(29));
    assert_eq!(client.poll_event(), None);
    client.receive(
        to_bytes(Encoding::MessagePack, &HubMessage::Ping).expect("valid"),
        at(29),
    );
    assert_eq!(client.poll_event(), None);
    client.handle_timeout(at(58));
    assert_eq!(client.poll_event(), None);
    client.handle_timeout(at(59));
    assert_eq!(
        client.poll_event(),
        Some(ClientEvent::Closed(CloseReason::PeerTimeout))
    );
}

#[test]
fn a_client_that_does_not_write_may_not_queue_without_end() {
    let settings = ClientSettings {
        queue_bytes: 100,
        ..ClientSettings::new(Encoding::Json, false)
    };
    let mut client = ClientConnection::new(settings, at(0));
    client.receive(&b"{}\x1e"[..], at(0));
    client.poll_event();
    while client.poll_transmit().is_some() {}
    let sends = (0..100)
        .take_while(|_| client.send(Call::new("A", vec![]), at(0)).is_ok())
        .count();
    assert!((2..=4).contains(&sends), "{sends}");
    assert!(client.is_full());
    while client.poll_transmit().is_some() {}
    assert!(client.send(Call::new("A", vec![]), at(0)).is_ok());
}
