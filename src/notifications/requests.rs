//! Arguments of the notification hub's methods as clients write them.

use actors::machines::inbox::{QuietPatch, SettingsPatch};
use serde::{Deserialize, Deserializer};

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct InboxRequest {
    pub before: Option<u64>,
    pub limit: Option<u64>,
}

/// A change of settings: what is left out stays, and null takes the quiet hours away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WireSettings {
    language: Option<String>,
    time_zone: Option<String>,
    #[serde(deserialize_with = "given")]
    quiet_hours: Option<Option<WireHours>>,
    quiet_days: Option<Vec<String>>,
    muted: Option<Vec<String>>,
    live_per_day: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHours {
    from: String,
    to: String,
}

/// Tells null from what was left out.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<WireHours>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl From<WireSettings> for SettingsPatch {
    fn from(wire: WireSettings) -> Self {
        let hours = |hours: Option<WireHours>| match hours {
            None => QuietPatch::Off,
            Some(WireHours { from, to }) => QuietPatch::Between { from, to },
        };
        SettingsPatch {
            language: wire.language,
            time_zone: wire.time_zone,
            quiet_hours: wire.quiet_hours.map(hours),
            quiet_days: wire.quiet_days,
            muted: wire.muted,
            live_per_day: wire.live_per_day,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(json: &str) -> SettingsPatch {
        let wire: WireSettings = serde_json::from_str(json).expect("settings");
        wire.into()
    }

    #[test]
    fn null_takes_quiet_hours_away_and_leaving_them_out_does_not() {
        assert_eq!(patch("{}"), SettingsPatch::default());
        assert_eq!(
            patch(r#"{"quietHours":null}"#).quiet_hours,
            Some(QuietPatch::Off)
        );
        let between = patch(r#"{"quietHours":{"from":"22:00","to":"08:00"},"livePerDay":3}"#);
        let (from, to) = ("22:00".to_owned(), "08:00".to_owned());
        assert_eq!(between.quiet_hours, Some(QuietPatch::Between { from, to }));
        assert_eq!(between.live_per_day, Some(3));
        for wrong in [
            r#"{"quiet":1}"#,
            r#"{"quietHours":{"from":"22:00"}}"#,
            r#"{"livePerDay":-1}"#,
        ] {
            assert!(
                serde_json::from_str::<WireSettings>(wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
