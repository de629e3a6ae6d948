//! `spaceport space create`.

use clap::Args;
use spaceport_domain::name::SpaceName;

use super::wait::{self, Goal};
use crate::{
    api::{
        operations::{CreateSpace, create_space},
        require,
    },
    command::template,
    failure::Failure,
    place::SpaceRef,
    session::Session,
};

/// Makes a space of a template.
#[derive(Debug, Args)]
pub struct Create {
    /// What to call it: lower-case letters, digits and single hyphens.
    name: SpaceName,
    /// The template's name; needless where there is only one.
    #[arg(long, short)]
    template: Option<String>,
    /// What it is for.
    #[arg(long, default_value = "")]
    description: String,
    /// Fills a variable of the template; may be given several times.
    #[arg(long = "parameter", short = 'p', value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Start it, and wait until it runs.
    #[arg(long)]
    start: bool,
    /// Don't wait for the end of the start.
    #[arg(long)]
    no_wait: bool,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Does it.
pub async fn run(session: &Session, create: &Create) -> Result<(), Failure> {
    let input = create_space::CreateSpaceInput {
        template_id: template_id(session, create.template.as_deref()).await?,
        name: create.name.as_str().to_owned(),
        description: create.description.clone(),
        parameters: create
            .parameters
            .iter()
            .map(|(name, value)| create_space::ParameterInput {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
        start: create.start,
        idempotency_key: None,
    };
    let variables = create_space::Variables { input };
    let payload = session.api.ask(CreateSpace, variables).await?.create_space;
    let id = require(payload.space, payload.problems)?.id;
    let space = SpaceRef {
        owner: None,
        name: create.name.clone(),
    };
    if create.start && !create.no_wait {
        wait::until(session, &space, &id, Goal::Running).await?;
    }
    wait::told(
        session,
        &space,
        if create.start { "started" } else { "made" },
    )
    .await
}

async fn template_id(session: &Session, wanted: Option<&str>) -> Result<String, Failure> {
    let offered = template::offered(session).await?;
    let meant: Vec<_> = offered
        .iter()
        .filter(|it| wanted.is_none_or(|wanted| it.name == wanted || it.id == wanted))
        .collect();
    match (&meant[..], wanted) {
        ([template], _) => Ok(template.id.clone()),
        ([], Some(wanted)) => Err(Failure::not_found(format!("there is no template {wanted}"))
            .hint("`spaceport template ls` lists them")),
        ([], None) => Err(Failure::not_found("you are offered no template")),
        (_, Some(wanted)) => Err(
            Failure::usage(format!("several templates are called {wanted}"))
                .hint("name one by its identifier, which `spaceport template ls --json` shows"),
        ),
        (several, None) => {
            let names: Vec<_> = several.iter().map(|it| it.name.as_str()).collect();
            Err(Failure::usage("which template? Say it with --template")
                .hint(format!("there are {}", names.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameters_value_may_have_equals_signs() {
        assert_eq!(parameter("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(parameter("A="), Ok(("A".to_owned(), String::new())));
        assert!(parameter("A").is_err());
    }
}
