//! Parsed documents, kept for the next request with the same text.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::parser::{
    parse_query,
    types::{DocumentOperations, ExecutableDocument, OperationDefinition},
};
use sha2::{Digest, Sha256};

use super::{
    fault::{Code, Fault},
    guard::{self, Weight},
    limits::{DocumentLimits, TransportLimits},
    scan,
};

/// A document that parses and keeps within the limits.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) parsed: ExecutableDocument,
    pub(super) weight: Weight,
    bytes: usize,
}

impl Document {
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

/// The cache. What is refused is not kept, so that junk can't push out what is used.
pub(super) struct Documents {
    limits: DocumentLimits,
    kept: Mutex<Generations>,
}

impl Documents {
    pub(super) fn new(limits: &TransportLimits) -> Self {
        Self {
            limits: limits.document.clone(),
            kept: Mutex::new(Generations {
                max_documents: limits.cached_documents,
                max_bytes: limits.cached_bytes,
                young: Generation::default(),
                old: Generation::default(),
            }),
        }
    }

    /// The document of a text, parsed and weighed now or before.
    pub(super) fn get(&self, text: &str) -> Result<Arc<Document>, Fault> {
        if text.len() > self.limits.bytes {
            return Err(Fault::too_complex("bytes", self.limits.bytes));
        }
        let hash: Hash = Sha256::digest(text.as_bytes()).into();
        if let Some(document) = self.kept().get(&hash) {
            return Ok(document);
        }
        let document = Arc::new(self.parse(text)?);
        self.kept().insert(hash, Arc::clone(&document));
        Ok(document)
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
        Ok(Document {
            parsed,
            weight,
            bytes: text.len(),
        })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Hash = [u8; 32];

/// Two generations: what was used since the last turn, and what was used in the one before. When
/// the young one is half of the bound the old one is dropped, which costs nothing per use.
struct Generations {
    max_documents: usize,
    max_bytes: usize,
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    documents: HashMap<Hash, Arc<Document>>,
    bytes: usize,
}

impl Generations {
    fn get(&mut self, hash: &Hash) -> Option<Arc<Document>> {
        if let Some(document) = self.young.documents.get(hash) {
            return Some(Arc::clone(document));
        }
        let document = self.old.documents.remove(hash)?;
        self.old.bytes -= document.bytes;
        self.insert(*hash, Arc::clone(&document));
        Some(document)
    }

    fn insert(&mut self, hash: Hash, document: Arc<Document>) {
        if document.bytes > self.max_bytes / 2 || self.max_documents < 2 {
            return;
        }
        let full = self.young.documents.len() + 1 > self.max_documents / 2
            || self.young.bytes + document.bytes > self.max_bytes / 2;
        if full {
            self.old = std::mem::take(&mut self.young);
        }
        let bytes = document.bytes;
        if self.young.documents.insert(hash, document).is_none() {
            self.young.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::types::OperationType;

    use super::*;

    fn documents(cached_documents: usize) -> Documents {
        Documents::new(&TransportLimits {
            cached_documents,
            ..TransportLimits::default()
        })
    }

    #[test]
    fn a_text_is_parsed_once() {
        let documents = documents(8);
        let first = documents.get("{ a }").unwrap();
        assert!(Arc::ptr_eq(&first, &documents.get("{ a }").unwrap()));
    }

    #[test]
    fn what_is_used_stays_while_others_come_and_go() {
        let documents = documents(8);
        let kept = documents.get("{ kept }").unwrap();
        for n in 0..100 {
            documents.get(&format!("{{ field{n} }}")).unwrap();
            assert!(Arc::ptr_eq(&kept, &documents.get("{ kept }").unwrap()));
            let generations = documents.kept();
            let held = generations.young.documents.len() + generations.old.documents.len();
            assert!(held <= 8);
        }
    }

    #[test]
    fn the_cache_is_bounded_in_bytes() {
        let documents = Documents::new(&TransportLimits {
            cached_bytes: 100,
            ..TransportLimits::default()
        });
        for n in 0..100 {
            documents.get(&format!("{{ field{n} }}")).unwrap();
            let generations = documents.kept();
            assert!(generations.young.bytes + generations.old.bytes <= 100);
        }
    }

    #[test]
    fn deep_texts_are_refused_before_they_are_parsed() {
        let documents = documents(8);
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
        let documents = documents(8);
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
