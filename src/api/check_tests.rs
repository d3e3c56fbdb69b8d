//! What the checker lets through and what it says of the rest.

use actors::machines::terms::FieldError;
use serde_json::json;

use super::*;

fn document() -> Value {
    json!({ "components": { "schemas": {
        "Place": { "type": "object", "required": ["lat"], "additionalProperties": false, "properties": {
            "lat": { "type": "number", "minimum": -90, "maximum": 90 },
            "address": { "type": ["string", "null"], "minLength": 1, "maxLength": 5 },
        } },
        "Thing": { "type": "object", "required": ["id", "kind"], "additionalProperties": false, "properties": {
            "id": { "type": "string", "format": "room-id" },
            "kind": { "type": "string", "enum": ["one", "two"] },
            "place": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Place" }] },
            "either": { "oneOf": [{ "type": "integer" }, { "type": "boolean" }] },
            "prices": { "type": "array", "minItems": 1, "maxItems": 3, "uniqueItems": true,
                "items": { "type": "number", "multipleOf": 0.01 } },
            "years": { "type": "object", "propertyNames": { "type": "string", "maxLength": 5 }, "additionalProperties": { "type": "integer", "minimum": 0 } },
            "at": { "type": "string", "format": "date-time" },
        } },
        "Nest": { "type": "object", "properties": { "nest": { "$ref": "#/components/schemas/Nest" } } },
    } } })
}

fn problems(schema: &str, value: &Value) -> Vec<String> {
    let document = document();
    let reference = json!({ "$ref": format!("#/components/schemas/{schema}") });
    let mut checker = Checker::new(&document);
    checker.check(&reference, "", value);
    let said = |one: &FieldError| format!("{} {}", one.field, one.problem);
    checker.problems.iter().map(said).collect()
}

#[test]
fn what_fits_has_no_problems() {
    for value in [
        json!({ "id": "r-1", "kind": "two" }),
        json!({ "id": "r-1", "kind": "one", "place": null, "either": 3, "at": "2026-01-31T20:00:00+02:00" }),
        json!({ "id": "r-1", "kind": "one", "place": { "lat": -90, "address": "ñandú" }, "either": true }),
        json!({ "id": "r-1", "kind": "one", "place": { "lat": 1.5, "address": null },
            "prices": [0.07, 19.99, 123456789.01], "years": { "piano": 3 } }),
    ] {
        assert_eq!(problems("Thing", &value), Vec::<String>::new(), "{value}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_with_where_it_stands() {
    let value = json!({
        "id": "a room", "kind": "three", "place": { "lat": 91, "address": "", "lng": 3 },
        "either": "x", "prices": [0.071, 2, 2], "years": { "piano": -1, "bass": 1.5, "violin": 2 }, "at": "soon", "more": 1,
    });
    let mut found = problems("Thing", &value);
    found.sort();
    assert_eq!(
        found,
        [
            "at must be a time as in 2026-01-31T20:00:00Z",
            "either has none of the forms that are allowed here",
            "id must not contain ' '",
            "kind must be one of: one, two",
            "more is not known",
            "place.address must not be empty",
            "place.lat must not be above 90",
            "place.lng is not known",
            "prices must not have the same entry twice",
            "prices[0] must be a multiple of 0.01",
            "years.bass must be a whole number",
            "years.piano must not be below 0",
            "years.violin must have at most 5 characters, not 6",
        ]
    );
    let missing = problems("Thing", &json!({ "place": {} }));
    assert_eq!(
        missing,
        ["id is missing", "kind is missing", "place.lat is missing"]
    );
    assert_eq!(problems("Thing", &json!([])), [" must be an object"]);
    assert_eq!(
        problems("Thing", &json!({ "id": 1, "kind": null, "prices": [] })),
        [
            "id must be a text",
            "kind must be a text",
            "prices must have at least 1 entries"
        ]
    );
    let long = json!({ "lat": 0, "address": "abcdef" });
    assert_eq!(
        problems("Place", &long),
        ["address must have at most 5 characters, not 6"]
    );
}

#[test]
fn no_input_makes_the_checker_work_or_answer_without_bound() {
    let many: Map = (0..1_000).map(|n| (n.to_string(), json!(1))).collect();
    assert_eq!(problems("Place", &Value::Object(many)).len(), MOST_PROBLEMS);
    let mut nest = json!({});
    for _ in 0..100 {
        nest = json!({ "nest": nest });
    }
    let found = problems("Nest", &nest);
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with("is nested too deeply"), "{found:?}");
}

type Map = serde_json::Map<String, Value>;
