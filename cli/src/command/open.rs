//! `spaceport open`.

use clap::Args;
use serde::Serialize;
use spaceport_domain::app::AppName;

use crate::{
    api::{
        operations::{OpenApp, find_space::FindSpaceSpaceByName, open_app, spelled},
        require,
    },
    browser,
    failure::Failure,
    output::write_out,
    place::SpaceRef,
    session::Session,
};

/// Features that are apps, with the app's name: what is opened first when nothing is said.
const APPS: [(&str, &str); 4] = [
    ("CODE_SERVER", "code"),
    ("VNC", "vnc"),
    ("TERMINAL", "term"),
    ("FILES", "files"),
];

/// Opens an app of a space in a browser, signed in as you.
#[derive(Debug, Args)]
pub struct Open {
    /// The space.
    space: SpaceRef,
    /// `code`, `vnc`, `term`, `files`, a port, or the name of one.
    app: Option<String>,
    /// Print the URL rather than opening it. It signs in whoever opens it, once, for a minute.
    #[arg(long, short)]
    print: bool,
}

#[derive(Serialize)]
struct Opened {
    url: String,
}

/// Does it.
pub async fn run(session: &Session, open: &Open) -> Result<(), Failure> {
    let space = session.space(&open.space).await?;
    let app = app_of(&space, open.app.as_deref())?;
    let url = url(session, &space.id, &app).await?;
    if session.output.is_json() {
        return crate::output::json(&Opened { url });
    }
    if !open.print && browser::is_there() && browser::open(&url) {
        session
            .output
            .note(&format!("Opened {app} of {}", open.space));
        return Ok(());
    }
    write_out(&format!("{url}\n"))
}

/// A URL that signs in whoever opens it first to one app.
pub async fn url(session: &Session, space_id: &str, app: &str) -> Result<String, Failure> {
    let input = open_app::OpenAppInput {
        space_id: space_id.to_owned(),
        app: app.to_owned(),
    };
    let payload = session
        .api
        .ask(OpenApp, open_app::Variables { input })
        .await?;
    require(payload.open_app.url, payload.open_app.problems)
}

/// The app that is meant, as the API names it.
fn app_of(space: &FindSpaceSpaceByName, wanted: Option<&str>) -> Result<String, Failure> {
    let Some(wanted) = wanted else {
        return first_of(space);
    };
    if wanted.parse::<AppName>().is_ok() {
        return Ok(wanted.to_owned());
    }
    let port = space.ports.iter().find(|port| port.name == wanted);
    port.map(|port| port.port.to_string()).ok_or_else(|| {
        let names = space.ports.iter().map(|port| port.name.as_str());
        let known = ["code", "vnc", "term", "files"].into_iter().chain(names);
        let known = known.collect::<Vec<_>>().join(", ");
        Failure::not_found(format!("{} has no app {wanted}", space.name))
            .hint(format!("apps are {known} and port numbers"))
    })
}

/// The first app that the viewer can use, or else the first port that has a name.
fn first_of(space: &FindSpaceSpaceByName) -> Result<String, Failure> {
    let can_use = |feature: &str| {
        let mut features = space.features.iter();
        features.any(|it| it.available && spelled(&it.feature) == feature)
    };
    let mut apps = APPS.iter().filter(|(feature, _)| can_use(feature));
    let port = space.ports.iter().find(|port| port.url.is_some());
    match (apps.next(), port) {
        // A port that the template names is what the space is for; a bare terminal isn't.
        (Some((_, "term" | "files")), Some(port)) => Ok(port.port.to_string()),
        (Some((_, app)), _) => Ok((*app).to_owned()),
        (None, Some(port)) => Ok(port.port.to_string()),
        (None, None) => Err(Failure::refused(
            "FEATURE_DISABLED",
            format!("you can use no app of {}", space.name),
        )),
    }
}
