//! Checks a JSON value against the schemas of the document. Knows the part of JSON Schema that the document uses, which a
//! test guards: a keyword that is not known here would be a promise that nobody keeps.

use actors::machines::terms::FieldError;
use serde_json::Value;

use super::formats;
use crate::error::field_error;

/// Problems of one input that are told; what comes after them is cut off.
const MOST_PROBLEMS: usize = 64;
/// References and nestings that are followed.
const MOST_DEPTH: usize = 64;

/// Every keyword that is checked, or says nothing about values.
#[cfg(test)]
pub(super) const KEYWORDS: &[&str] = &[
    "$ref",
    "additionalProperties",
    "const",
    "default",
    "description",
    "enum",
    "example",
    "examples",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "multipleOf",
    "oneOf",
    "pattern",
    "properties",
    "propertyNames",
    "required",
    "title",
    "type",
    "uniqueItems",
];

/// Collects what is wrong with a value.
pub(super) struct Checker<'a> {
    document: &'a Value,
    /// What was found so far.
    pub problems: Vec<FieldError>,
    depth: usize,
}

/// The type that a schema asks for, besides null.
pub(super) fn kind<'a>(checker: &Checker<'a>, schema: &'a Value) -> &'a str {
    let schema = checker.resolve(schema);
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|kind| *kind != "null").unwrap_or_default()
        }
        _ => {
            let forms = schema["oneOf"].as_array().into_iter().flatten();
            let mut kinds = forms.map(|form| kind(checker, form));
            kinds.find(|kind| *kind != "null").unwrap_or_default()
        }
    }
}

impl<'a> Checker<'a> {
    pub fn new(document: &'a Value) -> Self {
        Self {
            document,
            problems: Vec::new(),
            depth: 0,
        }
    }

    pub fn problem(&mut self, field: &str, problem: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(field_error(field, problem));
        }
    }

    /// The schema that a reference stands for.
    pub fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut found = schema;
        for _ in 0..MOST_DEPTH {
            let Some(reference) = found["$ref"].as_str() else {
                break;
            };
            let pointer = reference.trim_start_matches('#');
            found = self.document.pointer(pointer).unwrap_or(&Value::Null);
        }
        found
    }

    /// Checks `value`, which stands at `at`.
    pub fn check(&mut self, schema: &'a Value, at: &str, value: &Value) {
        if self.depth == MOST_DEPTH {
            return self.problem(at, "is nested too deeply");
        }
        self.depth += 1;
        self.check_resolved(self.resolve(schema), at, value);
        self.depth -= 1;
    }

    fn check_resolved(&mut self, schema: &'a Value, at: &str, value: &Value) {
        if let Some(forms) = schema["oneOf"].as_array() {
            return self.one_of(forms, at, value);
        }
        if !is_of_type(&schema["type"], value) {
            return self.problem(at, format!("must be {}", wanted(&schema["type"])));
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            return self.problem(at, format!("must be one of: {}", words.join(", ")));
        }
        if let Some(constant) = schema.get("const")
            && constant != value
        {
            return self.problem(at, format!("must be {constant}"));
        }
        match value {
            Value::String(text) => self.text(schema, at, text),
            Value::Number(number) => self.number(schema, at, number.as_f64().unwrap_or(f64::NAN)),
            Value::Array(items) => self.list(schema, at, items),
            Value::Object(_) => self.object(schema, at, value),
            _ => {}
        }
    }

    /// With one form besides null, its problems are the problems; with several, that none of them fits.
    fn one_of(&mut self, forms: &'a [Value], at: &str, value: &Value) {
        let mut of_forms = Vec::new();
        for form in forms {
            let mut alone = Checker {
                document: self.document,
                problems: Vec::new(),
                depth: self.depth,
            };
            alone.check(form, at, value);
            if alone.problems.is_empty() {
                return;
            }
            if self.resolve(form)["type"] != "null" {
                of_forms.push(alone.problems);
            }
        }
        match &mut of_forms[..] {
            [only] => {
                for FieldError { field, problem } in only.drain(..) {
                    self.problem(&field, problem);
                }
            }
            _ => self.problem(at, "has none of the forms that are allowed here"),
        }
    }

    fn text(&mut self, schema: &Value, at: &str, text: &str) {
        let chars = text.chars().count() as u64;
        if let Some(least) = schema["minLength"].as_u64()
            && chars < least
        {
            let problem = match (chars, least) {
                (0, _) => "must not be empty".to_owned(),
                _ => format!("must have at least {least} characters, not {chars}"),
            };
            return self.problem(at, problem);
        }
        if let Some(most) = schema["maxLength"].as_u64()
            && chars > most
        {
            let problem = format!("must have at most {most} characters, not {chars}");
            return self.problem(at, problem);
        }
        if let Some(format) = schema["format"].as_str()
            && let Err(problem) = formats::check(format, text)
        {
            self.problem(at, problem);
        }
    }

    fn number(&mut self, schema: &Value, at: &str, number: f64) {
        if let Some(least) = schema["minimum"].as_f64()
            && number < least
        {
            self.problem(at, format!("must not be below {least}"));
        }
        if let Some(most) = schema["maximum"].as_f64()
            && number > most
        {
            self.problem(at, format!("must not be above {most}"));
        }
        if let Some(step) = schema["multipleOf"].as_f64() {
            let steps = number / step;
            // What the division of large numbers leaves is no rest.
            let tolerance = (steps.abs() * 1e-12).max(1e-6);
            if (steps - steps.round()).abs() > tolerance {
                self.problem(at, format!("must be a multiple of {step}"));
            }
        }
    }

    fn list(&mut self, schema: &'a Value, at: &str, items: &[Value]) {
        let count = items.len() as u64;
        if let Some(least) = schema["minItems"].as_u64()
            && count < least
        {
            self.problem(at, format!("must have at least {least} entries"));
        }
        if let Some(most) = schema["maxItems"].as_u64()
            && count > most
        {
            return self.problem(at, format!("must have at most {most} entries, not {count}"));
        }
        if schema["uniqueItems"] == true
            && (1..items.len()).any(|at| items[..at].contains(&items[at]))
        {
            self.problem(at, "must not have the same entry twice");
        }
        for (index, item) in items.iter().enumerate() {
            self.check(&schema["items"], &format!("{at}[{index}]"), item);
        }
    }

    fn object(&mut self, schema: &'a Value, at: &str, value: &Value) {
        let inner = |name: &str| match at {
            "" => name.to_owned(),
            _ => format!("{at}.{name}"),
        };
        let required = schema["required"].as_array().into_iter().flatten();
        for name in required.filter_map(Value::as_str) {
            if value.get(name).is_none() {
                self.problem(&inner(name), "is missing");
            }
        }
        for (name, part) in value.as_object().into_iter().flatten() {
            if let Some(names) = schema.get("propertyNames") {
                self.check(names, &inner(name), &Value::from(&name[..]));
            }
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => self.problem(&inner(name), "is not known"),
                (Value::Null, any @ Value::Object(_)) => self.check(any, &inner(name), part),
                (Value::Null, _) => {}
                (known, _) => self.check(known, &inner(name), part),
            }
        }
    }
}

fn is_of_type(kind: &Value, value: &Value) -> bool {
    match kind {
        Value::String(kind) => match (&kind[..], value) {
            ("null", Value::Null)
            | ("boolean", Value::Bool(_))
            | ("number", Value::Number(_))
            | ("string", Value::String(_))
            | ("array", Value::Array(_))
            | ("object", Value::Object(_)) => true,
            ("integer", Value::Number(number)) => number.is_u64() || number.is_i64(),
            _ => false,
        },
        Value::Array(kinds) => kinds.iter().any(|kind| is_of_type(kind, value)),
        // A schema that does not say allows all.
        _ => true,
    }
}

fn wanted(kind: &Value) -> String {
    let word = |kind: &str| match kind {
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object",
        "null" => "null",
        _ => "a text",
    };
    match kind {
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str).map(word);
            kinds.collect::<Vec<_>>().join(" or ")
        }
        kind => word(kind.as_str().unwrap_or_default()).to_owned(),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
