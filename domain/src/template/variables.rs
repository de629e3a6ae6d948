//! Filling a blueprint's variables with a space's parameters.

use super::blueprint::{Blueprint, EnvVar};
use crate::problem::Problem;

/// The most parameters a space has: as many as a template has variables.
pub const PARAMETERS_MAX: usize = super::draft::LIST_MAX;
/// The most bytes a parameter's value has.
pub const PARAMETER_MAX_BYTES: usize = 32 * 1024;

/// A value for a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The variable's name.
    pub name: String,
    /// The value, used as it is.
    pub value: String,
}

/// A command and an environment without variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Names and values of the environment.
    pub env: Vec<(String, String)>,
}

impl Blueprint {
    /// Names every mistake in `parameters`: unknown, given twice, missing, or too long.
    pub fn check_parameters(&self, parameters: &[Parameter]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, parameter) in parameters.iter().enumerate() {
            let at = |field: &str| ["parameters".to_owned(), index.to_string(), field.to_owned()];
            if !self
                .variables
                .iter()
                .any(|variable| variable.name == parameter.name)
            {
                problems.push(Problem::input(
                    at("name"),
                    "the template has no such variable",
                ));
            }
            if parameters[..index]
                .iter()
                .any(|earlier| earlier.name == parameter.name)
            {
                problems.push(Problem::input(at("name"), "is given twice"));
            }
            if parameter.value.len() > PARAMETER_MAX_BYTES {
                let message = format!("must be at most {PARAMETER_MAX_BYTES} bytes long");
                problems.push(Problem::input(at("value"), message));
            }
            if parameter.value.contains('\0') {
                problems.push(Problem::input(at("value"), "must not contain a zero byte"));
            }
        }
        for variable in self
            .variables
            .iter()
            .filter(|variable| variable.default.is_none())
        {
            if !parameters
                .iter()
                .any(|parameter| parameter.name == variable.name)
            {
                let message = format!("the template's variable {} needs a value", variable.name);
                problems.push(Problem::input(["parameters"], message));
            }
        }
        problems
    }

    /// The command and environment with every variable filled. A value is inserted as it is: what
    /// looks like a variable inside a value stays text.
    pub fn fill(&self, parameters: &[Parameter]) -> Filled {
        let value_of = |name: &str| {
            let given = parameters
                .iter()
                .find(|it| it.name == name)
                .map(|it| it.value.as_str());
            let default = || {
                self.variables
                    .iter()
                    .find(|it| it.name == name)?
                    .default
                    .as_deref()
            };
            given.or_else(default).unwrap_or_default()
        };
        let expand = |text: &str| -> String {
            pieces(text)
                .map(|piece| match piece {
                    Piece::Text(text) => text,
                    Piece::Variable(name) => value_of(name),
                })
                .collect()
        };
        Filled {
            command: self.command.iter().map(|word| expand(word)).collect(),
            env: self
                .env
                .iter()
                .map(|EnvVar { name, value }| (name.clone(), expand(value)))
                .collect(),
        }
    }
}

/// The variables `text` uses, in order.
pub(super) fn used_in(text: &str) -> impl Iterator<Item = &str> {
    pieces(text).filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        Piece::Text(_) => None,
    })
}

/// Whether `name` can be the name of a variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.len() <= 64
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// Cuts `text` at its variables. `$$` is a dollar sign; any other `$` that begins no `${NAME}` is
/// text, so that shell words need no care.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(after) = rest.strip_prefix("$$") {
            rest = after;
            return Some(Piece::Text("$"));
        }
        if let Some((name, after)) = rest.strip_prefix("${").and_then(|it| it.split_once('}'))
            && is_variable_name(name)
        {
            rest = after;
            return Some(Piece::Variable(name));
        }
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find('$').map_or(rest.len(), |at| first + at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(piece))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::template::{Variable, draft::tests::blueprint};

    fn variable(name: &str, default: Option<&str>) -> Variable {
        Variable {
            name: name.to_owned(),
            description: String::new(),
            default: default.map(str::to_owned),
            secret: false,
        }
    }

    fn parameter(name: &str, value: &str) -> Parameter {
        Parameter {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    fn filled(word: &str, parameters: &[Parameter]) -> String {
        let blueprint = Blueprint {
            command: vec![word.to_owned()],
            variables: vec![variable("A", Some("default")), variable("B", None)],
            ..blueprint()
        };
        blueprint.fill(parameters).command.remove(0)
    }

    #[test]
    fn variables_are_filled_from_parameters_then_defaults() {
        assert_eq!(filled("x${A}y", &[]), "xdefaulty");
        assert_eq!(
            filled("x${A}y${B}", &[parameter("A", "1"), parameter("B", "2")]),
            "x1y2"
        );
    }

    #[test]
    fn what_is_no_variable_stays_text() {
        for text in [
            "$", "$A", "${", "${}", "${A", "${1}", "$(date)", "é$", "${A B}",
        ] {
            assert_eq!(filled(text, &[]), text);
        }
        assert_eq!(filled("$${A}", &[]), "${A}");
    }

    #[test]
    fn a_value_is_never_expanded_again() {
        assert_eq!(filled("${B}", &[parameter("B", "${A}$$")]), "${A}$$");
    }

    #[test]
    fn every_mistake_in_the_parameters_is_named() {
        let blueprint = Blueprint {
            variables: vec![variable("A", Some("")), variable("B", None)],
            ..blueprint()
        };
        let given = [
            parameter("A", "1"),
            parameter("A", "2"),
            parameter("C", "3"),
        ];
        let paths: Vec<_> = blueprint
            .check_parameters(&given)
            .into_iter()
            .map(|it| it.path.join("."))
            .collect();
        assert_eq!(
            paths,
            ["parameters.1.name", "parameters.2.name", "parameters"]
        );
        assert!(blueprint.check_parameters(&[parameter("B", "")]).is_empty());
    }

    proptest! {
        #[test]
        fn cutting_loses_nothing(text in "[a${}é ]{0,30}") {
            let whole: String = pieces(&text)
                .map(|piece| match piece {
                    Piece::Text("$") => "$".to_owned(),
                    Piece::Text(text) => text.to_owned(),
                    Piece::Variable(name) => format!("${{{name}}}"),
                })
                .collect();
            prop_assert_eq!(whole.replace('$', ""), text.replace('$', ""));
        }
    }
}
