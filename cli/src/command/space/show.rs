//! `spaceport space show`.

use crate::{
    api::operations::{find_space::FindSpaceSpaceByName, spelled},
    failure::Failure,
    output::{Table, bytes, printable, write_out},
    place::SpaceRef,
    session::Session,
};

/// Shows everything about a space.
pub async fn run(session: &Session, space: &SpaceRef) -> Result<(), Failure> {
    let found = session.space(space).await?;
    session.output.show(&found, properties)?;
    if !session.output.is_json() {
        for line in found.failure.iter().flat_map(|it| &it.log_tail) {
            write_out(&format!("  | {}\n", printable(line)))?;
        }
    }
    Ok(())
}

fn properties(space: &FindSpaceSpaceByName) -> Table {
    let failure = space.failure.as_ref().map(|failure| {
        let exit = failure.exit_code.map(|it| format!(", exit status {it}"));
        format!(
            "{}: {}{} (at {})",
            spelled(&failure.code),
            failure.message,
            exit.unwrap_or_default(),
            failure.at
        )
    });
    let mut rows = vec![
        ("name", space.name.clone()),
        ("owner", space.owner.user_name.clone()),
        ("description", space.description.clone()),
        ("status", spelled(&space.status).to_lowercase()),
        ("failure", failure.unwrap_or_default()),
        (
            "template",
            format!(
                "{}, version {} ({})",
                space.template.name, space.template_version.number, space.template_version.image
            ),
        ),
        ("compute units", space.compute_units.to_string()),
        ("storage units", space.storage_units.to_string()),
        ("created", space.created_at.clone()),
        ("started", space.started_at.clone().unwrap_or_default()),
        ("stopped", space.stopped_at.clone().unwrap_or_default()),
    ];
    let parameters = space.parameters.iter().map(|it| {
        let value = it.value.as_deref().unwrap_or("(secret)");
        ("parameter", format!("{}={value}", it.name))
    });
    rows.extend(parameters);
    let volumes = space.volumes.iter().map(|it| {
        let used = it.used_bytes.map(|used| format!(", {} used", bytes(used)));
        let text = format!("{} at {}, {} GiB", it.name, it.mount_path, it.size_gib);
        ("volume", text + &used.unwrap_or_default())
    });
    rows.extend(volumes);
    let features = space.features.iter().map(|it| {
        let name = spelled(&it.feature).to_lowercase();
        let text = match (&it.url, &it.reason) {
            (Some(url), _) => format!("{name}: {url}"),
            (None, Some(reason)) => {
                format!(
                    "{name}: no ({})",
                    spelled(reason).to_lowercase().replace('_', " ")
                )
            }
            (None, None) => name,
        };
        ("feature", text)
    });
    rows.extend(features);
    let ports = space.ports.iter().map(|it| {
        let url = it.url.as_deref().unwrap_or("not for you");
        ("port", format!("{} ({}): {url}", it.port, it.name))
    });
    rows.extend(ports);
    let tunnels = space.tunnels.iter().map(|it| {
        let closed = if it.enabled { "" } else { ", closed" };
        ("tunnel", format!("{} ({}{closed})", it.url, it.port))
    });
    rows.extend(tunnels);
    let shares = space.shares.iter();
    rows.extend(shares.map(|it| ("shared with", it.user.user_name.clone())));
    Table::of_properties(rows)
}
