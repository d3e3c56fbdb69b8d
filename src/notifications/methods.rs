//! Every method of the hub for notifications in one table: the wire reads it, and so does the reference in the README.

use crate::hubs::methods;

methods! {
    SUBSCRIBE = "Subscribe", "afterSequence?", "{head, unread}", "Listens to the own inbox: after the result come all events after `afterSequence` in order (all for 0; when left out, those after `head`), then live ones. Again moves the position.";
    UNSUBSCRIBE = "Unsubscribe", "", "", "Ends that.";
    MARK_READ = "MarkRead", "sequence", "{sequence, unread}", "A notification is read; again changes nothing.";
    MARK_ALL_READ = "MarkAllRead", "upTo", "{sequence, unread}", "All notifications up to and with `upTo` are read.";
    DISMISS = "Dismiss", "sequence", "{sequence, unread}", "A notification is put away: its words are erased, and `Inbox` has it no longer.";
    INBOX = "Inbox", "{before?: sequence, limit?}?", "{notifications: [{sequence, type, priority, title, message, data, createdAt, read}], next?, unread, head}", "A page of notifications, newest first; `next` is the `before` of the next one. A page may be short, even empty, although there is a next one, if many were put away.";
    UNREAD_COUNT = "UnreadCount", "", "{unread, head}", "How many notifications are unread; at most `inbox.unread`, the oldest beyond that count as read.";
    SETTINGS = "Settings", "", "{language: \"en\"|\"es\", timeZone, quietHours: {from, to} or null, quietDays: [day], muted: [type], livePerDay}", "The settings in force.";
    SET_SETTINGS = "SetSettings", "{language?, timeZone?, quietHours?, quietDays?, muted?, livePerDay?}", "settings", "Changes those that are given. `timeZone` as in `Europe/Madrid` or `+02:00`; `quietHours` as in `{from: \"22:00\", to: \"08:00\"}`, null for none; `quietDays` as in `[\"sunday\"]`. Muted types, quiet times and what is above `livePerDay` on one day are not shown live; type `security` and priority `critical` always are.";
    HEARTBEAT = "Heartbeat", "", "", "The caller is there, as far as searches for musicians are concerned: online for `matching.online_within_ms`. Told within about a second.";
    WATCH_REQUEST = "WatchRequest", "requestId, afterSequence?", "{requestId, sequence, state}", "Listens to the steps of a request that the caller may see: those after `afterSequence`; when left out, after `sequence`. Who has no part in it is shown none from before it was open, and who is no musician either none behind the one that leads out of the open states: with that, the watch is over.";
    UNWATCH_REQUEST = "UnwatchRequest", "requestId", "", "Ends that.";
}
