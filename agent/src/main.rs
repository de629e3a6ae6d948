//! `spaceport-agent`: process 1 of every space, and what the edge speaks with there.
//!
//! One program in several roles. Without arguments it is the agent. With [`launch::ROLE`] it is a
//! process that the agent started a moment ago: it becomes the user, and then the program it was
//! started for. So everything that happens between two system calls of a start is ordinary code of
//! one thread.
//!
//! ```text
//! space ──▶ command, apps                    what runs without anybody asking
//!   └────▶ server ──▶ exec, dial, …          what the edge asks for, each in a file of its name
//!                └──▶ launch ──▶ children    how programs start, and how they end
//! ```
//!
//! Everything of the agent runs in one thread, so its state needs no locks.

mod account;
mod activity;
mod ahead;
mod apps;
mod children;
mod command;
mod descriptor;
mod dial;
mod environment;
mod exec;
mod files;
mod launch;
mod listen;
mod pty;
mod relay;
mod server;
mod sftp;
mod signal;
mod space;
mod terminal;
mod user_service;
mod wire;

use std::{env, ffi::OsStr, process::ExitCode};

fn main() -> ExitCode {
    let role = env::args_os().nth(1);
    match role.as_deref().map(OsStr::as_encoded_bytes) {
        None => space::run(),
        Some(role) if role == launch::ROLE.as_bytes() => launch::role::run(),
        Some(_) => {
            eprintln!("spaceport-agent takes no arguments: it is started by Spaceport in a space");
            ExitCode::from(2)
        }
    }
}
