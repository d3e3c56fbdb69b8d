//! Whether a notification may be shown the moment it comes, or waits in the inbox until its owner looks there.

use super::settings::{TimeOfDay, Weekday};
use super::{Inbox, InboxSettings};
use crate::ids::Timestamp;
use crate::machines::notice::{NoticeKind, Priority};
use crate::machines::zone::Day;

/// The answer, and the tally of the user's day with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Showing {
    pub live: bool,
    pub day: i32,
    pub shown: u32,
}

impl Inbox {
    /// Looks at the settings and at what was shown today.
    pub(super) fn showing(
        &self,
        settings: &InboxSettings,
        kind: NoticeKind,
        priority: Priority,
        now: Timestamp,
    ) -> Showing {
        // Beyond the calendar no zone tells one day from another.
        let wall = settings.time_zone.rules().wall(now);
        let (today, minute) = wall.unwrap_or((Day(i32::MAX), 0));
        let (day, shown) = self.shown_on(today.0);
        if always_passes(kind, priority) {
            let live = true;
            return Showing { live, day, shown };
        }
        let live = !settings.muted.contains(&kind)
            && !is_quiet(settings, today, minute)
            && shown < settings.live_per_day;
        let shown = shown.saturating_add(u32::from(live));
        Showing { live, day, shown }
    }

    /// The day that is counted and its tally so far. A day does not end because its user flew west or a clock was set
    /// back a little; if the clock was wrong by more, the day that it says now counts.
    fn shown_on(&self, today: i32) -> (i32, u32) {
        if today == self.day || today == self.day.saturating_sub(1) {
            (self.day, self.shown)
        } else {
            (today, 0)
        }
    }
}

/// What concerns the safety of the account, or cannot wait, is shown at any time, and takes nobody's place.
fn always_passes(kind: NoticeKind, priority: Priority) -> bool {
    kind == NoticeKind::Security || priority == Priority::Critical
}

fn is_quiet(settings: &InboxSettings, today: Day, minute: u32) -> bool {
    let (hours, time) = (settings.quiet_hours, TimeOfDay::of_minutes(minute));
    settings.quiet_days.contains(&Weekday::of(today))
        || hours.is_some_and(|hours| hours.contain(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, UserId};
    use crate::machines::Machine;
    use crate::machines::inbox::InboxLimits;

    #[test]
    fn a_day_is_counted_once_whatever_the_clock_does() {
        let user = UserId::parse("ann").expect("a user id");
        let mut inbox = Inbox::new(&EntityId::inbox(&user));
        (inbox.day, inbox.shown) = (20_000, 7);
        assert_eq!(inbox.shown_on(20_000), (20_000, 7));
        assert_eq!(inbox.shown_on(19_999), (20_000, 7), "flown west");
        assert_eq!(inbox.shown_on(20_001), (20_001, 0), "the next day");
        assert_eq!(inbox.shown_on(12_000), (12_000, 0), "the clock was wrong");
        inbox.day = i32::MIN;
        assert_eq!(inbox.shown_on(0), (0, 0));
    }

    #[test]
    fn beyond_the_calendar_there_is_one_last_day() {
        let inbox = Inbox::default();
        let settings = InboxSettings::unsettled(&InboxLimits::default());
        let kind = NoticeKind::NewRequest;
        let last = inbox.showing(&settings, kind, Priority::Low, Timestamp(u64::MAX));
        assert_eq!((last.live, last.day, last.shown), (true, i32::MAX, 1));
    }

    #[test]
    fn what_always_passes_takes_nobodys_place() {
        let user = UserId::parse("ann").expect("a user id");
        let inbox = Inbox::new(&EntityId::inbox(&user));
        let mut settings = InboxSettings::unsettled(&InboxLimits::default());
        settings.muted = NoticeKind::ALL.iter().copied().collect();
        settings.live_per_day = 0;
        for (kind, priority, live) in [
            (NoticeKind::Security, Priority::Low, true),
            (NoticeKind::Marketing, Priority::Critical, true),
            (NoticeKind::NewRequest, Priority::High, false),
        ] {
            let showing = inbox.showing(&settings, kind, priority, Timestamp(0));
            assert_eq!((showing.live, showing.shown), (live, 0), "{kind:?}");
        }
    }
}
