//! How fast musicians are found: `cargo run --release -p actors --example search_speed [MUSICIANS] [SEARCHES]`. The
//! embedded store in a directory for the time being holds the musicians of a country, half of them in its few big cities;
//! then come searches of various widths for various instruments, each with all its reading, scoring and choosing.

#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use actors::hub::search::search;
use actors::ids::{Timestamp, UserId};
use actors::journal::fjall::{FjallJournal, FjallOptions};
use actors::journal::{Journal, Table, TableWrite};
use actors::machines::hours::{Availability, DayHours, WeekHours};
use actors::machines::matching::card::{CardHead, MusicianCard, index_key};
use actors::machines::matching::cells::cell_of;
use actors::machines::matching::{Figures, MatchingLimits};
use actors::machines::terms::{Budget, Cents, Gig, Place, Term, Window};
use actors::machines::zone::Zone;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// The beginning of the time in which all gigs are.
const NOW: u64 = 1_790_000_000_000;
const BATCH: usize = 4_000;

/// The more often they are played, the more often they stand here.
const INSTRUMENTS: [&str; 16] = [
    "guitarra",
    "guitarra",
    "guitarra",
    "guitarra",
    "piano",
    "piano",
    "piano",
    "canto",
    "canto",
    "bajo",
    "bateria",
    "violin",
    "saxofon",
    "trompeta",
    "flauta",
    "acordeón",
];
const GENRES: [&str; 8] = [
    "jazz", "rock", "pop", "flamenco", "clásica", "salsa", "blues", "gospel",
];
/// Cities of a country, the biggest first.
const CITIES: [(f64, f64); 8] = [
    (40.4168, -3.7038),
    (41.3874, 2.1686),
    (39.4699, -0.3763),
    (37.3891, -5.9845),
    (41.6488, -0.8891),
    (36.7213, -4.4214),
    (43.2630, -2.9350),
    (28.1235, -15.4363),
];

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let musicians: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let searches: usize = arguments.next().map_or(Ok(200), |text| text.parse())?;
    let directory = tempfile::tempdir()?;
    let store = FjallJournal::open(directory.path(), &FjallOptions::default())?;
    let mut random = StdRng::seed_from_u64(7);
    let started = Instant::now();
    let rows = fill(&store, musicians, &mut random).await?;
    println!(
        "{musicians} musicians, {rows} rows, written in {:.1?}",
        started.elapsed()
    );
    println!("                            passed                      processor time");
    println!(
        "    radius  found      p50      p95      p99      max      p50      p95      p99      max"
    );
    let mut all = Vec::new();
    for radius_km in [10.0, 50.0, 100.0, 250.0] {
        let (mut taken, mut found) = (Vec::new(), 0);
        for _ in 0..searches / 4 {
            let gig = gig(&mut random)?;
            let (asked, cpu) = (Instant::now(), cpu()?);
            let answer =
                search(&store, &MatchingLimits::default(), &gig, radius_km, &[], 10).await?;
            taken.push((asked.elapsed(), self::cpu()?.saturating_sub(cpu)));
            found += answer.candidates.len();
        }
        all.extend_from_slice(&taken);
        show(
            &format!("{radius_km:>7} km"),
            found / taken.len().max(1),
            taken,
        );
    }
    show("       all", 0, all);
    store.close().await;
    Ok(())
}

fn show(what: &str, found: usize, taken: Vec<(Duration, Duration)>) {
    let (passed, cpu): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
    let line = |mut taken: Vec<Duration>| {
        taken.sort();
        let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
        let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(at);
        format!("{p50:>9.2?}{p95:>9.2?}{p99:>9.2?}{max:>9.2?}")
    };
    println!("{what}  {found:>5}{}{}", line(passed), line(cpu));
}

/// Processor time of all threads so far, from the kernel's counts; nothing where there are none.
fn cpu() -> Outcome<Duration> {
    let mut spent = 0;
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten() {
        let counts = std::fs::read_to_string(task?.path().join("schedstat"))?;
        spent += counts
            .split(' ')
            .next()
            .unwrap_or_default()
            .parse()
            .unwrap_or(0);
    }
    Ok(Duration::from_nanos(spent))
}

async fn fill(store: &FjallJournal, musicians: usize, random: &mut StdRng) -> Outcome<usize> {
    let (mut batch, mut rows) = (Vec::new(), 0);
    for n in 0..musicians {
        let user = UserId::parse(&format!("musician-{n:06}"))?;
        let card = card(random)?;
        let cell = cell_of(&card.head.place()).ok_or("no place")?;
        let value = card.encode();
        batch.extend(card.instruments.iter().map(|(instrument, _)| TableWrite {
            table: Table::Musicians,
            key: index_key(instrument, &cell, &user),
            rank: 1,
            value: Some(value.clone()),
        }));
        if batch.len() >= BATCH || n + 1 == musicians {
            rows += batch.len();
            store.put_rows(std::mem::take(&mut batch)).await?;
        }
    }
    Ok(rows)
}

/// In one of the cities, the bigger the likelier, or anywhere around.
fn place(random: &mut StdRng) -> Place {
    let address = String::new();
    if random.random_bool(0.5) {
        let (lat, lng) = (
            random.random_range(36.5..43.5),
            random.random_range(-8.5..2.5),
        );
        return Place { lat, lng, address };
    }
    let rank = (CITIES.len() as f64).powf(random.random::<f64>()) as usize - 1;
    let (lat, lng) = CITIES[rank.min(CITIES.len() - 1)];
    let near = |random: &mut StdRng| random.random_range(-0.15..0.15);
    let (lat, lng) = (lat + near(random), lng + near(random));
    Place { lat, lng, address }
}

fn some_of(words: &[&str], most: usize, random: &mut StdRng) -> Outcome<Vec<Term>> {
    let mut found = Vec::new();
    for _ in 0..random.random_range(1..=most) {
        let term = Term::parse(words.choose(random).ok_or("no words")?)?;
        if !found.contains(&term) {
            found.push(term);
        }
    }
    Ok(found)
}

fn card(random: &mut StdRng) -> Outcome<MusicianCard> {
    let place = place(random);
    let week = |weekday, random: &mut StdRng| WeekHours {
        weekday,
        hours: DayHours {
            from: random.random_range(8..19) * 60,
            to: random.random_range(21..27) * 60,
        },
    };
    let weekly = (1..=7)
        .filter(|_| random.random_bool(0.8))
        .collect::<Vec<u8>>();
    let weekly = weekly.into_iter().map(|day| week(day, random)).collect();
    let taken = (0..random.random_range(0..16)).map(|_| {
        let from = Timestamp(NOW + random.random_range(0..90 * 24) * HOUR);
        let to = from.plus_millis(random.random_range(2..9) * HOUR);
        Window { from, to }
    });
    Ok(MusicianCard {
        taken: MusicianCard::merge_taken(taken.collect(), Timestamp(NOW)),
        head: CardHead {
            lat: place.lat,
            lng: place.lng,
            radius_km: *[30, 50, 100, 200].choose(random).ok_or("no radius")?,
            hourly_rate: Some(Cents(random.random_range(20..150) * 100)),
            figures: Figures {
                rating: random
                    .random_bool(0.7)
                    .then(|| random.random_range(2.5..5.0)),
                reviews: 9,
                cancellations: random.random_range(0..4) / 2,
                response_minutes: Some(random.random_range(1..3_000)),
            },
        },
        instruments: some_of(&INSTRUMENTS, 3, random)?
            .into_iter()
            .map(|instrument| (instrument, random.random_range(0..20)))
            .collect(),
        genres: some_of(&GENRES, 4, random)?,
        availability: Availability {
            zone: Zone::parse("Europe/Madrid")?,
            weekly: Some(weekly),
            dates: Vec::new(),
        },
    })
}

fn gig(random: &mut StdRng) -> Outcome<Gig> {
    let from = Timestamp(NOW + random.random_range(0..90) * DAY + 18 * HOUR);
    let to = from.plus_millis(random.random_range(1..5) * HOUR);
    let max = Cents(random.random_range(100..800) * 100);
    Ok(Gig {
        event_type: Term::parse(
            ["boda", "concierto", "fiesta_privada"]
                .choose(random)
                .ok_or("none")?,
        )?,
        instrument: Term::parse(INSTRUMENTS.choose(random).ok_or("none")?)?,
        more_instruments: Vec::new(),
        genre: Some(Term::parse(GENRES.choose(random).ok_or("none")?)?),
        window: Window { from, to },
        place: place(random),
        budget: Budget {
            min: Cents(5_000),
            max,
            negotiable: random.random_bool(0.5),
        },
    })
}
