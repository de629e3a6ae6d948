//! Queries.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use spaceport_domain::access::Permission;

use super::{
    caller::Call,
    types::{
        audit::{AuditEntry, AuditFilter},
        edge::Edge,
        group::Group,
        inputs::SpaceFilter,
        page::{self, List},
        space::Space,
        template::Template,
        tunnel::Tunnel,
        user::{Role, User},
    },
};
use crate::{app::AppError, store};

/// Anything with a global identifier that `node` finds.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global identifier."))]
pub enum Node {
    /// A space.
    Space(Space),
    /// A template.
    Template(Template),
    /// A user.
    User(User),
    /// A group.
    Group(Group),
    /// A tunnel.
    Tunnel(Tunnel),
}

/// Everything that can be asked.
pub struct Query;

/// Everything that can be asked.
#[Object]
impl Query {
    /// Who is signed in.
    async fn viewer(&self, context: &Context<'_>) -> Result<User> {
        let user = context.app()?.viewer(context.actor()?).await?;
        Ok(User(Arc::new(user)))
    }

    /// Where the edge is, which carries everything into spaces.
    async fn edge(&self, context: &Context<'_>) -> Result<Edge> {
        context.actor()?;
        Ok(Edge::from(&context.app()?.settings))
    }

    /// The space with this identifier, when the viewer may see it; for a while also when it is
    /// deleted.
    async fn space(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The space.")] id: ID,
    ) -> Option<Result<Space>> {
        find_space(context, &id).await.transpose()
    }

    /// The space with this name, when the viewer may see it.
    async fn space_by_name(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The name of its owner; the viewer when absent.")] owner: Option<String>,
        #[graphql(desc = "Its name.")] name: String,
    ) -> Option<Result<Space>> {
        let find = async || {
            let actor = context.actor()?;
            let space = context
                .app()?
                .space_by_name(actor, owner.as_deref(), &name)
                .await?;
            Ok(space.map(|space| Space(Arc::new(space))))
        };
        find().await.transpose()
    }

    /// The spaces the viewer may see and that are not deleted, oldest first.
    async fn spaces(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<SpaceFilter>,
    ) -> Result<List<Space>> {
        let (app, actor) = (context.app()?, context.actor()?);
        let is_behind = after.is_some();
        let request = page::request(first, after)?;
        let filter = filter.unwrap_or_default();
        let owner = match filter.owner {
            None => None,
            Some(name) => match app
                .store
                .user_by_name(&name)
                .await
                .map_err(AppError::from)?
            {
                Some(user) => Some(user.id),
                None => return Ok(List::empty()),
            },
        };
        let template = match filter.template_id.map(|id| id.parse()) {
            None => None,
            Some(Ok(template)) => Some(template),
            Some(Err(_)) => return Ok(List::empty()),
        };
        let filter = store::SpaceFilter {
            owner,
            template,
            statuses: filter
                .statuses
                .map(|all| all.into_iter().map(Into::into).collect()),
            name_contains: filter.name_contains,
        };
        let spaces = app.spaces(actor, &filter, request).await?;
        Ok(page::list(
            spaces,
            is_behind,
            |it| it.id.uuid(),
            |it| Space(Arc::new(it)),
        ))
    }

    /// The template with this identifier, when the viewer is offered it.
    async fn template(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The template.")] id: ID,
    ) -> Option<Result<Template>> {
        find_template(context, &id).await.transpose()
    }

    /// The templates the viewer is offered, oldest first.
    async fn templates(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> Result<List<Template>> {
        let is_behind = after.is_some();
        let request = page::request(first, after)?;
        let templates = context.app()?.templates(context.actor()?, request).await?;
        Ok(page::list(
            templates,
            is_behind,
            |it| it.id.uuid(),
            Template::offered,
        ))
    }

    /// The users the viewer may know: all for who manages users, else the viewer.
    async fn users(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> Result<List<User>> {
        let is_behind = after.is_some();
        let request = page::request(first, after)?;
        let users = context.app()?.users(context.actor()?, request).await?;
        Ok(page::list(
            users,
            is_behind,
            |it| it.id.uuid(),
            |it| User(Arc::new(it)),
        ))
    }

    /// The groups the viewer may know: all for who manages groups, else the viewer's own.
    async fn groups(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> Result<List<Group>> {
        let is_behind = after.is_some();
        let request = page::request(first, after)?;
        let groups = context.app()?.groups(context.actor()?, request).await?;
        Ok(page::list(
            groups,
            is_behind,
            |it| it.id.uuid(),
            |it| Group(Arc::new(it)),
        ))
    }

    /// Every role, by name.
    async fn roles(&self, context: &Context<'_>) -> Result<Vec<Role>> {
        context.actor()?;
        let roles = context.app()?.store.roles().await.map_err(AppError::from)?;
        Ok(roles.into_iter().map(Role::from).collect())
    }

    /// The tunnels the viewer may see, oldest first.
    async fn tunnels(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> Result<List<Tunnel>> {
        let is_behind = after.is_some();
        let request = page::request(first, after)?;
        let tunnels = context.app()?.tunnels(context.actor()?, request).await?;
        Ok(page::list(
            tunnels,
            is_behind,
            |it| it.id.uuid(),
            |it| Tunnel(Arc::new(it)),
        ))
    }

    /// Who did what to what, oldest first. For who may read the audit log.
    async fn audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many, at most 100; 50 when absent.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<AuditFilter>,
    ) -> Result<List<AuditEntry>> {
        context
            .actor()?
            .require(Permission::ViewAuditLog)
            .map_err(AppError::from)?;
        let is_behind = after.is_some();
        let request = page::request(first, after)?;
        let filter = filter.unwrap_or_default();
        let actor = match filter.actor_id.map(|id| id.parse()) {
            None => None,
            Some(Ok(actor)) => Some(actor),
            Some(Err(_)) => return Ok(List::empty()),
        };
        let filter = store::AuditFilter {
            actor,
            action: filter.action,
            subject: filter.subject,
            since: filter.since.map(|at| at.0),
            until: filter.until.map(|at| at.0),
        };
        let store = &context.app()?.store;
        let entries = store
            .audit_log(&filter, request)
            .await
            .map_err(AppError::from)?;
        Ok(page::list(
            entries,
            is_behind,
            |it| it.id.uuid(),
            AuditEntry,
        ))
    }

    /// Anything by its global identifier, when the viewer may see it.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The thing.")] id: ID,
    ) -> Option<Result<Node>> {
        find_node(context, &id).await.transpose()
    }
}

async fn find_space(context: &Context<'_>, id: &ID) -> Result<Option<Space>> {
    let actor = context.actor()?;
    let Ok(id) = id.parse() else { return Ok(None) };
    let space = context.app()?.space(actor, id).await?;
    Ok(space.map(|space| Space(Arc::new(space))))
}

async fn find_template(context: &Context<'_>, id: &ID) -> Result<Option<Template>> {
    let actor = context.actor()?;
    let Ok(id) = id.parse() else { return Ok(None) };
    let template = context.app()?.template(actor, id).await?;
    Ok(template.map(Template::offered))
}

async fn find_node(context: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let (app, actor) = (context.app()?, context.actor()?);
    let failed = AppError::from;
    Ok(match id.split_once('_').map(|(kind, _)| kind) {
        Some("space") => find_space(context, id).await?.map(Node::Space),
        Some("template") => find_template(context, id).await?.map(Node::Template),
        Some("user") => {
            let wanted: Option<spaceport_domain::id::UserId> = id.parse().ok();
            let known =
                wanted.filter(|id| *id == actor.user_id || actor.may(Permission::ManageUsers));
            let users = app
                .store
                .users_by_id(known.as_slice())
                .await
                .map_err(failed)?;
            users
                .into_iter()
                .next()
                .map(|user| Node::User(User(Arc::new(user))))
        }
        Some("group") => {
            let wanted: Option<spaceport_domain::id::GroupId> = id.parse().ok();
            let known = wanted
                .filter(|id| actor.groups.contains(id) || actor.may(Permission::ManageGroups));
            let groups = app
                .store
                .groups_by_id(known.as_slice())
                .await
                .map_err(failed)?;
            groups
                .into_iter()
                .next()
                .map(|group| Node::Group(Group(Arc::new(group))))
        }
        Some("tunnel") => match id.parse() {
            Ok(id) => {
                let tunnel = app.tunnel(actor, id).await?;
                tunnel.map(|tunnel| Node::Tunnel(Tunnel(Arc::new(tunnel))))
            }
            Err(_) => None,
        },
        _ => None,
    })
}
