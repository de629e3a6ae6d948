//! Refuses a document whose answer would be too much, before anything of it is executed.
//!
//! Lists within lists multiply: a few bytes that go from a space to its tunnels, to their space, to
//! its tunnels and so on ask for billions of fields. How long a list is shows only when it is
//! there, so a length is assumed: what `first` says of a page, a hundred of what is known to be
//! long, a few of all other lists.

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
        let cost = Estimate {
            document,
            long_lists: limits.long_lists,
        };
        let cost = cost.of(&operation.selection_set, LIST_LENGTH);
        if cost.list_nesting > limits.list_nesting {
            return Err(Fault::too_complex("listNesting", limits.list_nesting));
        }
        if cost.fields > limits.complexity {
            return Err(Fault::too_complex("complexity", limits.complexity));
        }
    }
    Ok(())
}

/// Estimates the selections of one document.
struct Estimate<'a> {
    document: &'a ExecutableDocument,
    long_lists: &'a [&'a str],
}

impl Estimate<'_> {
    /// What a selection costs, whose lists have `length` elements.
    fn of(&self, set: &SelectionSet, length: usize) -> Cost {
        let costs = set.selections.iter().map(|selection| match selection {
            Selection::Field(field) => self.of_field(field, length),
            Selection::InlineFragment(inline) => self.of(&inline.selection_set, length),
            Selection::FragmentSpread(spread) => match spread.fragment_def(self.document) {
                Some(fragment) => self.of(&fragment.selection_set, length),
                None => Cost::default(),
            },
        });
        costs.fold(Cost::default(), Cost::beside)
    }

    fn of_field(&self, field: &Node<Field>, length: usize) -> Cost {
        let within = self.of(&field.selection_set, length_within(field));
        let is_list = field.ty().is_list();
        let times = match is_list {
            true if self.long_lists.contains(&field.name.as_str()) => PAGE_LENGTH_MAX,
            true => length,
            false => 1,
        };
        Cost {
            fields: within.fields.saturating_mul(times).saturating_add(1),
            list_nesting: within.list_nesting + usize::from(is_list),
        }
    }
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
        type Thing { name: String! tags: [String!]! parts: [Thing!]! many: [Thing!]! whole: Thing }
    ";

    fn cost(text: &str) -> (usize, usize) {
        let schema = Schema::parse_and_validate(SDL, "").unwrap();
        let document = ExecutableDocument::parse_and_validate(&schema, text, "").unwrap();
        let operation = document.operations.iter().next().unwrap();
        let estimate = Estimate {
            document: &document,
            long_lists: &["many"],
        };
        let cost = estimate.of(&operation.selection_set, LIST_LENGTH);
        (cost.fields, cost.list_nesting)
    }

    #[test]
    fn lists_multiply_what_is_within() {
        for (text, fields, list_nesting) in [
            ("{ thing { name } }", 2, 0),
            ("{ thing { tags } }", 2, 1),
            ("{ thing { parts { name } } }", 1 + 1 + 10, 1),
            ("{ thing { many { name } } }", 1 + 1 + 100, 1),
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
