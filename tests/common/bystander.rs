//! Two well-behaved clients that chat with each other while others misbehave.

use std::time::Duration;

use chaos::client::{Client, Settings};
use protocol::Encoding;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::{TestHub, token};

const ROOM: &str = "quiet-corner";
/// Between two messages.
const PAUSE: Duration = Duration::from_millis(20);

/// What the pair experienced.
#[derive(Debug, Default)]
pub struct Watched {
    /// Messages that both got.
    pub exchanged: usize,
    /// The longest time from sending a message until both had it.
    pub slowest: Duration,
}

/// The pair at work.
pub struct Bystander {
    stop: oneshot::Sender<()>,
    chatting: JoinHandle<Watched>,
}

impl Bystander {
    /// Both are connected and have exchanged a first message when this returns.
    pub async fn start(hub: &TestHub) -> Self {
        let mut pair = Vec::new();
        for (user, encoding) in [
            ("quiet-one", Encoding::Json),
            ("quiet-two", Encoding::MessagePack),
        ] {
            let settings = Settings::new(
                format!("{}/hubs/chat", hub.url()),
                encoding,
                Some(token(user)),
            );
            let client = Client::connect(&settings).await.unwrap();
            let made: Result<Value, _> = client
                .invoke("CreateRoom", json!([{ "roomId": ROOM, "kind": "public" }]))
                .await;
            assert!(pair.len() == 1 || made.is_ok(), "{made:?}");
            client
                .invoke::<Value>("JoinRoom", json!([ROOM]))
                .await
                .unwrap();
            pair.push(client);
        }
        let mut watched = Watched::default();
        exchange(&mut pair, &mut watched).await;
        let (stop, mut stopped) = oneshot::channel();
        let chatting = tokio::spawn(async move {
            while stopped.try_recv().is_err() {
                exchange(&mut pair, &mut watched).await;
                sleep(PAUSE).await;
            }
            watched
        });
        Self { stop, chatting }
    }

    /// Ends the chat and tells how it was. Panics if a message was lost or came out of its turn.
    pub async fn stop(self) -> Watched {
        self.stop.send(()).ok();
        self.chatting.await.unwrap()
    }
}

/// One says something, and both must get just that, once.
async fn exchange(pair: &mut [Client], watched: &mut Watched) {
    let start = Instant::now();
    let text = format!("message {}", watched.exchanged);
    let speaker = watched.exchanged % pair.len();
    let message = json!([ROOM, { "kind": "text", "text": text }]);
    pair[speaker]
        .invoke::<Value>("SendMessage", message)
        .await
        .unwrap();
    for client in pair {
        loop {
            let callback = timeout(Duration::from_secs(30), client.next()).await;
            let callback = callback.expect("a message of the bystanders is late");
            let callback = callback.expect("a bystander was disconnected");
            if callback.target == "ReceiveMessage" {
                assert_eq!(callback.object().unwrap()["text"], text.as_str());
                break;
            }
        }
    }
    watched.exchanged += 1;
    watched.slowest = watched.slowest.max(start.elapsed());
}
