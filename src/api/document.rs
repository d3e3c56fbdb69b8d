//! The OpenAPI document: what the handlers and types say of themselves, and what holds for all of them.

use std::collections::BTreeMap;

use actors::hub::HubLimits;
use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use super::bounds;
use super::formats::FORMATS;
use super::idempotency::KEY_BYTES;
use super::words;
use crate::error::TABLE;

/// What the document begins with.
pub(super) fn head() -> OpenApi {
    let head = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "MussikOn Hub",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Musicians and event organizers: rooms, requests, notifications. \
                What is asked here reaches the same entities as over the hubs.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "profile", "description": "Oneself: profile, hours, settings." },
            { "name": "musicians", "description": "Finding and seeing musicians." },
            { "name": "requests", "description": "Looking for a musician, from draft to review." },
            { "name": "inbox", "description": "Notifications." },
            { "name": "rooms", "description": "Talking with others." },
            { "name": "admin", "description": "For operators." },
        ],
        "security": [{ "bearer": [] }],
        "paths": {},
    });
    // Written above, and read by every test of this module.
    serde_json::from_value(head).unwrap_or_default()
}

/// The whole document, with the bounds of a hub with these limits.
pub(super) fn finished(open_api: OpenApi, limits: &HubLimits) -> Value {
    let mut document = serde_json::to_value(open_api).unwrap_or_default();
    document["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
    });
    document["components"]["schemas"]["Problem"] = problem();
    document["components"]["responses"] = responses();
    for (name, schema) in words::all() {
        let place = &mut document["components"]["schemas"][&*name];
        if place.is_null() {
            *place = json!(schema);
        }
    }
    let paths = document["paths"].as_object_mut();
    for (path, methods) in paths.into_iter().flatten() {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            complete(method, path, operation);
        }
    }
    for (pointer, bound) in bounds::of(limits) {
        match document.pointer_mut(&pointer) {
            Some(place) => *place = bound,
            // A test looks at each of them.
            None => tracing::error!(pointer, "the document has no such bound"),
        }
    }
    add_patterns(&mut document);
    document
}

/// What every operation may answer besides what it says itself, and what every POST may be given.
fn complete(method: &str, path: &str, operation: &mut Value) {
    let mut statuses = vec![400, 401, 403, 408, 429, 500, 503, 504];
    if path.contains('{') {
        statuses.push(404);
    }
    if operation.get("requestBody").is_some() {
        statuses.extend([413, 415]);
    }
    if method != "get" {
        statuses.push(409);
    }
    if method == "post" {
        statuses.extend([413, 422]);
        if let Some(parameters) = parameters(operation) {
            parameters.push(json!({
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key again, with the same request, gives the first answer.",
                "schema": { "type": "string", "minLength": 1, "maxLength": KEY_BYTES, "pattern": "^[!-~]+$" },
            }));
        }
    }
    if parameters(operation).is_some_and(|all| all.iter().any(|one| one["name"] == "If-Match")) {
        statuses.push(412);
    }
    for status in statuses {
        let answer = &mut operation["responses"][status.to_string()];
        if answer.is_null() {
            *answer = json!({ "$ref": format!("#/components/responses/Problem{status}") });
        }
    }
}

fn parameters(operation: &mut Value) -> Option<&mut Vec<Value>> {
    let parameters = operation.as_object_mut()?.entry("parameters");
    parameters.or_insert_with(|| json!([])).as_array_mut()
}

/// One response for each status that an error may have, naming its codes.
fn responses() -> Value {
    let mut by_status: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for row in TABLE {
        let line = format!("`{}`: {}", row.code, row.meaning);
        by_status.entry(row.status.as_u16()).or_default().push(line);
    }
    let mut responses = json!({});
    for (status, lines) in by_status {
        let mut response = json!({
            "description": lines.join("\n\n"),
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" },
            } },
        });
        if matches!(status, 429 | 503) {
            response["headers"]["Retry-After"] = json!({
                "description": "Seconds to wait.",
                "required": true,
                "schema": { "type": "integer", "minimum": 1 },
            });
        }
        responses[format!("Problem{status}")] = response;
    }
    responses
}

/// A problem as RFC 9457 has it, with the hub's code and what is wrong part by part.
fn problem() -> Value {
    let codes: Vec<&str> = TABLE.iter().map(|row| row.code).collect();
    json!({
        "type": "object",
        "description": "Why a request was not done (RFC 9457).",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": { "type": "string", "const": "about:blank" },
            "title": { "type": "string", "description": "The words of the status." },
            "status": { "type": "integer", "minimum": StatusCode::BAD_REQUEST.as_u16(), "maximum": 599 },
            "code": { "type": "string", "enum": codes, "description": "Stable." },
            "detail": { "type": "string", "description": "For people." },
            "errors": {
                "type": "array",
                "description": "All that is wrong with the input.",
                "items": {
                    "type": "object",
                    "required": ["field", "problem"],
                    "properties": {
                        "field": { "type": "string", "description": "Where; empty for the whole." },
                        "problem": { "type": "string" },
                    },
                },
            },
        },
    })
}

/// Gives every text with a format of ours the pattern that says the same.
fn add_patterns(value: &mut Value) {
    match value {
        Value::Object(schema) => {
            let format = schema.get("format").and_then(Value::as_str);
            let known = FORMATS.iter().find(|known| Some(known.name) == format);
            if let Some(known) = known
                && !known.pattern.is_empty()
            {
                schema.insert("pattern".into(), known.pattern.into());
            }
            schema.values_mut().for_each(add_patterns);
        }
        Value::Array(values) => values.iter_mut().for_each(add_patterns),
        _ => {}
    }
}
