//! When somebody plays: hours by weekday and by date on the wall clock of a zone, and whether they cover a time.

use serde::{Deserialize, Serialize};

use super::terms::Window;
use super::zone::{DAY_MINUTES, Day, Zone, ZoneRules};
use crate::ids::Timestamp;

/// A stretch of a day, in minutes since its midnight on the wall clock. An end above 1,440 lies in the following day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DayHours {
    /// Beginning, below 1,440.
    pub from: u16,
    /// End, above the beginning, by at most 1,440.
    pub to: u16,
}

/// Hours of every week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WeekHours {
    /// The day on which they begin: Monday is 1, Sunday is 7.
    pub weekday: u8,
    /// When.
    pub hours: DayHours,
}

/// Hours of one day, in place of those of its weekday. None at all: not on that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateHours {
    /// The day on which they begin.
    pub day: Day,
    /// When.
    pub hours: Vec<DayHours>,
}

/// When somebody plays. What begins on a day is that day's, also what lies behind its midnight: hours for a date replace
/// what begins on that date, not what the evening before has left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Availability {
    /// Whose wall clock.
    pub zone: Zone,
    /// Hours by weekday, ascending; `None`: at any time.
    pub weekly: Option<Vec<WeekHours>>,
    /// Exceptions, ascending, one per day.
    pub dates: Vec<DateHours>,
}

/// Longer than any time that is judged, in days.
const MOST_DAYS: i32 = 32;

impl Availability {
    /// Whether all of a time is covered. One of more than a month never is, unless all times are.
    pub fn covers(&self, window: &Window) -> bool {
        if window.to <= window.from {
            return false;
        }
        if self.weekly.is_none() && self.dates.is_empty() {
            return true;
        }
        let rules = self.zone.rules();
        let (Some((first, _)), Some((last, _))) = (rules.wall(window.from), rules.wall(window.to))
        else {
            return false;
        };
        if last.0 - first.0 > MOST_DAYS {
            return false;
        }
        // What begins the day before may reach into the first day; a zone may also leave out a whole day.
        let mut open = Vec::new();
        for day in first.0 - 2..=last.0 {
            self.hours_of(Day(day), |hours| {
                open.extend(stretch(&rules, Day(day), hours))
            });
        }
        covered(open, window)
    }

    fn hours_of(&self, day: Day, mut found: impl FnMut(DayHours)) {
        if let Ok(at) = self.dates.binary_search_by_key(&day, |date| date.day) {
            self.dates[at].hours.iter().copied().for_each(found);
            return;
        }
        match &self.weekly {
            None => found(DayHours {
                from: 0,
                to: DAY_MINUTES as u16,
            }),
            Some(weekly) => {
                let weekday = day.weekday();
                let of_day = weekly.iter().filter(|week| week.weekday == weekday);
                of_day.for_each(|week| found(week.hours));
            }
        }
    }
}

fn stretch(rules: &ZoneRules, day: Day, hours: DayHours) -> Option<(Timestamp, Timestamp)> {
    let (from, to) = (u32::from(hours.from), u32::from(hours.to));
    Some((rules.moment(day, from)?, rules.moment(day, to)?))
}

/// Whether stretches that may overlap and touch leave nothing of a time.
fn covered(mut open: Vec<(Timestamp, Timestamp)>, window: &Window) -> bool {
    open.sort_unstable();
    let mut up_to = window.from;
    for (from, to) in open {
        if from > up_to {
            return false;
        }
        up_to = up_to.max(to);
        if up_to >= window.to {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time in UTC: day, hour and minute of its beginning, and its length in minutes.
    fn utc(day: &str, (hour, minute): (u64, u64), minutes: u64) -> Window {
        let day = Day::parse(day).expect("a day").0 as u64;
        let from = Timestamp(((day * 24 + hour) * 60 + minute) * 60_000);
        let to = from.plus_millis(minutes * 60_000);
        Window { from, to }
    }

    fn hours(from: u16, to: u16) -> DayHours {
        DayHours {
            from: from * 60,
            to: to * 60,
        }
    }

    fn week(weekday: u8, from: u16, to: u16) -> WeekHours {
        let hours = hours(from, to);
        WeekHours { weekday, hours }
    }

    fn madrid(weekly: Vec<WeekHours>) -> Availability {
        let zone = Zone::parse("Europe/Madrid").expect("a zone");
        let weekly = Some(weekly);
        Availability {
            zone,
            weekly,
            dates: Vec::new(),
        }
    }

    fn on(mut availability: Availability, day: &str, hours: Vec<DayHours>) -> Availability {
        let day = Day::parse(day).expect("a day");
        availability.dates.push(DateHours { day, hours });
        availability.dates.sort_by_key(|date| date.day);
        availability
    }

    #[test]
    fn an_evening_in_madrid_is_another_hour_in_summer() {
        let tuesdays = madrid(vec![week(2, 18, 23)]);
        // January 13 and July 14 of 2026 are Tuesdays.
        assert!(tuesdays.covers(&utc("2026-01-13", (17, 0), 300)));
        assert!(!tuesdays.covers(&utc("2026-01-13", (16, 59), 60)));
        assert!(!tuesdays.covers(&utc("2026-01-13", (21, 1), 60)));
        assert!(tuesdays.covers(&utc("2026-07-14", (16, 0), 300)));
        assert!(!tuesdays.covers(&utc("2026-07-14", (20, 30), 60)));
        assert!(
            !tuesdays.covers(&utc("2026-07-15", (16, 0), 60)),
            "a Wednesday"
        );
    }

    #[test]
    fn hours_that_reach_beyond_midnight_and_those_that_touch_are_one() {
        let fridays = madrid(vec![week(5, 20, 27)]);
        // January 16 of 2026 is a Friday; 3 in the morning is 2 UTC.
        assert!(fridays.covers(&utc("2026-01-16", (19, 0), 7 * 60)));
        assert!(!fridays.covers(&utc("2026-01-16", (19, 0), 7 * 60 + 1)));
        let through = madrid(vec![week(5, 18, 24), week(6, 0, 2)]);
        assert!(through.covers(&utc("2026-01-16", (22, 0), 180)));
        let gap = madrid(vec![week(5, 18, 23), week(6, 0, 2)]);
        assert!(!gap.covers(&utc("2026-01-16", (21, 0), 180)));
        let sundays = madrid(vec![week(7, 22, 26)]);
        assert!(
            sundays.covers(&utc("2026-01-18", (23, 30), 60)),
            "into Monday"
        );
    }

    #[test]
    fn a_night_without_the_hour_of_two_and_one_with_two_of_them() {
        let nights = madrid(vec![week(6, 22, 28)]);
        // From Saturday 22:00 to Sunday 4:00: five hours when clocks go forward, seven when they go back.
        assert!(nights.covers(&utc("2026-03-28", (21, 0), 5 * 60)));
        assert!(!nights.covers(&utc("2026-03-28", (21, 0), 5 * 60 + 1)));
        assert!(nights.covers(&utc("2026-10-24", (20, 0), 7 * 60)));
        assert!(!nights.covers(&utc("2026-10-24", (20, 0), 7 * 60 + 1)));
    }

    #[test]
    fn a_date_replaces_what_begins_on_it() {
        let saturdays = madrid(vec![week(6, 18, 23)]);
        let saturdays = on(saturdays, "2026-01-17", vec![]);
        let saturdays = on(saturdays, "2026-01-19", vec![hours(10, 12)]);
        assert!(!saturdays.covers(&utc("2026-01-17", (18, 0), 60)));
        assert!(
            saturdays.covers(&utc("2026-01-24", (18, 0), 60)),
            "the week after"
        );
        assert!(
            saturdays.covers(&utc("2026-01-19", (9, 0), 120)),
            "a Monday by date"
        );
        let late = on(madrid(vec![week(5, 20, 27)]), "2026-01-17", vec![]);
        assert!(
            late.covers(&utc("2026-01-17", (1, 0), 60)),
            "still Friday's evening"
        );
    }

    #[test]
    fn without_hours_any_time_is_good_but_on_the_dates_named() {
        let any = Availability::default();
        assert!(any.covers(&utc("2026-01-17", (1, 0), 60)));
        assert!(any.covers(&Window {
            from: Timestamp(0),
            to: Timestamp(u64::MAX)
        }));
        let holiday = on(any, "2026-01-17", vec![]);
        assert!(!holiday.covers(&utc("2026-01-16", (23, 0), 120)));
        assert!(holiday.covers(&utc("2026-01-15", (23, 0), 120)));
        assert!(
            !madrid(vec![]).covers(&utc("2026-01-17", (1, 0), 60)),
            "no hours at all"
        );
    }

    #[test]
    fn no_time_and_endless_time_are_not_covered() {
        let always = madrid((1..=7).map(|day| week(day, 0, 24)).collect());
        assert!(always.covers(&utc("2026-01-17", (0, 0), 7 * 24 * 60)));
        assert!(!always.covers(&utc("2026-01-17", (0, 0), 0)));
        assert!(!always.covers(&utc("2026-01-17", (0, 0), 60 * 24 * 60)));
        assert!(!always.covers(&Window {
            from: Timestamp(5),
            to: Timestamp(u64::MAX)
        }));
    }
}
