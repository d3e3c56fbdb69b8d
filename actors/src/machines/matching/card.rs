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
    /// Cancellations lately.
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

/// The musician in a key of the index.
pub fn user_of_key(key: &[u8]) -> Option<UserId> {
    let end = key.iter().position(|byte| *byte == 0)?;
    UserId::parse(std::str::from_utf8(&key[end + 1..]).ok()?).ok()
}
