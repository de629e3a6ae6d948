//! Refuses a document whose answer would be too much, before anything of it is executed.
//!
//! Lists within lists multiply: a few bytes that go from a space to its tunnels, to their space, to
//! its tunnels and so on ask for billions of fields. How long a list is shows only when it is
//! there, so a length is assumed, which is bounded by `first` where a field has it.

use apollo_compiler::{
    ExecutableDocument, Node,
    ast::Value,
    executable::{Field, Selection, SelectionSet},
};

use super::{fault::Fault, limits::DocumentLimits};

/// The length of a list that is no page.
const LIST_LENGTH: usize = 10;

/// The longest page, assumed also where a variable says how long it is.
const PAGE_LENGTH_MAX: usize = 100;

/// The argument that says how long a page is.
const PAGE_LENGTH: &str = "first";

/// What an answer amounts to. Counts saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    /// Fields in the answer, with those of each element of each list.
    fields: usize,
    /// Lists around the field that has most of them, itself included.
    list_nesting: usize,
}

impl Cost {
    fn beside(self, other: Self) -> Self {
        Self {
            fields: self.fields.saturating_add(other.fields),
            list_nesting: self.list_nesting.max(other.list_nesting),
        }
    }
}

/// Checks every operation of a valid document whose fragments, written out, are few.
pub(super) fn check(document: &ExecutableDocument, limits: &DocumentLimits) -> Result<(), Fault> {
    for operation in document.operations.iter() {
        let cost = cost_of(document, &operation.selection_set, LIST_LENGTH);
        if cost.list_nesting > limits.list_nesting {
            return Err(Fault::too_complex("listNesting", limits.list_nesting));
        }
        if cost.fields > limits.complexity {
            return Err(Fault::too_complex("complexity", limits.complexity));
        }
    }
    Ok(())
}

/// What a selection costs, whose lists have `length` elements.
fn cost_of(document: &ExecutableDocument, set: &SelectionSet, length: usize) -> Cost {
    let costs = set.selections.iter().map(|selection| match selection {
        Selection::Field(field) => {
            let within = cost_of(document, &field.selection_set, length_within(field));
            let is_list = field.ty().is_list();
            let times = if is_list { length } else { 1 };
            Cost {
                fields: within.fields.saturating_mul(times).saturating_add(1),
                list_nesting: within.list_nesting + usize::from(is_list),
            }
        }
        Selection::InlineFragment(inline) => cost_of(document, &inline.selection_set, length),
        Selection::FragmentSpread(spread) => match spread.fragment_def(document) {
            Some(fragment) => cost_of(document, &fragment.selection_set, length),
            None => Cost::default(),
        },
    });
    costs.fold(Cost::default(), Cost::beside)
}

/// The length of the lists directly within a field: those of a connection are as long as its page.
fn length_within(field: &Node<Field>) -> usize {
    if field.definition.argument_by_name(PAGE_LENGTH).is_none() {
        return LIST_LENGTH;
    }
    let mut given = field.arguments.iter();
    let given = given.find(|argument| argument.name == PAGE_LENGTH);
    match given.map(|argument| argument.value.as_ref()) {
        Some(Value::Int(length)) => length.try_to_i32().map_or(PAGE_LENGTH_MAX, |length| {
            usize::try_from(length).map_or(0, |length| length.min(PAGE_LENGTH_MAX))
        }),
        _ => PAGE_LENGTH_MAX,
    }
}

#[cfg(test)]
mod tests {
    use apollo_compiler::Schema;

    use super::*;

    const SDL: &str = "
        type Query { things(first: Int): Things! thing: Thing! }
        type Things { nodes: [Thing!]! total: Int! }
        type Thing { name: String! tags: [String!]! parts: [Thing!]! whole: Thing }
    ";

    fn cost(text: &str) -> (usize, usize) {
        let schema = Schema::parse_and_validate(SDL, "").unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, text, "").unwrap();
        let operation = document.operations.iter().next().unwrap();
        let cost = cost_of(&document, &operation.selection_set, LIST_LENGTH);
        (cost.fields, cost.list_nesting)
    }

    #[test]
    fn lists_multiply_what_is_within() {
        for (text, fields, list_nesting) in [
            ("{ thing { name } }", 2, 0),
            ("{ thing { tags } }", 2, 1),
            ("{ thing { parts { name } } }", 1 + 1 + 10, 1),
            (
                "{ thing { parts { parts { name } } } }",
                2 + 10 * (1 + 10),
                2,
            ),
            (
                "{ things(first: 3) { total nodes { name } } }",
                1 + 1 + 1 + 3,
                1,
            ),
            (
                "{ things(first: 3) { nodes { parts { name } } } }",
                2 + 3 * 11,
                2,
            ),
            ("{ things(first: 1000) { nodes { name } } }", 2 + 100, 1),
            ("{ things(first: -1) { nodes { name } } }", 2, 1),
            ("{ things { nodes { name } } }", 2 + 100, 1),
            (
                "query ($n: Int) { things(first: $n) { nodes { name } } }",
                2 + 100,
                1,
            ),
            (
                "{ thing { ...A } } fragment A on Thing { parts { ... { name } } }",
                12,
                1,
            ),
        ] {
            assert_eq!(cost(text), (fields, list_nesting), "{text}");
        }
    }

    #[test]
    fn a_few_bytes_that_ask_for_billions_are_refused() {
        let schema = Schema::parse_and_validate(SDL, "").unwrap();
        let refusal = |text: &str, limits: &DocumentLimits| {
            let document = ExecutableDocument::parse_and_validate(&schema, text, "").unwrap();
            let fault = check(&document, limits).unwrap_err();
            fault.into_errors()[0].message.clone()
        };
        let limits = DocumentLimits::default();
        let deep = format!(
            "{{ thing {}name{} }}",
            "{ parts ".repeat(9) + "{ ",
            "}".repeat(10)
        );
        assert!(refusal(&deep, &limits).contains("listNesting"));
        let wide = "{ things { nodes { parts { parts { parts { name } } } } } }";
        assert!(refusal(wide, &limits).contains("complexity"));
        let whole = DocumentLimits {
            list_nesting: usize::MAX,
            ..DocumentLimits::default()
        };
        assert!(refusal(&deep, &whole).contains("complexity"));
    }
}
