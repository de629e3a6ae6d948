//! `spaceport login` and `spaceport logout`.

mod by_browser;

use std::io::IsTerminal;

use clap::Args;
use http::Uri;
use serde::Serialize;

use crate::{
    api::{
        Api,
        operations::{SignIn, SignOut, Viewer, sign_in, sign_out, viewer},
        require,
    },
    browser,
    config::{Config, Installation},
    dial::{self, Dialer},
    failure::{Failure, Kind},
    http::Http,
    output::Output,
    session::Wanted,
    terminal,
    tickets::Tickets,
};

/// Signs in to an installation, by a browser where there is one and else by name and password.
#[derive(Debug, Args)]
pub struct Login {
    /// The address of the API, such as `https://spaceport.example`; the one that is configured when
    /// nothing is said.
    address: Option<String>,
    /// What to call the installation; its host when nothing is said.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Sign in as this user, with a password.
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// Read the password from standard input.
    #[arg(long, requires = "user")]
    password_stdin: bool,
    /// Sign in with an API token, which is asked for, or read from standard input.
    #[arg(long, conflicts_with_all = ["user", "password_stdin", "browser"])]
    token: bool,
    /// Sign in by a browser, also where none seems to be: its address is printed.
    #[arg(long, conflicts_with_all = ["user", "password_stdin"])]
    browser: bool,
}

/// Signs out.
#[derive(Debug, Args)]
pub struct Logout {
    /// Forget the token even if the API can't be told.
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedIn<'a> {
    url: &'a str,
    installation: &'a str,
    user_name: &'a str,
}

/// Signs in.
pub async fn login(wanted: &Wanted, output: Output, login: &Login) -> Result<(), Failure> {
    let mut config = Config::load()?;
    let wanted = Wanted {
        url: login.address.clone().or(wanted.url.clone()),
        ..wanted.as_configured()
    };
    // A new installation may be named by either option.
    let name_given = login.name.clone().or_else(|| {
        let name = wanted.installation.as_ref();
        name.filter(|name| !config.installations.contains_key(*name))
            .cloned()
    });
    let looked_up = Wanted {
        installation: wanted.installation.clone().filter(|_| name_given.is_none()),
        ..wanted
    };
    let (known, mut found) = looked_up.find(&config).map_err(|failure| {
        if failure.kind() == Kind::NotSignedIn {
            Failure::usage("which installation? Name the address of its API")
        } else {
            failure
        }
    })?;
    warn_of_plain_http(&found.url, output);
    let http = Http::new(Dialer::new(found.ca.as_deref())?);
    let api = Api::new(&found.url, None, http.clone())?;
    let token = token(&api, output, login).await?;
    // Whatever the way, the token has to hold before it is kept.
    let api = Api::new(&found.url, Some(token.clone()), http)?;
    let user = api
        .ask(Viewer, viewer::Variables {})
        .await?
        .viewer
        .user_name;
    let name = name_given.or(known).unwrap_or_else(|| name_of(&found.url));
    found.token = Some(token);
    found.user = Some(user.clone());
    let url = found.url.clone();
    config.installations.insert(name.clone(), found);
    config.default = Some(name.clone());
    config.save()?;
    let signed_in = SignedIn {
        url: &url,
        installation: &name,
        user_name: &user,
    };
    output.done(&signed_in, &format!("Signed in to {url} as {user}"))
}

/// Signs out: the token is taken back and forgotten.
pub async fn logout(wanted: &Wanted, output: Output, logout: &Logout) -> Result<(), Failure> {
    let mut config = Config::load()?;
    let (name, found) = wanted.as_configured().find(&config)?;
    let Some(token) = found.token.clone() else {
        let message = format!("nobody is signed in to {}", found.url);
        return Err(Failure::not_signed_in(message));
    };
    let told = take_back(&found, token).await;
    // Who isn't known any more is signed out already.
    let told = told.or_else(|failure| match failure.kind() {
        Kind::NotSignedIn => Ok(()),
        _ if logout.force => Ok(()),
        _ => Err(failure.hint("--force forgets the token here; it holds until it ends by itself")),
    });
    told?;
    if let Some(known) = name
        .as_ref()
        .and_then(|it| config.installations.get_mut(it))
    {
        known.token = None;
        known.user = None;
        config.save()?;
    }
    Tickets::forget_all()?;
    let url = found.url;
    output.done(
        &serde_json::json!({ "url": url }),
        &format!("Signed out of {url}"),
    )
}

async fn take_back(found: &Installation, token: String) -> Result<(), Failure> {
    let http = Http::new(Dialer::new(found.ca.as_deref())?);
    let api = Api::new(&found.url, Some(token), http)?;
    let payload = api.ask(SignOut, sign_out::Variables {}).await?.sign_out;
    require(Some(()), payload.problems)
}

/// Makes or asks for a token, in the way that is wanted.
async fn token(api: &Api, output: Output, login: &Login) -> Result<String, Failure> {
    if login.token {
        return terminal::ask_hidden("API token");
    }
    let is_at_terminal = std::io::stdin().is_terminal();
    let by_browser =
        login.browser || (login.user.is_none() && is_at_terminal && browser::is_there());
    if by_browser {
        return by_browser::token(api, output).await;
    }
    let user = match &login.user {
        Some(user) => user.clone(),
        None if is_at_terminal => terminal::ask("User name")?,
        None => {
            let message = "there is no terminal to ask for a password";
            return Err(Failure::usage(message).hint(
                "use --user with --password-stdin, or --token with a token on standard input",
            ));
        }
    };
    let password = if login.password_stdin {
        terminal::read_line()?
    } else {
        terminal::ask_hidden("Password")?
    };
    let input = sign_in::SignInInput {
        user_name: user,
        password,
    };
    let payload = api.ask(SignIn, sign_in::Variables { input }).await?.sign_in;
    require(payload.token, payload.problems)
}

fn warn_of_plain_http(url: &str, output: Output) {
    let host = url
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned));
    let host = host.unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    let is_here = dial::is_localhost(bare)
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if url.starts_with("http://") && !is_here {
        output.note("warning: this address is without TLS: whoever is on the way reads along");
    }
}

/// What an installation is called when nobody says: its host, with a port that isn't the usual one.
fn name_of(url: &str) -> String {
    let uri = url.parse::<Uri>().unwrap_or_default();
    let authority = uri.authority().map(ToString::to_string);
    authority.unwrap_or_else(|| url.to_owned())
}
