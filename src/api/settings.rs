//! The caller's own settings about notifications: language, time zone, quiet times, mutes.

use actors::machines::inbox::{InboxCommand, InboxReply, QuietPatch, SettingsPatch};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::By;
use super::input::Input;
use super::{Api, inbox, json, words};
use crate::gateway::notice_shapes::ShownSettings;
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(look, change))
}

/// My settings
///
/// What the caller has settled about notifications.
#[utoipa::path(
    get, path = "/api/settings", operation_id = "getSettings", tag = "profile",
    responses((status = 200, description = "The settings.", body = ShownSettings)),
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
    responses((status = 200, description = "The settings as they are now.", body = ShownSettings)),
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
            Ok(json(StatusCode::OK, &ShownSettings::new(&settings)))
        }
        other => Err(inbox::out_of_turn(&other)),
    }
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
    #[schema(value_type = Option<words::QuietHours>)]
    quiet_hours: Option<Option<words::QuietHours>>,
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
            Some(words::QuietHours { from, to }) => QuietPatch::Between { from, to },
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
