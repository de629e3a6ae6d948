//! The bounds on what visitors and spaces may take: every one is a setting with its unit.
//!
//! What the kernel bounds for each process, open files, is looked at when the edge starts
//! ([`crate::files`]).

use std::time::Duration;

use super::{Reader, at_least_one, count_from, kib_from, seconds, some_seconds};

/// The bound on a head's fields that hyper has by itself over HTTP/1.1.
const HYPER_HEADER_FIELDS: usize = 100;

/// Every bound. Each field names its setting without the prefix `SPACEPORT_EDGE_`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `MAX_CONNECTIONS`: visitors' connections open at once, over all workers. When it is
    /// reached, newcomers wait in the kernel's queue.
    pub max_connections: usize,
    /// `MAX_CONNECTIONS_PER_ADDRESS`: those from one address, or from one /64 network of IPv6; a
    /// quarter of all by default. More are closed at once.
    pub max_connections_per_address: usize,
    /// `MAX_HANDSHAKES`: TLS handshakes under way at once, over all workers; behind them newcomers
    /// wait. One address may have a quarter of them.
    pub max_handshakes: usize,
    /// `BACKLOG_CONNECTIONS`: connections that wait in the kernel until a worker takes them.
    pub backlog: u32,
    /// `HANDSHAKE_SECONDS`: for a TLS handshake.
    pub handshake: Duration,
    /// `HEADER_SECONDS`: for a request's head to arrive. An HTTP/1.1 connection without requests
    /// is closed after the same time.
    pub header: Duration,
    /// `HEADER_FIELDS`: fields in one head.
    pub header_fields: usize,
    /// `HEADER_KIB`: the size of one head in bytes, the target included.
    pub header_bytes: u32,
    /// `BODY_SECONDS`: in each such time, until the response begins, [`Self::body_bytes`] of a
    /// request's body must arrive, or its end. gRPC calls and files may pause.
    pub body: Duration,
    /// `BODY_BYTES`: see [`Self::body`].
    pub body_bytes: u64,
    /// `IDLE_SECONDS`: how long an HTTP/2 connection may stay without requests.
    pub idle: Duration,
    /// `SEND_SECONDS`: how long a visitor, or a space, may leave unread what it was sent.
    pub send: Duration,
    /// `KEEPALIVE_SECONDS`: the silence after which the kernel asks whether the other side of a
    /// connection is still there.
    pub keepalive: Duration,
    /// `CONNECT_SECONDS`: for a connection into a space to be made.
    pub connect: Duration,
    /// `RESPONSE_SECONDS`: between the last byte of a request and its response's head.
    pub response: Duration,
    /// `FILES_SECONDS`: the same for files, of which one request may read or remove very many.
    pub files: Duration,
    /// `BUFFER_KIB`: the largest buffer of one direction of an HTTP/1.1 connection, in bytes. It
    /// begins small and grows while bodies flow.
    pub buffer_bytes: usize,
    /// On one HTTP/2 connection.
    pub http2: Http2Limits,
    /// On connections into spaces.
    pub upstream: UpstreamLimits,
    /// On WebSockets and forwarded connections.
    pub switch: SwitchLimits,
}

/// Bounds on one HTTP/2 connection (RFC 9113).
#[derive(Clone, Copy, Debug)]
pub struct Http2Limits {
    /// `HTTP2_STREAMS`: requests at once.
    pub streams: u32,
    /// `HTTP2_PENDING_RESETS`: requests that were reset before they were taken up, until the
    /// connection is ended: the defence against rapid resets (CVE-2023-44487).
    pub pending_resets: usize,
    /// `HTTP2_LOCAL_RESETS`: resets of our own making, caused by a client's faults, until the
    /// connection is ended.
    pub local_resets: usize,
    /// `HTTP2_STREAM_WINDOW_KIB`: bytes a client may send on one stream before they are read.
    pub stream_window_bytes: u32,
    /// `HTTP2_CONNECTION_WINDOW_KIB`: bytes a client may send on all streams before they are read. It
    /// is that of many streams, so that ports of which nobody reads don't keep others from sending.
    pub connection_window_bytes: u32,
    /// `HTTP2_SEND_BUFFER_KIB`: bytes that wait on one stream for a slow client.
    pub send_buffer_bytes: usize,
    /// `HTTP2_PING_SECONDS`: how often a client is asked whether it is there.
    pub ping: Duration,
    /// `HTTP2_PING_TIMEOUT_SECONDS`: how long its answer may take.
    pub ping_timeout: Duration,
}

/// Bounds on connections into spaces; those that name nothing else are for one port of one space
/// and one worker.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamLimits {
    /// `UPSTREAM_MAX_CONNECTIONS`: open at once, over all spaces and workers, idle ones and
    /// WebSockets included.
    pub all: usize,
    /// `UPSTREAM_MAX_CONNECTIONS_PER_SPACE`: those into one space, over its ports and all workers;
    /// `None`: a quarter of what there is room for.
    pub per_space: Option<usize>,
    /// `UPSTREAM_CONNECTIONS`: open at once, those in use and WebSockets included.
    pub connections: usize,
    /// `UPSTREAM_IDLE_CONNECTIONS`: kept for later requests.
    pub idle_connections: usize,
    /// `UPSTREAM_IDLE_SECONDS`: how long one is kept. Many servers close theirs after a minute or
    /// more; those that close earlier are noticed.
    pub idle: Duration,
    /// `UPSTREAM_FRESH_SECONDS`: how long one may have been idle for a request that can't be
    /// repeated, should the server close it just then: less than after what common servers do.
    pub fresh: Duration,
}

/// Bounds on what requests become: WebSockets, and connections to ports. They may be silent for as
/// long as both sides are there, which [`Limits::keepalive`] finds out.
#[derive(Clone, Copy, Debug)]
pub struct SwitchLimits {
    /// `WEBSOCKET_SWITCH_SECONDS`: for both sides to become streams once they have agreed.
    pub switch: Duration,
    /// `WEBSOCKET_HALF_OPEN_SECONDS`: how long one side may go on after the other has ended: a
    /// WebSocket ends by a message, so that whoever still sends then has nothing to say.
    pub half_open: Duration,
    /// `WEBSOCKET_PING_SECONDS`: how often a browser at a terminal or a desktop is sent a ping, for
    /// those in between who end silent connections.
    pub ping: Duration,
    /// `FORWARD_HALF_OPEN_SECONDS`: how long one side of a connection to a port may go on after the
    /// other has ended.
    pub forward_half_open: Duration,
}

impl Limits {
    /// [`Self::header_fields`], unless hyper keeps to it by itself over HTTP/1.1: with a bound of
    /// somebody else's it takes more time for every head.
    pub fn header_fields_beside_default(&self) -> Option<usize> {
        (self.header_fields != HYPER_HEADER_FIELDS).then_some(self.header_fields)
    }

    pub(super) fn read(read: &mut Reader<'_>) -> Self {
        let max_connections = read.or("EDGE_MAX_CONNECTIONS", "20000", at_least_one).get();
        let share = max_connections.div_ceil(4).to_string();
        Self {
            max_connections,
            max_connections_per_address: read
                .or("EDGE_MAX_CONNECTIONS_PER_ADDRESS", &share, at_least_one)
                .get(),
            max_handshakes: read.or("EDGE_MAX_HANDSHAKES", "1000", at_least_one).get(),
            backlog: read.or("EDGE_BACKLOG_CONNECTIONS", "1024", count_from(1)),
            handshake: read.or("EDGE_HANDSHAKE_SECONDS", "10", some_seconds),
            header: read.or("EDGE_HEADER_SECONDS", "30", some_seconds),
            header_fields: read.or("EDGE_HEADER_FIELDS", "100", count_from(1)),
            header_bytes: read.or("EDGE_HEADER_KIB", "64", kib_from(1)),
            body: read.or("EDGE_BODY_SECONDS", "30", some_seconds),
            body_bytes: read.or("EDGE_BODY_BYTES", "1024", count_from(1)),
            idle: read.or("EDGE_IDLE_SECONDS", "120", some_seconds),
            send: read.or("EDGE_SEND_SECONDS", "60", some_seconds),
            keepalive: read.or("EDGE_KEEPALIVE_SECONDS", "60", some_seconds),
            connect: read.or("EDGE_CONNECT_SECONDS", "5", some_seconds),
            response: read.or("EDGE_RESPONSE_SECONDS", "60", some_seconds),
            files: read.or("EDGE_FILES_SECONDS", "3600", some_seconds),
            // hyper takes no smaller one.
            buffer_bytes: read.or("EDGE_BUFFER_KIB", "256", kib_from(8)),
            http2: Http2Limits::read(read),
            upstream: UpstreamLimits {
                all: read.or("EDGE_UPSTREAM_MAX_CONNECTIONS", "20000", count_from(1)),
                per_space: read.maybe("EDGE_UPSTREAM_MAX_CONNECTIONS_PER_SPACE", count_from(1)),
                connections: read.or("EDGE_UPSTREAM_CONNECTIONS", "2048", count_from(1)),
                idle_connections: read.or("EDGE_UPSTREAM_IDLE_CONNECTIONS", "64", count_from(1)),
                idle: read.or("EDGE_UPSTREAM_IDLE_SECONDS", "30", some_seconds),
                fresh: read.or("EDGE_UPSTREAM_FRESH_SECONDS", "1", seconds),
            },
            switch: SwitchLimits {
                switch: read.or("EDGE_WEBSOCKET_SWITCH_SECONDS", "10", some_seconds),
                half_open: read.or("EDGE_WEBSOCKET_HALF_OPEN_SECONDS", "30", some_seconds),
                ping: read.or("EDGE_WEBSOCKET_PING_SECONDS", "30", some_seconds),
                forward_half_open: read.or("EDGE_FORWARD_HALF_OPEN_SECONDS", "3600", some_seconds),
            },
        }
    }
}

impl Http2Limits {
    fn read(read: &mut Reader<'_>) -> Self {
        Self {
            streams: read.or("EDGE_HTTP2_STREAMS", "100", count_from(1)),
            pending_resets: read.or("EDGE_HTTP2_PENDING_RESETS", "20", count_from(1)),
            local_resets: read.or("EDGE_HTTP2_LOCAL_RESETS", "1024", count_from(1)),
            stream_window_bytes: read.or("EDGE_HTTP2_STREAM_WINDOW_KIB", "256", kib_from(1)),
            // RFC 9113 §6.9.2: a connection begins with 64 KiB, and only a stream's can be smaller.
            connection_window_bytes: read.or(
                "EDGE_HTTP2_CONNECTION_WINDOW_KIB",
                "4096",
                kib_from(64),
            ),
            send_buffer_bytes: read.or("EDGE_HTTP2_SEND_BUFFER_KIB", "64", kib_from(1)),
            ping: read.or("EDGE_HTTP2_PING_SECONDS", "30", some_seconds),
            ping_timeout: read.or("EDGE_HTTP2_PING_TIMEOUT_SECONDS", "20", some_seconds),
        }
    }
}
