//! The document: every route is in it and the other way round, and what it says has the form that it must have.

use std::collections::BTreeSet;

use actors::hub::HubLimits;
use serde_json::{Value, json};

use super::super::check::KEYWORDS;
use super::super::formats::FORMATS;
use super::super::{document, operations};
use super::Stage;

fn finished() -> Value {
    crate::api::document()
}

/// Every operation: method in upper case, path, description.
fn each(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of = |(path, methods): (&String, &'_ Value)| {
        let _ = methods;
        path.clone()
    };
    let mut found = Vec::new();
    for entry in paths {
        let path = of(entry);
        for (method, operation) in entry.1.as_object().expect("methods") {
            found.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    found
}

/// All schemas, wherever they stand, with where that is.
fn schemas<'a>(value: &'a Value, at: String, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let place = format!("{at}/{name}");
                match &name[..] {
                    "schema" | "items" | "additionalProperties" => {
                        found.push((place.clone(), inner));
                    }
                    "schemas" | "properties" => {
                        let named = inner.as_object().into_iter().flatten();
                        found.extend(named.map(|(n, schema)| (format!("{place}/{n}"), schema)));
                    }
                    "oneOf" => {
                        let forms = inner.as_array().into_iter().flatten();
                        found.extend(forms.map(|schema| (place.clone(), schema)));
                    }
                    _ => {}
                }
                schemas(inner, place, found);
            }
        }
        Value::Array(values) => {
            for (at_index, inner) in values.iter().enumerate() {
                schemas(inner, format!("{at}/{at_index}"), found);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_route_is_in_the_document_and_the_other_way_round() {
    let stage = Stage::new().await;
    let served = stage.ask("", "GET /swagger/v1/swagger.json", None).await;
    let document = served.json();
    assert_eq!(document, finished());
    // A path that the router does not know is 404; one that it knows with another method is 405.
    for (method, path, _) in each(&document) {
        let concrete = path
            .replace("{id}", "x")
            .replace("{kind}", "room")
            .replace("{sequence}", "1");
        for wrong in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let listed = document["paths"][&path].get(wrong.to_lowercase()).is_some();
            let answer = stage.ask("", &format!("{wrong} {concrete}"), None).await;
            let expected = if listed { 401 } else { 405 };
            assert_eq!(answer.status, expected, "{wrong} {path} ({method})");
        }
    }
    // Routes are only made by `routes!`, which puts them into the document: nothing else adds any to the API.
    let mut sources = String::new();
    for path in crate::tests::files(&["src/api"], ".rs") {
        if !path.starts_with("src/api/tests") && !path.ends_with("swagger.rs") {
            sources += &crate::tests::read(path);
        }
    }
    assert!(!sources.contains(".route(") && !sources.contains(".nest("));
}

#[test]
fn every_operation_says_what_it_takes_and_answers() {
    let document = finished();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["security"], json!([{ "bearer": [] }]));
    let mut ids = BTreeSet::new();
    let tags: Vec<&Value> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| &tag["name"])
        .collect();
    for (method, path, operation) in each(&document) {
        let place = format!("{method} {path}");
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id.to_owned()), "{id} twice");
        assert!(
            operation["summary"].as_str().is_some_and(|s| s.len() > 5),
            "{place}"
        );
        assert!(
            tags.contains(&&operation["tags"][0]),
            "{place}: {}",
            operation["tags"]
        );
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for name in path
            .split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next())
        {
            let found = parameters
                .iter()
                .find(|p| p["in"] == "path" && p["name"] == name);
            assert!(
                found.is_some_and(|p| p["required"] == true),
                "{place}: {name}"
            );
        }
        for parameter in &parameters {
            assert!(
                parameter["description"]
                    .as_str()
                    .is_some_and(|d| d.len() > 5),
                "{place}: {parameter}"
            );
        }
        let keyed = parameters
            .iter()
            .any(|p| p["name"] == "Idempotency-Key" && p["in"] == "header");
        assert_eq!(keyed, method == "POST", "{place}");
        let body = operation.get("requestBody");
        if let Some(body) = body {
            assert_eq!(body["required"], true, "{place}");
            assert!(
                body["content"]["application/json"]["schema"]["$ref"].is_string(),
                "{place}"
            );
        }
        let responses = operation["responses"].as_object().expect("responses");
        let good = responses
            .keys()
            .filter(|status| status.starts_with('2'))
            .count();
        assert!(good >= 1, "{place}");
        let mut wanted = vec!["400", "401", "403", "408", "429", "500", "503", "504"];
        let based = parameters.iter().any(|p| p["name"] == "If-Match");
        wanted.extend(based.then_some("412"));
        wanted.extend(path.contains('{').then_some("404"));
        wanted.extend(body.map(|_| "415"));
        wanted.extend((method == "POST").then_some("422"));
        for status in wanted {
            assert!(responses.contains_key(status), "{place}: {status}");
        }
    }
}

#[test]
fn references_lead_somewhere_and_schemas_use_only_what_is_checked() {
    let document = finished();
    let mut found = Vec::new();
    schemas(&document, String::new(), &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for (place, schema) in found {
        // `additionalProperties: false`, a field that is called `schema`, `items` …
        let Some(members) = schema.as_object() else {
            continue;
        };
        if place.ends_with("/properties/items") && schema["type"] != "array" {
            continue;
        }
        for keyword in members.keys() {
            assert!(KEYWORDS.contains(&&keyword[..]), "{place}: {keyword}");
        }
        let unbounded = !place.contains("Problem");
        if schema["type"] == "string" && unbounded {
            assert!(
                schema.get("minLength").is_none() || schema.get("maxLength").is_some(),
                "{place}"
            );
        }
        if let Some(format) = schema["format"].as_str() {
            let numbers = ["int32", "int64", "double", "float"];
            let known = FORMATS.iter().any(|f| f.name == format);
            assert!(known || numbers.contains(&format), "{place}: {format}");
        }
    }
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().expect("a reference");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let used = |name: &str| text.contains(&format!("\"$ref\":\"#/components/schemas/{name}\""));
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("schemas");
    let unused: Vec<&String> = schemas.keys().filter(|name| !used(name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn bodies_take_no_field_that_the_document_does_not_name() {
    let document = finished();
    let schema_of = |reference: &Value| {
        let reference = reference.as_str().expect("a reference");
        document
            .pointer(reference.trim_start_matches('#'))
            .expect("there")
            .clone()
    };
    let mut waiting: Vec<Value> = Vec::new();
    for (_, _, operation) in each(&document) {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        if body.is_string() {
            waiting.push(schema_of(body));
        }
    }
    assert!(waiting.len() >= 3);
    while let Some(schema) = waiting.pop() {
        let inner = schema.to_string();
        for part in inner.split("\"$ref\":\"").skip(1) {
            let reference = part.split('"').next().expect("a reference");
            waiting.push(schema_of(&json!(reference)));
        }
        if schema["type"] == "object" {
            assert_eq!(schema["additionalProperties"], false, "{schema}");
        }
    }
}

#[test]
fn bounds_that_follow_from_settings_are_those_of_the_settings() {
    let open_api = operations().into_openapi();
    let mut limits = HubLimits::default();
    limits.room.text_chars = 77;
    limits.fanout.history_page = 33;
    let before = serde_json::to_value(&open_api).expect("JSON");
    for (pointer, bound) in super::super::bounds::of(&HubLimits::default()) {
        let said = before.pointer(&pointer).and_then(Value::as_f64);
        assert_eq!(said, bound.as_f64(), "{pointer}");
    }
    let document = document::finished(open_api, &limits);
    let text = &document["components"]["schemas"]["NewMessage"]["properties"]["text"];
    assert_eq!(text["maxLength"], 77);
    let parameters = &document["paths"]["/api/rooms/{id}/messages"]["get"]["parameters"];
    let limit = parameters
        .as_array()
        .expect("parameters")
        .iter()
        .find(|p| p["name"] == "limit");
    assert_eq!(limit.expect("a limit")["schema"]["maximum"], 33);
}
