//! What a user settles: taken over at once and whole, kept over restarts, refused with all that is wrong.

use actors::ids::Sequence;
use actors::machines::Machine;
use actors::machines::inbox::{
    InboxCommand, InboxEvent, InboxRejection, InboxReply, InboxSettings, Language, SettingsPatch,
};
use actors::machines::notice::{NoticeKind, Priority};

use crate::desk::{Desk, words};

fn english() -> SettingsPatch {
    SettingsPatch {
        language: Some("en".into()),
        ..SettingsPatch::default()
    }
}

#[test]
fn whoever_settled_nothing_has_the_platforms_settings() {
    let mut desk = Desk::new();
    desk.limits.live_per_day = 7;
    let shown = desk.ask(InboxCommand::Settings).expect("a query");
    let settings = InboxSettings::unsettled(&desk.limits);
    assert_eq!(
        (settings.live_per_day, settings.language),
        (7, Language::Spanish)
    );
    let sequence = Sequence::ZERO;
    assert_eq!(shown, InboxReply::Settings { settings, sequence });
    assert!(!desk.is_live(NoticeKind::Marketing, Priority::High));
}

#[test]
fn settings_hold_from_the_next_notification_on_and_over_restarts() {
    let mut desk = Desk::new();
    let (before, _) = desk.add("gig", 1);
    let settled = desk.set(english()).expect("right");
    assert_eq!(settled.language, Language::English);
    let (after, _) = desk.add("gig", 2);
    desk.restart();
    let (later, _) = desk.add("gig", 3);
    desk.restart_from_snapshot();
    let (last, _) = desk.add("gig", 4);
    let title = |at| desk.notification(at).content.clone().expect("there").title;
    assert_eq!(title(before), "Nueva solicitud: guitarra");
    for at in [after, later, last] {
        assert_eq!(title(at), "New request: guitarra");
    }
}

#[test]
fn settling_the_same_again_is_no_event() {
    let mut desk = Desk::new();
    let settled = desk.set(english()).expect("right");
    assert_eq!(desk.set(english()), Ok(settled.clone()));
    assert_eq!(desk.set(SettingsPatch::default()), Ok(settled.clone()));
    assert_eq!(desk.store.head(), Sequence(1));
    let InboxEvent::SettingsChanged { settings, at } = desk.shown(Sequence(1)).event else {
        panic!("the settings changed");
    };
    assert_eq!((&*settings, at), (&settled, desk.now));
}

#[test]
fn one_wrong_field_keeps_all_as_it_was() {
    let mut desk = Desk::new();
    desk.set(english()).expect("right");
    let before = desk.inbox.snapshot();
    let patch = SettingsPatch {
        language: Some("es".into()),
        muted: words(&["marketing", "noise"]),
        time_zone: Some("Nowhere".into()),
        ..SettingsPatch::default()
    };
    let Err(InboxRejection::Invalid(errors)) = desk.set(patch) else {
        panic!("two fields are wrong");
    };
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["timeZone", "muted[1]"]);
    assert_eq!(desk.inbox.snapshot(), before);
}
