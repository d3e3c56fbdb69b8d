//! The people of a run and what they ask for: musicians spread over cities, organizers, gigs. All of it follows from numbers
//! and the seed.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A city with its place. None is so near to another one that a search around one finds musicians of the other.
const CITIES: [(&str, f64, f64); 12] = [
    ("Madrid", 40.4168, -3.7038),
    ("Barcelona", 41.3874, 2.1686),
    ("Valencia", 39.4699, -0.3763),
    ("Sevilla", 37.3891, -5.9845),
    ("Bilbao", 43.2630, -2.9350),
    ("Vigo", 42.2406, -8.7207),
    ("Palma", 39.5696, 2.6502),
    ("Las Palmas", 28.1235, -15.4363),
    ("Santo Domingo", 18.4861, -69.9312),
    ("Medellín", 6.2442, -75.5812),
    ("Lima", -12.0464, -77.0428),
    ("Córdoba", -31.4201, -64.1888),
];
const INSTRUMENTS: [&str; 8] = [
    "piano",
    "violin",
    "guitar",
    "voice",
    "drums",
    "saxophone",
    "trumpet",
    "cello",
];
const GENRES: [&str; 6] = ["jazz", "pop", "classical", "flamenco", "salsa", "rock"];
const EVENTS: [&str; 4] = ["boda", "concierto", "fiesta", "evento_corporativo"];
/// Musicians of one instrument in one city, at least: enough for a race and for somebody who declines.
const PER_POOL: u32 = 8;
/// Fewest musicians that fill the pools of one city.
pub const FEWEST_MUSICIANS: u32 = PER_POOL * INSTRUMENTS.len() as u32;
/// Hours in UTC at which events begin; each lasts two, and leaves a musician the time to travel to the next.
const BEGINNINGS: [i64; 3] = [10, 14, 18];
const EVENT_HOURS: i64 = 2;
/// Events lie so many days ahead, at least, and on so many days.
const FIRST_DAY: i64 = 30;
const DAYS: u32 = 600;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;

/// Everybody in a run. Users are numbered: musicians from 0, organizers after them.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Keeps users and instruments of different runs against one hub apart.
    pub nonce: String,
    /// How many musicians.
    pub musicians: u32,
    /// How many organizers.
    pub organizers: u32,
    /// What everything random follows from.
    pub seed: u64,
    /// Midnight in UTC before the run, in seconds.
    pub midnight_s: i64,
}

/// A gig as its request has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gig {
    city: usize,
    instrument: usize,
    from_s: i64,
}

impl Cast {
    /// All users.
    pub fn users(&self) -> u32 {
        self.musicians + self.organizers
    }

    /// The user id of a number, and the role in its token.
    pub fn user(&self, number: u32) -> (String, &'static str) {
        match number.checked_sub(self.musicians) {
            None => (self.musician(number), "musician"),
            Some(organizer) => (format!("o{}-{organizer}", self.nonce), "organizer"),
        }
    }

    /// The user number of an organizer.
    pub fn organizer(&self, number: u32) -> u32 {
        self.musicians + number
    }

    /// The user id of a musician.
    pub fn musician(&self, number: u32) -> String {
        format!("m{}-{number}", self.nonce)
    }

    /// The number of a musician of this run.
    pub fn musician_number(&self, id: &str) -> Option<u32> {
        let digits = id.strip_prefix('m')?.strip_prefix(self.nonce.as_str())?;
        let number: u32 = digits.strip_prefix('-')?.parse().ok()?;
        (number < self.musicians).then_some(number)
    }

    /// So many requests can be made before two of one city have the same time, and a musician could be asked twice for it.
    pub fn most_requests(&self) -> u32 {
        self.cities() * DAYS * BEGINNINGS.len() as u32
    }

    fn cities(&self) -> u32 {
        (self.musicians / FEWEST_MUSICIANS).clamp(1, CITIES.len() as u32)
    }

    /// What looks random and is the same in each run of this seed.
    fn chance(&self, number: u32, of: u32) -> u32 {
        let mixed = (self.seed ^ (u64::from(number) << 20) ^ u64::from(of))
            .wrapping_add(0x9E37_79B9_7F4A_7C15)
            .wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 33) as u32
    }

    /// Another word in each run: a search finds nobody of an earlier one.
    fn instrument(&self, index: usize) -> String {
        format!("{}-{}", INSTRUMENTS[index], self.nonce)
    }

    fn home(&self, musician: u32) -> (usize, usize) {
        let cities = self.cities();
        let pool = musician % (cities * INSTRUMENTS.len() as u32);
        ((pool % cities) as usize, (pool / cities) as usize)
    }

    /// Within some 15 kilometres of a city.
    fn place(&self, city: usize, number: u32) -> Value {
        let (name, lat, lng) = CITIES[city];
        let off = |of: u32| f64::from(self.chance(number, of) % 200) / 1_000.0 - 0.1;
        json!({ "lat": round(lat + off(1)), "lng": round(lng + off(2)), "address": format!("Calle Mayor, {name}") })
    }

    /// A musician's profile.
    pub fn profile(&self, musician: u32) -> Value {
        let (city, instrument) = self.home(musician);
        let chance = |of| self.chance(musician, of);
        let mut instruments =
            vec![json!({ "name": self.instrument(instrument), "years": chance(3) % 20 })];
        if chance(4).is_multiple_of(2) {
            let second = self.instrument((instrument + 3) % INSTRUMENTS.len());
            instruments.push(json!({ "name": second, "years": chance(5) % 5 }));
        }
        let first = chance(6) as usize;
        let second = first + 1 + chance(7) as usize % (GENRES.len() - 1);
        let genre = |index: usize| GENRES[index % GENRES.len()];
        json!({
            "name": format!("Musician {musician}"),
            "bio": "Plays at weddings, in bars and on stages, with or without sheet music.",
            "musician": true, "available": true, "instruments": instruments,
            "genres": [genre(first), genre(second)], "hourlyRate": 30 + chance(8) % 13 * 5,
            "place": self.place(city, musician), "radiusKm": 60 + chance(9) % 40,
        })
    }

    /// An organizer's profile.
    pub fn organizer_profile(&self, number: u32) -> Value {
        json!({ "name": format!("Organizer {number}"), "bio": "Weddings and company parties." })
    }

    /// When a musician plays. Another version has other hours, which hold the same events.
    pub fn hours(&self, musician: u32, version: u32) -> Value {
        let from = match version % 2 {
            0 => "08:00",
            _ => "09:00",
        };
        let days = match self.chance(musician, 10) % 5 {
            0 => return json!({ "zone": "Europe/Madrid" }),
            // Weekends only: who is never free on a weekday is never offered one.
            1 => 5..=7,
            _ => 1..=7,
        };
        let weekly = days.map(|day| json!({ "weekday": day, "from": from, "to": "24:00" }));
        json!({ "zone": "Europe/Madrid", "weekly": weekly.collect::<Vec<_>>() })
    }

    fn gig(&self, number: u32) -> Gig {
        let cities = self.cities();
        let (city, time) = (number % cities, number / cities);
        let beginnings = BEGINNINGS.len() as u32;
        let (day, beginning) = (time / beginnings % DAYS, time % beginnings);
        let from_s = self.midnight_s
            + (FIRST_DAY + i64::from(day)) * DAY_S
            + BEGINNINGS[beginning as usize] * HOUR_S;
        Gig {
            city: city as usize,
            instrument: self.chance(number, 11) as usize % INSTRUMENTS.len(),
            from_s,
        }
    }

    /// A request as its organizer writes it.
    pub fn draft(&self, number: u32, mode: &str) -> Value {
        let gig = self.gig(number);
        let chance = |of| self.chance(number, of);
        json!({
            "title": format!("Event {number}"),
            "eventType": EVENTS[chance(12) as usize % EVENTS.len()],
            "instrument": self.instrument(gig.instrument),
            "genre": GENRES[chance(13) as usize % GENRES.len()],
            "mode": mode,
            "window": { "from": moment(gig.from_s), "to": moment(gig.from_s + EVENT_HOURS * HOUR_S) },
            "place": self.place(gig.city, number),
            // Nobody asks for more than the most of it.
            "budget": { "min": 100, "max": 200 + chance(14) % 5 * 50 },
            "description": "Two sets of an hour each. There is a small stage, a piano and a sound system.",
            "attendees": 20 + chance(15) % 200,
        })
    }

    /// The query of a musician who looks for open requests.
    pub fn open_query(&self, musician: u32) -> String {
        let (city, instrument) = self.home(musician);
        let (_, lat, lng) = CITIES[city];
        let instrument = self.instrument(instrument);
        format!("instrument={instrument}&lat={lat}&lng={lng}&radiusKm=50&limit=20")
    }

    /// The query of an organizer who looks for musicians, for what could be a gig.
    pub fn search_query(&self, number: u32) -> String {
        let gig = self.gig(number % self.most_requests());
        let (_, lat, lng) = CITIES[gig.city];
        let instrument = self.instrument(gig.instrument);
        let (from, to) = (
            moment(gig.from_s),
            moment(gig.from_s + EVENT_HOURS * HOUR_S),
        );
        let genre = GENRES[number as usize % GENRES.len()];
        format!(
            "instrument={instrument}&lat={lat}&lng={lng}&genre={genre}&from={from}&to={to}&budgetMax=300"
        )
    }
}

fn round(degrees: f64) -> f64 {
    (degrees * 1e4).round() / 1e4
}

/// RFC 3339 in UTC.
fn moment(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn cast(musicians: u32) -> Cast {
        Cast {
            nonce: "0a1b".into(),
            musicians,
            organizers: 5,
            seed: 1,
            midnight_s: 1_800_000_000 / DAY_S * DAY_S,
        }
    }

    #[test]
    fn users_have_names_by_number_and_only_those_of_this_run_are_known() {
        let cast = cast(100);
        assert_eq!(cast.user(7), ("m0a1b-7".into(), "musician"));
        let organizer = cast.organizer(3);
        assert_eq!(cast.user(organizer), ("o0a1b-3".into(), "organizer"));
        assert_eq!(cast.musician_number("m0a1b-7"), Some(7));
        for other in ["m0a1b-100", "m0a1c-7", "o0a1b-3", "m0a1b-", "ana"] {
            assert_eq!(cast.musician_number(other), None, "{other}");
        }
    }

    #[test]
    fn every_city_has_enough_musicians_of_every_instrument() {
        for musicians in [FEWEST_MUSICIANS, 200, 2_000] {
            let cast = cast(musicians);
            let mut pools: HashMap<_, u32> = HashMap::new();
            (0..musicians).for_each(|one| *pools.entry(cast.home(one)).or_default() += 1);
            let all = cast.cities() as usize * INSTRUMENTS.len();
            assert_eq!(pools.len(), all, "{musicians}");
            assert!(pools.values().all(|count| *count >= PER_POOL), "{pools:?}");
        }
    }

    #[test]
    fn no_two_requests_of_a_city_have_the_same_time_until_all_times_are_used() {
        let cast = cast(2_000);
        let times = (0..cast.most_requests()).map(|number| {
            let gig = cast.gig(number);
            (gig.city, gig.from_s)
        });
        let times: HashSet<_> = times.collect();
        assert_eq!(times.len() as u32, cast.most_requests());
        let again = cast.gig(cast.most_requests());
        assert!(times.contains(&(again.city, again.from_s)));
    }

    #[test]
    fn times_are_written_as_the_api_reads_them() {
        let draft = cast(100).draft(0, "firstAccept");
        let window = |end: &str| draft["window"][end].as_str().unwrap_or_default().to_owned();
        assert!(window("from").ends_with("T10:00:00Z"), "{draft}");
        assert!(window("to").ends_with("T12:00:00Z"), "{draft}");
    }
}
