//! What an operator can bound.

use std::time::Duration;

use super::Reader;

/// Bounds on clients of the API, each on by default.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `SPACEPORT_API_MAX_CONNECTIONS`: connections open at once.
    pub connections: usize,
    /// `SPACEPORT_API_MAX_CONNECTIONS_PER_ADDRESS`: those from one address.
    pub connections_per_address: usize,
    /// `SPACEPORT_API_HEADER_SECONDS`: for a request's head to arrive, and between requests.
    pub header: Duration,
    /// `SPACEPORT_API_BODY_SECONDS`: for a request's body to arrive.
    pub body: Duration,
    /// `SPACEPORT_API_SEND_SECONDS`: how long a client may leave unread what it was sent.
    pub send: Duration,
    /// `SPACEPORT_API_EXECUTION_SECONDS`: for an operation to be answered.
    pub execution: Duration,
    /// `SPACEPORT_GRAPHQL_BODY_KIB`: the longest request, in KiB.
    pub body_kib: usize,
    /// `SPACEPORT_GRAPHQL_DEPTH`: fields within fields.
    pub depth: usize,
    /// `SPACEPORT_GRAPHQL_LIST_NESTING`: lists within lists.
    pub list_nesting: usize,
    /// `SPACEPORT_GRAPHQL_COMPLEXITY`: fields of the whole answer, as it is estimated.
    pub complexity: usize,
    /// `SPACEPORT_GRAPHQL_BATCH_OPERATIONS`: operations in one request; 0 refuses batches.
    pub batch_operations: usize,
    /// `SPACEPORT_GRAPHQL_CONNECTION_OPERATIONS`: operations at once on one WebSocket.
    pub connection_operations: usize,
}

/// More is a mistake in any of them.
const COUNT_MAX: usize = 1_000_000_000;

impl Limits {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let connections = reader.count("api_max_connections", 1, 10_000);
        // One client must not be able to keep all others out.
        let per_address = (connections / 4).max(1);
        Self {
            connections,
            connections_per_address: reader.count(
                "api_max_connections_per_address",
                1,
                per_address,
            ),
            header: reader.seconds("api_header_seconds", Duration::from_secs(30)),
            body: reader.seconds("api_body_seconds", Duration::from_secs(10)),
            send: reader.seconds("api_send_seconds", Duration::from_secs(30)),
            execution: reader.seconds("api_execution_seconds", Duration::from_secs(30)),
            body_kib: reader.count("graphql_body_kib", 1, 1024),
            depth: reader.count("graphql_depth", 1, 20),
            list_nesting: reader.count("graphql_list_nesting", 1, 4),
            complexity: reader.count("graphql_complexity", 1, 100_000),
            batch_operations: reader.count("graphql_batch_operations", 0, 0),
            connection_operations: reader.count("graphql_connection_operations", 1, 100),
        }
    }
}

impl Reader {
    fn count(&mut self, key: &str, min: usize, default: usize) -> usize {
        let count = self.parse(key, default, "a number");
        if !(min..=COUNT_MAX).contains(&count) {
            self.mistake(key, &format!("must be from {min} to {COUNT_MAX}"));
        }
        count
    }
}
