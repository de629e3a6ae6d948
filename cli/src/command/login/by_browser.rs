//! Signing in by a browser: the API's page asks who uses it, and sends a one-time code to a port of
//! this machine (RFC 8252 §7.3), which only who made the challenge can turn into a token (RFC 7636).

use std::{io, net::Ipv4Addr, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    api::{
        Api,
        operations::{RedeemCliCode, redeem_cli_code},
        require,
    },
    browser,
    failure::Failure,
    output::Output,
};

/// Bytes of what can't be guessed.
const SECRET_BYTES: usize = 32;
/// How long somebody may take to sign in.
const PATIENCE: Duration = Duration::from_mins(10);
/// For a browser to say what it wants.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest head of a request that is read.
const REQUEST_BYTES_MAX: usize = 16 << 10;

/// Has the browser find out who uses it, and gives the token.
pub async fn token(api: &Api, output: Output) -> Result<String, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.map_err(|error| Failure::io("a port for the browser", &error))?;
    let port = listener.local_addr().map(|it| it.port());
    let port = port.map_err(|error| Failure::io("a port for the browser", &error))?;
    let (state, verifier) = (secret()?, secret()?);
    // What is base64url stands for itself in a query.
    let url = format!(
        "{}/cli/sign-in?port={port}&state={state}&challenge={}",
        api.url,
        challenge(&verifier)
    );
    // Printed in any case: the browser that opens may be the wrong one.
    if browser::is_there() && browser::open(&url) {
        output.note(&format!(
            "Sign in with the browser that opened, or at\n  {url}"
        ));
    } else {
        eprintln!("Open this in a browser of this machine to sign in:\n  {url}");
    }
    let code = match timeout(PATIENCE, code(&listener, &state)).await {
        Ok(code) => code?,
        Err(_) => return Err(Failure::refused("TIMEOUT", "nobody signed in")),
    };
    let input = redeem_cli_code::RedeemCliCodeInput { code, verifier };
    let variables = redeem_cli_code::Variables { input };
    let payload = api.ask(RedeemCliCode, variables).await?.redeem_cli_code;
    require(payload.token, payload.problems)
}

fn secret() -> Result<String, Failure> {
    let mut bytes = [0; SECRET_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::refused("IO", "this machine gives no random numbers"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What stands for a verifier until it is told (RFC 7636 §4.2, `S256`).
fn challenge(verifier: &str) -> String {
    let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(hash)
}

/// The code that a browser brings together with `state`. Whatever else comes to the port is sent
/// away: any page may send requests there.
async fn code(listener: &TcpListener, state: &str) -> Result<String, Failure> {
    loop {
        let (mut stream, _) = listener
            .accept()
            .await
            .map_err(|error| Failure::io("the port for the browser", &error))?;
        let asked = timeout(REQUEST_TIMEOUT, target(&mut stream)).await;
        let Ok(Ok(target)) = asked else { continue };
        let brought = brought(&target, state);
        let (status, text) = match &brought {
            Some(Ok(_)) => ("200 OK", "You are signed in. Go back to the terminal."),
            Some(Err(())) => ("200 OK", "Nobody was signed in. Go back to the terminal."),
            None => ("404 Not Found", "There is nothing here."),
        };
        // Whether the browser shows it changes nothing.
        let _ = timeout(REQUEST_TIMEOUT, answer(&mut stream, status, text)).await;
        match brought {
            Some(Ok(code)) => return Ok(code),
            Some(Err(())) => {
                return Err(Failure::refused("DENIED", "the sign-in was not confirmed"));
            }
            None => {}
        }
    }
}

/// The code in a request's target; `Err` when the page says that there is none.
fn brought(target: &str, state: &str) -> Option<Result<String, ()>> {
    let query = target.strip_prefix("/?")?;
    let value = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|it| it.1)
    };
    if value("state")? != state {
        return None;
    }
    match value("code") {
        Some(code) => Some(Ok(code.into_owned())),
        None => value("error").map(|_| Err(())),
    }
}

/// What a request is for (RFC 9112 §3).
async fn target(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > REQUEST_BYTES_MAX || stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    match (words.next(), words.next()) {
        (Some("GET"), Some(target)) => Ok(target.to_owned()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn answer(stream: &mut TcpStream, status: &str, text: &str) -> io::Result<()> {
    let page = format!("<!doctype html><title>Spaceport</title><p>{text}</p>\n");
    let length = page.len();
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\
         Connection: close\r\n\r\n{page}"
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_challenge_is_made_as_the_standard_has_it() {
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn only_what_knows_the_state_brings_a_code() {
        let code = |target| brought(target, "s");
        assert_eq!(code("/?code=c&state=s"), Some(Ok("c".to_owned())));
        assert_eq!(code("/?state=s&error=denied"), Some(Err(())));
        for bad in [
            "/?code=c&state=t",
            "/?code=c",
            "/favicon.ico",
            "/x?code=c&state=s",
            "/",
        ] {
            assert_eq!(code(bad), None, "{bad}");
        }
    }
}
