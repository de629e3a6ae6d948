//! What apollo-compiler leaves out of the rules on input values:
//!
//! - of a `@oneOf` input exactly one field is given
//!   (<https://spec.graphql.org/September2025/#sec-OneOf-Input-Objects>),
//! - a field is given once (<https://spec.graphql.org/October2021/#sec-Input-Object-Field-Uniqueness>),
//! - a variable fits where it is used, also within lists and objects, and a default of `null` is
//!   none (<https://spec.graphql.org/October2021/#sec-All-Variable-Usages-are-Allowed>).

use apollo_compiler::{
    ExecutableDocument, Node, Schema,
    ast::{Argument, DirectiveList, InputValueDefinition, Type, Value, VariableDefinition},
    executable::{Operation, Selection, SelectionSet},
    schema::InputObjectType,
};
use async_graphql::Pos;

use super::fault::{Code, Fault};

/// The directive that makes an input a choice.
const ONE_OF: &str = "oneOf";

/// Whether exactly one field of the input must be given.
pub(super) fn is_choice(input: &InputObjectType) -> bool {
    input.directives.has(ONE_OF)
}

/// What is said of a choice that names none or several.
pub(super) fn no_choice(input: &InputObjectType) -> String {
    format!("\"{}\" needs exactly one of its fields.", input.name)
}

/// Checks all input values of a document that is valid otherwise and whose fragments, written out,
/// are few.
pub(super) fn check(schema: &Schema, document: &ExecutableDocument) -> Result<(), Fault> {
    document.operations.iter().try_for_each(|operation| {
        let inputs = Inputs {
            schema,
            document,
            operation,
        };
        inputs.all()
    })
}

/// The input values of one operation.
struct Inputs<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    operation: &'a Operation,
}

impl Inputs<'_> {
    fn all(&self) -> Result<(), Fault> {
        for variable in &self.operation.variables {
            if let Some(value) = &variable.default_value {
                self.value(&variable.ty, false, value)?;
            }
        }
        self.directives(&self.operation.directives)?;
        self.selections(&self.operation.selection_set)
    }

    fn selections(&self, set: &SelectionSet) -> Result<(), Fault> {
        set.selections.iter().try_for_each(|selection| {
            self.directives(selection.directives())?;
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.definition.arguments, &field.arguments)?;
                    self.selections(&field.selection_set)
                }
                Selection::InlineFragment(inline) => self.selections(&inline.selection_set),
                Selection::FragmentSpread(spread) => match spread.fragment_def(self.document) {
                    Some(fragment) => {
                        self.directives(&fragment.directives)?;
                        self.selections(&fragment.selection_set)
                    }
                    None => Ok(()),
                },
            }
        })
    }

    fn directives(&self, directives: &DirectiveList) -> Result<(), Fault> {
        directives.iter().try_for_each(|directive| {
            match self.schema.directive_definitions.get(&directive.name) {
                Some(defined) => self.arguments(&defined.arguments, &directive.arguments),
                None => Ok(()),
            }
        })
    }

    fn arguments(
        &self,
        defined: &[Node<InputValueDefinition>],
        given: &[Node<Argument>],
    ) -> Result<(), Fault> {
        given.iter().try_for_each(|argument| {
            match defined.iter().find(|it| it.name == argument.name) {
                Some(defined) => self.input(defined, &argument.value),
                None => Ok(()),
            }
        })
    }

    fn input(&self, defined: &InputValueDefinition, value: &Node<Value>) -> Result<(), Fault> {
        self.value(&defined.ty, defined.default_value.is_some(), value)
    }

    /// Checks a value where one of type `ty` is expected, which has a default there or has none.
    fn value(&self, ty: &Type, has_default: bool, value: &Node<Value>) -> Result<(), Fault> {
        match value.as_ref() {
            Value::Variable(name) => match self.variable(name) {
                Some(variable) if !may_stand(variable, ty, has_default) => {
                    let used = &variable.ty;
                    let message = format!(
                        "Variable \"${name}\" of type \"{used}\" used in position expecting type \"{ty}\"."
                    );
                    Err(self.refuse(message, value))
                }
                _ => Ok(()),
            },
            Value::List(items) => items
                .iter()
                .try_for_each(|item| self.value(ty.item_type(), false, item)),
            Value::Object(fields) => {
                let input = self.schema.get_input_object(ty.inner_named_type());
                input.map_or(Ok(()), |input| self.object(input, fields, value))
            }
            _ => Ok(()),
        }
    }

    fn object(
        &self,
        input: &InputObjectType,
        fields: &[(apollo_compiler::Name, Node<Value>)],
        whole: &Node<Value>,
    ) -> Result<(), Fault> {
        let mut names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        if let Some([twice, _]) = names.array_windows().find(|[a, b]| a == b) {
            let message = format!("There can be only one input field named \"{twice}\".");
            return Err(self.refuse(message, whole));
        }
        if is_choice(input) && !self.is_one(fields.iter().map(|(_, value)| value)) {
            return Err(self.refuse(no_choice(input), whole));
        }
        fields
            .iter()
            .try_for_each(|(name, value)| match input.fields.get(name) {
                Some(defined) => self.input(defined, value),
                None => Ok(()),
            })
    }

    /// A variable in a choice must have a value.
    fn is_one<'v>(&self, mut values: impl Iterator<Item = &'v Node<Value>>) -> bool {
        match (values.next(), values.next()) {
            (Some(only), None) => match only.as_ref() {
                Value::Null => false,
                Value::Variable(name) => {
                    let variable = self.variable(name);
                    variable.is_none_or(|variable| variable.ty.is_non_null())
                }
                _ => true,
            },
            _ => false,
        }
    }

    fn variable(&self, name: &str) -> Option<&Node<VariableDefinition>> {
        let mut variables = self.operation.variables.iter();
        variables.find(|variable| variable.name == name)
    }

    fn refuse(&self, message: String, value: &Node<Value>) -> Fault {
        let fault = Fault::new(Code::ValidationFailed, message);
        match value.line_column_range(&self.document.sources) {
            Some(range) => fault.at(Pos::from((range.start.line, range.start.column))),
            None => fault,
        }
    }
}

/// <https://spec.graphql.org/October2021/#IsVariableUsageAllowed()>
fn may_stand(variable: &VariableDefinition, place: &Type, has_default: bool) -> bool {
    if place.is_non_null() && !variable.ty.is_non_null() {
        let default = variable.default_value.as_ref();
        let brings_default = default.is_some_and(|value| !value.is_null());
        return (brings_default || has_default)
            && is_compatible(&variable.ty, &place.clone().nullable());
    }
    is_compatible(&variable.ty, place)
}

/// <https://spec.graphql.org/October2021/#AreTypesCompatible()>
fn is_compatible(given: &Type, place: &Type) -> bool {
    match (given, place) {
        (Type::Named(given) | Type::NonNullNamed(given), Type::Named(place))
        | (Type::NonNullNamed(given), Type::NonNullNamed(place)) => given == place,
        (Type::List(given) | Type::NonNullList(given), Type::List(place))
        | (Type::NonNullList(given), Type::NonNullList(place)) => is_compatible(given, place),
        _ => false,
    }
}
