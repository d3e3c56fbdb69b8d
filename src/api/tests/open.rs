//! Open requests around a place: all of them come, each once, the nearest first, and none tells exactly where it is.

use std::collections::BTreeSet;

use actors::hub::HubLimits;
use actors::ids::{RequestId, Sequence, Timestamp, UserId};
use actors::journal::{Table, TableWrite};
use actors::machines::request::cards::open_request_key;
use actors::machines::request::{Mode, RequestCard, RequestState};
use actors::machines::terms::{Budget, Cents, Gig, Place, Term, Window};
use serde_json::{Value, json};

use super::requests::get;
use super::{Setting, Stage};

const LIST: &str = "/api/requests/open?instrument=piano&lat=18.47&lng=-69.9&radiusKm=400";

fn term(text: &str) -> Term {
    Term::parse(text).expect("a term")
}

/// An open request so many degrees to the north.
pub fn card(id: &str, north: f64) -> RequestCard {
    let at = Timestamp(1_700_000_000_000);
    RequestCard {
        id: RequestId::parse(id).expect("an id"),
        state: RequestState::Active,
        title: None,
        gig: Gig {
            event_type: term("boda"),
            instrument: term("piano"),
            more_instruments: Vec::new(),
            genre: None,
            window: Window {
                from: at.plus_millis(86_400_000),
                to: at.plus_millis(90_000_000),
            },
            place: Place {
                lat: 18.471_234 + north,
                lng: -69.901_234,
                address: "Calle El Conde 7".into(),
            },
            budget: Budget {
                min: Cents(10_000),
                max: Cents(20_000),
                negotiable: false,
            },
        },
        organizer: UserId::parse("olga").expect("an id"),
        mode: Mode::FirstAccept,
        assigned: None,
        deadline: None,
        created_at: at,
        updated_at: at,
        updated: Sequence(2),
        standing: None,
    }
}

pub async fn put(stage: &Stage, cards: impl IntoIterator<Item = RequestCard>) {
    let row = |card: RequestCard| TableWrite {
        table: Table::OpenRequests,
        key: open_request_key(&card.gig, &card.id),
        rank: 2,
        value: Some(card.encode()),
    };
    let rows = cards.into_iter().map(row).collect();
    stage.journal.put_rows(rows).await.expect("written");
}

/// So many in one cell, the larger the id the nearer, many at the same distance, and some far away.
async fn crowd(stage: &Stage, near: u32) {
    let near = (0..near).map(|n| card(&format!("q{n:04}"), f64::from((near - n) / 4) * 0.001));
    put(stage, near).await;
    let far = (0..3).map(|n| card(&format!("far{n}"), 2.0 + f64::from(n) * 0.5));
    put(stage, far).await;
}

async fn all(stage: &Stage, limit: usize) -> Vec<Value> {
    let mut found = Vec::new();
    let mut query = format!("{LIST}&limit={limit}");
    loop {
        let page = get(stage, "ana:musician", &query).await;
        assert_eq!(page["complete"], true);
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= limit);
        found.extend(items.clone());
        match page["next"].as_str() {
            Some(next) => query = format!("{LIST}&limit={limit}&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn however_many_lie_in_one_cell_all_are_reached_once_and_the_nearest_first() {
    let mut limits = HubLimits::default();
    // Several reads for each cell.
    limits.matching.page_rows = 16;
    let setting = Setting {
        limits,
        ..Setting::default()
    };
    let stage = Stage::with(setting).await;
    crowd(&stage, 130).await;
    for limit in [7, 100] {
        let found = all(&stage, limit).await;
        let id = |item: &Value| item["request"]["requestId"].to_string();
        let ids: BTreeSet<String> = found.iter().map(id).collect();
        assert_eq!((found.len(), ids.len()), (133, 133), "{limit}");
        let km = found.iter().map(|item| item["distanceKm"].as_f64());
        let km: Vec<f64> = km.map(|km| km.expect("a distance")).collect();
        assert!(km.is_sorted(), "{km:?}");
        assert!(km[132] > 300.0 && km[129] < 10.0);
    }
}

#[tokio::test]
async fn where_exactly_it_is_only_its_organizer_and_moderators_read_in_the_list() {
    let stage = Stage::new().await;
    put(&stage, [card("q", 0.0)]).await;
    let first = async |who: &str, at: &str| {
        let list = format!("/api/requests/open?instrument=piano&{at}");
        let page = get(&stage, who, &list).await;
        page["items"][0].clone()
    };
    let near = "lat=18.47&lng=-69.9";
    let rounded = json!({ "lat": 18.47, "lng": -69.9, "address": "" });
    for who in ["ana:musician", "uwe", "otto:organizer"] {
        let shown = first(who, near).await;
        assert_eq!(shown["request"]["gig"]["place"], rounded, "{who}");
        // Nor does the distance tell, from wherever one asks.
        assert_eq!(shown["distanceKm"], 0.0);
    }
    for who in ["olga:organizer", "mia:moderator", "root:admin"] {
        let shown = first(who, near).await;
        let address = &shown["request"]["gig"]["place"]["address"];
        assert_eq!(address, "Calle El Conde 7", "{who}");
    }
}

#[tokio::test]
async fn a_page_says_so_when_there_was_more_to_read_than_it_may() {
    let mut limits = HubLimits::default();
    limits.matching.open_rows = 20;
    let setting = Setting {
        limits,
        ..Setting::default()
    };
    let stage = Stage::with(setting).await;
    crowd(&stage, 130).await;
    let page = get(&stage, "ana:musician", LIST).await;
    assert_eq!(
        (
            page["complete"].as_bool(),
            page["items"].as_array().map(Vec::len)
        ),
        (Some(false), Some(20))
    );
    let foreign = format!("GET {LIST}&cursor=AQ");
    let (status, _, errors) = stage.ask("ana", &foreign, None).await.problem();
    assert_eq!(
        (status, &errors[..]),
        (400, &["cursor: is not from this list".to_owned()][..])
    );
}
