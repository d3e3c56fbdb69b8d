//! A hub with its gateway on a free port, and clients of it.

use std::sync::Arc;
use std::time::Duration;

use actors::clock::{Clock, SystemClock};
use actors::hub::{Hub, HubLimits, HubParts};
use actors::ids::{EntityId, RequestId, UserId};
use actors::journal::memory::MemoryJournal;
use actors::machines::inbox::{InboxCommand, InboxReply};
use actors::machines::notice::{Notice, NoticeKind, Priority};
use chaos::client::{Client, Settings};
use mussikon_hub::auth::{AuthRefused, Authenticate, Identity};
use mussikon_hub::gateway::{Gateway, GatewayParts, HubRoute, accept};
use mussikon_hub::limits::GatewayLimits;
use mussikon_hub::notifications::NotificationsHub;
use protocol::Encoding;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(10);

/// Takes `ROLE.USER` for a token.
struct Names;

impl Authenticate for Names {
    fn authenticate(&self, token: &str) -> Result<Identity, AuthRefused> {
        let (role, name) = token.split_once('.').ok_or(AuthRefused::Malformed)?;
        Ok(Identity {
            user: UserId::parse(name).map_err(|_| AuthRefused::Malformed)?,
            role: role.into(),
            expires_at: None,
        })
    }
}

/// A served hub; ends with the test.
pub struct Place {
    pub hub: Hub,
    address: String,
    _gateway: Arc<Gateway>,
}

pub fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

impl Place {
    pub async fn start() -> Self {
        let journal = Arc::new(MemoryJournal::new());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let parts = HubParts {
            journal: journal.clone(),
            wakeups: journal,
            clock: clock.clone(),
            limits: HubLimits::default(),
            salt: 1,
        };
        let hub = Hub::start(parts).await.unwrap();
        let limits = GatewayLimits::default();
        let gateway = Gateway::new(GatewayParts {
            limits: limits.clone(),
            authenticate: Arc::new(Names),
            hubs: vec![HubRoute {
                path: "/hubs/notifications",
                app: NotificationsHub::new(hub.clone()),
                auth_required: true,
            }],
            clock,
            detailed_errors: false,
            token_key: [7; 32],
        });
        let listener = accept::bind(([127, 0, 0, 1], 0).into(), 64).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = gateway.router();
        tokio::spawn(async move {
            accept::serve(listener, router, &limits, std::future::pending()).await;
        });
        Self {
            hub,
            address,
            _gateway: gateway,
        }
    }

    /// A client of a user with a role.
    pub async fn connect(&self, role: &str, name: &str, encoding: Encoding) -> Ear {
        let url = format!("{}/hubs/notifications", self.address);
        let settings = Settings::new(url, encoding, Some(format!("{role}.{name}")));
        Ear(Client::connect(&settings).await.unwrap())
    }

    /// Ann, who plays.
    pub async fn ann(&self) -> Ear {
        self.connect("musician", "ann", Encoding::Json).await
    }

    /// Ann is told something by a request; answers where it stands.
    pub async fn tell(&self, number: u64, kind: NoticeKind, priority: Priority) -> u64 {
        let add = InboxCommand::Add {
            from: EntityId::request(&RequestId::parse("gala").unwrap()),
            number,
            notice: Notice {
                kind,
                priority,
                data: [("instrument".to_owned(), "violin".to_owned())].into(),
            },
        };
        match self.hub.inbox(&user("ann"), add).await.unwrap() {
            InboxReply::Done { sequence, .. } => sequence.0,
            other => panic!("{other:?}"),
        }
    }

    /// The same as it usually is.
    pub async fn tell_usual(&self, number: u64) -> u64 {
        self.tell(number, NoticeKind::NewRequest, Priority::Normal)
            .await
    }
}

/// A client and what it hears.
pub struct Ear(Client);

impl Ear {
    pub async fn call(&self, method: &str, arguments: Value) -> Value {
        let answer = self.0.invoke(method, arguments).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The text of a refusal, from its code on.
    pub async fn refused(&self, method: &str, arguments: Value) -> String {
        let answer = self.0.invoke::<Value>(method, arguments).await;
        let text = answer.expect_err("a refusal").to_string();
        let (_, text) = text.split_once("HubException: ").expect("a code");
        text.to_owned()
    }

    /// The next callback.
    pub async fn hears(&mut self) -> (String, Value) {
        let next = tokio::time::timeout(SOON, self.0.next()).await;
        let callback = next.expect("a callback").expect("still connected");
        let argument = callback.object().expect("an object");
        (callback.target, argument)
    }

    /// The next callbacks, shortened: what it is, its sequence, and how many are unread.
    pub async fn hears_all(&mut self, count: usize) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..count {
            let (target, argument) = self.hears().await;
            let member = |name: &str| argument[name].as_u64().map(|n| format!(" {name}={n}"));
            let members = ["sequence", "unread", "target", "upTo"].map(member);
            all.push(target + &members.into_iter().flatten().collect::<String>());
        }
        all
    }

    /// Whatever is on its way has come.
    pub async fn settles(&mut self) {
        let moment = Duration::from_millis(50);
        while tokio::time::timeout(moment, self.0.next()).await.is_ok() {}
    }

    /// Nothing more has come by the time a call is answered.
    pub async fn hears_nothing(&mut self) {
        self.call("UnreadCount", json!([])).await;
        let next = tokio::time::timeout(Duration::from_millis(50), self.0.next()).await;
        assert!(next.is_err(), "{next:?}");
    }
}
