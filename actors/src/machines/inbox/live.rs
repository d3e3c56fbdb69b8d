//! Whether a notification may be shown the moment it comes, or waits in the inbox until its owner looks there.

use super::zone::{self, Local};
use super::{Inbox, InboxSettings};
use crate::ids::Timestamp;
use crate::machines::notice::{NoticeKind, Priority};

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
        let local = zone::local(&settings.time_zone, now);
        let (day, shown) = self.shown_on(local.day);
        if always_passes(kind, priority) {
            let live = true;
            return Showing { live, day, shown };
        }
        let live = !settings.muted.contains(&kind)
            && !is_quiet(settings, local)
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

fn is_quiet(settings: &InboxSettings, local: Local) -> bool {
    let hours = settings.quiet_hours;
    settings.quiet_days.contains(&local.weekday)
        || hours.is_some_and(|hours| hours.contain(local.time))
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
