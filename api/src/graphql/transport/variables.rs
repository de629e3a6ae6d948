//! The values of variables: <https://spec.graphql.org/October2021/#CoerceVariableValues()>.
//!
//! Values are held against their types before anything is executed. Turning them into Rust's types
//! is left to the resolvers' arguments, and so are the texts of scalars of our own.

use apollo_compiler::{
    Name, Schema,
    ast::Type,
    schema::{ExtendedType, InputObjectType},
};
use async_graphql::{
    Name as Key, Value, Variables,
    indexmap::IndexMap,
    parser::types::{BaseType, OperationDefinition, Type as Declared},
};

use super::{
    fault::{Code, Fault},
    inputs,
};

/// Checks the values an operation gets for its variables. Those it doesn't declare are ignored.
pub(super) fn check(
    schema: &Schema,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<(), Fault> {
    for definition in &operation.variable_definitions {
        let (definition, position) = (&definition.node, definition.pos);
        let (name, declared) = (&definition.name.node, &definition.var_type.node);
        let refused = |message| Err(Fault::new(Code::ValidationFailed, message).at(position));
        match variables.get(name) {
            None if declared.nullable || definition.default_value.is_some() => {}
            Some(Value::Null) if declared.nullable => {}
            None | Some(Value::Null) => {
                let message = format!("Variable \"${name}\" of type \"{declared}\" needs a value.");
                return refused(message);
            }
            Some(value) => {
                let fits = fits(schema, &type_of(declared), value);
                if let Err(Misfit { at, why }) = fits {
                    return refused(format!("Variable \"${name}{at}\" does not fit: {why}"));
                }
            }
        }
    }
    Ok(())
}

fn type_of(declared: &Declared) -> Type {
    let ty = match &declared.base {
        BaseType::Named(name) => Type::Named(Name::new_unchecked(name)),
        BaseType::List(item) => type_of(item).list(),
    };
    if declared.nullable { ty } else { ty.non_null() }
}

/// Why a value is not of its type, and where within the variable.
struct Misfit {
    at: String,
    why: String,
}

impl Misfit {
    fn new(why: impl Into<String>) -> Self {
        let at = String::new();
        Self {
            at,
            why: why.into(),
        }
    }

    fn within(mut self, outer: &str) -> Self {
        self.at.insert_str(0, outer);
        self
    }
}

/// Recurses as deep as the value, which the limit on the nesting of JSON bounds, and as its type.
fn fits(schema: &Schema, ty: &Type, value: &Value) -> Result<(), Misfit> {
    if *value == Value::Null {
        return if ty.is_non_null() {
            Err(Misfit::new(format!("\"{ty}\" must not be null.")))
        } else {
            Ok(())
        };
    }
    match ty {
        Type::List(item) | Type::NonNullList(item) => match value {
            Value::List(values) => values.iter().enumerate().try_for_each(|(index, value)| {
                fits(schema, item, value).map_err(|misfit| misfit.within(&format!("[{index}]")))
            }),
            // One value stands for a list of it.
            value => fits(schema, item, value),
        },
        Type::Named(name) | Type::NonNullNamed(name) => match schema.types.get(name) {
            Some(ExtendedType::InputObject(input)) => match value {
                Value::Object(fields) => fits_input(schema, input, fields),
                _ => Err(Misfit::new(format!("\"{name}\" must be an object."))),
            },
            Some(ExtendedType::Enum(kind)) => match value {
                Value::String(text) if kind.values.contains_key(text.as_str()) => Ok(()),
                _ => Err(Misfit::new(format!("\"{name}\" has no such value."))),
            },
            _ if is_scalar(name, value) => Ok(()),
            _ => Err(Misfit::new(format!("it must be of type \"{name}\"."))),
        },
    }
}

fn fits_input(
    schema: &Schema,
    input: &InputObjectType,
    fields: &IndexMap<Key, Value>,
) -> Result<(), Misfit> {
    let known = |name: &Key| input.fields.contains_key(name.as_str());
    if let Some(unknown) = fields.keys().find(|name| !known(name)) {
        let why = format!("\"{}\" has no such field.", input.name);
        return Err(Misfit::new(why).within(&format!(".{unknown}")));
    }
    if inputs::is_choice(input)
        && (fields.len() != 1 || fields.values().any(|it| *it == Value::Null))
    {
        return Err(Misfit::new(inputs::no_choice(input)));
    }
    for (name, field) in &input.fields {
        let fits = match fields.get(name.as_str()) {
            Some(value) => fits(schema, &field.ty, value),
            None if field.is_required() => {
                Err(Misfit::new(format!("\"{}\" needs a value.", field.ty)))
            }
            None => Ok(()),
        };
        fits.map_err(|misfit| misfit.within(&format!(".{name}")))?;
    }
    Ok(())
}

/// Whether a value is one of a scalar. Scalars of our own take any value here.
fn is_scalar(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("Int", Value::Number(number)) => {
            number.as_i64().is_some_and(|it| i32::try_from(it).is_ok())
        }
        ("Float", Value::Number(_)) => true,
        ("String", Value::String(_)) => true,
        ("Boolean", Value::Boolean(_)) => true,
        ("ID", Value::String(_)) => true,
        ("ID", Value::Number(number)) => number.is_i64() || number.is_u64(),
        ("Int" | "Float" | "String" | "Boolean" | "ID", _) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests;
