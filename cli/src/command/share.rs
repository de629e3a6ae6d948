//! `spaceport share`.

use clap::Subcommand;
use serde::Serialize;

use crate::{
    api::{
        operations::{ShareSpace, UnshareSpace, share_space, unshare_space},
        require,
    },
    failure::Failure,
    output::Table,
    place::SpaceRef,
    session::Session,
};

/// What is done with shares.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List whom a space is shared with.
    #[command(visible_alias = "list")]
    Ls {
        /// The space.
        space: SpaceRef,
    },
    /// Share a space: its terminal and SSH.
    Add {
        /// The space.
        space: SpaceRef,
        /// The user's name.
        user: String,
    },
    /// End a share.
    #[command(visible_alias = "remove")]
    Rm {
        /// The space.
        space: SpaceRef,
        /// The user's name.
        user: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed<'a> {
    space: String,
    user_name: &'a str,
}

/// Does it.
pub async fn run(session: &Session, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Ls { space } => {
            let shares = session.space(space).await?.shares;
            session.output.show(&shares, |shares| {
                let row =
                    |share: &crate::api::operations::find_space::FindSpaceSpaceByNameShares| {
                        vec![share.user.user_name.clone(), share.created_at.clone()]
                    };
                Table::new(&["USER", "SINCE"]).rows(shares.iter().map(row))
            })
        }
        Command::Add { space, user } => {
            let input = share_space::ShareSpaceInput {
                space_id: session.space(space).await?.id,
                user_name: user.clone(),
            };
            let variables = share_space::Variables { input };
            let payload = session.api.ask(ShareSpace, variables).await?.share_space;
            require(payload.space, payload.problems)?;
            done(session, space, user, &format!("{user} may use {space}"))
        }
        Command::Rm { space, user } => {
            let input = unshare_space::UnshareSpaceInput {
                space_id: session.space(space).await?.id,
                user_name: user.clone(),
            };
            let variables = unshare_space::Variables { input };
            let payload = session.api.ask(UnshareSpace, variables).await?;
            let payload = payload.unshare_space;
            require(payload.space, payload.problems)?;
            done(
                session,
                space,
                user,
                &format!("{user} may not use {space} any more"),
            )
        }
    }
}

fn done(session: &Session, space: &SpaceRef, user: &str, sentence: &str) -> Result<(), Failure> {
    let changed = Changed {
        space: space.to_string(),
        user_name: user,
    };
    session.output.done(&changed, sentence)
}
