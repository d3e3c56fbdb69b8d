//! The shapes on the wire of notifications, their marks and settings, and of the steps of a request.

use std::collections::BTreeMap;

use actors::ids::Sequence;
use actors::machines::inbox::{InboxSettings, Notification, QuietHours};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::api::words;
use crate::rfc3339::Rfc3339;

/// A notification as its owner sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Notification)]
pub struct ShownNotification<'a> {
    #[schema(value_type = words::Sequence)]
    sequence: Sequence,
    /// What about: `newRequest`, `applicationAccepted` and so on.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `low`, `normal`, `high` or `critical`.
    priority: &'static str,
    title: &'a str,
    message: &'a str,
    /// Facts by name, such as `requestId`.
    data: &'a BTreeMap<String, String>,
    created_at: Rfc3339,
    read: bool,
}

impl<'a> ShownNotification<'a> {
    /// The wire form; `None` if its words are gone.
    pub fn new(sequence: Sequence, notification: &'a Notification, read: bool) -> Option<Self> {
        let content = notification.content.as_ref()?;
        Some(Self {
            sequence,
            kind: notification.kind.as_str(),
            priority: notification.priority.as_str(),
            title: &content.title,
            message: &content.message,
            data: &content.data,
            created_at: Rfc3339(notification.at),
            read,
        })
    }
}

/// Settings as clients read them; `quietHours` is null if there are none, so that what was read can be written.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Settings)]
pub struct ShownSettings<'a> {
    /// `en` or `es`.
    language: &'static str,
    /// A name of the IANA time zone database, or an offset.
    time_zone: &'a str,
    /// Hours of every day in which nothing is shown live.
    #[schema(value_type = Option<words::QuietHours>)]
    quiet_hours: Option<Hours>,
    /// Days on which nothing is shown live.
    quiet_days: Vec<&'static str>,
    /// Types that are not shown live.
    muted: Vec<&'static str>,
    /// How many are shown live in one day.
    live_per_day: u32,
}

impl<'a> ShownSettings<'a> {
    /// The wire form.
    pub fn new(settings: &'a InboxSettings) -> Self {
        let days = settings.quiet_days.iter().map(|day| day.as_str());
        let muted = settings.muted.iter().map(|kind| kind.as_str());
        Self {
            language: settings.language.as_str(),
            time_zone: settings.time_zone.as_str(),
            quiet_hours: settings.quiet_hours.map(Hours),
            quiet_days: days.collect(),
            muted: muted.collect(),
            live_per_day: settings.live_per_day,
        }
    }
}

struct Hours(QuietHours);

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire {
            from: String,
            to: String,
        }
        let (from, to) = (self.0.from.to_string(), self.0.to.to_string());
        Wire { from, to }.serialize(serializer)
    }
}

#[derive(Serialize)]
pub(super) struct Settled<'a> {
    sequence: Sequence,
    settings: ShownSettings<'a>,
}

impl<'a> Settled<'a> {
    pub fn new(sequence: Sequence, settings: &'a InboxSettings) -> Self {
        let settings = ShownSettings::new(settings);
        Self { sequence, settings }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Marked {
    pub sequence: Sequence,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Sequence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Sequence>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dismissed: bool,
}

#[derive(Serialize)]
pub(super) struct Unread {
    pub unread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step<'a> {
    pub request_id: &'a str,
    pub sequence: Sequence,
    pub from: &'static str,
    pub to: &'static str,
    pub at: Rfc3339,
}
