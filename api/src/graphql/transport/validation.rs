//! Whether a document fits the schema: <https://spec.graphql.org/October2021/#sec-Validation>.
//!
//! apollo-compiler judges as the reference implementation does, which async-graphql does not, and
//! its judgement holds for every request with the same text. So async-graphql is told to validate
//! no more than it needs for itself ([`async_graphql::ValidationMode::Fast`]).

use apollo_compiler::{
    Schema,
    ast::Document,
    parser::Parser,
    validation::{DiagnosticList, Valid, WithErrors},
};
use async_graphql::{Pos, ServerError};

use super::{
    cost,
    fault::{Code, Fault},
    inputs,
    limits::DocumentLimits,
};

/// The schema, as documents are held against it.
pub(super) struct Rules {
    schema: Valid<Schema>,
    parser: Parser,
    limits: DocumentLimits,
}

/// What async-graphql serves and apollo-compiler does not know yet.
const LATER_INTROSPECTION: &str = "extend type __Type { isOneOf: Boolean }";

/// What a message is cut to: it may quote names of the document, which may be as long as that.
const MESSAGE_MAX_BYTES: usize = 500;

impl Rules {
    /// The rules of a schema in the schema definition language.
    ///
    /// # Errors
    ///
    /// When the schema is not valid itself.
    pub(super) fn new(sdl: &str, limits: &DocumentLimits) -> anyhow::Result<Self> {
        let text = format!("{sdl}\n{LATER_INTROSPECTION}");
        let schema = Schema::parse_and_validate(text, "schema.graphql")
            .map_err(|invalid| anyhow::anyhow!("the schema is not valid: {}", invalid.errors))?;
        let parser = Parser::new()
            .token_limit(limits.tokens.saturating_mul(PARSER_TOKENS_PER_TOKEN))
            .recursion_limit(limits.nesting.saturating_mul(PARSER_LEVELS_PER_BRACKET));
        Ok(Self {
            schema,
            parser,
            limits: limits.clone(),
        })
    }

    /// The schema itself.
    pub(super) fn schema(&self) -> &Valid<Schema> {
        &self.schema
    }

    /// Judges a document that the guard has let through.
    ///
    /// # Errors
    ///
    /// When it is not valid, or when its answer would be too much.
    pub(super) fn judge(&self, text: &str) -> Result<(), Fault> {
        let parsed = self.parser.clone().parse_ast(text, "");
        let document =
            parsed.map_err(|WithErrors { errors, .. }| fault(Code::ParseFailed, &errors))?;
        self.validate(&document)
    }

    fn validate(&self, document: &Document) -> Result<(), Fault> {
        let validated = document.to_executable_validate(&self.schema);
        let document = validated
            .map_err(|WithErrors { errors, .. }| fault(Code::ValidationFailed, &errors))?;
        inputs::check(&self.schema, &document)?;
        cost::check(&document, &self.limits)
    }
}

/// This parser's lexer counts spaces and comments among its tokens.
const PARSER_TOKENS_PER_TOKEN: usize = 4;

/// This parser descends through several functions for one bracket, and counts some of them.
const PARSER_LEVELS_PER_BRACKET: usize = 4;

fn fault(code: Code, errors: &DiagnosticList) -> Fault {
    let errors = errors.iter().map(|diagnostic| {
        let error = diagnostic.to_json();
        let mut message = error.message;
        message.truncate(message.floor_char_boundary(MESSAGE_MAX_BYTES));
        let mut shown = ServerError::new(message, None);
        shown.locations = error
            .locations
            .into_iter()
            .map(|at| Pos::from((at.line, at.column)))
            .collect();
        shown
    });
    Fault::of_errors(code, errors)
}

#[cfg(test)]
mod tests;
