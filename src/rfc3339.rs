//! Times on the wire: RFC 3339, UTC, milliseconds, as in `2024-02-29T23:59:59.007Z`.

use std::borrow::Cow;

use actors::ids::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 9999-12-31T23:59:59.999Z: later moments are written as this one.
const LAST: u64 = 253_402_300_799_999;

const DAY_MS: u64 = 86_400_000;

/// A moment that is written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339(pub Timestamp);

impl Rfc3339 {
    /// The 24 characters.
    pub fn write(self, buffer: &mut [u8; 24]) -> &str {
        let millis = self.0.0.min(LAST);
        let (year, month, day) = civil(millis / DAY_MS);
        let rest = millis % DAY_MS;
        *buffer = *b"0000-00-00T00:00:00.000Z";
        digits(&mut buffer[0..4], year);
        digits(&mut buffer[5..7], month);
        digits(&mut buffer[8..10], day);
        digits(&mut buffer[11..13], rest / 3_600_000);
        digits(&mut buffer[14..16], rest / 60_000 % 60);
        digits(&mut buffer[17..19], rest / 1_000 % 60);
        digits(&mut buffer[20..23], rest % 1_000);
        std::str::from_utf8(buffer).unwrap_or_default()
    }
}

impl Rfc3339 {
    /// Reads a moment with any offset from UTC; what is finer than a millisecond is cut off. `None` for what is no such
    /// text, or lies before 1970 or after 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (date, time) = (bytes.get(..10)?, bytes.get(11..19)?);
        let separators = [date[4], date[7], bytes[10] | 0x20, time[2], time[5]];
        if separators != *b"--t::" {
            return None;
        }
        let (year, month, day) = (
            number(&date[..4])?,
            number(&date[5..7])?,
            number(&date[8..])?,
        );
        let (hour, minute, second) = (
            number(&time[..2])?,
            number(&time[3..5])?,
            number(&time[6..])?,
        );
        // A leap second is taken for the one before it.
        let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second <= 60;
        if !in_range || day == 0 || day > days_of(year, month) {
            return None;
        }
        let (millis, offset) = fraction(&bytes[19..])?;
        let minutes = days_before(year, month, day) * 1_440 + (hour * 60 + minute) as i64;
        let seconds = (minutes - offset_minutes(offset)?) * 60 + second.min(59) as i64;
        let moment = u64::try_from(seconds).ok()?.checked_mul(1_000)? + millis;
        (moment <= LAST).then_some(Self(Timestamp(moment)))
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    digits
        .iter()
        .try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?))
}

/// Milliseconds, and what follows the digits.
fn fraction(rest: &[u8]) -> Option<(u64, &[u8])> {
    let Some((b'.', rest)) = rest.split_first() else {
        return Some((0, rest));
    };
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(count);
    let taken = &digits[..count.min(3)];
    let scale = [0, 100, 10, 1][taken.len()];
    (count > 0).then_some((number(taken)? * scale, rest))
}

fn offset_minutes(text: &[u8]) -> Option<i64> {
    let (sign, rest) = text.split_first()?;
    if matches!(sign, b'Z' | b'z') {
        return rest.is_empty().then_some(0);
    }
    let [h, hh, b':', m, mm] = rest else {
        return None;
    };
    let (hours, minutes) = (number(&[*h, *hh])?, number(&[*m, *mm])?);
    let offset = (hours * 60 + minutes) as i64;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

fn days_of(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date: the reverse of [`civil`].
fn days_before(year: u64, month: u64, day: u64) -> i64 {
    let (year, shifted) = match month {
        1 | 2 => (year as i64 - 1, month + 9),
        _ => (year as i64, month - 3),
    };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + day_of_year as i64 - 719_468
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("is no time of RFC 3339"))
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.write(&mut [0; 24]))
    }
}

fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of a day since 1970-01-01. Counts in years that begin in March, so that the leap
/// day is the last of its year, and in whole cycles of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + cycle * 400 + u64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(millis: u64) -> String {
        Rfc3339(Timestamp(millis)).write(&mut [0; 24]).to_owned()
    }

    #[test]
    fn known_moments_are_written_to_the_millisecond() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(text(1_709_251_199_007), "2024-02-29T23:59:59.007Z");
        assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
        assert_eq!(text(LAST), "9999-12-31T23:59:59.999Z");
        assert_eq!(text(u64::MAX), text(LAST));
    }

    fn millis(text: &str) -> Option<u64> {
        Rfc3339::parse(text).map(|moment| moment.0.0)
    }

    #[test]
    fn what_is_written_is_read_again_and_offsets_are_taken_into_account() {
        for moment in [0, 951_782_399_999, 1_709_251_199_007, LAST] {
            assert_eq!(millis(&text(moment)), Some(moment));
        }
        for day in 0..80_000 {
            let (year, month, date) = civil(day);
            assert_eq!(days_before(year, month, date), day as i64);
        }
        for same in [
            "2024-02-29T23:59:59Z",
            "2024-03-01t01:29:59.000+01:30",
            "2024-02-29T18:59:59.0009-05:00",
            "2024-02-29T23:59:60z",
        ] {
            assert_eq!(millis(same), Some(1_709_251_199_000), "{same}");
        }
        assert_eq!(millis("2024-02-29T23:59:59.5Z"), Some(1_709_251_199_500));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for wrong in [
            "",
            "2024-02-29",
            "2024-02-29T23:59:59",
            "2024-02-29 23:59:59Z",
            "2023-02-29T23:59:59Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00+1:00",
            "2024-01-01T00:00:00Zx",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "２024-01-01T00:00:00Z",
        ] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_follow_each_other_through_every_calendar_rule() {
        let lengths = |year: u64| {
            let leap =
                year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            [
                31,
                if leap { 29 } else { 28 },
                31,
                30,
                31,
                30,
                31,
                31,
                30,
                31,
                30,
                31,
            ]
        };
        let mut day = 0;
        for year in 1970..2500 {
            for (month, length) in lengths(year).into_iter().enumerate() {
                for date in 1..=length {
                    assert_eq!(civil(day), (year, month as u64 + 1, date));
                    day += 1;
                }
            }
        }
    }
}
