//! The search passes most musicians over and stops early, and yet finds whom one finds who looks at all of them.

use actors::hub::search::search;
use actors::ids::UserId;
use actors::journal::memory::MemoryJournal;
use actors::journal::{Journal, Table, TableWrite};
use actors::machines::hours::Availability;
use actors::machines::matching::card::{CardHead, MusicianCard, index_key};
use actors::machines::matching::cells::cell_of;
use actors::machines::matching::score::score;
use actors::machines::matching::{Figures, Found, MatchingLimits, NoMatch, Wanted};
use actors::machines::terms::{Budget, Cents, Gig, Term};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::desk::{Desk, id, madrid};

/// Somebody with a piano, anywhere up to some 300 kilometres from Madrid.
fn cards() -> impl Strategy<Value = MusicianCard> {
    let rating = proptest::option::of((0..11_u32).prop_map(|n| f64::from(n) / 2.0));
    let place = (-2.5..2.5_f64, -3.0..3.0_f64).prop_map(|(lat, lng)| (40.4 + lat, -3.7 + lng));
    let taste = (proptest::bool::ANY, proptest::bool::weighted(0.6), 0..8_u32);
    (
        place,
        rating,
        2_000..12_000_u64,
        20..300_u32,
        0..3_u32,
        taste,
    )
        .prop_map(
            |((lat, lng), rating, rate, radius_km, cancellations, (jazz, free, years))| {
                MusicianCard {
                    head: CardHead {
                        lat,
                        lng,
                        radius_km,
                        hourly_rate: Some(Cents(rate)),
                        figures: Figures {
                            rating,
                            reviews: 1,
                            cancellations,
                            response_minutes: None,
                        },
                    },
                    instruments: vec![(term("piano"), years)],
                    genres: if jazz { vec![term("jazz")] } else { Vec::new() },
                    availability: Availability {
                        weekly: (!free).then(Vec::new),
                        ..Availability::default()
                    },
                    taken: Vec::new(),
                }
            },
        )
}

fn term(text: &str) -> Term {
    Term::parse(text).expect("a term")
}

fn gig() -> Gig {
    Gig {
        event_type: term("boda"),
        instrument: term("piano"),
        more_instruments: Vec::new(),
        genre: Some(term("jazz")),
        window: Desk::new().hours(100, 103),
        place: madrid(),
        budget: Budget {
            min: Cents(0),
            max: Cents(20_000),
            negotiable: true,
        },
    }
}

/// Names of those who fit, the best first, and what alone keeps somebody out, by looking at all of them.
fn look_at_all(cards: &[MusicianCard], radius_km: f64) -> (Vec<String>, Vec<NoMatch>) {
    let limits = MatchingLimits::default();
    let (mut fit, mut alone) = (Vec::new(), Vec::new());
    for (n, card) in cards.iter().enumerate() {
        let scored = score(&Wanted::from(&gig()), card, &limits);
        let km = scored.distance_km;
        let far = km > radius_km || km > f64::from(card.head.radius_km);
        let misses = [
            (far, NoMatch::Place),
            (scored.breakdown.availability == 0.0, NoMatch::Date),
            (scored.breakdown.budget == 0.0, NoMatch::Budget),
        ];
        let misses: Vec<_> = misses.iter().filter(|(missed, _)| *missed).collect();
        match misses[..] {
            [] if scored.score > limits.threshold => {
                let rating = card.head.figures.rating.unwrap_or(0.0);
                fit.push((scored.score, km, rating, name(n)));
            }
            [(_, what)] if km <= radius_km.max(limits.alternatives_km) => alone.push(*what),
            _ => {}
        }
    }
    fit.sort_by(|a, b| {
        let nearer = b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1));
        nearer.then(b.2.total_cmp(&a.2)).then(a.3.cmp(&b.3))
    });
    alone.sort();
    alone.dedup();
    (fit.into_iter().map(|(.., name)| name).collect(), alone)
}

fn name(n: usize) -> String {
    format!("p{n:03}")
}

/// A store with these cards in its index.
async fn store_of(cards: &[MusicianCard]) -> MemoryJournal {
    let store = MemoryJournal::new();
    let rows = cards.iter().enumerate().map(|(n, card)| {
        let cell = cell_of(&card.head.place()).expect("a cell");
        TableWrite {
            table: Table::Musicians,
            key: index_key(&term("piano"), &cell, &id(&name(n))),
            rank: 1,
            value: Some(card.encode()),
        }
    });
    store.put_rows(rows.collect()).await.expect("written");
    store
}

fn find(cards: &[MusicianCard], radius_km: f64, except: &[UserId], limit: usize) -> Found {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (store, limits) = (store_of(cards).await, MatchingLimits::default());
        let found = search(&store, &limits, &gig(), radius_km, except, limit).await;
        found.expect("found")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn whom_the_search_finds_is_whom_one_finds_who_looks_at_all(
        cards in vec(cards(), 0..250),
        radius_km in prop_oneof![1.0..60.0_f64, 1.0..300.0_f64],
        limit in 1..12_usize,
    ) {
        // As the index has them: coordinates and figures lose some digits there.
        let read = |card: &MusicianCard| MusicianCard::decode(&card.encode()).expect("readable");
        let cards: Vec<MusicianCard> = cards.iter().map(read).collect();
        let found = find(&cards, radius_km, &[], limit);
        let (fit, alone) = look_at_all(&cards, radius_km);
        let names: Vec<&str> = found.candidates.iter().map(|c| c.user.as_str()).collect();
        prop_assert_eq!(&names, &fit.iter().take(limit).collect::<Vec<_>>());
        if fit.is_empty() && !alone.is_empty() {
            prop_assert!(alone.iter().all(|reason| found.reasons.contains(reason)));
            // Of those who are a little further away than the search looks, some may be seen all the same.
            let known = |reason: &NoMatch| alone.contains(reason) || *reason == NoMatch::Place;
            prop_assert!(found.reasons.iter().all(known));
        }
        let except: Vec<UserId> = fit.iter().take(2).map(|name| id(name)).collect();
        let found = find(&cards, radius_km, &except, limit);
        let names: Vec<&str> = found.candidates.iter().map(|c| c.user.as_str()).collect();
        prop_assert_eq!(&names, &fit.iter().skip(2).take(limit).collect::<Vec<_>>());
    }
}
