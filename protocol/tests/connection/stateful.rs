//! A stateful connection and its transports.

use protocol::server::ServerEvent;
use protocol::{CloseReason, Encoding, Headers, HubMessage, ProtocolError, to_bytes};

use crate::{CLOSED, at, events, receive, server, shown, written};

#[test]
fn a_stateful_connection_outlives_its_transport_for_a_while() {
    let hello = b"{\"protocol\":\"json\",\"version\":2}\x1e";
    let open = || {
        let mut server = server(true);
        server.receive(&hello[..], at(0));
        events(&mut server);
        written(&mut server);
        server
    };
    let cancel = to_bytes(
        Encoding::Json,
        &HubMessage::CancelInvocation {
            invocation_id: "x".into(),
            headers: Headers::default(),
        },
    )
    .expect("valid");

    let mut server = open();
    server.receive(cancel.slice(..9), at(1));
    assert_eq!(events(&mut server), []);
    server.transport_lost(at(2));
    assert_eq!(
        (events(&mut server), server.poll_timeout()),
        (vec![], Some(at(17)))
    );
    server.receive(cancel.clone(), at(3));
    assert_eq!(events(&mut server), [], "there is no transport");
    assert_eq!(server.resume(at(10)), Ok(()));
    assert_eq!(
        receive(&mut server, "{\"type\":7}\n{\"type\":6}", at(11)),
        [],
        "not before Sequence"
    );
    assert_eq!(
        receive(&mut server, "{\"type\":9,\"sequenceId\":1}", at(11)),
        [ServerEvent::Resumed]
    );
    let call = "{\"type\":1,\"target\":\"A\",\"arguments\":[]}";
    assert_eq!(
        shown(&receive(&mut server, call, at(12))),
        ["call A None"],
        "half a record is forgotten"
    );
    assert_eq!(server.poll_timeout(), Some(at(13)), "the acknowledgement");
    server.handle_timeout(at(13));
    assert_eq!(written(&mut server), "{\"type\":8,\"sequenceId\":1}\u{1e}");
    server.handle_timeout(at(20));
    assert_eq!(written(&mut server), "", "nothing new came");
    let ack = receive(&mut server, "{\"type\":8,\"sequenceId\":4}", at(21));
    assert_eq!(ack, [ServerEvent::Acknowledged { sequence_id: 4 }]);

    server.transport_lost(at(30));
    server.handle_timeout(at(45));
    assert_eq!(
        events(&mut server),
        [ServerEvent::Closed(CloseReason::ResumeTimeout)]
    );
    assert!(server.resume(at(46)).is_err());

    let mut server = open();
    assert_eq!(
        server.resume(at(1)),
        Ok(()),
        "also while the old transport seems alive"
    );
    server.handle_timeout(at(16));
    assert_eq!(
        events(&mut server),
        [ServerEvent::Closed(CloseReason::ResumeTimeout)]
    );

    let mut server = open();
    assert_eq!(server.resume(at(1)), Ok(()));
    let seen = receive(&mut server, "{\"type\":9,\"sequenceId\":2}", at(2));
    let error = ProtocolError::SequenceAhead {
        got: 2,
        expected: 1,
    };
    assert_eq!(seen, [ServerEvent::Closed(CloseReason::Protocol(error))]);
    assert_eq!(written(&mut server), CLOSED);
}
