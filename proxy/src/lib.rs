//! The edge of Spaceport: the process that faces the internet.
//!
//! It carries every byte into a space and changes nothing: it has no database and no engine, only
//! a table of routes that the control plane feeds and that goes on serving without it.
//!
//! | module | holds |
//! |---|---|
//! | [`edge`] | the whole, started and shut down |
//! | [`settings`] | what the operator decides |
//! | [`sockets`], [`files`] | what the kernel is asked for |
//! | [`listener`] | visitors' connections, and who is let in |
//! | [`drain`], [`takeover`] | how an edge ends, and how its successor gets the sockets |
//! | [`tls`], [`certs`] | encryption, and the certificates shown |
//! | [`http`] | one request: checks, routing, forwarding, bodies, the access log |
//! | [`gate`] | who enters an app: tickets, cookies, pages of other origins |
//! | [`live`] | what is open, and ends when it may not go on |
//! | [`headers`] | which fields pass, and for whom a request is |
//! | [`upgrade`], [`grpc`] | WebSockets and forwarded ports, and what is special about gRPC |
//! | [`terminal`] | terminals, and programs that are run in a space |
//! | [`desktop`] | the desktop of a space |
//! | [`page`], [`websocket`] | pages of the edge's own, and WebSockets that it speaks itself |
//! | [`ssh`] | SSH: who signs in, channels, forwarding |
//! | [`upstream`], [`guard`] | connections into spaces, and where none is made |
//! | [`reply`] | answers of the edge's own |
//! | [`api`] | questions to the control plane |
//! | [`routes`] | the table, the feed that fills it, its copy on disk |
//! | [`metrics`], [`status`] | what is counted, and how it is asked for |
//! | [`log`] | where the log goes |

pub mod api;
pub mod certs;
pub mod desktop;
pub mod drain;
pub mod edge;
pub mod files;
pub mod gate;
pub mod grpc;
pub mod guard;
pub mod headers;
pub mod http;
pub mod listener;
pub mod live;
pub mod log;
pub mod metrics;
pub mod page;
pub mod reply;
pub mod routes;
pub mod settings;
pub mod sockets;
pub mod ssh;
pub mod status;
pub mod takeover;
pub mod terminal;
pub mod tls;
pub mod upgrade;
pub mod upstream;
pub mod websocket;

pub use edge::{Edge, StartError};
pub use settings::Settings;
