//! The caller's own settings about notifications: language, time zone, quiet times, mutes.

use actors::machines::inbox::{InboxCommand, InboxReply, InboxSettings, QuietPatch, SettingsPatch};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::By;
use super::input::Input;
use super::{Api, inbox, json, words};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(look, change))
}

/// My settings
///
/// What the caller has settled about notifications.
#[utoipa::path(
    get, path = "/api/settings", operation_id = "getSettings", tag = "profile",
    responses((status = 200, description = "The settings.", body = Settings)),
)]
async fn look(State(api): State<Api>, by: By) -> Result<Response, Problem> {
    answer(&api, &by, InboxCommand::Settings).await
}

/// Change my settings
///
/// What is left out stays as it is.
#[utoipa::path(
    put, path = "/api/settings", operation_id = "putSettings", tag = "profile",
    request_body = NewSettings,
    responses((status = 200, description = "The settings as they are now.", body = Settings)),
)]
async fn change(
    State(api): State<Api>,
    by: By,
    Input(wish): Input<NewSettings>,
) -> Result<Response, Problem> {
    let settings = wish.into();
    answer(&api, &by, InboxCommand::SetSettings { settings }).await
}

async fn answer(api: &Api, by: &By, command: InboxCommand) -> Result<Response, Problem> {
    match api.hub.inbox(by.user(), command).await? {
        InboxReply::Settings { settings, .. } => {
            Ok(json(StatusCode::OK, &Settings::new(&settings)))
        }
        other => Err(inbox::out_of_turn(&other)),
    }
}

/// Settings about notifications.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Settings<'a> {
    /// `en` or `es`.
    language: &'static str,
    /// A name of the IANA time zone database.
    time_zone: &'a str,
    /// Hours of every day in which nothing is shown live; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = QuietHours, required = false)]
    quiet_hours: Option<QuietHours>,
    /// Days on which nothing is shown live.
    quiet_days: Vec<&'static str>,
    /// Types that are not shown live.
    muted: Vec<&'static str>,
    /// How many are shown live in one day.
    live_per_day: u32,
}

impl<'a> Settings<'a> {
    fn new(of: &'a InboxSettings) -> Self {
        Self {
            language: of.language.as_str(),
            time_zone: of.time_zone.as_str(),
            quiet_hours: of.quiet_hours.map(|hours| QuietHours {
                from: hours.from.to_string(),
                to: hours.to.to_string(),
            }),
            quiet_days: of.quiet_days.iter().map(|day| day.as_str()).collect(),
            muted: of.muted.iter().map(|kind| kind.as_str()).collect(),
            live_per_day: of.live_per_day,
        }
    }
}

/// Hours of every day; an end before the beginning lies on the next day.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QuietHours {
    #[schema(value_type = words::ClockTime)]
    from: String,
    #[schema(value_type = words::ClockTime)]
    to: String,
}

/// What is to be settled anew.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSettings {
    /// A language tag such as `es` or `en-GB`.
    #[schema(min_length = 2, max_length = 35)]
    language: Option<String>,
    /// A time zone such as `America/Santo_Domingo`.
    #[schema(min_length = 1, max_length = 64)]
    time_zone: Option<String>,
    /// Hours in which nothing is shown live; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<QuietHours>)]
    quiet_hours: Option<Option<QuietHours>>,
    /// Days on which nothing is shown live, such as `sunday`.
    #[schema(max_items = 7)]
    quiet_days: Option<Vec<String>>,
    /// Types that are not shown live, such as `marketing`.
    #[schema(max_items = 20)]
    muted: Option<Vec<String>>,
    /// How many may be shown live in one day.
    #[schema(minimum = 0, maximum = 1000)]
    live_per_day: Option<u32>,
}

/// Tells null from what is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl From<NewSettings> for SettingsPatch {
    fn from(wish: NewSettings) -> Self {
        let quiet_hours = wish.quiet_hours.map(|hours| match hours {
            None => QuietPatch::Off,
            Some(QuietHours { from, to }) => QuietPatch::Between { from, to },
        });
        Self {
            language: wish.language,
            time_zone: wish.time_zone,
            quiet_hours,
            quiet_days: wish.quiet_days,
            muted: wish.muted,
            live_per_day: wish.live_per_day,
        }
    }
}
