use super::*;

const SDL: &str = "
    directive @oneOf on INPUT_OBJECT
    type Query { a(text: String): Int chosen(by: By!): Int all(by: [By!]!): Int nested(in: In!): Int
        listed(n: [Int!]!): Int defaulted(n: Int! = 1): Int }
    input By @oneOf { number: Int text: String inner: By }
    input In { by: By! }
";

fn judge(text: &str) -> Result<(), Fault> {
    let limits = DocumentLimits::default();
    Rules::new(SDL, &limits).unwrap().judge(text)
}

#[test]
fn a_schema_must_be_valid() {
    let limits = DocumentLimits::default();
    assert!(Rules::new("type Query { a: Missing }", &limits).is_err());
}

#[test]
fn a_choice_names_exactly_one() {
    for (text, valid) in [
        ("{ chosen(by: {number: 1}) }", true),
        ("{ chosen(by: {}) }", false),
        ("{ chosen(by: {number: null}) }", false),
        ("{ chosen(by: {number: 1, text: \"a\"}) }", false),
        ("{ chosen(by: {number: 1, text: null}) }", false),
        ("{ chosen(by: {inner: {number: 1}}) }", true),
        ("{ chosen(by: {inner: {}}) }", false),
        ("{ all(by: [{number: 1}, {text: \"a\"}]) }", true),
        ("{ all(by: [{number: 1}, {}]) }", false),
        ("{ all(by: {}) }", false),
        ("{ nested(in: {by: {number: 1}}) }", true),
        ("{ nested(in: {by: {}}) }", false),
        ("query ($n: Int!) { chosen(by: {number: $n}) }", true),
        ("query ($n: Int) { chosen(by: {number: $n}) }", false),
        (
            "query ($by: By = {number: 1, text: \"a\"}) { all(by: [$by]) }",
            false,
        ),
        (
            "{ ...A } fragment A on Query { ... { chosen(by: {}) } }",
            false,
        ),
    ] {
        assert_eq!(judge(text).is_ok(), valid, "{text}");
    }
}

#[test]
fn a_variable_fits_where_it_is_used() {
    for (text, valid) in [
        (
            "query ($n: Int) { chosen(by: {number: 1}) listed(n: [$n]) }",
            false,
        ),
        ("query ($n: Int!) { listed(n: [$n]) }", true),
        ("query ($n: Int!) { listed(n: $n) }", false),
        ("query ($n: [Int!]!) { listed(n: $n) }", true),
        ("query ($n: [Int]!) { listed(n: $n) }", false),
        ("query ($n: [Int!] = null) { listed(n: $n) }", false),
        ("query ($n: [Int!] = [1]) { listed(n: $n) }", true),
        ("query ($n: Int) { defaulted(n: $n) }", true),
        (
            "query ($n: Int) { ...A } fragment A on Query { listed(n: [$n]) }",
            false,
        ),
        ("query ($if: Boolean = null) { a @skip(if: $if) }", false),
    ] {
        assert_eq!(judge(text).is_ok(), valid, "{text}");
    }
}

#[test]
fn a_field_of_an_input_is_given_once() {
    assert!(judge("{ nested(in: {by: {number: 1}, by: {number: 1}}) }").is_err());
}

#[test]
fn later_introspection_is_known() {
    assert!(judge("{ __type(name: \"By\") { isOneOf } }").is_ok());
}

#[test]
fn mistakes_are_told_with_their_places_and_without_end() {
    let fault = judge("{ a\n  nothing }").unwrap_err();
    assert_eq!(fault.code, Code::ValidationFailed);
    let errors = fault.into_errors();
    assert_eq!(errors[0].locations, [Pos { line: 2, column: 3 }]);
    let many = format!("{{ {} }}", "nothing ".repeat(1000));
    assert_eq!(judge(&many).unwrap_err().into_errors().len(), 100);
    let long = format!("{{ {} }}", "é".repeat(10).replace('é', &"n".repeat(1000)));
    let errors = judge(&long).unwrap_err().into_errors();
    assert_eq!(errors[0].message.len(), MESSAGE_MAX_BYTES);
}
