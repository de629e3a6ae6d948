//! The real agent, run on this machine instead of in a space, asked as the edge asks it.

mod agent;
mod exec;
mod files;
mod listen;
mod services;
mod sftp;
mod terminals;
