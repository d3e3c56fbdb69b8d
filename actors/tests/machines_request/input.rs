//! What a request must be like: everything that is wrong is said at once, and what is right is kept as it is meant.

use actors::ids::Timestamp;
use actors::machines::request::{Change, Mode, RequestInput, RequestLimits, RequestRejection};
use actors::machines::terms::{Cents, FieldError};

use crate::desk::{DAY, Desk, HOUR, input};

/// What is wrong with a request after a change.
fn wrong(change: impl FnOnce(&mut RequestInput)) -> Vec<FieldError> {
    let mut desk = Desk::new();
    let mut input = Box::new(input(desk.now, Mode::FirstAccept));
    change(&mut input);
    match desk.ask("olga", Change::Create { input }) {
        Ok(_) => Vec::new(),
        Err(RequestRejection::Invalid(errors)) => errors,
        Err(other) => panic!("{other}"),
    }
}

fn fields(change: impl FnOnce(&mut RequestInput)) -> Vec<String> {
    wrong(change).into_iter().map(|error| error.field).collect()
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let errors = wrong(|input| {
        input.title = Some("x".repeat(256));
        input.event_type = " ".into();
        input.instrument = "a\u{0}".into();
        input.more_instruments = vec!["voice".into(), "".into()];
        input.genre = Some("x".repeat(101));
        input.window.from = Timestamp(5);
        input.place.lat = f64::NAN;
        input.place.lng = 180.5;
        input.place.address = " abc ".into();
        input.budget.min = Cents(90_000);
        input.budget.max = Cents(4_999);
        input.description = "a\u{7}b".into();
        input.attendees = Some(0);
        input.dress_code = Some("x".repeat(101));
        input.equipment = Some("x".repeat(501));
        input.radius_km = Some(0.0);
        input.deadline = Some(Timestamp(1));
    });
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    let expected = [
        "title",
        "description",
        "dressCode",
        "equipment",
        "eventType",
        "instrument",
        "moreInstruments[1]",
        "genre",
        "window.from",
        "window.to",
        "place.lat",
        "place.lng",
        "place.address",
        "budget.max",
        "budget.max",
        "attendees",
        "radiusKm",
        "deadline",
    ];
    assert_eq!(fields, expected);
    let text = RequestRejection::Invalid(errors).to_string();
    assert!(
        text.contains("attendees must be 1 to 100000; radiusKm"),
        "{text}"
    );
}

#[test]
fn each_bound_is_met_exactly() {
    let now = Desk::new().now;
    let none: [&str; 0] = [];
    assert_eq!(fields(|_| {}), none);
    assert_eq!(fields(|i| i.title = Some("x".repeat(255))), none);
    assert_eq!(fields(|i| i.place.address = "x".repeat(5)), none);
    assert_eq!(fields(|i| i.place.address = "x".repeat(200)), none);
    assert_eq!(
        fields(|i| i.place.address = "x".repeat(201)),
        ["place.address"]
    );
    assert_eq!(fields(|i| i.description = "ñ".repeat(2_000)), none);
    assert_eq!(
        fields(|i| i.description = "ñ".repeat(2_001)),
        ["description"]
    );
    assert_eq!(fields(|i| i.place.lat = -90.0), none);
    assert_eq!(fields(|i| i.place.lat = 90.1), ["place.lat"]);
    assert_eq!(fields(|i| i.attendees = Some(100_001)), ["attendees"]);
    assert_eq!(fields(|i| i.radius_km = Some(200.0)), none);
    assert_eq!(fields(|i| i.radius_km = Some(200.1)), ["radiusKm"]);
    assert_eq!(fields(|i| i.radius_km = Some(f64::NAN)), ["radiusKm"]);
    let begins = |from: u64| {
        move |i: &mut RequestInput| {
            i.window.from = now.plus_millis(from);
            i.window.to = i.window.from.plus_millis(HOUR);
        }
    };
    assert_eq!(fields(begins(DAY)), none);
    assert_eq!(fields(begins(DAY - 1)), ["window.from"]);
    assert_eq!(fields(begins(730 * DAY)), none);
    assert_eq!(fields(begins(730 * DAY + 1)), ["window.from"]);
    let lasts =
        |millis: u64| move |i: &mut RequestInput| i.window.to = i.window.from.plus_millis(millis);
    assert_eq!(fields(lasts(12 * HOUR)), none);
    assert_eq!(fields(lasts(12 * HOUR + 1)), ["window.to"]);
    assert_eq!(fields(lasts(HOUR - 1)), ["window.to"]);
    assert_eq!(fields(|i| i.window.to = Timestamp(1)), ["window.to"]);
    let deadline = |before: u64| {
        move |i: &mut RequestInput| i.deadline = Some(Timestamp(i.window.from.0 - before))
    };
    assert_eq!(fields(deadline(0)), none);
    assert_eq!(
        fields(deadline(30 * DAY)),
        ["deadline"],
        "it must lie ahead"
    );
    assert_eq!(fields(|i| i.deadline = Some(i.window.to)), ["deadline"]);
    let six = |i: &mut RequestInput| i.more_instruments = (0..6).map(|n| n.to_string()).collect();
    assert_eq!(fields(six), ["moreInstruments"]);
}

#[test]
fn budgets_have_a_floor_a_ceiling_and_round_corporate_sums() {
    let budget = |min: u64, max: u64, kind: &'static str| {
        move |i: &mut RequestInput| {
            (i.budget.min, i.budget.max) = (Cents(min), Cents(max));
            i.event_type = kind.into();
        }
    };
    let none: [&str; 0] = [];
    assert_eq!(fields(budget(5_000, 1_000_000, "party")), none);
    assert_eq!(fields(budget(4_999, 5_000, "party")), ["budget.min"]);
    assert_eq!(fields(budget(5_000, 1_000_001, "party")), ["budget.max"]);
    assert_eq!(fields(budget(6_000, 5_000, "party")), ["budget.max"]);
    assert_eq!(fields(budget(30_500, 40_000, "party")), none);
    assert_eq!(fields(budget(30_500, 40_000, " Corporate")), ["budget.min"]);
    assert_eq!(
        fields(budget(30_000, 40_001, "evento_corporativo")),
        ["budget.max"]
    );
    assert_eq!(fields(budget(30_000, 40_000, "corporate")), none);
}

#[test]
fn what_is_right_is_trimmed_and_words_of_a_vocabulary_meet() {
    let mut desk = Desk::draft(Mode::FirstAccept);
    let view = desk.view("olga").expect("hers");
    assert_eq!(view.texts.title.as_deref(), Some("A wedding"));
    assert_eq!(view.gig.event_type.as_str(), "wedding");
    assert_eq!(view.gig.instrument.as_str(), "guitarra");
    assert_eq!(
        view.gig.genre.map(|genre| genre.to_string()),
        Some("bolero".into())
    );

    let mut desk = Desk::new();
    let mut input = Box::new(input(desk.now, Mode::FirstAccept));
    input.more_instruments = vec!["Voice".into(), " voice".into(), "bass".into()];
    (input.genre, input.title) = (Some("  ".into()), Some(" ".into()));
    desk.ask("olga", Change::Create { input }).expect("created");
    let view = desk.view("olga").expect("hers");
    let more: Vec<&str> = view
        .gig
        .more_instruments
        .iter()
        .map(|term| term.as_str())
        .collect();
    assert_eq!(more, ["voice", "bass"]);
    assert_eq!((view.gig.genre, view.texts.title), (None, None));
}

#[test]
fn both_parts_of_an_application_are_looked_at() {
    let mut desk = Desk::active(Mode::OrganizerChooses);
    let bad = Change::Apply {
        rate: Cents(0),
        words: "x".repeat(501),
    };
    let RequestRejection::Invalid(errors) = desk.refused("mia", bad) else {
        panic!("not what is wrong");
    };
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["rate", "words"]);
    let good = Change::Apply {
        rate: Cents(1_000_000),
        words: String::new(),
    };
    desk.ask("mia", good).expect("words are not needed");
}

#[test]
fn what_is_unusual_is_allowed_and_said() {
    let warnings = |change: fn(&mut RequestInput)| {
        let mut desk = Desk::new();
        let mut input = Box::new(input(desk.now, Mode::FirstAccept));
        change(&mut input);
        desk.ask("olga", Change::Create { input }).expect("created");
        let inside = desk.view("olga").expect("hers").inside.expect("all");
        inside
            .warnings
            .into_iter()
            .map(|w| w.field)
            .collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(warnings(|_| {}), none);
    assert_eq!(
        warnings(|i| {
            (i.budget.min, i.budget.max) = (Cents(5_000), Cents(19_999));
            i.window.to = i.window.from.plus_millis(9 * HOUR);
        }),
        ["budget.max", "window.to"]
    );
    assert_eq!(
        warnings(|i| {
            i.event_type = "concert".into();
            (i.budget.min, i.budget.max) = (Cents(300_001), Cents(400_000));
            i.window.to = i.window.from.plus_millis(3 * HOUR);
        }),
        ["budget.min"]
    );
    assert_eq!(warnings(|i| i.event_type = "circus".into()), none);
}

#[test]
fn settings_that_contradict_themselves_are_named() {
    let limits = RequestLimits::default();
    assert_eq!(limits.problems(), []);
    let wrong = RequestLimits {
        budget_max_cents: 1,
        wave_size: 0,
        retry_ms: 0,
        offers: 401,
        keys: 257,
        radius_km: 300.0,
        score_min: f64::NAN,
        ..limits
    };
    let names: Vec<&str> = wrong.problems().iter().map(|(name, _)| *name).collect();
    let expected = [
        "budget_max_cents",
        "wave_size",
        "retry_ms",
        "offers",
        "keys",
        "radius_km",
        "score_min",
    ];
    assert_eq!(names, expected);
}
