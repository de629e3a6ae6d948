//! Refuses a document that costs too much, before anything that writes its fragments out sees it.
//!
//! Validation and execution of async-graphql follow every spread, so a document of 800 bytes whose
//! fragments spread the next one twice costs gigabytes. Here each fragment is weighed once and its
//! weight used again: the cost is one visit per selection of the text. The recursion is bounded by
//! the nesting of brackets, which the scan limits before, and by the depth of fragments.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned,
    parser::types::{Directive, ExecutableDocument, OperationType, Selection, SelectionSet},
};
use async_graphql_value::Value;

use super::{
    fault::{Code, Fault},
    limits::DocumentLimits,
};

/// What a document or a part of it amounts to, with its fragments written out. Counts saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Fields, spreads and inline fragments.
    pub(super) selections: usize,
    /// Fields under another name.
    pub(super) aliases: usize,
    /// Directives on anything.
    pub(super) directives: usize,
    /// Arguments, and the elements of their lists and objects.
    pub(super) values: usize,
    /// Uses of a variable. Each makes a copy of its value.
    pub(super) variable_uses: usize,
    /// Texts with a zero byte.
    pub(super) zero_bytes: usize,
    /// Uses of `__schema`.
    pub(super) schema_reads: usize,
    /// Fields directly in this set.
    pub(super) own_fields: usize,
    /// Fields above the deepest leaf, the leaf included.
    pub(super) depth: usize,
    /// Fragments within fragments.
    pub(super) fragment_depth: usize,
}

impl Weight {
    fn add(&mut self, other: &Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.values = self.values.saturating_add(other.values);
        self.variable_uses = self.variable_uses.saturating_add(other.variable_uses);
        self.zero_bytes = self.zero_bytes.saturating_add(other.zero_bytes);
        self.schema_reads = self.schema_reads.saturating_add(other.schema_reads);
        self.own_fields = self.own_fields.saturating_add(other.own_fields);
        self.depth = self.depth.max(other.depth);
        self.fragment_depth = self.fragment_depth.max(other.fragment_depth);
    }

    fn check(&self, limits: &DocumentLimits) -> Result<(), Fault> {
        for (name, used, limit) in [
            ("selections", self.selections, limits.selections),
            ("aliases", self.aliases, limits.aliases),
            ("directives", self.directives, limits.directives),
            ("values", self.values, limits.values),
            ("depth", self.depth, limits.depth),
        ] {
            if used > limit {
                return Err(Fault::too_complex(name, limit));
            }
        }
        Ok(())
    }
}

/// Weighs all operations of a document together, because all of them are validated.
///
/// # Errors
///
/// Refuses what exceeds a limit, fragments that contain themselves, and subscriptions that ask
/// for more than one field, or for their field through a fragment: async-graphql would run
/// several, or none.
pub(super) fn weigh(
    document: &ExecutableDocument,
    limits: &DocumentLimits,
) -> Result<Weight, Fault> {
    let mut scales = Scales::new(document, limits);
    scales.all()
}

struct Scales<'a> {
    document: &'a ExecutableDocument,
    limits: &'a DocumentLimits,
    /// `None` while a fragment is being weighed: meeting it again closes a cycle.
    fragments: HashMap<&'a Name, Option<Weight>>,
    visits: usize,
}

impl<'a> Scales<'a> {
    fn new(document: &'a ExecutableDocument, limits: &'a DocumentLimits) -> Self {
        Self {
            document,
            limits,
            fragments: HashMap::new(),
            visits: 0,
        }
    }

    fn all(&mut self) -> Result<Weight, Fault> {
        let document = self.document;
        let mut total = Weight::default();
        for (_, operation) in document.operations.iter() {
            let operation = &operation.node;
            let mut weight = self.set(&operation.selection_set.node, 0)?;
            add_directives(&operation.directives, &mut weight);
            for variable in &operation.variable_definitions {
                add_directives(&variable.node.directives, &mut weight);
            }
            if weight.own_fields > self.limits.root_fields {
                return Err(Fault::too_complex("rootFields", self.limits.root_fields));
            }
            if operation.ty == OperationType::Subscription {
                single_field(&operation.selection_set)?;
            }
            total.add(&weight);
        }
        for name in document.fragments.keys() {
            // Fragments that are not spread are validated too.
            self.fragment(name, 0)?.check(self.limits)?;
        }
        total.check(self.limits)?;
        Ok(total)
    }

    fn set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Weight, Fault> {
        let mut total = Weight::default();
        for item in &set.items {
            self.visits += 1;
            let mut weight = match &item.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let mut weight = self.set(&field.selection_set.node, level)?;
                    weight.depth += 1;
                    weight.own_fields = 1;
                    weight.aliases = weight
                        .aliases
                        .saturating_add(usize::from(field.alias.is_some()));
                    let reads = usize::from(field.name.node == "__schema");
                    weight.schema_reads = weight.schema_reads.saturating_add(reads);
                    add_arguments(&field.arguments, &mut weight);
                    weight
                }
                Selection::InlineFragment(inline) => {
                    self.set(&inline.node.selection_set.node, level)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, level)?
                }
            };
            weight.selections = weight.selections.saturating_add(1);
            add_directives(item.node.directives(), &mut weight);
            total.add(&weight);
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &'a Name, level: usize) -> Result<Weight, Fault> {
        match self.fragments.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                return Err(Fault::new(
                    Code::ValidationFailed,
                    format!("Cannot spread fragment \"{name}\" within itself."),
                ));
            }
            None => {}
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            // Validation names what is missing.
            return Ok(Weight::default());
        };
        let limit = self.limits.fragment_depth;
        if level >= limit {
            return Err(Fault::too_complex("fragmentDepth", limit));
        }
        self.fragments.insert(name, None);
        let mut weight = self.set(&fragment.node.selection_set.node, level + 1)?;
        add_directives(&fragment.node.directives, &mut weight);
        weight.fragment_depth += 1;
        if weight.fragment_depth > limit {
            return Err(Fault::too_complex("fragmentDepth", limit));
        }
        self.fragments.insert(name, Some(weight));
        Ok(weight)
    }
}

fn add_directives(directives: &[Positioned<Directive>], weight: &mut Weight) {
    weight.directives = weight.directives.saturating_add(directives.len());
    for directive in directives {
        add_arguments(&directive.node.arguments, weight);
    }
}

fn add_arguments(arguments: &[(Positioned<Name>, Positioned<Value>)], weight: &mut Weight) {
    for (_, value) in arguments {
        add_value(&value.node, weight);
    }
}

fn add_value(value: &Value, weight: &mut Weight) {
    weight.values = weight.values.saturating_add(1);
    match value {
        Value::Variable(_) => weight.variable_uses = weight.variable_uses.saturating_add(1),
        Value::String(text) if text.contains('\0') => weight.zero_bytes = 1,
        Value::List(items) => items.iter().for_each(|item| add_value(item, weight)),
        Value::Object(fields) => fields.values().for_each(|field| add_value(field, weight)),
        _ => {}
    }
}

/// A subscription has one source of events: <https://spec.graphql.org/October2021/#sec-Single-root-field>.
fn single_field(set: &Positioned<SelectionSet>) -> Result<(), Fault> {
    let message = match set.node.items.as_slice() {
        [item] if matches!(item.node, Selection::Field(_)) => return Ok(()),
        [_] => "A subscription must select its field directly, not through a fragment.",
        _ => "A subscription must select exactly one field.",
    };
    Err(Fault::new(Code::ValidationFailed, message).at(set.pos))
}

#[cfg(test)]
mod tests;
