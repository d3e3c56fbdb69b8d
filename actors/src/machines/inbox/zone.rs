//! What a moment is called where a user lives. The time zones are data within the program: no machine's own are read.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::settings::{TimeOfDay, Weekday};
use crate::ids::Timestamp;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Longest name of a time zone that is looked for, in bytes.
pub(super) const NAME_BYTES: usize = 64;

/// A moment by the clock at the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Local {
    /// The day, counted from 1970-01-01.
    pub day: i32,
    /// Its weekday.
    pub weekday: Weekday,
    /// The time.
    pub time: TimeOfDay,
}

/// The name of a time zone as its database writes it; `None` if there is no such zone.
pub(super) fn canonical(name: &str) -> Option<String> {
    if name.len() > NAME_BYTES {
        return None;
    }
    let zone = ZONES.get(name).ok()?;
    zone.iana_name().map(str::to_owned)
}

/// A moment as it is called in a zone; in UTC, should this program not know the zone that another version knew.
pub(super) fn local(name: &str, at: Timestamp) -> Local {
    of(civil(name, at))
}

/// Date and time in a zone.
pub(super) fn civil(name: &str, at: Timestamp) -> DateTime {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    // Far beyond any calendar there is nothing to tell apart.
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    let zone = ZONES.get(name).unwrap_or(TimeZone::UTC);
    zone.to_datetime(at)
}

fn of(civil: DateTime) -> Local {
    let unix_day = jiff::civil::date(1970, 1, 1);
    let days = civil.date().duration_since(unix_day).as_hours() / 24;
    let weekday = civil.weekday().to_monday_zero_offset();
    let (hour, minute) = (civil.hour().unsigned_abs(), civil.minute().unsigned_abs());
    Local {
        day: i32::try_from(days).unwrap_or(i32::MAX),
        weekday: Weekday::ALL[usize::from(weekday.unsigned_abs()) % 7],
        time: TimeOfDay::new(hour.into(), minute.into()).unwrap_or(TimeOfDay::MIDNIGHT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rfc3339: &str) -> Timestamp {
        let at: jiff::Timestamp = rfc3339.parse().expect("a moment");
        Timestamp(at.as_millisecond().unsigned_abs())
    }

    fn called(zone: &str, rfc3339: &str) -> (i32, &'static str, String) {
        let local = local(zone, at(rfc3339));
        (local.day, local.weekday.as_str(), local.time.to_string())
    }

    #[test]
    fn the_epoch_was_a_thursday_and_is_day_zero() {
        assert_eq!(
            called("UTC", "1970-01-01T00:00:00Z"),
            (0, "thursday", "00:00".into())
        );
        assert_eq!(
            called("UTC", "1970-01-01T23:59:59Z"),
            (0, "thursday", "23:59".into())
        );
        assert_eq!(called("America/Santo_Domingo", "1970-01-02T03:59:00Z").0, 0);
        assert_eq!(
            called("America/Santo_Domingo", "1970-01-01T03:00:00Z").0,
            -1
        );
        assert_eq!(
            called("Pacific/Kiritimati", "2025-05-03T12:00:00Z").1,
            "sunday"
        );
    }

    #[test]
    fn summer_time_comes_and_goes_as_it_does_in_the_zone() {
        let madrid = |moment| called("Europe/Madrid", moment).2;
        // 2025-03-30: from 01:59:59 to 03:00.
        assert_eq!(madrid("2025-03-30T00:59:59Z"), "01:59");
        assert_eq!(madrid("2025-03-30T01:00:00Z"), "03:00");
        // 2025-10-26: the hour after 02:00 comes twice.
        assert_eq!(madrid("2025-10-26T00:30:00Z"), "02:30");
        assert_eq!(madrid("2025-10-26T01:30:00Z"), "02:30");
        assert_eq!(madrid("2025-10-26T02:00:00Z"), "03:00");
        // By rule, long after the data ends.
        assert_eq!(madrid("2075-07-01T10:00:00Z"), "12:00");
    }

    #[test]
    fn a_zone_has_the_name_that_its_database_gives_it() {
        assert_eq!(canonical("europe/madrid").as_deref(), Some("Europe/Madrid"));
        assert_eq!(canonical("utc").as_deref(), Some("UTC"));
        for name in [
            "",
            "Atlantis/Centre",
            "Europe",
            "../../etc/passwd",
            "EST5EDT,M3.2.0,M11.1.0",
        ] {
            assert_eq!(canonical(name), None, "{name}");
        }
        assert_eq!(canonical(&"x".repeat(10_000)), None);
        assert_eq!(called("Atlantis/Centre", "1970-01-01T12:00:00Z").2, "12:00");
    }

    #[test]
    fn moments_beyond_the_calendar_are_taken_for_its_end() {
        let last = local("Europe/Madrid", Timestamp(u64::MAX));
        assert_eq!(last, local("Europe/Madrid", Timestamp(u64::MAX - 1)));
    }
}
