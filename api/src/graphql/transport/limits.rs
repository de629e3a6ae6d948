//! Every bound of the transport, with its default and its unit.

use std::time::Duration;

/// The bounds of the GraphQL endpoint. Each is on by default.
#[derive(Clone, Debug)]
pub struct TransportLimits {
    /// Longest body of a request, in bytes. Longer ones get 413.
    pub body_bytes: usize,
    /// Longest time a body may take to arrive.
    pub body_timeout: Duration,
    /// Longest time a query may take; a mutation is given up on too, but goes on to its end.
    pub execution_timeout: Duration,
    /// Operations in one batch. Zero refuses batches altogether.
    pub batch_operations: usize,
    /// Brackets open at once in a JSON request. At most 120, because the JSON parser stops at 128.
    pub json_depth: usize,
    /// What a GraphQL document may ask for.
    pub document: DocumentLimits,
    /// Parsed documents kept for the next request with the same text.
    pub cached_documents: usize,
    /// Sum of the sizes of the texts of the kept documents, in bytes.
    pub cached_bytes: usize,
    /// Connections open at once that last: each is a WebSocket or an event stream.
    pub connections: usize,
    /// What one WebSocket or event stream may use.
    pub connection: ConnectionLimits,
}

/// The bounds of one GraphQL document. Counts are of the document with its fragments written out, as
/// validation and execution see it. All but the last two are checked before the document is
/// validated.
#[derive(Clone, Debug)]
pub struct DocumentLimits {
    /// Length of the text, in bytes.
    pub bytes: usize,
    /// Names, numbers, strings and punctuators in the text.
    pub tokens: usize,
    /// Brackets of any kind open at once in the text, which is what the parser recurses on.
    pub nesting: usize,
    /// Fields above a leaf, the leaf included. The standard introspection query needs 15.
    pub depth: usize,
    /// Fragments spread within fragments.
    pub fragment_depth: usize,
    /// Fields, spreads and inline fragments.
    pub selections: usize,
    /// Fields of the operation itself.
    pub root_fields: usize,
    /// Fields under another name.
    pub aliases: usize,
    /// Directives, on anything.
    pub directives: usize,
    /// Arguments, and the elements of their lists and objects.
    pub values: usize,
    /// Sum of the sizes of all variables times the uses of variables, in bytes: each use copies.
    pub variable_bytes: usize,
    /// Lists around a field. The standard introspection query needs 3.
    pub list_nesting: usize,
    /// Fields of the whole answer, with lists of assumed lengths.
    pub complexity: usize,
    /// Fields whose lists are no pages and may be as long as one. Of other lists that are no pages
    /// a few elements are assumed.
    pub long_lists: &'static [&'static str],
}

/// The bounds of one WebSocket or event stream.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Longest time between the upgrade and `connection_init`.
    pub init_timeout: Duration,
    /// Operations running at once on one WebSocket.
    pub operations: usize,
    /// Longest message from the client, in bytes.
    pub message_bytes: usize,
    /// Time between the pings of the server, and between keep-alive comments of an event stream.
    pub ping_interval: Duration,
    /// Longest silence of a client, whose answers to pings count, before it is taken for gone.
    pub idle_timeout: Duration,
    /// Longest time a client may take to accept one message before it is cut off.
    pub write_timeout: Duration,
    /// Longest time a client may take to answer a close.
    pub close_timeout: Duration,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            body_timeout: Duration::from_secs(10),
            execution_timeout: Duration::from_secs(30),
            batch_operations: 0,
            json_depth: 64,
            document: DocumentLimits::default(),
            cached_documents: 1024,
            cached_bytes: 8 * 1024 * 1024,
            connections: 10_000,
            connection: ConnectionLimits::default(),
        }
    }
}

impl Default for DocumentLimits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            tokens: 10_000,
            nesting: 40,
            depth: 20,
            fragment_depth: 16,
            selections: 2_000,
            root_fields: 50,
            aliases: 100,
            directives: 100,
            values: 10_000,
            variable_bytes: 16 * 1024 * 1024,
            list_nesting: 4,
            complexity: 100_000,
            long_lists: &[],
        }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(3),
            operations: 100,
            message_bytes: 256 * 1024,
            ping_interval: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(2),
        }
    }
}
