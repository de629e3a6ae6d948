//! `spaceport whoami`.

use serde::Serialize;

use crate::{
    api::operations::{Viewer, viewer},
    failure::Failure,
    output::Table,
    session::Session,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    url: String,
    installation: Option<String>,
    user_name: String,
    display_name: String,
    roles: Vec<String>,
    groups: Vec<String>,
}

/// Shows who is signed in, and where.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let viewer = session.api.ask(Viewer, viewer::Variables {}).await?.viewer;
    let roles = viewer.roles.into_iter().flatten().map(|it| it.name);
    let groups = viewer.groups.into_iter().flatten().map(|it| it.name);
    let who = Who {
        url: session.api.url.clone(),
        installation: session.name.clone(),
        user_name: viewer.user_name,
        display_name: viewer.display_name,
        roles: roles.collect(),
        groups: groups.collect(),
    };
    session.output.show(&who, |who| {
        Table::of_properties(vec![
            ("user", who.user_name.clone()),
            ("name", who.display_name.clone()),
            ("roles", who.roles.join(", ")),
            ("groups", who.groups.join(", ")),
            ("installation", who.installation.clone().unwrap_or_default()),
            ("api", who.url.clone()),
        ])
    })
}
