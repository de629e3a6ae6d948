//! Rows to the types of the domain.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use spaceport_domain::{
    id::{SpaceId, TemplateId, TemplateVersionId, TunnelId, UserId},
    lifecycle::{Desired, SpaceState, Status},
    quota::Limits,
    space::Space,
    time::Timestamp,
    tunnel::Tunnel,
};
use spaceport_entity as entity;

use super::StoreError;

/// The error of a value that the rules exclude.
pub(super) fn corrupt(table: &'static str, column: &'static str) -> StoreError {
    StoreError::Corrupt { table, column }
}

/// Reads a column of JSON text.
pub(super) fn json<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt(table, column))
}

/// Writes a column of JSON text.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

pub(super) fn space(row: entity::space::Model) -> Result<Space, StoreError> {
    let bad = |column| corrupt("space", column);
    let failure = row
        .failure
        .as_deref()
        .map(|text| json(text, "space", "failure"))
        .transpose()?;
    let address = row
        .address
        .as_deref()
        .map(|text| text.parse::<IpAddr>().map_err(|_| bad("address")))
        .transpose()?;
    let apps = row
        .apps
        .as_deref()
        .map(|text| json(text, "space", "apps"))
        .transpose()?;
    Ok(Space {
        id: SpaceId::new(row.id),
        owner_id: UserId::new(row.owner_id),
        name: row.name.parse().map_err(|_| bad("name"))?,
        description: row.description,
        template_id: TemplateId::new(row.template_id),
        template_version_id: TemplateVersionId::new(row.template_version_id),
        state: SpaceState {
            status: Status::parse(&row.status).ok_or_else(|| bad("status"))?,
            desired: Desired::parse(&row.desired).ok_or_else(|| bad("desired"))?,
            instance: u32::try_from(row.instance).map_err(|_| bad("instance"))?,
            deadline: row.deadline_ms.map(at),
            volumes_ready: row.volumes_ready,
            failure,
        },
        address,
        agent_version: row.agent_version,
        apps,
        compute_units: row.compute_units,
        storage_units: row.storage_units,
        created_at: at(row.created_at_ms),
        started_at: row.started_at_ms.map(at),
        stopped_at: row.stopped_at_ms.map(at),
        revision: row.revision,
    })
}

pub(super) fn tunnel(row: entity::tunnel::Model) -> Result<Tunnel, StoreError> {
    let bad = |column| corrupt("tunnel", column);
    Ok(Tunnel {
        id: TunnelId::new(row.id),
        space_id: SpaceId::new(row.space_id),
        owner_id: UserId::new(row.owner_id),
        name: row.name.parse().map_err(|_| bad("name"))?,
        port: u16::try_from(row.port).map_err(|_| bad("port"))?,
        host: row.host,
        enabled: row.enabled,
        created_at: at(row.created_at_ms),
    })
}

pub(super) fn user_limits(row: &entity::user::Model) -> Limits {
    Limits {
        spaces: row.limit_spaces,
        compute_units: row.limit_compute_units,
        storage_units: row.limit_storage_units,
        tunnels: row.limit_tunnels,
    }
}

pub(super) fn group_limits(row: &entity::group::Model) -> Limits {
    Limits {
        spaces: row.limit_spaces,
        compute_units: row.limit_compute_units,
        storage_units: row.limit_storage_units,
        tunnels: row.limit_tunnels,
    }
}
