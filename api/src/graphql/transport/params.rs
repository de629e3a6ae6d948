//! The parameters of a GraphQL request, out of JSON or out of a URL.

use async_graphql::{Extensions, Name, Value as GraphqlValue, Variables};
use serde_json::{Map, Value};

use super::{
    fault::{Code, Fault},
    scan,
};

/// A well-formed request, whose document may still be anything.
#[derive(Debug, Default)]
pub(super) struct Params {
    /// The text of the document.
    pub(super) query: String,
    /// The operation to run. An empty name is none.
    pub(super) operation_name: Option<String>,
    /// Values of the variables.
    pub(super) variables: Variables,
    /// What clients and servers agreed upon.
    pub(super) extensions: Extensions,
}

/// What a POST carries.
#[derive(Debug)]
pub(super) enum Body {
    /// One request.
    Single(Params),
    /// Several, to be run in order.
    Batch(Vec<Params>),
}

/// Reads the body of a POST. `batch_operations` of zero refuses batches.
pub(super) fn from_body(
    bytes: &[u8],
    json_depth: usize,
    batch_operations: usize,
) -> Result<Body, Fault> {
    match from_json(bytes, json_depth)? {
        Value::Array(_) if batch_operations == 0 => Err(bad(
            "Batches are not accepted; send one operation at a time.",
        )),
        Value::Array(items) if items.len() > batch_operations => Err(bad(format!(
            "A batch may hold {batch_operations} operations."
        ))),
        Value::Array(items) if items.is_empty() => Err(bad("The batch is empty.")),
        Value::Array(items) => items
            .into_iter()
            .map(from_value)
            .collect::<Result<_, _>>()
            .map(Body::Batch),
        value => from_value(value).map(Body::Single),
    }
}

/// Reads the query of a URL, as `URLSearchParams` writes it.
pub(super) fn from_pairs(pairs: Vec<(String, String)>, json_depth: usize) -> Result<Params, Fault> {
    let mut object = Map::new();
    for (name, text) in pairs {
        let value = match name.as_str() {
            "variables" | "extensions" if text.is_empty() => Value::Null,
            "variables" | "extensions" => from_json(text.as_bytes(), json_depth)?,
            "query" | "operationName" => Value::String(text),
            _ => continue,
        };
        if object.contains_key(&name) {
            return Err(bad(format!("The parameter \"{name}\" is given twice.")));
        }
        object.insert(name, value);
    }
    from_object(object)
}

/// Parses JSON that nests no deeper than allowed.
pub(super) fn from_json(bytes: &[u8], json_depth: usize) -> Result<Value, Fault> {
    if scan::json_depth(bytes) > json_depth {
        return Err(Fault::too_complex("jsonDepth", json_depth));
    }
    serde_json::from_slice(bytes).map_err(|error| bad(format!("This is not JSON: {error}.")))
}

/// Reads the parameters out of a JSON value.
pub(super) fn from_value(value: Value) -> Result<Params, Fault> {
    match value {
        Value::Object(object) => from_object(object),
        _ => Err(bad("A request must be a JSON object.")),
    }
}

/// Reads the parameters out of a JSON object. Members it does not know are ignored.
pub(super) fn from_object(mut object: Map<String, Value>) -> Result<Params, Fault> {
    let query = match object.remove("query") {
        Some(Value::String(query)) => query,
        Some(_) => return Err(bad("The parameter \"query\" must be a string.")),
        None => return Err(bad("The parameter \"query\" is missing.")),
    };
    let operation_name = match object.remove("operationName") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
        Some(_) => return Err(bad("The parameter \"operationName\" must be a string.")),
    };
    let mut variables = Variables::default();
    for (name, value) in members(&mut object, "variables")? {
        variables.insert(Name::new(name), value);
    }
    let extensions = members(&mut object, "extensions")?.into_iter().collect();
    Ok(Params {
        query,
        operation_name,
        variables,
        extensions: Extensions(extensions),
    })
}

/// A cheap measure of how much memory a copy of the variables takes, in bytes.
pub(super) fn variables_bytes(variables: &Variables) -> usize {
    let sizes = variables
        .iter()
        .map(|(name, value)| name.len() + value_bytes(value));
    sizes.sum()
}

/// Whether a text in the variables contains a zero byte.
pub(super) fn has_zero_byte(variables: &Variables) -> bool {
    variables.values().any(holds_zero_byte)
}

fn holds_zero_byte(value: &GraphqlValue) -> bool {
    match value {
        GraphqlValue::String(text) => text.contains('\0'),
        GraphqlValue::List(items) => items.iter().any(holds_zero_byte),
        GraphqlValue::Object(fields) => fields.values().any(holds_zero_byte),
        _ => false,
    }
}

fn value_bytes(value: &GraphqlValue) -> usize {
    let inner = match value {
        GraphqlValue::String(text) => text.len(),
        GraphqlValue::List(items) => items.iter().map(value_bytes).sum(),
        GraphqlValue::Object(fields) => {
            let sizes = fields
                .iter()
                .map(|(name, value)| name.len() + value_bytes(value));
            sizes.sum()
        }
        _ => 0,
    };
    inner + size_of::<GraphqlValue>()
}

fn members(
    object: &mut Map<String, Value>,
    name: &str,
) -> Result<Vec<(String, GraphqlValue)>, Fault> {
    let members = match object.remove(name) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => {
            return Err(bad(format!("The parameter \"{name}\" must be an object.")));
        }
    };
    members
        .into_iter()
        .map(|(key, value)| match GraphqlValue::from_json(value) {
            Ok(value) => Ok((key, value)),
            Err(error) => Err(bad(format!(
                "The value of \"{key}\" is not valid: {error}."
            ))),
        })
        .collect()
}

fn bad(message: impl Into<String>) -> Fault {
    Fault::new(Code::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(body: &Value) -> bool {
        from_body(body.to_string().as_bytes(), 16, 2).is_err()
    }

    #[test]
    fn parameters_have_their_types() {
        for invalid in [json!({"a": 1}), json!(0), json!(false), json!(["a"])] {
            assert!(refused(&json!({"query": invalid})));
            assert!(refused(&json!({"query": "{a}", "operationName": invalid})));
        }
        for invalid in [json!("a"), json!(0), json!(false), json!(["a"])] {
            assert!(refused(&json!({"query": "{a}", "variables": invalid})));
            assert!(refused(&json!({"query": "{a}", "extensions": invalid})));
        }
        for name in ["variables", "operationName", "extensions"] {
            assert!(!refused(&json!({"query": "{a}", name: null})));
        }
        assert!(refused(&json!({"query": null})));
        assert!(refused(&json!("{a}")));
        assert!(refused(&json!({})));
    }

    #[test]
    fn batches_are_bounded() {
        let one = json!({"query": "{a}"});
        assert!(!refused(&json!([one, one])));
        assert!(refused(&json!([one, one, one])));
        assert!(refused(&json!([])));
        assert!(refused(&json!([one, [one]])));
        assert!(from_body(b"[{\"query\": \"{a}\"}]", 16, 0).is_err());
    }

    #[test]
    fn deep_json_is_refused_before_it_is_parsed() {
        let deep = format!("{{\"query\": {}", "[".repeat(100_000));
        let fault = from_body(deep.as_bytes(), 16, 0).unwrap_err();
        assert_eq!(fault.code, Code::DocumentTooComplex);
    }

    #[test]
    fn a_url_holds_json_in_variables() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let params = from_pairs(
            vec![
                pair("query", "query A($x: Int) { a }"),
                pair("variables", r#"{"x": 1}"#),
                pair("operationName", ""),
                pair("other", "1"),
            ],
            16,
        )
        .unwrap();
        assert_eq!(params.operation_name, None);
        assert_eq!(params.variables.len(), 1);
        assert!(from_pairs(vec![pair("query", "a"), pair("query", "b")], 16).is_err());
        assert!(from_pairs(vec![pair("query", "a"), pair("variables", "{")], 16).is_err());
    }
}
