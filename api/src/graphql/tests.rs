//! What clients read of the schema.

use apollo_compiler::{Node, Schema, ast::InputValueDefinition, schema::ExtendedType};

use super::sdl;

/// Directives whose meaning is the specification's to describe.
const SPECIFIED: [&str; 5] = ["deprecated", "include", "oneOf", "skip", "specifiedBy"];

/// The coordinates of everything, each with its description.
fn described(schema: &Schema) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut add = |coordinate: String, description: Option<&Node<str>>| {
        found.push((coordinate, description.map(|it| it.trim().to_owned())));
    };
    for (name, ty) in schema.types.iter().filter(|(_, ty)| !ty.is_built_in()) {
        add(name.to_string(), ty.description());
        let fields = match ty {
            ExtendedType::Object(object) => Some(&object.fields),
            ExtendedType::Interface(interface) => Some(&interface.fields),
            _ => None,
        };
        for field in fields.into_iter().flat_map(|fields| fields.values()) {
            let coordinate = format!("{name}.{}", field.name);
            for (argument, description) in arguments(&field.arguments) {
                add(format!("{coordinate}({argument}:)"), description);
            }
            add(coordinate, field.description.as_ref());
        }
        match ty {
            ExtendedType::Enum(kind) => kind.values.values().for_each(|value| {
                add(
                    format!("{name}.{}", value.value),
                    value.description.as_ref(),
                );
            }),
            ExtendedType::InputObject(input) => input.fields.values().for_each(|field| {
                add(format!("{name}.{}", field.name), field.description.as_ref());
            }),
            _ => {}
        }
    }
    let directives = schema.directive_definitions.values();
    for directive in directives.filter(|it| !SPECIFIED.contains(&it.name.as_str())) {
        let name = format!("@{}", directive.name);
        for (argument, description) in arguments(&directive.arguments) {
            add(format!("{name}({argument}:)"), description);
        }
        add(name, directive.description.as_ref());
    }
    found
}

fn arguments(
    arguments: &[Node<InputValueDefinition>],
) -> impl Iterator<Item = (&str, Option<&Node<str>>)> {
    let arguments = arguments.iter();
    arguments.map(|it| (it.name.as_str(), it.description.as_ref()))
}

#[test]
fn everything_a_client_can_see_has_a_description() {
    let schema = Schema::parse_and_validate(sdl(), "schema.graphql").unwrap();
    let described = described(&schema);
    assert!(described.len() > 500, "the walk found the schema");
    let bare = described
        .iter()
        .filter(|(_, text)| text.as_deref().is_none_or(str::is_empty));
    let bare: Vec<_> = bare.map(|(coordinate, _)| coordinate).collect();
    assert!(bare.is_empty(), "without a description: {bare:?}");
}
