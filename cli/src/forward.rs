//! Ports of a space on this machine: many TCP connections over one HTTP/2 connection to the edge.
//!
//! Each is an extended `CONNECT` (RFC 8441) to the host of its port, with that host's ticket.

pub mod link;
pub mod ports;
