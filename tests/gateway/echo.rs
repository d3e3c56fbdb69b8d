//! Every method of the echo hub that answers, in both encodings.

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
