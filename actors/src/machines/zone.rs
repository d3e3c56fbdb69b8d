//! Time zones and calendar days: which moment a wall clock somewhere shows, and the other way round.
//!
//! The zones are those compiled into the program. What a rule says must not depend on the files of a machine.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::Timestamp;

/// Minutes of a day without a change of the clocks.
pub const DAY_MINUTES: u32 = 24 * 60;

/// No zone with this name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be a time zone such as Europe/Madrid, or an offset such as +02:00")]
pub struct UnknownZone;

/// No such day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be a date such as 2026-06-30")]
pub struct NoSuchDay;

/// A time zone by its IANA name (`Europe/Madrid`), or a fixed offset (`+02:00`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Zone(Arc<str>);

impl Default for Zone {
    fn default() -> Self {
        Self("UTC".into())
    }
}

impl Zone {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Looks the name up; the spelling of capitals does not matter.
    pub fn parse(text: &str) -> Result<Self, UnknownZone> {
        let text = text.trim();
        if text.len() > Self::MAX_BYTES {
            return Err(UnknownZone);
        }
        if let Some(minutes) = offset_minutes(text) {
            let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs());
            let canonical = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            return Ok(Self(canonical.into()));
        }
        let zone = TimeZone::get(text).map_err(|_| UnknownZone)?;
        zone.iana_name()
            .map(|name| Self(name.into()))
            .ok_or(UnknownZone)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rules behind the name. A name from another version that this one does not know is taken for UTC.
    pub fn rules(&self) -> ZoneRules {
        let offset = offset_minutes(&self.0).and_then(|m| Offset::from_seconds(m * 60).ok());
        ZoneRules(match offset {
            Some(offset) => TimeZone::fixed(offset),
            None => TimeZone::get(&self.0).unwrap_or(TimeZone::UTC),
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `+hh:mm` or `-hh:mm`, up to 18 hours, in minutes.
fn offset_minutes(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (minutes < 60 && hours * 60 + minutes <= 18 * 60).then_some(sign * (hours * 60 + minutes))
}

/// The rules of a zone, looked up once for several questions.
#[derive(Debug, Clone)]
pub struct ZoneRules(TimeZone);

impl ZoneRules {
    /// The day and the minute of that day that wall clocks show; `None` beyond the year 9999.
    pub fn wall(&self, at: Timestamp) -> Option<(Day, u32)> {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok()?;
        let shown = self.0.to_datetime(at);
        let minute = shown.hour() as u32 * 60 + shown.minute() as u32;
        Some((Day::of(shown.date()), minute))
    }

    /// When wall clocks show so many minutes after the beginning of a day, which may lie in a later day. A time that is
    /// left out when clocks are put forward is so much later; of one that is shown twice it is the first.
    pub fn moment(&self, day: Day, minute: u32) -> Option<Timestamp> {
        let days = i32::try_from(minute / DAY_MINUTES).ok()?;
        let (date, minute) = (Day(day.0.checked_add(days)?).date()?, minute % DAY_MINUTES);
        let shown = date.at((minute / 60) as _, (minute % 60) as _, 0, 0);
        let at = self.0.to_ambiguous_timestamp(shown).compatible().ok()?;
        u64::try_from(at.as_millisecond()).ok().map(Timestamp)
    }
}

/// A day of the calendar, in days since the first of January 1970.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    /// Reads `2026-06-30`, which is not before 1970.
    pub fn parse(text: &str) -> Result<Self, NoSuchDay> {
        let shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let date: Option<Date> = shape.then(|| text.parse().ok()).flatten();
        let day = date.map(Self::of).filter(|day| day.0 >= 0);
        day.ok_or(NoSuchDay)
    }

    /// Monday is 1, Sunday is 7.
    pub fn weekday(self) -> u8 {
        // The first day of 1970 was a Thursday.
        ((i64::from(self.0) + 3).rem_euclid(7) + 1) as u8
    }

    /// Year, month (1 to 12) and day of the month; `None` beyond any calendar.
    pub fn year_month_day(self) -> Option<(u16, u8, u8)> {
        let date = self.date()?;
        let number = |number: i8| number.unsigned_abs();
        Some((
            date.year().unsigned_abs(),
            number(date.month()),
            number(date.day()),
        ))
    }

    fn of(date: Date) -> Self {
        Self(days_since_1970(date))
    }

    fn date(self) -> Option<Date> {
        let span = jiff::Span::new().try_days(self.0).ok()?;
        Date::constant(1970, 1, 1).checked_add(span).ok()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => write!(f, "{date}"),
            None => write!(f, "day {}", self.0),
        }
    }
}

fn days_since_1970(date: Date) -> i32 {
    let span = date.since(Date::constant(1970, 1, 1));
    span.map(|span| span.get_days()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn rules(zone: &str) -> ZoneRules {
        Zone::parse(zone).expect("a zone").rules()
    }

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn utc(text: &str, hour: u64) -> Timestamp {
        Timestamp(day(text).0 as u64 * 24 * HOUR + hour * HOUR)
    }

    #[test]
    fn the_same_wall_clock_is_another_moment_in_summer() {
        let madrid = rules("Europe/Madrid");
        let six = 18 * 60;
        assert_eq!(
            madrid.moment(day("2026-01-13"), six),
            Some(utc("2026-01-13", 17))
        );
        assert_eq!(
            madrid.moment(day("2026-07-14"), six),
            Some(utc("2026-07-14", 16))
        );
        assert_eq!(
            madrid.wall(utc("2026-07-14", 16)),
            Some((day("2026-07-14"), six))
        );
        let fixed = rules("+02:00");
        assert_eq!(
            fixed.moment(day("2026-01-13"), six),
            Some(utc("2026-01-13", 16))
        );
        assert_eq!(
            rules("-05:30").wall(utc("2026-01-13", 2)),
            Some((day("2026-01-12"), 1_230))
        );
    }

    #[test]
    fn minutes_beyond_midnight_belong_to_the_following_day() {
        let madrid = rules("Europe/Madrid");
        let late = madrid.moment(day("2026-01-13"), 26 * 60);
        assert_eq!(late, madrid.moment(day("2026-01-14"), 2 * 60));
        assert_eq!(late, Some(utc("2026-01-14", 1)));
    }

    #[test]
    fn an_hour_that_is_left_out_or_shown_twice_is_a_moment_all_the_same() {
        let madrid = rules("Europe/Madrid");
        // Clocks go from 2:00 to 3:00 on March 29, at 1:00 UTC, and from 3:00 to 2:00 on October 25.
        let half_past_two = 2 * 60 + 30;
        let left_out = madrid.moment(day("2026-03-29"), half_past_two);
        assert_eq!(left_out, Some(utc("2026-03-29", 1).plus_millis(HOUR / 2)));
        let twice = madrid.moment(day("2026-10-25"), half_past_two);
        assert_eq!(twice, Some(utc("2026-10-25", 0).plus_millis(HOUR / 2)));
    }

    #[test]
    fn names_are_brought_into_one_spelling_and_others_refused() {
        let name = |text: &str| Zone::parse(text).map(|zone| zone.as_str().to_owned());
        assert_eq!(name(" europe/madrid ").as_deref(), Ok("Europe/Madrid"));
        assert_eq!(name("+05:30").as_deref(), Ok("+05:30"));
        assert_eq!(name("UTC").as_deref(), Ok("UTC"));
        for wrong in [
            "",
            "Mars/Base",
            "+2",
            "+19:00",
            "+02:60",
            "+0a:00",
            "+é1:00",
            &"x".repeat(99),
        ] {
            assert_eq!(name(wrong), Err(UnknownZone), "{wrong}");
        }
    }

    #[test]
    fn days_are_read_shown_and_named() {
        assert_eq!(day("1970-01-01"), Day(0));
        assert_eq!(day("2028-02-29").to_string(), "2028-02-29");
        assert_eq!(day("2028-02-29").year_month_day(), Some((2028, 2, 29)));
        assert_eq!(Day(i32::MAX).year_month_day(), None);
        let week: Vec<u8> = (0..7)
            .map(|n| Day(day("2026-06-29").0 + n).weekday())
            .collect();
        assert_eq!(week, [1, 2, 3, 4, 5, 6, 7]);
        for wrong in [
            "2026-02-30",
            "2026-2-3",
            "1969-12-31",
            "20260630",
            "2026-06-30T00:00",
            "+002026-01",
        ] {
            assert_eq!(Day::parse(wrong), Err(NoSuchDay), "{wrong}");
        }
    }

    #[test]
    fn what_lies_beyond_the_calendar_is_nothing() {
        assert_eq!(rules("UTC").wall(Timestamp(u64::MAX)), None);
        assert_eq!(rules("UTC").moment(Day(i32::MAX), 0), None);
        assert_eq!(rules("UTC").moment(Day(i32::MAX), u32::MAX), None);
        assert_eq!(Day(i32::MAX).to_string(), "day 2147483647");
    }
}
