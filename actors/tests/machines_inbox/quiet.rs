//! When a notification is shown live: mutes, quiet hours and days by the user's clock, and so many a day.

use actors::ids::Sequence;
use actors::machines::inbox::SettingsPatch;
use actors::machines::notice::{NoticeKind, Priority};

use crate::desk::{Desk, moment, words};

const HOUR: u64 = 3_600_000;

#[test]
fn muted_kinds_wait_in_the_inbox_and_others_do_not() {
    let mut desk = Desk::new();
    let patch = SettingsPatch {
        muted: words(&["newRequest", "system"]),
        ..SettingsPatch::default()
    };
    desk.set(patch).expect("right");
    assert!(!desk.usual_is_live());
    assert!(!desk.is_live(NoticeKind::System, Priority::High));
    assert!(desk.is_live(NoticeKind::Marketing, Priority::Low));
    assert!(desk.is_live(NoticeKind::System, Priority::Critical));
    assert_eq!(desk.unread().len(), 4, "the inbox keeps all");
}

#[test]
fn quiet_hours_cross_midnight_by_the_users_clock() {
    // Santo Domingo is four hours behind UTC all year.
    let mut desk = Desk::at("2025-05-03T20:00:00Z");
    desk.quiet("America/Santo_Domingo", "22:00", "08:00");
    for (utc, live) in [
        ("2025-05-04T01:59:59Z", true),
        ("2025-05-04T02:00:00Z", false),
        ("2025-05-04T04:00:00Z", false),
        ("2025-05-04T11:59:59Z", false),
        ("2025-05-04T12:00:00Z", true),
        ("2025-05-04T22:30:00Z", true),
    ] {
        desk.now = moment(utc);
        assert_eq!(desk.usual_is_live(), live, "{utc}");
        assert!(desk.is_live(NoticeKind::Security, Priority::Low), "{utc}");
        assert!(
            desk.is_live(NoticeKind::NewRequest, Priority::Critical),
            "{utc}"
        );
    }
}

#[test]
fn quiet_hours_follow_summer_time() {
    let mut desk = Desk::at("2025-03-29T12:00:00Z");
    desk.quiet("Europe/Madrid", "02:15", "02:45");
    // 2025-03-29: that half hour is there.
    for (utc, live) in [
        ("2025-03-29T01:14:59Z", true),
        ("2025-03-29T01:15:00Z", false),
        ("2025-03-29T01:45:00Z", true),
        // 2025-03-30: clocks go from 01:59 to 03:00, and it is not.
        ("2025-03-30T00:59:59Z", true),
        ("2025-03-30T01:00:00Z", true),
        ("2025-03-30T01:30:00Z", true),
        // 2025-10-26: the hour comes twice, and so does the quiet.
        ("2025-10-26T00:14:59Z", true),
        ("2025-10-26T00:15:00Z", false),
        ("2025-10-26T00:45:00Z", true),
        ("2025-10-26T01:14:59Z", true),
        ("2025-10-26T01:15:00Z", false),
        ("2025-10-26T01:45:00Z", true),
    ] {
        desk.now = moment(utc);
        assert_eq!(desk.usual_is_live(), live, "{utc}");
    }
}

#[test]
fn a_night_over_the_change_of_clocks_is_as_long_as_it_is() {
    for (evening, hours) in [
        ("2025-03-29T21:00:00Z", 9),
        ("2025-10-25T20:00:00Z", 11),
        ("2025-06-01T20:00:00Z", 10),
    ] {
        let mut desk = Desk::at(evening);
        desk.quiet("Europe/Madrid", "22:00", "08:00");
        for hour in 0..hours {
            assert!(!desk.usual_is_live(), "{evening} and {hour} hours");
            desk.wait(HOUR);
        }
        assert!(desk.usual_is_live(), "{evening} and {hours} hours");
    }
}

#[test]
fn quiet_days_are_days_of_the_user() {
    let mut desk = Desk::at("2025-05-03T12:00:00Z");
    let patch = SettingsPatch {
        time_zone: Some("Pacific/Auckland".into()),
        quiet_days: words(&["saturday", "sunday"]),
        ..SettingsPatch::default()
    };
    desk.set(patch).expect("right");
    // Auckland is twelve hours ahead in May.
    for (utc, live) in [
        ("2025-05-02T11:59:59Z", true),
        ("2025-05-02T12:00:00Z", false),
        ("2025-05-04T11:59:59Z", false),
        ("2025-05-04T12:00:00Z", true),
    ] {
        desk.now = moment(utc);
        assert_eq!(desk.usual_is_live(), live, "{utc}");
    }
}

fn only(live_per_day: u32, zone: &str) -> SettingsPatch {
    SettingsPatch {
        live_per_day: Some(live_per_day),
        time_zone: Some(zone.into()),
        ..SettingsPatch::default()
    }
}

#[test]
fn so_many_are_shown_a_day_and_the_day_is_the_users() {
    let mut desk = Desk::at("2025-05-03T10:00:00Z");
    desk.set(only(2, "America/Santo_Domingo")).expect("right");
    assert!(desk.usual_is_live() && desk.usual_is_live());
    for _ in 0..3 {
        assert!(!desk.usual_is_live());
    }
    for _ in 0..3 {
        assert!(
            desk.is_live(NoticeKind::Security, Priority::Low),
            "takes nobody's place"
        );
    }
    desk.restart();
    assert!(!desk.usual_is_live());
    desk.now = moment("2025-05-04T03:59:59Z");
    assert!(!desk.usual_is_live(), "still the third of May there");
    desk.now = moment("2025-05-04T04:00:00Z");
    desk.restart_from_snapshot();
    assert!(desk.usual_is_live());
    assert!(desk.is_live(NoticeKind::Security, Priority::Low));
    assert!(desk.usual_is_live());
    assert!(!desk.usual_is_live());
}

#[test]
fn what_is_not_shown_is_not_counted() {
    let mut desk = Desk::at("2025-05-03T10:00:00Z");
    desk.set(only(1, "UTC")).expect("right");
    desk.quiet("UTC", "09:00", "11:00");
    for _ in 0..5 {
        assert!(!desk.usual_is_live());
    }
    desk.now = moment("2025-05-03T11:00:00Z");
    assert!(desk.usual_is_live());
    assert!(!desk.usual_is_live());
}

#[test]
fn days_of_23_and_25_hours_count_once_each() {
    for (midnight, hours) in [("2025-03-29T23:00:00Z", 23), ("2025-10-25T22:00:00Z", 25)] {
        let mut desk = Desk::at(midnight);
        desk.set(only(1, "Europe/Madrid")).expect("right");
        let mut shown = 0;
        for _ in 0..hours {
            shown += u32::from(desk.usual_is_live());
            desk.wait(HOUR);
        }
        assert_eq!(shown, 1, "{midnight}");
        assert!(desk.usual_is_live(), "the next day");
    }
}

#[test]
fn nobody_gets_a_fresh_day_by_changing_the_zone_back_and_forth() {
    let mut desk = Desk::at("2025-05-03T12:00:00Z");
    desk.set(only(1, "Pacific/Kiritimati")).expect("right");
    assert!(desk.usual_is_live(), "the fourth of May there");
    desk.set(only(1, "America/Santo_Domingo")).expect("right");
    assert!(!desk.usual_is_live(), "the third, which is over");
    desk.set(only(1, "Pacific/Kiritimati")).expect("right");
    assert!(!desk.usual_is_live());
}

#[test]
fn fifty_a_day_unless_it_is_settled() {
    let mut desk = Desk::new();
    let shown = (0..120).filter(|_| desk.usual_is_live()).count();
    assert_eq!(shown, 50);
    assert_eq!(desk.inbox.unread(), 120);
    assert_eq!(desk.inbox.head(), Sequence(120));
}
