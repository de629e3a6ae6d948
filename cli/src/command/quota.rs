//! `spaceport quota`.

use crate::{
    api::operations::{QuotaOfViewer, quota_of_viewer},
    failure::Failure,
    output::Table,
    session::Session,
};

/// Shows what is used, and what may be.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let data = session
        .api
        .ask(QuotaOfViewer, quota_of_viewer::Variables {})
        .await?;
    let quota = data.viewer.quota;
    let quota = quota.ok_or_else(|| Failure::refused("FORBIDDEN", "the token may not read it"))?;
    session.output.show(&quota, |quota| {
        let limit =
            |limit: Option<i64>| limit.map_or_else(|| "unlimited".to_owned(), |it| it.to_string());
        let row = |what: &str, used: i64, most: Option<i64>| {
            [what.to_owned(), used.to_string(), limit(most)]
        };
        Table::new(&["RESOURCE", "USED", "LIMIT"])
            .row(row("spaces", quota.spaces.used, quota.spaces.limit))
            .row(row(
                "compute units",
                quota.compute_units.used,
                quota.compute_units.limit,
            ))
            .row(row(
                "storage units",
                quota.storage_units.used,
                quota.storage_units.limit,
            ))
            .row(row("tunnels", quota.tunnels.used, quota.tunnels.limit))
    })
}
