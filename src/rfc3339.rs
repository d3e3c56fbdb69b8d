//! Times on the wire: RFC 3339, UTC, milliseconds, as in `2024-02-29T23:59:59.007Z`.

use actors::ids::Timestamp;
use serde::{Serialize, Serializer};

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
