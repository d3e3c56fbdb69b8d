//! Brings hours into order, or names everything that is wrong with them.

use std::collections::BTreeMap;

use super::input::{DateInput, HoursInput, WeekInput};
use super::texts::Problems;
use super::{AvailabilityInput, UserLimits, UserRejection};
use crate::machines::hours::{Availability, DateHours, DayHours, WeekHours};
use crate::machines::zone::{DAY_MINUTES, Day, Zone};

pub(super) fn availability(
    input: &AvailabilityInput,
    limits: &UserLimits,
) -> Result<Availability, UserRejection> {
    let mut problems = Problems::default();
    let zone = Zone::parse(&input.zone).unwrap_or_else(|error| {
        problems.add("zone", error.to_string());
        Zone::default()
    });
    let weekly = input.weekly.as_ref();
    let weekly = weekly.map(|weekly| self::weekly(&mut problems, weekly, limits));
    let dates = dates(&mut problems, &input.dates, limits);
    problems.done(Availability {
        zone,
        weekly,
        dates,
    })
}

fn weekly(problems: &mut Problems, input: &[WeekInput], limits: &UserLimits) -> Vec<WeekHours> {
    let mut found = Vec::new();
    if !problems.fits("weekly", input.len(), limits.weekly) {
        return found;
    }
    for (at, week) in input.iter().enumerate() {
        let field = format!("weekly[{at}]");
        if !(1..=7).contains(&week.weekday) {
            let problem = "must be 1 (Monday) to 7 (Sunday)";
            problems.add(format!("{field}.weekday"), problem);
        }
        let hours = hours(problems, &field, &week.hours);
        found.extend(hours.map(|hours| WeekHours {
            weekday: week.weekday,
            hours,
        }));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn dates(problems: &mut Problems, input: &[DateInput], limits: &UserLimits) -> Vec<DateHours> {
    let mut found: BTreeMap<Day, Vec<DayHours>> = BTreeMap::new();
    if !problems.fits("dates", input.len(), limits.dates) {
        return Vec::new();
    }
    for (at, date) in input.iter().enumerate() {
        let field = format!("dates[{at}]");
        let day = Day::parse(&date.date);
        if let Err(error) = &day {
            problems.add(format!("{field}.date"), error.to_string());
        }
        let mut of_day = Vec::new();
        let list = format!("{field}.hours");
        if problems.fits(&list, date.hours.len(), limits.hours_per_date) {
            for (at, given) in date.hours.iter().enumerate() {
                of_day.extend(hours(problems, &format!("{list}[{at}]"), given));
            }
        }
        of_day.sort_unstable();
        of_day.dedup();
        if let Ok(day) = day
            && found.insert(day, of_day).is_some()
        {
            problems.add(format!("{field}.date"), "is named twice");
        }
    }
    let found = found.into_iter();
    found.map(|(day, hours)| DateHours { day, hours }).collect()
}

fn hours(problems: &mut Problems, field: &str, given: &HoursInput) -> Option<DayHours> {
    let from = minute(&given.from).filter(|from| u32::from(*from) < DAY_MINUTES);
    if from.is_none() {
        let problem = "must be a time from 00:00 to 23:59";
        problems.add(format!("{field}.from"), problem);
    }
    let to = minute(&given.to);
    if to.is_none() {
        let problem = "must be a time from 00:00 to 24:00";
        problems.add(format!("{field}.to"), problem);
    }
    let (from, to) = (from?, to?);
    if from == to {
        let problem = "must not be the beginning; a whole day is 00:00 to 24:00";
        problems.add(format!("{field}.to"), problem);
        return None;
    }
    let to = if to > from {
        to
    } else {
        to + DAY_MINUTES as u16
    };
    Some(DayHours { from, to })
}

/// Minutes since midnight of `18:30`, up to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && u32::from(minute) <= DAY_MINUTES).then_some(minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_strictly() {
        assert_eq!(minute("00:00"), Some(0));
        assert_eq!(minute(" 18:30 "), Some(1_110));
        assert_eq!(minute("24:00"), Some(1_440));
        for wrong in [
            "", "24:01", "1:00", "18.30", "18:60", "99:99", "+1:00", "18:30:00",
        ] {
            assert_eq!(minute(wrong), None, "{wrong}");
        }
    }
}
