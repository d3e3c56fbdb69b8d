//! Every method of the echo hub that answers, in both encodings.

use mussikon_hub::echo::{EchoLimits, EchoRefused};
use protocol::Encoding;
use serde_json::{Value, json};

use crate::server::Server;

#[tokio::test]
async fn calls_are_answered_in_both_encodings() {
    let server = Server::start();
    for encoding in Encoding::ALL {
        let mut client = server.client(encoding).await;
        let text: String = client.invoke("Echo", json!(["hé"])).await.unwrap();
        assert_eq!(text, "hé");
        let null: Option<String> = client.invoke("echo", json!([null])).await.unwrap();
        assert_eq!(null, None);
        let sum: i64 = client.invoke("Add", json!([40, 2])).await.unwrap();
        assert_eq!(sum, 42);
        let object = json!({"a": [1, 2.5, null, {"b": "c"}], "d": true});
        let same: Value = client
            .invoke("EchoComplexObject", json!([object]))
            .await
            .unwrap();
        assert_eq!(same, object);
        let id: String = client
            .invoke("GetCallerConnectionId", json!([]))
            .await
            .unwrap();
        assert_eq!(id, client.connection_id());
        client
            .invoke::<()>("SendBurst", json!([3, 1, 2]))
            .await
            .unwrap();
        for number in 0..3 {
            let burst = client.next().await.unwrap();
            assert_eq!(burst.target, "Burst");
            let arguments: Vec<Value> = burst
                .arguments
                .iter()
                .map(|argument| argument.decode().unwrap())
                .collect();
            assert_eq!(arguments, [json!(number), json!("pp")]);
        }
        client.stop().await;
    }
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn what_is_too_much_is_refused_with_the_bound_and_nothing_of_it_is_done() {
    let limits = EchoLimits {
        burst: 10,
        bursts: 2,
        characters: 100,
        recorded: 1,
        ..EchoLimits::default()
    };
    let server = Server::start_as(limits, |_| {});
    let mut client = server.client(Encoding::Json).await;
    let (asked, most) = (11, 10);
    let (many, long) = (EchoRefused::Burst { asked, most }, EchoRefused::Length(100));
    let (full, busy) = (EchoRefused::Recorded(1), EchoRefused::Bursts(2));
    let hour = 3_600_000;
    for (target, arguments, refused) in [
        ("SendBurst", json!([11, 0]), Some(&many)),
        ("SendBurst", json!([1, 0, 101]), Some(&long)),
        ("SendBurst", json!([1, 0, -1]), Some(&long)),
        ("BigString", json!([101]), Some(&long)),
        ("Record", json!([1]), None),
        ("Record", json!([2]), Some(&full)),
        ("SendBurst", json!([2, hour]), None),
        ("SendBurst", json!([2, hour]), None),
        ("SendBurst", json!([1, 0]), Some(&busy)),
    ] {
        let outcome = client.invoke::<Value>(target, arguments.clone()).await;
        let told = outcome.err().map(|error| error.to_string());
        let expected = refused.map(ToString::to_string);
        let fits = match (&told, &expected) {
            (Some(told), Some(expected)) => told.contains(expected.as_str()),
            (told, expected) => told == expected,
        };
        assert!(fits, "{target}{arguments}: {told:?}, not {expected:?}");
    }
    // Two bursts have begun, and none of those that were refused.
    for _ in 0..2 {
        let call = client.next().await.unwrap();
        assert_eq!(call.arguments[0].decode::<u32>().unwrap(), 0);
    }
    client
        .invoke::<()>("InvokeWithString", json!(["last"]))
        .await
        .unwrap();
    assert_eq!(client.next().await.unwrap().target, "Message");
}
