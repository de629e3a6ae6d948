//! SSH, as OpenSSH's own programs speak it.

mod entry;
mod flow;
mod forwarding;
mod programs;
mod sharing;
mod town;
mod transfers;
