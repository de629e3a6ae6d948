//! A stand-in for the program of Visual Studio Code's tunnel. It says what `code tunnel` says, word
//! for word, but asks nobody: files in its user's home say how far it goes. What starts it is the
//! image's own.

use crate::{Home, Image};

/// Where images have what starts the program.
pub const PROGRAM: &str = "/usr/lib/spaceport/apps/vscode";
/// What the image has there.
pub const STARTER: &str = include_str!("../../images/code/apps/vscode");
/// Where it finds the program.
pub const CODE: &str = "/usr/lib/spaceport/vscode/code";
/// Once this file is there, it asks to be signed in.
pub const ASK: &str = "/home/dev/ask";
/// Once this file is there, somebody has signed in.
pub const SIGNED_IN: &str = "/home/dev/signed-in";
/// Once this file is there, it fails, and begins anew as if nobody had ever signed in.
pub const BREAK: &str = "/home/dev/break";
/// Where it asks to be signed in.
pub const LOGIN_URL: &str = "https://github.com/login/device";
/// The code that it asks for.
pub const LOGIN_CODE: &str = "17AC-E3AE";
/// What its tunnel is called: as the space.
pub const NAME: &str = "lab";
/// Where that is opened.
pub const URL: &str = "https://vscode.dev/tunnel/lab/home/dev";

/// The program: a script for any shell.
pub const SCRIPT: &str = r#"#!/bin/sh
cd /home/dev
say() { echo [$(date '+%Y-%m-%d %H:%M:%S')] $*; }
wait_for() {
    until [ -e $1 ]; do
        [ -e break ] && rm -f ask signed-in user break && say error no route to the relay && exit 1
        sleep 0.05
    done
}
case $* in
'tunnel user show') [ -e user ] && echo logged in || exit 1 ;;
'tunnel user login --provider github')
    wait_for ask
    echo To grant access to the server, please log into https://github.com/login/device and use code 17AC-E3AE
    wait_for signed-in
    touch user
    ;;
"tunnel --accept-server-license-terms --name $4")
    [ -e user ] || exit 1
    printf '*\r\n* Visual Studio Code Server\r\n*\r\n* By using the software, you agree to\r\n'
    printf '* the Visual Studio Code Server License Terms (https://aka.ms/vscode-server-license) and\r\n*\n'
    say info "Creating tunnel with the name: $4"
    printf '\nOpen this link in your browser https://vscode.dev/tunnel/%s/home/dev\n\n' "$4"
    wait_for never
    ;;
*) say error "unexpected: $*" && exit 2 ;;
esac
"#;

/// An image with the stand-in, which says that it has it.
#[must_use]
pub fn image(home: &Home) -> Image {
    image_of(home, &[(PROGRAM, STARTER), (CODE, SCRIPT)])
}

/// The same with another program.
#[must_use]
pub fn image_with(home: &Home, script: &str) -> Image {
    image_of(home, &[(PROGRAM, script)])
}

fn image_of(home: &Home, programs: &[(&str, &str)]) -> Image {
    let image = Image::of(home.docker.host.clone(), home.name());
    image.make();
    for (path, script) in programs {
        image.run(&format!(
            "mkdir -p $(dirname {path}); cat >{path} <<'END'\n{script}\nEND\nchmod 755 {path}"
        ));
    }
    image.instruct("LABEL spaceport.apps=vscode");
    image.instruct("USER dev");
    image
}
