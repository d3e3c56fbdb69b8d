//! Profile, hours, busy times and figures: who may change them, and what is wrong with an input, all of it at once.

use actors::ids::Sequence;
use actors::machines::hours::DayHours;
use actors::machines::matching::Figures;
use actors::machines::terms::{Cents, Place, PlatformRole, Window};
use actors::machines::user::input::{DateInput, HoursInput, WeekInput};
use actors::machines::user::{
    AvailabilityInput, BusyInput, ProfileInput, UserCommand, UserRejection,
};

use crate::desk::{Desk, HOUR, admin, ann, caller, madrid, pianist};

/// The names of the fields that a rejection complains of.
fn fields(rejection: UserRejection) -> Vec<String> {
    match rejection {
        UserRejection::Invalid(errors) => errors.into_iter().map(|error| error.field).collect(),
        other => panic!("expected Invalid, got {other:?}"),
    }
}

fn hours(from: &str, to: &str) -> HoursInput {
    let (from, to) = (from.to_owned(), to.to_owned());
    HoursInput { from, to }
}

fn set(availability: AvailabilityInput) -> UserCommand {
    UserCommand::SetAvailability {
        by: ann(),
        key: None,
        expected: None,
        availability,
    }
}

#[test]
fn a_profile_is_brought_into_order() {
    let mut desk = Desk::new();
    let mut input = pianist();
    input.name = "  Ann ".into();
    input.radius_km = 12.3;
    let version = desk.set_profile(input.clone()).expect("good");
    assert_eq!(version, Sequence(1));
    let view = desk.view(&ann()).expect("seen");
    assert_eq!((view.version, view.profile.name.as_str()), (version, "Ann"));
    let names: Vec<&str> = view
        .profile
        .instruments
        .iter()
        .map(|i| i.name.as_str())
        .collect();
    assert_eq!(
        (names, view.profile.radius_km),
        (vec!["piano", "canto"], 13)
    );
    assert_eq!(desk.set_profile(input), Ok(version), "nothing changed");
    assert_eq!(desk.records.len(), 1);
}

#[test]
fn everything_that_is_wrong_with_a_profile_is_named_at_once() {
    let wrong = ProfileInput {
        name: " ".into(),
        bio: "x".repeat(501),
        musician: true,
        available: true,
        instruments: vec![("piano".into(), 81), ("PIANO ".into(), 1), ("".into(), 1)],
        genres: vec!["jazz".into(), "a\u{0}b".into(), "jazz".into()],
        hourly_rate: Some(Cents(1_000_001)),
        place: Some(Place {
            lat: f64::NAN,
            lng: 181.0,
            address: "x".repeat(501),
        }),
        radius_km: -1.0,
    };
    let refused = Desk::new().set_profile(wrong).expect_err("refused");
    assert_eq!(refused.code(), "invalid_argument");
    assert!(
        refused
            .to_string()
            .contains("name must have 1 to 100 characters; bio")
    );
    assert_eq!(
        fields(refused),
        [
            "name",
            "bio",
            "instruments[0].years",
            "instruments[1].name",
            "instruments[2].name",
            "genres[1]",
            "genres[2]",
            "hourlyRate",
            "place.lat",
            "place.lng",
            "place.address",
            "radiusKm",
        ]
    );
    let bare = ProfileInput {
        name: "Ann".into(),
        musician: true,
        available: true,
        ..ProfileInput::default()
    };
    let refused = Desk::new().set_profile(bare.clone()).expect_err("refused");
    assert_eq!(fields(refused), ["instruments", "place"]);
    let paused = ProfileInput {
        available: false,
        ..bare
    };
    Desk::new()
        .set_profile(paused)
        .expect("may be completed later");
    let many = ProfileInput {
        instruments: (0..11).map(|n| (format!("i{n}"), 999)).collect(),
        genres: (0..21).map(|n| format!("g{n}")).collect(),
        radius_km: f64::INFINITY,
        ..pianist()
    };
    let refused = Desk::new().set_profile(many).expect_err("refused");
    assert_eq!(fields(refused), ["instruments", "genres", "radiusKm"]);
}

#[test]
fn only_the_user_and_admins_change_a_user_and_musicians_offer_music() {
    let mut desk = Desk::musician();
    for (by, allowed) in [
        (ann(), true),
        (admin(), true),
        (caller("ann", PlatformRole::User), true),
        (caller("bob", PlatformRole::Musician), false),
        (caller("bob", PlatformRole::Moderator), false),
    ] {
        let command = UserCommand::SetProfile {
            by: by.clone(),
            key: None,
            expected: None,
            profile: pianist(),
        };
        let refused = desk.ask(command).err();
        assert_eq!(refused.is_none(), allowed, "{by:?}");
        assert!(allowed || refused == Some(UserRejection::Forbidden));
    }
    for role in PlatformRole::ALL {
        let command = UserCommand::SetProfile {
            by: caller("ann", role),
            key: None,
            expected: None,
            profile: pianist(),
        };
        let offers = [PlatformRole::Musician, PlatformRole::Admin].contains(&role);
        let refused = Desk::new().ask(command).err();
        assert_eq!(
            refused,
            (!offers).then_some(UserRejection::NotAMusician),
            "{role:?}"
        );
    }
}

#[test]
fn others_see_a_musicians_offer_and_of_anybody_else_a_name() {
    let mut desk = Desk::new();
    let bob = caller("bob", PlatformRole::Organizer);
    assert_eq!(desk.view(&bob), Err(UserRejection::UserNotFound));
    assert_eq!(desk.view(&ann()).expect("seen").version, Sequence::ZERO);
    let private = ProfileInput {
        musician: false,
        ..pianist()
    };
    desk.set_profile(private).expect("good");
    let seen = desk.view(&bob).expect("seen");
    assert_eq!(
        (seen.profile.name.as_str(), &seen.profile.place),
        ("Ann", &None)
    );
    assert!(seen.agenda.is_none());
    desk.set_profile(pianist()).expect("good");
    let seen = desk.view(&bob).expect("seen");
    // About where, and no more: nobody finds out by a place or a distance where somebody lives.
    let place = seen.profile.place.expect("about where");
    assert_eq!(
        (place.lat, place.lng, &place.address[..]),
        (40.42, -3.7, "")
    );
    assert!(seen.agenda.is_none());
    for by in [ann(), admin()] {
        let seen = desk.view(&by).expect("seen");
        assert_eq!(seen.profile.place, Some(madrid()));
        assert!(seen.agenda.is_some());
    }
}

#[test]
fn hours_are_read_put_in_order_and_seen() {
    let mut desk = Desk::musician();
    let week = |weekday, from: &str, to: &str| WeekInput {
        weekday,
        hours: hours(from, to),
    };
    let input = AvailabilityInput {
        zone: "europe/madrid".into(),
        weekly: Some(vec![
            week(6, "20:00", "03:00"),
            week(2, "18:00", "23:00"),
            week(2, "18:00", "23:00"),
        ]),
        dates: vec![
            DateInput {
                date: "2026-12-31".into(),
                hours: vec![hours("00:00", "24:00")],
            },
            DateInput {
                date: "2026-12-24".into(),
                hours: vec![],
            },
        ],
    };
    desk.done(set(input)).expect("good");
    let seen = desk.view(&ann()).expect("seen").availability;
    assert_eq!(seen.zone.as_str(), "Europe/Madrid");
    let weekly = seen.weekly.expect("by weekday");
    let late = DayHours {
        from: 1_200,
        to: 1_620,
    };
    assert_eq!(
        (weekly.len(), weekly[0].weekday, weekly[1].hours),
        (2, 2, late)
    );
    let days: Vec<String> = seen.dates.iter().map(|date| date.day.to_string()).collect();
    assert_eq!(days, ["2026-12-24", "2026-12-31"]);
}

#[test]
fn everything_that_is_wrong_with_hours_is_named_at_once() {
    let mut desk = Desk::musician();
    let wrong = AvailabilityInput {
        zone: "Mars".into(),
        weekly: Some(vec![
            WeekInput {
                weekday: 0,
                hours: hours("18", "25:00"),
            },
            WeekInput {
                weekday: 1,
                hours: hours("24:00", "12:00"),
            },
            WeekInput {
                weekday: 7,
                hours: hours("12:00", "12:00"),
            },
        ]),
        dates: vec![
            DateInput {
                date: "2026-02-30".into(),
                hours: vec![hours("1:00", "2:00")],
            },
            DateInput {
                date: "2026-02-28".into(),
                hours: vec![HoursInput::default(); 7],
            },
            DateInput {
                date: "2026-02-28".into(),
                hours: vec![],
            },
        ],
    };
    let refused = desk.done(set(wrong)).expect_err("refused");
    assert_eq!(
        fields(refused),
        [
            "zone",
            "weekly[0].weekday",
            "weekly[0].from",
            "weekly[0].to",
            "weekly[1].from",
            "weekly[2].to",
            "dates[0].date",
            "dates[0].hours[0].from",
            "dates[0].hours[0].to",
            "dates[1].hours",
            "dates[2].date",
        ]
    );
    let many = AvailabilityInput {
        zone: "UTC".into(),
        weekly: Some(vec![WeekInput::default(); 43]),
        dates: vec![DateInput::default(); 121],
    };
    assert_eq!(
        fields(desk.done(set(many)).expect_err("refused")),
        ["weekly", "dates"]
    );
}

#[test]
fn busy_times_come_go_are_bounded_and_forgotten() {
    let mut desk = Desk::musician();
    desk.limits.busy = 2;
    let block = |window: Window| UserCommand::Block {
        by: ann(),
        key: None,
        busy: BusyInput {
            window,
            note: " dentist ".into(),
        },
    };
    let first = desk.done(block(desk.hours(2, 3))).expect("good");
    desk.done(block(desk.hours(5, 6))).expect("good");
    let refused = desk.done(block(desk.hours(7, 8))).expect_err("full");
    assert_eq!(fields(refused), ["busy"]);
    let agenda = desk.view(&ann()).expect("seen").agenda.expect("own");
    assert_eq!(
        (agenda.busy[0].id, agenda.busy[0].note.as_str()),
        (first, "dentist")
    );
    let unblock = UserCommand::Unblock {
        by: ann(),
        key: None,
        id: first,
    };
    desk.done(unblock.clone()).expect("there");
    assert_eq!(desk.done(unblock), Err(UserRejection::BusyNotFound(first)));
    desk.done(block(desk.hours(8, 9))).expect("room again");
    desk.wait(desk.limits.past_ms + 7 * HOUR);
    desk.done(block(desk.hours(40, 41)))
        .expect("the one that is over has made room");
    let agenda = desk.view(&ann()).expect("seen").agenda.expect("own");
    assert_eq!(agenda.busy.len(), 2);
}

#[test]
fn a_busy_time_is_a_time_to_come() {
    let mut desk = Desk::musician();
    desk.wait(10 * HOUR);
    let longest = desk.limits.busy_longest_ms / HOUR;
    let ahead = 10 + desk.limits.ahead_ms / HOUR;
    for (from, to, wrong) in [
        (12, 12, "to"),
        (13, 12, "to"),
        (5, 10, "to"),
        (12, 13 + longest, "to"),
        (ahead + 1, ahead + 2, "from"),
    ] {
        let busy = BusyInput {
            window: desk.hours(from, to),
            note: String::new(),
        };
        let command = UserCommand::Block {
            by: ann(),
            key: None,
            busy,
        };
        let refused = desk.done(command).expect_err("refused");
        assert_eq!(fields(refused), [wrong], "{from} to {to}");
    }
}

#[test]
fn figures_are_set_by_admins_within_bounds() {
    let mut desk = Desk::musician();
    let set = |by, rating, reviews| UserCommand::SetFigures {
        by,
        key: None,
        figures: Figures {
            rating,
            reviews,
            ..Figures::default()
        },
    };
    assert_eq!(
        desk.ask(set(ann(), Some(5.0), 1)),
        Err(UserRejection::Forbidden)
    );
    for (rating, reviews, wrong) in [
        (Some(5.1), 1, "rating"),
        (Some(f64::NAN), 1, "rating"),
        (Some(3.0), 0, "reviews"),
        (None, 2, "reviews"),
    ] {
        let refused = desk
            .ask(set(admin(), rating, reviews))
            .expect_err("refused");
        assert_eq!(fields(refused), [wrong]);
    }
    desk.ask(set(admin(), Some(4.5), 2)).expect("good");
    assert_eq!(desk.view(&ann()).expect("seen").figures.rating, Some(4.5));
}
