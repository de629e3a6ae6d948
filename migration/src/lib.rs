//! Changes of the database's shape, one a file, each with its way back.

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

mod m0001_accounts;
mod m0002_templates;
mod m0003_spaces;
mod m0004_tunnels;
mod m0005_events;
mod m0006_sharing;
mod m0007_departures;
mod m0008_credentials;
mod m0009_audit_indexes;
mod m0010_app_codes;
mod m0011_tunnels_enabled;
mod m0012_agent;
mod m0013_cli_codes;
mod m0014_apps;
mod m0015_app_code_space;

/// Knows every change, in order.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_accounts::Migration),
            Box::new(m0002_templates::Migration),
            Box::new(m0003_spaces::Migration),
            Box::new(m0004_tunnels::Migration),
            Box::new(m0005_events::Migration),
            Box::new(m0006_sharing::Migration),
            Box::new(m0007_departures::Migration),
            Box::new(m0008_credentials::Migration),
            Box::new(m0009_audit_indexes::Migration),
            Box::new(m0010_app_codes::Migration),
            Box::new(m0011_tunnels_enabled::Migration),
            Box::new(m0012_agent::Migration),
            Box::new(m0013_cli_codes::Migration),
            Box::new(m0014_apps::Migration),
            Box::new(m0015_app_code_space::Migration),
        ]
    }
}
