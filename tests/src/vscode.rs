//! A stand-in for the program of Visual Studio Code's tunnel. It says what `code tunnel` says, word
//! for word, but asks nobody: files in its user's home say how far it goes.

use crate::{Home, Image};

/// Where images have the program.
pub const PROGRAM: &str = "/usr/lib/spaceport/apps/vscode";
/// Once this file is there, it asks to be signed in.
pub const ASK: &str = "/home/dev/ask";
/// Once this file is there, somebody has signed in.
pub const SIGNED_IN: &str = "/home/dev/signed-in";
/// Once this file is there, it fails, and begins anew without any of the three.
pub const BREAK: &str = "/home/dev/break";
/// Where it asks to be signed in.
pub const LOGIN_URL: &str = "https://github.com/login/device";
/// The code that it asks for.
pub const LOGIN_CODE: &str = "17AC-E3AE";
/// What it calls its tunnel.
pub const NAME: &str = "lab";
/// Where that is opened.
pub const URL: &str = "https://vscode.dev/tunnel/lab/home/dev";

/// The program: a script for any shell.
pub const SCRIPT: &str = r"#!/bin/sh
cd /home/dev
say() { echo [$(date '+%Y-%m-%d %H:%M:%S')] $*; }
wait_for() {
    until [ -e $1 ]; do
        [ -e break ] && rm -f ask signed-in break && say error no route to the relay && exit 1
        sleep 0.05
    done
}
printf '*\r\n* Visual Studio Code Server\r\n*\r\n* By using the software, you agree to\r\n'
printf '* the Visual Studio Code Server License Terms (https://aka.ms/vscode-server-license) and\r\n*\n'
wait_for ask
say info 'Using GitHub for authentication, run `code tunnel user login --provider <provider>` option to change this.'
echo To grant access to the server, please log into https://github.com/login/device and use code 17AC-E3AE
wait_for signed-in
say info Creating tunnel with the name: lab
printf '\nOpen this link in your browser https://vscode.dev/tunnel/lab/home/dev\n\n'
wait_for never
";

/// An image with the stand-in, which says that it has it.
#[must_use]
pub fn image(home: &Home) -> Image {
    image_with(home, SCRIPT)
}

/// The same with another script for the program.
#[must_use]
pub fn image_with(home: &Home, script: &str) -> Image {
    let image = Image::of(home.docker.host.clone(), home.name());
    image.make();
    image.run(&format!(
        "mkdir -p $(dirname {PROGRAM}); cat >{PROGRAM} <<'END'\n{script}\nEND\nchmod 755 {PROGRAM}"
    ));
    image.instruct("LABEL spaceport.apps=vscode");
    image.instruct("USER dev");
    image
}
