//! Bounds of the document that follow from settings: an operator who moves one moves it there too.

use actors::hub::HubLimits;
use serde_json::{Value, json};

/// Where each bound stands in the document, and what it is.
pub(super) fn of(limits: &HubLimits) -> Vec<(String, Value)> {
    let mut bounds = Vec::new();
    rooms(limits, &mut bounds);
    users(limits, &mut bounds);
    requests(limits, &mut bounds);
    pages(limits, &mut bounds);
    bounds
}

type Bounds = Vec<(String, Value)>;

fn field(schema: &str, field: &str, keyword: &str) -> String {
    format!("/components/schemas/{schema}/properties/{field}/{keyword}")
}

fn rooms(limits: &HubLimits, bounds: &mut Bounds) {
    let room = &limits.room;
    let most_members = room.members.saturating_sub(1);
    bounds.extend([
        (
            field("NewRoom", "name", "maxLength"),
            json!(room.name_chars),
        ),
        (field("NewRoom", "members", "maxItems"), json!(most_members)),
        (
            field("NewMessage", "text", "maxLength"),
            json!(room.text_chars),
        ),
        (
            field("NewMetadata", "fileSize", "maximum"),
            json!(room.file_bytes),
        ),
    ]);
    for name in ["fileUrl", "fileName", "mimeType", "address"] {
        let place = field("NewMetadata", name, "maxLength");
        bounds.push((place, json!(room.metadata_bytes)));
    }
}

fn users(limits: &HubLimits, bounds: &mut Bounds) {
    let (user, inbox) = (&limits.user, &limits.inbox);
    bounds.extend([
        (
            field("NewProfile", "name", "maxLength"),
            json!(user.name_chars),
        ),
        (
            field("NewProfile", "bio", "maxLength"),
            json!(user.bio_chars),
        ),
        (
            field("NewProfile", "instruments", "maxItems"),
            json!(user.instruments),
        ),
        (
            field("NewProfile", "genres", "maxItems"),
            json!(user.genres),
        ),
        (
            field("NewProfile", "radiusKm", "maximum"),
            json!(user.radius_km),
        ),
        (
            field("NewInstrument", "years", "maximum"),
            json!(user.years),
        ),
        (
            field("NewAvailability", "weekly", "maxItems"),
            json!(user.weekly),
        ),
        (
            field("NewAvailability", "dates", "maxItems"),
            json!(user.dates),
        ),
        (
            field("NewDateHours", "hours", "maxItems"),
            json!(user.hours_per_date),
        ),
        (
            field("NewBusy", "note", "maxLength"),
            json!(user.note_chars),
        ),
        (
            field("NewNotification", "title", "maxLength"),
            json!(inbox.title_chars),
        ),
        (
            field("NewNotification", "message", "maxLength"),
            json!(inbox.message_chars.min(inbox.data_value_chars)),
        ),
        (
            field("NewSettings", "livePerDay", "maximum"),
            json!(inbox.live_per_day_max),
        ),
    ]);
}

fn requests(limits: &HubLimits, bounds: &mut Bounds) {
    let request = &limits.request;
    for (name, most) in [
        ("title", request.title_chars),
        ("description", request.description_max_chars),
        ("dressCode", request.dress_code_chars),
        ("equipment", request.equipment_chars),
    ] {
        bounds.push((field("NewRequest", name, "maxLength"), json!(most)));
    }
    bounds.extend([
        (
            field("NewRequest", "moreInstruments", "maxItems"),
            json!(request.more_instruments),
        ),
        (
            field("NewRequest", "attendees", "maximum"),
            json!(request.attendees),
        ),
        (
            field("NewRequest", "radiusKm", "maximum"),
            json!(request.radius_max_km),
        ),
        (
            field("NewApplication", "words", "maxLength"),
            json!(request.application_chars),
        ),
        (
            field("Resolution", "details", "maxLength"),
            json!(request.reason_chars),
        ),
    ]);
    for schema in ["Reason", "Because", "Rejected"] {
        let place = field(schema, "reason", "maxLength");
        bounds.push((place, json!(request.reason_chars)));
    }
}

/// The largest pages: where `limit` stands among the parameters.
fn pages(limits: &HubLimits, bounds: &mut Bounds) {
    for (path, at, most) in [
        ("rooms", 1, limits.fanout.rooms_page),
        ("rooms~1{id}~1messages", 4, limits.fanout.history_page),
        ("inbox", 1, limits.inbox.page),
        ("musicians", 11, limits.matching.candidates),
    ] {
        let place = format!("/paths/~1api~1{path}/get/parameters/{at}/schema/maximum");
        bounds.push((place, json!(most)));
    }
}
