//! The rules of Spaceport, as pure functions and types.
//!
//! Nothing here does IO, reads a clock or draws a random number: time and identity come in as
//! parameters. Every rule is therefore tested beside itself, without a server, a database or an
//! engine.
//!
//! | module | holds |
//! |---|---|
//! | [`id`] | typed identifiers and their public spelling |
//! | [`name`], [`hostname`] | what a name may look like, and the hostnames made of names |
//! | [`time`] | instants in milliseconds |
//! | [`template`] | the blueprint of a space, its validation and its variables |
//! | [`lifecycle`] | the states of a space, what may be asked of it, and the next step |
//! | [`quota`] | limits, usage and the check between them |
//! | [`rate`], [`places`] | how often something may be tried, and how many connections a client may have |
//! | [`access`] | permissions, features, and what an actor may see and do |
//! | [`scope`] | what a token may be used for |
//! | [`app`] | what of a space is opened in a browser |
//! | [`destination`] | where a browser that wants into an app is sent |
//! | [`ticket`] | the proof with which a browser enters an app |
//! | [`space`], [`share`], [`tunnel`], [`event`] | what a space, a share and a tunnel are, and what is told of their changes |
//! | [`agent`] | what the edge and the program inside a space say to each other |
//! | [`route`] | what the edge must know to reach a space |
//! | [`spelling`] | bytes in hexadecimal and in URLs, text in pages |
//! | [`forwarding`] | whom a request is from, when proxies stand in between |
//! | [`problem`] | the codes of everything a caller can get wrong |

pub mod access;
pub mod agent;
pub mod app;
pub mod destination;
pub mod event;
pub mod forwarding;
pub mod hostname;
pub mod id;
pub mod lifecycle;
pub mod name;
pub mod places;
pub mod problem;
pub mod quota;
pub mod rate;
pub mod route;
pub mod scope;
pub mod share;
pub mod space;
pub mod spelling;
pub mod template;
pub mod ticket;
pub mod time;
pub mod tunnel;
