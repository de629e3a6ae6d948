//! Groups.

use spaceport_domain::{
    access::{Actor, Permission},
    event::EventBody,
    id::GroupId,
    problem::{Problem, ProblemCode},
    quota::Limits,
};
use uuid::Uuid;

use super::{App, AppResult, Done, Origin, users::check_limits};
use crate::store::{Change, Group, Page, PageRequest};

/// The most characters of a group's name.
const NAME_MAX_CHARS: usize = 100;

impl App {
    /// A page of the groups: all for who manages groups, else the actor's own.
    pub async fn groups(&self, actor: &Actor, page: PageRequest) -> AppResult<Page<Group>> {
        if actor.may(Permission::ManageGroups) {
            return Ok(self.store.groups(page).await?);
        }
        let mut items = self.store.groups_by_id(&actor.groups).await?;
        items.sort_by_key(|group| group.id);
        items.retain(|group| page.after.is_none_or(|after| group.id.uuid() > after));
        let first = usize::try_from(page.first).unwrap_or(usize::MAX);
        let has_next = items.len() > first;
        items.truncate(first);
        Ok(Page { items, has_next })
    }

    /// Makes a group.
    pub async fn create_group(
        &self,
        actor: &Actor,
        origin: &Origin,
        name: String,
        limits: Limits,
    ) -> AppResult<Done<Group>> {
        actor.require(Permission::ManageGroups)?;
        let mut change = self.store.begin().await?;
        let mut problems = check_limits(&limits);
        check_name(&change, &name, None, &mut problems).await?;
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let now = self.now();
        let group = Group {
            id: GroupId::new(Uuid::now_v7()),
            name,
            limits,
            created_at: now,
        };
        change.insert_group(&group).await?;
        change.audit(origin.entry(actor, "createGroup", group.id, &group.name));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: group,
            cursor,
        })
    }

    /// Changes a group's name or limits; what is `None` stays.
    pub async fn update_group(
        &self,
        actor: &Actor,
        origin: &Origin,
        group_id: &str,
        name: Option<String>,
        limits: Option<Limits>,
    ) -> AppResult<Done<Group>> {
        actor.require(Permission::ManageGroups)?;
        let mut change = self.store.begin().await?;
        let mut group = known(&change, group_id).await?;
        let mut problems = limits.as_ref().map(check_limits).unwrap_or_default();
        if let Some(name) = name {
            check_name(&change, &name, Some(group.id), &mut problems).await?;
            group.name = name;
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        group.limits = limits.unwrap_or(group.limits);
        change.update_group(&group).await?;
        self.tell_members(&mut change, group.id).await?;
        change.audit(origin.entry(actor, "updateGroup", group.id, &group.name));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: group,
            cursor,
        })
    }

    /// Removes a group. What it granted goes with it; nothing that runs is stopped.
    pub async fn delete_group(
        &self,
        actor: &Actor,
        origin: &Origin,
        group_id: &str,
    ) -> AppResult<Done<Group>> {
        actor.require(Permission::ManageGroups)?;
        let mut change = self.store.begin().await?;
        let group = known(&change, group_id).await?;
        for user_id in self.store.members(group.id).await? {
            change.emit(EventBody::Access { user_id });
            change.emit(EventBody::User { user_id });
        }
        change.delete_group(group.id).await?;
        change.audit(origin.entry(actor, "deleteGroup", group.id, &group.name));
        let cursor = change.commit(self.now()).await?;
        Ok(Done {
            value: group,
            cursor,
        })
    }

    async fn tell_members(&self, change: &mut Change, group: GroupId) -> AppResult<()> {
        for user_id in self.store.members(group).await? {
            change.emit(EventBody::User { user_id });
        }
        Ok(())
    }
}

async fn known(change: &Change, group_id: &str) -> AppResult<Group> {
    let missing = || Problem::not_found("group").at(["groupId"]);
    let id: GroupId = group_id.parse().map_err(|_| missing())?;
    Ok(change.group(id).await?.ok_or_else(missing)?)
}

async fn check_name(
    change: &Change,
    name: &str,
    except: Option<GroupId>,
    problems: &mut Vec<Problem>,
) -> AppResult<()> {
    if name.trim().is_empty() || name.chars().count() > NAME_MAX_CHARS {
        let message = format!("must be from 1 to {NAME_MAX_CHARS} characters long");
        problems.push(Problem::input(["name"], message));
    } else if change.group_name_taken(name, except).await? {
        let message = "there is a group of this name";
        problems.push(Problem::new(ProblemCode::NameTaken, message).at(["name"]));
    }
    Ok(())
}
