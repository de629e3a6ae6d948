//! `spaceport template`.

use clap::Subcommand;

use crate::{
    api::operations::{
        ListTemplates,
        list_templates::{self, ListTemplatesTemplatesNodes},
        spelled,
    },
    failure::Failure,
    output::Table,
    session::Session,
};

/// What is done with templates.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the templates that you may make spaces from.
    #[command(visible_alias = "list")]
    Ls,
}

/// Does it.
pub async fn run(session: &Session, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Ls => {
            let offered = offered(session).await?;
            session.output.show(&offered, |templates| {
                Table::new(&[
                    "NAME",
                    "COMPUTE",
                    "STORAGE",
                    "FEATURES",
                    "PARAMETERS",
                    "DESCRIPTION",
                ])
                .rows(templates.iter().map(row))
            })
        }
    }
}

fn row(template: &ListTemplatesTemplatesNodes) -> Vec<String> {
    let Some(version) = &template.version else {
        return vec![template.name.clone()];
    };
    let features: Vec<_> = version.features.iter().map(spelled).collect();
    // What must be given is told apart from what may be.
    let parameters: Vec<_> = version
        .variables
        .iter()
        .map(|it| {
            let is_required = it.default.is_none();
            format!("{}{}", it.name, if is_required { "!" } else { "" })
        })
        .collect();
    vec![
        template.name.clone(),
        version.compute_units.to_string(),
        version.storage_units.to_string(),
        features.join(" ").to_lowercase(),
        parameters.join(" "),
        template.description.clone(),
    ]
}

/// Every template that the viewer is offered.
pub async fn offered(session: &Session) -> Result<Vec<ListTemplatesTemplatesNodes>, Failure> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let variables = list_templates::Variables { after };
        let page = session.api.ask(ListTemplates, variables).await?.templates;
        all.extend(page.nodes.into_iter().filter(|it| it.version.is_some()));
        after = page.page_info.end_cursor;
        if !page.page_info.has_next_page || after.is_none() {
            return Ok(all);
        }
    }
}
