//! What is known of documents, kept for the next request with the same text: those that may run,
//! and why others may not.

use std::sync::Arc;

use apollo_compiler::Schema;
use async_graphql::parser::{
    parse_query,
    types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};
use sha2::{Digest, Sha256};

use super::{
    cache::{Cache, Hash},
    fault::{Code, Fault},
    guard::{self, Weight},
    limits::{DocumentLimits, TransportLimits},
    scan,
    validation::Rules,
};

/// A document that parses, keeps within the limits, and is valid.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) parsed: ExecutableDocument,
    pub(super) weight: Weight,
}

/// About what a parsed selection takes, in bytes, and a parsed value.
const SELECTION_BYTES: usize = 256;
const VALUE_BYTES: usize = 64;

impl Document {
    /// About what the parsed document takes, which may be a hundred times its text.
    fn parsed_bytes(&self) -> usize {
        let selections = self.weight.selections.saturating_mul(SELECTION_BYTES);
        selections.saturating_add(self.weight.values.saturating_mul(VALUE_BYTES))
    }

    /// The operation that is meant: <https://spec.graphql.org/October2021/#GetOperation()>.
    pub(super) fn operation(&self, name: Option<&str>) -> Result<&OperationDefinition, Fault> {
        let operation = match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), None) => Some(operation),
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
            (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => {
                operations.values().next()
            }
            _ => None,
        };
        operation.map(|operation| &operation.node).ok_or_else(|| {
            let message = match name {
                Some(name) => format!("The document has no operation named \"{name}\"."),
                None => "The document has several operations; name one.".to_owned(),
            };
            Fault::new(Code::OperationNotFound, message)
        })
    }
}

/// The caches: junk has one of its own, so that it can't push out what is used.
pub(super) struct Documents {
    limits: DocumentLimits,
    rules: Rules,
    valid: Cache<Arc<Document>>,
    refused: Cache<Fault>,
}

/// How much smaller the cache of refusals is than that of documents.
const REFUSED_SHARE: usize = 8;

impl Documents {
    pub(super) fn new(rules: Rules, limits: &TransportLimits) -> Self {
        let (documents, bytes) = (limits.cached_documents, limits.cached_bytes);
        Self {
            limits: limits.document.clone(),
            rules,
            valid: Cache::new(documents, bytes),
            refused: Cache::new(documents / REFUSED_SHARE, bytes / REFUSED_SHARE),
        }
    }

    /// The schema that documents are held against.
    pub(super) fn schema(&self) -> &Schema {
        self.rules.schema()
    }

    /// The document of a text: parsed, weighed and validated now or before.
    pub(super) fn get(&self, text: &str) -> Result<Arc<Document>, Fault> {
        if text.len() > self.limits.bytes {
            return Err(Fault::too_complex("bytes", self.limits.bytes));
        }
        let hash: Hash = Sha256::digest(text.as_bytes()).into();
        if let Some(document) = self.valid.get(&hash) {
            return Ok(document);
        }
        if let Some(fault) = self.refused.get(&hash) {
            return Err(fault);
        }
        match self.parse(text) {
            Ok(document) => {
                let document = Arc::new(document);
                let bytes = text.len() + document.parsed_bytes();
                self.valid.insert(hash, Arc::clone(&document), bytes);
                Ok(document)
            }
            Err(fault) => {
                self.refused.insert(hash, fault.clone(), fault.bytes());
                Err(fault)
            }
        }
    }

    fn parse(&self, text: &str) -> Result<Document, Fault> {
        let scan = scan::document(text);
        if scan.nesting > self.limits.nesting {
            return Err(Fault::too_complex("nesting", self.limits.nesting));
        }
        if scan.tokens > self.limits.tokens {
            return Err(Fault::too_complex("tokens", self.limits.tokens));
        }
        let parsed = parse_query(text)?;
        let weight = guard::weigh(&parsed, &self.limits)?;
        self.rules.judge(text)?;
        Ok(Document { parsed, weight })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::types::OperationType;

    use super::*;

    fn documents() -> Documents {
        let limits = TransportLimits::default();
        let sdl =
            "type Query { a: Int b: Int } type Mutation { a: Int } type Subscription { b: Int }";
        Documents::new(Rules::new(sdl, &limits.document).unwrap(), &limits)
    }

    #[test]
    fn a_text_is_parsed_and_validated_once() {
        let documents = documents();
        let first = documents.get("{ a }").unwrap();
        assert!(Arc::ptr_eq(&first, &documents.get("{ a }").unwrap()));
    }

    #[test]
    fn a_refusal_is_remembered_whole() {
        let documents = documents();
        for text in ["{ nothing }", "{", "{ ...A } fragment A on Query { ...A }"] {
            let [first, again] = [(); 2].map(|()| documents.get(text).unwrap_err());
            assert_eq!(first.code, again.code);
            assert_eq!(first.into_errors(), again.into_errors());
            let hash: Hash = Sha256::digest(text.as_bytes()).into();
            assert!(documents.refused.get(&hash).is_some(), "{text}");
            assert!(documents.valid.get(&hash).is_none(), "{text}");
        }
    }

    #[test]
    fn deep_texts_are_refused_before_they_are_parsed() {
        let documents = documents();
        for text in ["{a".repeat(10_000), format!("{{a(x:{}", "[".repeat(20_000))] {
            let fault = documents.get(&text).unwrap_err();
            assert_eq!(fault.code, Code::DocumentTooComplex);
        }
        let fault = documents
            .get(&format!("{{{}}}", "a ".repeat(20_000)))
            .unwrap_err();
        assert_eq!(fault.code, Code::DocumentTooComplex);
    }

    #[test]
    fn the_operation_is_found_as_the_specification_says() {
        let documents = documents();
        let kind = |text: &str, name| {
            let document = documents.get(text).unwrap();
            document.operation(name).map(|operation| operation.ty).ok()
        };
        let one = "mutation A { a }";
        assert_eq!(kind(one, None), Some(OperationType::Mutation));
        assert_eq!(kind(one, Some("A")), Some(OperationType::Mutation));
        assert_eq!(kind(one, Some("B")), None);
        let two = "query A { a } subscription B { b }";
        assert_eq!(kind(two, Some("B")), Some(OperationType::Subscription));
        assert_eq!(kind(two, None), None);
        assert_eq!(kind("{ a }", Some("A")), None);
    }
}
