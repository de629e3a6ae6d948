//! `spaceport space`.

mod change;
mod create;
mod logs;
mod show;
mod wait;
mod watch;

use clap::{Args, Subcommand};

use crate::{
    api::operations::{
        ListSpaces,
        list_spaces::{self, SpaceRow as ListedSpace},
        spelled,
    },
    failure::Failure,
    output::Table,
    place::SpaceRef,
    session::Session,
};

/// What is done with spaces.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List spaces.
    #[command(visible_alias = "list")]
    Ls(List),
    /// Make a space of a template.
    Create(create::Create),
    /// Start a space, and wait until it runs.
    Start(Change),
    /// Stop a space, and wait until it has stopped.
    Stop(Change),
    /// Restart a space, and wait until it runs.
    Restart(Change),
    /// Delete a space with its volumes, for good.
    #[command(visible_alias = "delete")]
    Rm(change::Remove),
    /// Show everything about a space.
    Show {
        /// The space.
        space: SpaceRef,
    },
    /// Show what a space writes, as it writes it.
    Logs(logs::Logs),
    /// Watch spaces as they change.
    Watch,
}

/// Which spaces are listed.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this user.
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Only those whose name contains this.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

/// Which space is changed.
#[derive(Debug, Args)]
pub struct Change {
    /// The space.
    space: SpaceRef,
    /// Don't wait for the end of it.
    #[arg(long)]
    no_wait: bool,
}

/// Does it.
pub async fn run(session: &Session, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Ls(wanted) => {
            let spaces = list(session, wanted).await?;
            session.output.show(&spaces, |spaces| {
                Table::new(&HEADING).rows(spaces.iter().map(|space| Row::from(space).cells()))
            })
        }
        Command::Create(create) => create::run(session, create).await,
        Command::Start(change) => change::start(session, change).await,
        Command::Stop(change) => change::stop(session, change).await,
        Command::Restart(change) => change::restart(session, change).await,
        Command::Rm(remove) => change::remove(session, remove).await,
        Command::Show { space } => show::run(session, space).await,
        Command::Logs(logs) => logs::run(session, logs).await,
        Command::Watch => watch::run(session).await,
    }
}

async fn list(session: &Session, wanted: &List) -> Result<Vec<ListedSpace>, Failure> {
    let filter = list_spaces::SpaceFilter {
        owner: wanted.owner.clone(),
        statuses: None,
        template_id: None,
        name_contains: wanted.name.clone(),
    };
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let variables = list_spaces::Variables {
            after,
            filter: Some(filter.clone()),
        };
        let page = session.api.ask(ListSpaces, variables).await?.spaces;
        all.extend(page.nodes);
        after = page.page_info.end_cursor;
        if !page.page_info.has_next_page || after.is_none() {
            return Ok(all);
        }
    }
}

const HEADING: [&str; 7] = [
    "NAME", "OWNER", "STATUS", "TEMPLATE", "COMPUTE", "STORAGE", "STARTED",
];

/// A space in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    name: String,
    owner: String,
    status: String,
    template: String,
    compute_units: i64,
    storage_units: i64,
    started_at: Option<String>,
    failure: Option<String>,
}

impl Row {
    fn cells(self) -> Vec<String> {
        let status = self.status.to_lowercase();
        let failed = self.failure.map(|code| format!("{status} ({code})"));
        vec![
            self.name,
            self.owner,
            failed.unwrap_or(status),
            self.template,
            self.compute_units.to_string(),
            self.storage_units.to_string(),
            self.started_at.unwrap_or_default(),
        ]
    }
}

/// The same fields of two operations.
macro_rules! row_of {
    ($($space:path),+) => {$(
        impl From<&$space> for Row {
            fn from(space: &$space) -> Self {
                Self {
                    name: space.name.clone(),
                    owner: space.owner.user_name.clone(),
                    status: spelled(&space.status),
                    template: space.template.name.clone(),
                    compute_units: space.compute_units,
                    storage_units: space.storage_units,
                    started_at: space.started_at.clone(),
                    failure: space.failure.as_ref().map(|it| spelled(&it.code)),
                }
            }
        }
    )+};
}

row_of!(
    ListedSpace,
    crate::api::operations::spaces_changed::SpaceRow
);
