//! How many requests one organizer may have.

use actors::hub::HubError;
use actors::ids::{RequestId, Timestamp};
use actors::machines::request::{Change, Done, Mode, RequestInput, RequestRejection};
use actors::machines::terms::{Budget, Caller, Cents, Place, PlatformRole, Window};
use actors::runtime::AskError;

use super::stage::{Paused, Stage, pass, user};

const HOUR: u64 = 3_600_000;

fn now() -> Timestamp {
    actors::clock::Clock::now(&Paused::default())
}

fn create() -> Change {
    let from = now().plus_millis(30 * 24 * HOUR);
    let input = Box::new(RequestInput {
        title: None,
        event_type: "wedding".into(),
        instrument: "guitarra".into(),
        more_instruments: Vec::new(),
        genre: None,
        window: Window {
            from,
            to: from.plus_millis(4 * HOUR),
        },
        place: Place {
            lat: 18.4861,
            lng: -69.9312,
            address: "Zona Colonial".into(),
        },
        budget: Budget {
            min: Cents(50_000),
            max: Cents(80_000),
            negotiable: true,
        },
        description: "Two hours of boleros".into(),
        attendees: None,
        dress_code: None,
        equipment: None,
        mode: Mode::FirstAccept,
        radius_km: None,
        deadline: None,
    });
    Change::Create { input }
}

async fn asked(stage: &Stage, who: &str, id: &str, change: Change) -> Result<Done, HubError> {
    let role = match who {
        "ada" => PlatformRole::Admin,
        _ => PlatformRole::Organizer,
    };
    let user = user(who);
    let id = RequestId::parse(id).expect("a request id");
    let by = Caller { user, role };
    stage.hub.change_request(&id, &by, None, change).await
}

fn refused(rejection: RequestRejection) -> HubError {
    HubError::Request(AskError::Rejected(rejection))
}

#[tokio::test(start_paused = true)]
async fn an_organizer_creates_so_many_requests_a_day() {
    let stage = Stage::new(|limits| limits.request.new_per_day = 2).await;
    for (who, id) in [("olga", "o1"), ("olga", "o2"), ("otto", "t1")] {
        asked(&stage, who, id, create()).await.expect("created");
    }
    let many = RequestRejection::TooManyNew { most: 2 };
    assert_eq!(many.code(), "too_many_new_requests");
    let third = asked(&stage, "olga", "o3", create()).await;
    assert_eq!(third, Err(refused(many)));
    let again = asked(&stage, "olga", "o2", create()).await;
    again.expect("a repeat");
    for id in ["a1", "a2", "a3"] {
        let created = asked(&stage, "ada", id, create()).await;
        created.expect("admins have no bound");
    }
    pass(24 * HOUR).await;
    let next_day = asked(&stage, "olga", "o3", create()).await;
    next_day.expect("another day");
}

#[tokio::test(start_paused = true)]
async fn an_organizer_looks_for_musicians_for_so_many_requests() {
    let stage = Stage::new(|limits| {
        (
            limits.request.active_per_organizer,
            limits.request.new_per_day,
        ) = (1, 0);
    })
    .await;
    let submit = || Change::Submit { expected: None };
    for id in ["o1", "o2"] {
        asked(&stage, "olga", id, create()).await.expect("created");
    }
    asked(&stage, "olga", "o1", submit()).await.expect("one");
    let many = RequestRejection::TooManyActive { most: 1 };
    assert_eq!(many.code(), "too_many_active_requests");
    let second = asked(&stage, "olga", "o2", submit()).await;
    assert_eq!(second, Err(refused(many)));
    let reason = "It rains".to_owned();
    let cancelled = asked(&stage, "olga", "o1", Change::Cancel { reason }).await;
    cancelled.expect("called off");
    asked(&stage, "olga", "o2", submit()).await.expect("room");
}
