//! The user's browser.

use std::{
    env,
    process::{Command, Stdio},
};

/// Whether there is likely one: somebody sits in front of a desktop, or said which to use.
pub fn is_there() -> bool {
    cfg!(target_os = "macos")
        || ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| env::var_os(name).is_some_and(|it| !it.is_empty()))
}

/// Opens `url`; says whether somebody took it.
pub fn open(url: &str) -> bool {
    let of_platform = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let wanted = env::var("BROWSER").ok().filter(|it| !it.is_empty());
    let programs = wanted.iter().map(String::as_str).chain([of_platform]);
    for program in programs {
        let started = Command::new(program)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if started.is_ok() {
            return true;
        }
    }
    false
}
