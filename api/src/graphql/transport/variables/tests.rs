use async_graphql::parser::{parse_query, types::DocumentOperations};
use serde_json::{Value as Json, json};

use super::*;

const SDL: &str = "
    directive @oneOf on INPUT_OBJECT
    scalar DateTime
    enum Colour { RED GREEN }
    input By @oneOf { number: Int text: String }
    input In { id: ID! count: Int! = 1 rate: Float on: Boolean colours: [Colour!] by: By inner: In }
    type Query { a(in: In, n: Int, t: DateTime, matrix: [[Int!]!]): Int }
";

fn problem(declaration: &str, values: Json) -> Option<String> {
    let schema = Schema::parse(SDL, "").unwrap();
    let document = parse_query(format!("query ({declaration}) {{ a }}")).unwrap();
    let DocumentOperations::Single(operation) = &document.operations else {
        panic!("one operation");
    };
    let checked = check(&schema, &operation.node, &Variables::from_json(values));
    checked
        .err()
        .map(|fault| fault.into_errors().remove(0).message)
}

#[test]
fn values_are_held_against_their_types() {
    for (declaration, value, valid) in [
        ("$v: Int", json!(1), true),
        ("$v: Int", json!(null), true),
        ("$v: Int!", json!(null), false),
        ("$v: Int! = 2", json!(null), false),
        ("$v: Int", json!(2_147_483_648_i64), false),
        ("$v: Int", json!(1.5), false),
        ("$v: Int", json!("1"), false),
        ("$v: Float", json!(1), true),
        ("$v: Float", json!("1"), false),
        ("$v: String", json!(1), false),
        ("$v: Boolean", json!("true"), false),
        ("$v: ID", json!("a"), true),
        ("$v: ID", json!(1), true),
        ("$v: ID", json!(1.5), false),
        ("$v: Colour", json!("RED"), true),
        ("$v: Colour", json!("BLUE"), false),
        ("$v: Colour", json!(0), false),
        ("$v: DateTime", json!("now"), true),
        ("$v: [[Int!]!]", json!([[1], [2, 3]]), true),
        ("$v: [[Int!]!]", json!(1), true),
        ("$v: [[Int!]!]", json!([[null]]), false),
        ("$v: [[Int!]!]", json!([[1, "a"]]), false),
        ("$v: In", json!({"id": "a"}), true),
        ("$v: In", json!([]), false),
        ("$v: In", json!({}), false),
        ("$v: In", json!({"id": "a", "count": null}), false),
        ("$v: In", json!({"id": "a", "other": 1}), false),
        (
            "$v: In",
            json!({"id": "a", "colours": ["RED", "GREEN"]}),
            true,
        ),
        ("$v: In", json!({"id": "a", "colours": "RED"}), true),
        ("$v: In", json!({"id": "a", "colours": [null]}), false),
        ("$v: In", json!({"id": "a", "inner": {"id": "b"}}), true),
        ("$v: In", json!({"id": "a", "inner": {}}), false),
        ("$v: By", json!({"number": 1}), true),
        ("$v: By", json!({}), false),
        ("$v: By", json!({"number": null}), false),
        ("$v: By", json!({"number": 1, "text": "a"}), false),
        ("$v: By", json!({"number": 1, "text": null}), false),
    ] {
        let problem = problem(declaration, json!({ "v": value }));
        assert_eq!(
            problem.is_none(),
            valid,
            "{declaration} {value}: {problem:?}"
        );
    }
}

#[test]
fn what_is_missing_needs_a_default_or_may_be_null() {
    assert!(problem("$v: Int!", json!({})).is_some());
    assert!(problem("$v: Int! = 1", json!({})).is_none());
    assert!(problem("$v: Int", json!({})).is_none());
    assert!(problem("$v: Int", json!({"other": "ignored"})).is_none());
}

#[test]
fn a_misfit_is_told_with_its_place() {
    let value = json!({ "v": { "id": "a", "inner": { "id": "b", "colours": ["RED", 1] } } });
    assert_eq!(
        problem("$v: In", value).unwrap(),
        "Variable \"$v.inner.colours[1]\" does not fit: \"Colour\" has no such value."
    );
}
