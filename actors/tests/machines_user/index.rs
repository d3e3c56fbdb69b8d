//! The rows of the index say what the profile says, after any sequence of wishes.

use actors::ids::Sequence;
use actors::machines::matching::card::{index_key, user_of_key};
use actors::machines::matching::cells::cell_of;
use actors::machines::matching::{Figures, MusicianCard};
use actors::machines::terms::{Place, Window};
use actors::machines::user::{ProfileInput, UserCommand, UserView};
use proptest::prelude::*;

use crate::desk::{Desk, HOUR, admin, ann, madrid, pianist};
use crate::world::{born, lives, owner, take, windows};

/// The rows that there are: keys, ranks and cards.
fn rows(desk: &Desk) -> Vec<(Vec<u8>, u64, MusicianCard)> {
    let there = desk.rows.iter().filter_map(|(key, (rank, value))| {
        let card = MusicianCard::decode(value.as_ref()?).expect("readable");
        Some((key.clone(), *rank, card))
    });
    there.collect()
}

/// The keys that there ought to be, by what the user sees of oneself.
fn ought(view: &UserView) -> Vec<Vec<u8>> {
    let profile = &view.profile;
    let listed = profile.musician && profile.available;
    let cell = profile.place.as_ref().filter(|_| listed).and_then(cell_of);
    let keys = cell.iter().flat_map(|cell| {
        let played = profile.instruments.iter();
        played.map(|played| index_key(&played.name, cell, &owner()))
    });
    let mut keys: Vec<Vec<u8>> = keys.collect();
    keys.sort_unstable();
    keys
}

/// Whether the user is free, by agenda and hours.
fn is_free(desk: &Desk, view: &UserView, window: &Window) -> bool {
    let agenda = view.agenda.as_ref().expect("own");
    let travel = desk.limits.travel_ms;
    let mut booked = agenda.slots.iter().map(|slot| slot.window.widened(travel));
    let mut busy = agenda.busy.iter().map(|busy| busy.window);
    !booked.any(|taken| taken.overlaps(window))
        && !busy.any(|taken| taken.overlaps(window))
        && view.availability.covers(window)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn rows_agree_with_the_profile_after_any_wishes(
        steps in lives(80),
        probes in proptest::collection::vec(windows(), 6),
    ) {
        let mut desk = born();
        for step in &steps {
            take(&mut desk, step);
            let view = desk.view(&ann()).expect("seen");
            let rows = rows(&desk);
            let keys: Vec<Vec<u8>> = rows.iter().map(|(key, ..)| key.clone()).collect();
            prop_assert_eq!(&keys, &ought(&view), "after {:?}", step);
            for (_, rank, card) in &rows {
                prop_assert!(*rank <= desk.user.head().0);
                let played = view.profile.instruments.iter();
                let played: Vec<_> = played.map(|i| (i.name.clone(), i.years)).collect();
                prop_assert_eq!(&card.instruments, &played);
                prop_assert_eq!(card.head.hourly_rate, view.profile.hourly_rate);
                let place = view.profile.place.as_ref().expect("listed");
                prop_assert!(place.km_to(&card.head.place()) < 0.001);
                for probe in probes.iter().filter(|probe| probe.from >= desk.now) {
                    prop_assert_eq!(card.is_free(probe), is_free(&desk, &view, probe));
                }
            }
        }
    }
}

#[test]
fn a_musician_who_moves_leaves_no_row_behind() {
    let mut desk = Desk::musician();
    assert_eq!(rows(&desk).len(), 2);
    let away = Place {
        lat: 28.1,
        lng: -15.4,
        address: String::new(),
    };
    let moved = ProfileInput {
        place: Some(away),
        instruments: vec![("canto".into(), 4), ("bajo".into(), 1)],
        ..pianist()
    };
    let sequence = desk.set_profile(moved).expect("good");
    let there = rows(&desk);
    assert_eq!(there.len(), 2);
    assert!(there.iter().all(|(key, rank, _)| {
        user_of_key(key) == Some(owner()) && *rank == sequence.0 && !key.starts_with(b"piano")
    }));
    let removed = desk.rows.values().filter(|(_, value)| value.is_none());
    assert_eq!(removed.map(|(rank, _)| *rank).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn whoever_hides_is_gone_and_whoever_comes_back_is_there() {
    let mut desk = Desk::musician();
    for hidden in [
        ProfileInput {
            available: false,
            ..pianist()
        },
        ProfileInput {
            musician: false,
            ..pianist()
        },
    ] {
        desk.set_profile(hidden).expect("good");
        assert!(rows(&desk).is_empty());
        desk.set_profile(pianist()).expect("good");
        assert_eq!(rows(&desk).len(), 2);
    }
}

#[test]
fn what_is_held_is_taken_at_once_and_what_is_released_is_free() {
    let mut desk = Desk::musician();
    let window = desk.hours(30, 34);
    let free = |desk: &Desk, window: &Window| {
        let free: Vec<bool> = rows(desk)
            .iter()
            .map(|(.., card)| card.is_free(window))
            .collect();
        assert!(free.len() == 2 && free[0] == free[1]);
        free[0]
    };
    assert!(free(&desk, &window));
    desk.reserve("q", 1, window).expect("free");
    assert!(!free(&desk, &window));
    let near = desk.hours(35, 36);
    assert!(!free(&desk, &near), "there is no time to travel");
    desk.confirm("q", 2);
    assert!(!free(&desk, &window));
    desk.release("q", 3);
    assert!(free(&desk, &window) && free(&desk, &near));
}

#[test]
fn figures_reach_the_index_and_what_does_not_show_there_writes_nothing() {
    let mut desk = Desk::musician();
    let figures = Figures {
        rating: Some(4.0),
        reviews: 2,
        ..Figures::default()
    };
    desk.ask(UserCommand::SetFigures {
        by: admin(),
        key: None,
        figures,
    })
    .expect("good");
    assert_eq!(rows(&desk)[0].2.head.figures, figures);
    desk.reserve("q", 1, desk.hours(30, 34)).expect("free");
    let before = desk.rows.clone();
    desk.wait(HOUR);
    desk.wake();
    desk.confirm("q", 2);
    assert_eq!(desk.rows, before);
    assert!(
        desk.user.head() > Sequence(before.values().map(|(rank, _)| *rank).max().expect("rows"))
    );
    assert_eq!(cell_of(&madrid()).map(|cell| cell.len()), Some(15));
}
