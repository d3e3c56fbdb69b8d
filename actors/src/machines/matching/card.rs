//! What a search needs to know of a musician, and where it stands: the rows of the index.
//!
//! A card begins with fields of a fixed size, by which most musicians are passed over without reading the rest:
//! version (1 byte), degrees north and east in ten millionths (4 and 4), kilometres (2), cents per hour (4),
//! hundredths of a rating (2), reviews (4), cancellations (2), minutes until an answer (4); integers are big-endian and a
//! missing number is the largest one. The rest follows as compact MessagePack.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::{Timestamp, UserId};
use crate::machines::DecodeError;
use crate::machines::bricks::{failed, read, write};
use crate::machines::hours::Availability;
use crate::machines::terms::{Cents, Place, Term, Window};

const VERSION: u8 = 1;
const WHAT: &str = "a musician's card";
const HEAD: usize = 1 + 4 + 4 + 2 + 4 + 2 + 4 + 2 + 4;
const DEGREE: f64 = 1e7;
const MINUTE: u64 = 60_000;

/// What others made of a musician. Nothing is known of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Average of the reviews, 0 to 5.
    pub rating: Option<f64>,
    /// How many reviews.
    pub reviews: u32,
    /// Cancellations: those that are known from elsewhere, and requests that were given back since.
    pub cancellations: u32,
    /// How long an answer takes on average, in minutes.
    pub response_minutes: Option<u32>,
}

/// A musician as a search sees one.
#[derive(Debug, Clone, PartialEq)]
pub struct MusicianCard {
    /// What does not depend on the time.
    pub head: CardHead,
    /// Instruments with the years on each.
    pub instruments: Vec<(Term, u32)>,
    /// Genres.
    pub genres: Vec<Term>,
    /// Hours.
    pub availability: Availability,
    /// Busy, held and booked times, these with the time to travel, in whole minutes; ascending, none touches another.
    pub taken: Vec<Window>,
}

/// The first fields of a card.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CardHead {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lng: f64,
    /// How far the musician travels, in kilometres.
    pub radius_km: u32,
    /// What an hour costs.
    pub hourly_rate: Option<Cents>,
    /// Figures.
    pub figures: Figures,
}

impl CardHead {
    /// Reads it from a card.
    pub fn peek(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::of(bytes)?;
        let (lat, lng) = (fields.degrees(), fields.degrees());
        let radius_km = u32::from(fields.u16());
        let hourly_rate = some(fields.u32()).map(|cents| Cents(u64::from(cents)));
        let rating = fields.u16();
        let rating = (rating != u16::MAX).then(|| f64::from(rating) / 100.0);
        let (reviews, cancellations) = (fields.u32(), u32::from(fields.u16()));
        let response_minutes = some(fields.u32());
        let figures = Figures {
            rating,
            reviews,
            cancellations,
            response_minutes,
        };
        Ok(Self {
            lat,
            lng,
            radius_km,
            hourly_rate,
            figures,
        })
    }

    /// Where the musician is, without words.
    pub fn place(&self) -> Place {
        Place {
            lat: self.lat,
            lng: self.lng,
            address: String::new(),
        }
    }

    fn encode_into(&self, out: &mut Vec<u8>) {
        let degrees = |of: f64| ((of * DEGREE).round() as i32).to_be_bytes();
        let short = |number: u32| (number.min(u32::from(u16::MAX)) as u16).to_be_bytes();
        let known = |number: Option<u64>| {
            let largest = u64::from(u32::MAX);
            (number.map_or(largest, |number| number.min(largest - 1)) as u32).to_be_bytes()
        };
        let figures = &self.figures;
        let rating = figures
            .rating
            .map_or(u16::MAX, |r| (r * 100.0).round() as u16);
        out.push(VERSION);
        out.extend_from_slice(&degrees(self.lat));
        out.extend_from_slice(&degrees(self.lng));
        out.extend_from_slice(&short(self.radius_km));
        out.extend_from_slice(&known(self.hourly_rate.map(|rate| rate.0)));
        out.extend_from_slice(&rating.to_be_bytes());
        out.extend_from_slice(&figures.reviews.to_be_bytes());
        out.extend_from_slice(&short(figures.cancellations));
        out.extend_from_slice(&known(figures.response_minutes.map(u64::from)));
    }
}

impl MusicianCard {
    /// Most times in `taken`: the soonest ones. Of what lies behind them a card says nothing, and the musician is asked.
    pub const MAX_TAKEN: usize = 64;

    /// Puts times into the form of [`MusicianCard::taken`]; those that are over by `now` are left out.
    pub fn merge_taken(mut times: Vec<Window>, now: Timestamp) -> Vec<Window> {
        times.retain(|time| time.to > now && time.to > time.from);
        times.sort_unstable();
        let mut merged: Vec<Window> = Vec::new();
        for time in times {
            let time = Window {
                from: Timestamp(time.from.0 / MINUTE * MINUTE),
                to: Timestamp(time.to.0.div_ceil(MINUTE).saturating_mul(MINUTE)),
            };
            match merged.last_mut() {
                Some(last) if time.from <= last.to => last.to = last.to.max(time.to),
                _ => merged.push(time),
            }
        }
        merged.truncate(Self::MAX_TAKEN);
        merged
    }

    /// Whether the musician plays at that time and is neither busy nor booked, as far as the card knows.
    pub fn is_free(&self, window: &Window) -> bool {
        let after = self.taken.partition_point(|taken| taken.to <= window.from);
        let collides = self
            .taken
            .get(after)
            .is_some_and(|taken| taken.overlaps(window));
        !collides && self.availability.covers(window)
    }

    /// Years on an instrument; `None` if it is not played.
    pub fn years_on(&self, instrument: &Term) -> Option<u32> {
        let found = self
            .instruments
            .iter()
            .find(|(played, _)| played == instrument);
        found.map(|(_, years)| *years)
    }

    /// Byte form.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(256);
        self.head.encode_into(&mut out);
        let taken = self
            .taken
            .iter()
            .map(|taken| (taken.from.0 / MINUTE, taken.to.0 / MINUTE));
        let taken: Vec<(u64, u64)> = taken.collect();
        write(
            &mut out,
            &(&self.instruments, &self.genres, &self.availability, taken),
        );
        out.into()
    }

    /// Reads [`MusicianCard::encode`]'s result.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        type Rest = (Vec<(Term, u32)>, Vec<Term>, Availability, Vec<(u64, u64)>);
        let head = CardHead::peek(bytes)?;
        let (instruments, genres, availability, taken): Rest = read(WHAT, &bytes[HEAD..])?;
        let minutes = |at: u64| Timestamp(at.saturating_mul(MINUTE));
        let taken = taken.into_iter().map(|(from, to)| Window {
            from: minutes(from),
            to: minutes(to),
        });
        Ok(Self {
            head,
            instruments,
            genres,
            availability,
            taken: taken.collect(),
        })
    }
}

/// The fixed fields, front to back.
struct Fields<'a>(&'a [u8; HEAD], usize);

impl<'a> Fields<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let head = bytes.first_chunk::<HEAD>();
        let head = head.ok_or_else(|| failed(WHAT, "it ends early"))?;
        match head[0] {
            VERSION => Ok(Self(head, 1)),
            other => Err(failed(WHAT, format!("format {other} is unknown"))),
        }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        taken.copy_from_slice(&self.0[self.1..self.1 + N]);
        self.1 += N;
        taken
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn degrees(&mut self) -> f64 {
        f64::from(i32::from_be_bytes(self.take())) / DEGREE
    }
}

fn some(number: u32) -> Option<u32> {
    (number != u32::MAX).then_some(number)
}

/// Key of a musician's row for one instrument. Neither terms nor ids contain what separates them.
pub fn index_key(instrument: &Term, cell: &str, user: &UserId) -> Vec<u8> {
    let mut key = index_prefix(instrument, cell);
    key.extend_from_slice(user.as_str().as_bytes());
    key
}

/// What the keys of all who play an instrument in a cell begin with, and no others.
pub fn index_prefix(instrument: &Term, cell: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(instrument.as_str().len() + cell.len() + 32);
    key.extend_from_slice(instrument.as_str().as_bytes());
    key.push(0x1f);
    key.extend_from_slice(cell.as_bytes());
    key.push(0);
    key
}

/// The name of the musician in a key of the index, unchecked.
pub fn name_of_key(key: &[u8]) -> Option<&str> {
    let end = key.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(&key[end + 1..]).ok()
}

/// The musician in a key of the index.
pub fn user_of_key(key: &[u8]) -> Option<UserId> {
    UserId::parse(name_of_key(key)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::hours::{DateHours, DayHours, WeekHours};
    use crate::machines::zone::{Day, Zone};

    const HOUR: u64 = 60 * MINUTE;

    fn term(text: &str) -> Term {
        Term::parse(text).expect("a term")
    }

    fn hours(from: u64, to: u64) -> Window {
        Window {
            from: Timestamp(from * HOUR),
            to: Timestamp(to * HOUR),
        }
    }

    fn card() -> MusicianCard {
        MusicianCard {
            head: CardHead {
                lat: -33.4489,
                lng: -70.6693,
                radius_km: 40,
                hourly_rate: Some(Cents(12_345)),
                figures: Figures {
                    rating: Some(4.25),
                    reviews: 17,
                    cancellations: 2,
                    response_minutes: Some(90),
                },
            },
            instruments: vec![(term("violin"), 12), (term("canto"), 0)],
            genres: vec![term("tango")],
            availability: Availability {
                zone: Zone::parse("America/Santiago").expect("a zone"),
                weekly: Some(vec![WeekHours {
                    weekday: 6,
                    hours: DayHours {
                        from: 1_200,
                        to: 1_560,
                    },
                }]),
                dates: vec![DateHours {
                    day: Day(20_000),
                    hours: vec![],
                }],
            },
            taken: vec![hours(480_000, 480_004)],
        }
    }

    #[test]
    fn a_card_comes_back_as_it_was() {
        let card = card();
        assert_eq!(MusicianCard::decode(&card.encode()), Ok(card.clone()));
        assert_eq!(CardHead::peek(&card.encode()), Ok(card.head));
        let mut bare = card;
        bare.head.hourly_rate = None;
        bare.head.figures = Figures::default();
        assert_eq!(MusicianCard::decode(&bare.encode()), Ok(bare.clone()));
    }

    #[test]
    fn numbers_out_of_bounds_become_the_largest_that_is_no_missing_one() {
        let mut card = card();
        card.head.hourly_rate = Some(Cents(u64::MAX));
        card.head.radius_km = u32::MAX;
        card.head.figures.response_minutes = Some(u32::MAX);
        let read = MusicianCard::decode(&card.encode()).expect("readable");
        assert_eq!(read.head.hourly_rate, Some(Cents(u64::from(u32::MAX) - 1)));
        assert_eq!(read.head.radius_km, 65_535);
        assert_eq!(read.head.figures.response_minutes, Some(u32::MAX - 1));
    }

    #[test]
    fn damaged_cards_are_refused() {
        let bytes = card().encode();
        for end in 0..bytes.len() {
            assert!(MusicianCard::decode(&bytes[..end]).is_err(), "{end}");
        }
        let mut version = bytes.to_vec();
        version[0] = 9;
        assert!(CardHead::peek(&version).is_err());
    }

    #[test]
    fn taken_times_are_merged_widened_to_minutes_and_bounded() {
        let now = Timestamp(10 * HOUR);
        let odd = Window {
            from: Timestamp(20 * HOUR + 1),
            to: Timestamp(21 * HOUR + 1),
        };
        let times = vec![
            hours(30, 32),
            odd,
            hours(8, 10),
            hours(21, 22),
            hours(31, 31),
            hours(31, 33),
        ];
        let merged = MusicianCard::merge_taken(times, now);
        assert_eq!(merged, [hours(20, 22), hours(30, 33)]);
        let many = (0..200).map(|n| hours(100 + 2 * n, 101 + 2 * n)).collect();
        let merged = MusicianCard::merge_taken(many, now);
        assert_eq!(merged.len(), MusicianCard::MAX_TAKEN);
        assert_eq!(merged[0], hours(100, 101), "the soonest stay");
        let endless = Window {
            from: now,
            to: Timestamp(u64::MAX),
        };
        assert_eq!(MusicianCard::merge_taken(vec![endless], now).len(), 1);
    }

    #[test]
    fn free_is_who_plays_then_and_is_not_taken() {
        let mut card = card();
        card.availability = Availability::default();
        card.taken = vec![hours(10, 12), hours(20, 22)];
        for free in [hours(0, 10), hours(12, 20), hours(22, 90)] {
            assert!(card.is_free(&free), "{free:?}");
        }
        for taken in [
            hours(9, 11),
            hours(11, 12),
            hours(5, 50),
            hours(21, 23),
            hours(19, 21),
        ] {
            assert!(!card.is_free(&taken), "{taken:?}");
        }
        card.availability.weekly = Some(vec![]);
        assert!(!card.is_free(&hours(0, 10)));
    }

    #[test]
    fn keys_of_a_cell_lie_together_and_name_their_user() {
        let user = UserId::parse("ann|b@c").expect("a user id");
        let key = index_key(&term("caja de ritmos"), "8400000ffffffff", &user);
        assert!(key.starts_with(&index_prefix(&term("caja de ritmos"), "8400000ffffffff")));
        assert!(!key.starts_with(&index_prefix(&term("caja"), "8400000ffffffff")));
        assert_eq!(key.iter().filter(|byte| **byte == 0).count(), 1);
        assert_eq!(user_of_key(&key), Some(user));
        assert_eq!(user_of_key(b"no separator"), None);
        assert_eq!(user_of_key(b"no user\0"), None);
    }
}
