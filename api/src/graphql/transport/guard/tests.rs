use std::fmt::Write as _;

use async_graphql::parser::parse_query;
use proptest::prelude::*;

use super::*;

fn limits() -> DocumentLimits {
    DocumentLimits::default()
}

/// Weighs without a verdict on the whole, and says how many selections were looked at.
fn weighed(text: &str) -> (Result<Weight, Fault>, usize, usize) {
    let document = parse_query(text).unwrap();
    let boundless = DocumentLimits {
        depth: usize::MAX,
        fragment_depth: usize::MAX,
        selections: usize::MAX,
        root_fields: usize::MAX,
        aliases: usize::MAX,
        directives: usize::MAX,
        values: usize::MAX,
        ..limits()
    };
    let mut scales = Scales::new(&document, &boundless);
    let weight = scales.all();
    (weight, scales.visits, selections_in(&document))
}

fn selections_in(document: &ExecutableDocument) -> usize {
    fn count(set: &SelectionSet) -> usize {
        let items = set.items.iter().map(|item| match &item.node {
            Selection::Field(field) => 1 + count(&field.node.selection_set.node),
            Selection::InlineFragment(inline) => 1 + count(&inline.node.selection_set.node),
            Selection::FragmentSpread(_) => 1,
        });
        items.sum()
    }
    let operations = document.operations.iter();
    let operations = operations.map(|(_, operation)| count(&operation.node.selection_set.node));
    let fragments = document.fragments.values();
    let fragments = fragments.map(|fragment| count(&fragment.node.selection_set.node));
    operations.sum::<usize>() + fragments.sum::<usize>()
}

/// The document that cost stock async-graphql 30 s and 4.8 GiB: each fragment spreads the next
/// twice.
fn doubling(fragments: usize) -> String {
    let mut text = String::from("{...F0}");
    for n in 0..fragments {
        let next = n + 1;
        let _ = write!(text, "fragment F{n} on Query{{...F{next} ...F{next}}}");
    }
    text + &format!("fragment F{fragments} on Query{{__typename}}")
}

fn refusal(text: &str) -> String {
    let error = weigh(&parse_query(text).unwrap(), &limits())
        .unwrap_err()
        .into_errors()
        .remove(0);
    serde_json::to_string(&error.extensions).unwrap()
}

#[test]
fn exponential_spreads_are_weighed_in_one_visit_per_selection() {
    let text = doubling(18);
    assert!(text.len() <= 827);
    let (weight, visits, in_text) = weighed(&text);
    assert_eq!(visits, in_text);
    let written_out = 1 + 2 * ((1 << 18) - 1) + (1 << 18);
    assert_eq!(weight.unwrap().selections, written_out);
    assert!(refusal(&text).contains("\"fragmentDepth\""));
    assert!(refusal(&doubling(12)).contains("\"rootFields\""));
}

#[test]
fn weights_saturate() {
    let (weight, visits, in_text) = weighed(&doubling(200));
    assert_eq!(visits, in_text);
    assert_eq!(weight.unwrap().selections, usize::MAX);
}

#[test]
fn fragments_count_wherever_they_are_spread() {
    let text = "query Q($v: Int) @a { x: one(a: [1, {b: $v}]) @b { ...F } two { ...F ... { c } } }
        fragment F on T @c { y: three(a: $v) { four } }";
    let weight = weighed(text).0.unwrap();
    assert_eq!(
        weight,
        Weight {
            selections: 10,
            aliases: 3,
            directives: 4,
            values: 6,
            variable_uses: 3,
            zero_bytes: 0,
            schema_reads: 0,
            own_fields: 2,
            depth: 3,
            fragment_depth: 1,
        }
    );
}

#[test]
fn each_limit_refuses_with_its_name() {
    let repeat = |text: &str, n: usize| text.repeat(n);
    for (text, limit) in [
        (
            format!("{{ a {{ {} }} }}", repeat("b ", 2_000)),
            "selections",
        ),
        (format!("{{ {} }}", repeat("a ", 51)), "rootFields"),
        (format!("{{ a {{ {} }} }}", repeat("x: b ", 101)), "aliases"),
        (format!("{{ a {} }}", repeat("@d ", 101)), "directives"),
        (format!("{{ a(x: [{}]) }}", repeat("1 ", 10_000)), "values"),
        (
            format!("{{ {} {} }}", repeat("a {", 20) + "a", repeat("}", 20)),
            "depth",
        ),
        (
            "{ a } fragment F on T { ".to_owned() + &repeat("x: b ", 101) + "}",
            "aliases",
        ),
    ] {
        assert!(refusal(&text).contains(&format!("\"{limit}\"")), "{limit}");
    }
}

#[test]
fn fragments_within_themselves_are_refused() {
    for text in [
        "{ ...A } fragment A on T { ...A }",
        "{ ...A } fragment A on T { a { ...B } } fragment B on T { b { ...A } }",
        "{ a } fragment A on T { ... { ...A } }",
    ] {
        assert!(refusal(text).contains("GRAPHQL_VALIDATION_FAILED"));
    }
}

#[test]
fn a_chain_of_fragments_does_not_recurse_without_end() {
    let mut text = String::from("{...F0}");
    for n in 0..5_000 {
        let _ = write!(text, "fragment F{n} on T{{...F{}}}", n + 1);
    }
    text += "fragment F5000 on T{a}";
    assert!(refusal(&text).contains("\"fragmentDepth\""));
}

#[test]
fn a_subscription_selects_one_field() {
    for text in [
        "subscription { a b }",
        "subscription { ...F } fragment F on Subscription { a }",
        "subscription { ... { a } }",
    ] {
        assert!(refusal(text).contains("GRAPHQL_VALIDATION_FAILED"));
    }
    let one = parse_query("subscription { a { b c } }").unwrap();
    assert!(weigh(&one, &limits()).is_ok());
}

#[test]
fn the_standard_introspection_query_is_allowed() {
    let text = include_str!("introspection.graphql");
    let weight = weigh(&parse_query(text).unwrap(), &limits()).unwrap();
    assert_eq!((weight.depth, weight.schema_reads), (15, 1));
}

/// Fragments that spread only later ones, so that there is no cycle.
fn documents() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::collection::vec(0_usize..8, 1..4), 1..8).prop_map(|bodies| {
        let count = bodies.len();
        let mut text = String::from("{ ...F0 }");
        for (n, body) in bodies.iter().enumerate() {
            let _ = write!(text, " fragment F{n} on T {{ a");
            for item in body {
                let target = n + 1 + item;
                if target < count {
                    let _ = write!(text, " b{target}: b {{ ...F{target} }}");
                } else {
                    text += " c @d";
                }
            }
            text += " }";
        }
        text
    })
}

fn written_out(document: &ExecutableDocument, set: &SelectionSet) -> usize {
    let items = set.items.iter().map(|item| match &item.node {
        Selection::Field(field) => 1 + written_out(document, &field.node.selection_set.node),
        Selection::InlineFragment(inline) => {
            1 + written_out(document, &inline.node.selection_set.node)
        }
        Selection::FragmentSpread(spread) => {
            let fragment = &document.fragments[&spread.node.fragment_name.node];
            1 + written_out(document, &fragment.node.selection_set.node)
        }
    });
    items.sum()
}

proptest! {
    #[test]
    fn weights_are_those_of_the_document_written_out(text in documents()) {
        let document = parse_query(&text).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let expected = written_out(&document, &operation.node.selection_set.node);
        let (weight, visits, in_text) = weighed(&text);
        prop_assert_eq!(weight.unwrap().selections, expected);
        prop_assert_eq!(visits, in_text);
    }
}
