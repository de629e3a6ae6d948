//! The command line, run as a person or a script runs it.

mod corruption;
mod files;
mod forwarding;
mod mistakes;
mod programs;
mod sign_in;
mod spaces;
mod things;
