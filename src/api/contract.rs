//! What the document says of each operation, in the form in which requests are checked against it: nothing is refused
//! that the document allows, nothing taken that it forbids, and all that is wrong is told at once.

use actors::machines::terms::FieldError;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::check::{Checker, kind};

/// The document, and its operations by method and path template.
pub struct Contract {
    document: Arc<Value>,
    operations: HashMap<(String, String), Operation>,
}

/// What an operation takes.
#[derive(Default)]
struct Operation {
    query: Vec<Parameter>,
    body: Option<Value>,
}

struct Parameter {
    name: String,
    required: bool,
    schema: Value,
}

impl Contract {
    /// Reads a document.
    pub fn new(document: Value) -> Self {
        let mut operations = HashMap::new();
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let key = (method.to_uppercase(), path.clone());
                operations.insert(key, Operation::new(operation));
            }
        }
        Self {
            document: Arc::new(document),
            operations,
        }
    }

    /// The document itself.
    pub fn document(&self) -> &Arc<Value> {
        &self.document
    }

    /// Checks the body of a request.
    pub fn check_body(&self, method: &str, path: &str, body: &Value) -> Vec<FieldError> {
        let operation = self.operation(method, path);
        let schema = operation.and_then(|operation| operation.body.as_ref());
        let mut checker = self.checker();
        if let Some(schema) = schema {
            checker.check(schema, "", body);
        }
        checker.problems
    }

    /// Makes an object of the parameters in the query, or tells what is wrong with them.
    pub fn read_query(
        &self,
        method: &str,
        path: &str,
        pairs: &[(String, String)],
    ) -> Result<Map<String, Value>, Vec<FieldError>> {
        let none = Operation::default();
        let operation = self.operation(method, path).unwrap_or(&none);
        let mut checker = self.checker();
        let mut read = Map::new();
        for (name, text) in pairs {
            let known = operation.query.iter().find(|known| known.name == *name);
            let Some(parameter) = known else {
                checker.problem(name, "is not a parameter of this address");
                continue;
            };
            if read.contains_key(name) {
                checker.problem(name, "is given more than once");
                continue;
            }
            let schema = checker.resolve(&parameter.schema);
            match typed(kind(&checker, schema), text) {
                Ok(value) => {
                    checker.check(&parameter.schema, name, &value);
                    read.insert(name.clone(), value);
                }
                Err(problem) => checker.problem(name, problem),
            }
        }
        let missing = |parameter: &&Parameter| {
            parameter.required && pairs.iter().all(|(name, _)| *name != parameter.name)
        };
        for parameter in operation.query.iter().filter(missing) {
            checker.problem(&parameter.name, "is missing");
        }
        match checker.problems.is_empty() {
            true => Ok(read),
            false => Err(checker.problems),
        }
    }

    /// `HEAD` is answered as `GET` is.
    fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let method = if method == "HEAD" { "GET" } else { method };
        self.operations.get(&(method.to_owned(), path.to_owned()))
    }

    fn checker(&self) -> Checker<'_> {
        Checker::new(&self.document)
    }
}

impl Operation {
    fn new(operation: &Value) -> Self {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| Parameter {
                name: parameter["name"].as_str().unwrap_or_default().to_owned(),
                required: parameter["required"] == true,
                schema: parameter["schema"].clone(),
            });
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        Self {
            query: query.collect(),
            body: (!body.is_null()).then(|| body.clone()),
        }
    }
}

/// The text of a parameter as a value of the wanted type.
fn typed(kind: &str, text: &str) -> Result<Value, &'static str> {
    match kind {
        "integer" => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| "must be a whole number"),
        "number" => text
            .parse::<f64>()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or("must be a number"),
        "boolean" => text
            .parse::<bool>()
            .map(Value::Bool)
            .map_err(|_| "must be true or false"),
        _ => Ok(Value::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contract() -> Contract {
        Contract::new(json!({
            "paths": { "/api/things/{id}": { "get": { "parameters": [
                { "in": "path", "name": "id", "required": true, "schema": { "type": "string" } },
                { "in": "query", "name": "limit",
                  "schema": { "type": ["integer", "null"], "minimum": 1, "maximum": 100 } },
                { "in": "query", "name": "near", "required": true, "schema": { "type": "number" } },
                { "in": "query", "name": "open", "schema": { "type": "boolean" } },
                { "in": "query", "name": "state", "schema": {
                    "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/State" }] } },
            ] } } },
            "components": { "schemas": { "State": { "type": "string", "enum": ["on", "off"] } } },
        }))
    }

    fn read(query: &[(&str, &str)]) -> Result<Value, Vec<String>> {
        let pairs: Vec<(String, String)> = query
            .iter()
            .map(|(name, text)| ((*name).into(), (*text).into()))
            .collect();
        contract()
            .read_query("HEAD", "/api/things/{id}", &pairs)
            .map(Value::Object)
            .map_err(|all| {
                let mut all: Vec<String> = all
                    .iter()
                    .map(|one| format!("{} {}", one.field, one.problem))
                    .collect();
                all.sort();
                all
            })
    }

    #[test]
    fn parameters_become_values_of_their_types() {
        let all = [
            ("limit", "7"),
            ("near", "-0.5"),
            ("open", "true"),
            ("state", "off"),
        ];
        let expected = json!({ "limit": 7, "near": -0.5, "open": true, "state": "off" });
        assert_eq!(read(&all), Ok(expected));
        assert_eq!(read(&[("near", "3")]), Ok(json!({ "near": 3.0 })));
    }

    #[test]
    fn all_that_is_wrong_with_a_query_is_told() {
        let wrong = [
            ("limit", "101"),
            ("open", "yes"),
            ("state", "over"),
            ("id", "x"),
            ("open", "true"),
        ];
        assert_eq!(
            read(&wrong),
            Err(vec![
                "id is not a parameter of this address".into(),
                "limit must not be above 100".into(),
                "near is missing".into(),
                "open must be true or false".into(),
                "state must be one of: on, off".into(),
            ])
        );
        let twice = [("near", "1"), ("near", "1")];
        assert_eq!(
            read(&twice),
            Err(vec!["near is given more than once".into()])
        );
        let nonsense = [("near", "NaN"), ("limit", "1.0")];
        assert_eq!(
            read(&nonsense),
            Err(vec![
                "limit must be a whole number".into(),
                "near must be a number".into()
            ])
        );
    }
}
