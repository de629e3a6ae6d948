//! The bounds on HTTP that are no settings.

use std::time::Duration;

/// Fields in one head.
pub const HEADERS_MAX: usize = 100;
/// Bytes in one head, the target included.
pub const HEAD_BYTES_MAX: u32 = 64 << 10;
/// The largest buffer of one direction of an HTTP/1.1 connection. It begins at 8 KiB and grows
/// while bodies flow.
pub const BUFFER_BYTES_MAX: usize = 256 << 10;

/// Requests at once on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 100;
/// Requests that were reset before they were taken up, until the connection is ended: the defence
/// against rapid resets (CVE-2023-44487).
pub const PENDING_RESETS_MAX: usize = 20;
/// Resets of our own making, caused by a client's faults, until the connection is ended.
pub const LOCAL_RESETS_MAX: usize = 1024;
/// What a client may send on one stream before it is read.
pub const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// What a client may send on all streams of a connection before it is read.
pub const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// What waits on one stream for a slow client.
pub const SEND_BUFFER_BYTES: usize = 64 << 10;
/// How often a silent HTTP/2 client is asked whether it is there, and how long it may take.
pub const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long the answer to a ping may take.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
