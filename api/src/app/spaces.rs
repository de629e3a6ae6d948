//! Spaces: finding them, asking things of them, and making them.

use spaceport_domain::{
    access::Actor,
    event::{EventBody, SpaceChange, TunnelChange},
    hostname,
    id::SpaceId,
    lifecycle::{Decision, Denial, Request, SpaceState, Status, request},
    name::{LABEL_MAX, SpaceName},
    problem::{Problem, ProblemCode},
    quota::{self, Units},
    space::{Running, Space},
    time::Timestamp,
};

use super::{App, AppResult, Done, Origin};
use crate::store::{Change, Page, PageRequest, SpaceFilter};

mod creation;

pub use creation::{CreateSpace, secret_place};

/// The most bytes of a space's description.
const DESCRIPTION_MAX_BYTES: usize = 4096;

/// Changes of a space's record; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateSpace {
    /// Its new name.
    pub name: Option<String>,
    /// Its new description.
    pub description: Option<String>,
    /// The revision the caller read; the change is refused when there is a newer one.
    pub revision: Option<i64>,
}

pub(super) fn no_such_space() -> Problem {
    Problem::not_found("space").at(["spaceId"])
}

fn taken() -> Problem {
    Problem::new(ProblemCode::NameTaken, "you have a space of this name").at(["name"])
}

impl App {
    /// The space, when `actor` may see it.
    pub async fn space(&self, actor: &Actor, id: SpaceId) -> AppResult<Option<Space>> {
        Ok(self.store.space(actor.sees(), id).await?)
    }

    /// The space of that name, of the actor or of the user named `owner`.
    pub async fn space_by_name(
        &self,
        actor: &Actor,
        owner: Option<&str>,
        name: &str,
    ) -> AppResult<Option<Space>> {
        let owner = match owner {
            None => actor.user_id,
            Some(owner) => match self.store.user_by_name(owner).await? {
                Some(user) => user.id,
                None => return Ok(None),
            },
        };
        Ok(self.store.space_by_name(actor.sees(), owner, name).await?)
    }

    /// A page of the spaces `actor` may see.
    pub async fn spaces(
        &self,
        actor: &Actor,
        filter: &SpaceFilter,
        page: PageRequest,
    ) -> AppResult<Page<Space>> {
        let can_match = |text: &String| {
            text.len() <= LABEL_MAX
                && text
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if !filter.name_contains.as_ref().is_none_or(can_match) {
            // No name holds such a text, and to a database it may be a pattern.
            return Ok(Page::empty());
        }
        Ok(self.store.spaces(actor.sees(), filter, page).await?)
    }

    /// Asks `what` of a space. Asking for what is already so succeeds and changes nothing.
    pub async fn request(
        &self,
        actor: &Actor,
        origin: &Origin,
        space_id: &str,
        what: Request,
    ) -> AppResult<Done<Space>> {
        let seen = self.managed_space(actor, space_id).await?;
        let mut change = self.store.begin().await?;
        // Owner first, then the space: the same order everywhere, so that changes never deadlock.
        let quota = change.lock_quota(seen.owner_id).await?;
        let mut space = still_managed(change.space(seen.id).await?, &seen)?;
        let now = self.now();
        let next = match request(&space.state, what, now, &self.settings.deadlines) {
            Decision::Accepted(next) => next,
            Decision::AlreadySo => return self.already_so(change, space).await,
            Decision::Denied(denial @ Denial::Deleting) => {
                let problem = Problem::new(ProblemCode::InvalidTransition, denial.to_string());
                return Err(problem.at(["spaceId"]).into());
            }
        };
        if let Some((limits, used)) = quota {
            let requested = compute_of(&space, next.status);
            quota::check(&limits, &used, &requested).map_err(exceeded)?;
        }
        enter(&mut change, &mut space, next, now).await?;
        change.audit(origin.entry(actor, action(what), space.id, space.name.as_str()));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: space,
            cursor,
        })
    }

    /// Changes a space's record.
    pub async fn update_space(
        &self,
        actor: &Actor,
        origin: &Origin,
        space_id: &str,
        input: UpdateSpace,
    ) -> AppResult<Done<Space>> {
        let seen = self.managed_space(actor, space_id).await?;
        let mut change = self.store.begin().await?;
        change.lock_quota(seen.owner_id).await?;
        let mut space = still_managed(change.space(seen.id).await?, &seen)?;
        refuse_leaving(&space)?;
        if input
            .revision
            .is_some_and(|revision| revision != space.revision)
        {
            let message = format!("the space is at revision {} now", space.revision);
            let problem = Problem::new(ProblemCode::RevisionConflict, message);
            return Err(problem.at(["revision"]).into());
        }
        if let Some(description) = input.description {
            space.description = description;
        }
        let mut problems = check_description(&space.description);
        if let Some(name) = input.name {
            match self.renamed(&change, &space, &name).await? {
                Ok(name) => space.name = name,
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let now = self.now();
        space.revision += 1;
        change.update_space(&space, now).await?;
        change
            .tell_space(SpaceChange::Updated, &space, Vec::new())
            .await?;
        change.audit(origin.entry(actor, "updateSpace", space.id, space.name.as_str()));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: space,
            cursor,
        })
    }

    async fn renamed(
        &self,
        change: &Change,
        space: &Space,
        name: &str,
    ) -> AppResult<Result<SpaceName, Problem>> {
        let name: SpaceName = match name.parse() {
            Ok(name) => name,
            Err(error) => return Ok(Err(Problem::input(["name"], format!("{error}")))),
        };
        if name == space.name {
            return Ok(Ok(name));
        }
        if change.space_name_taken(space.owner_id, &name).await? {
            return Ok(Err(taken()));
        }
        let owner = change.user(space.owner_id).await?;
        let fits = owner.map(|owner| hostname::apps_fit(&name, &owner.name));
        Ok(match fits {
            Some(Err(error)) => Err(Problem::input(["name"], error.to_string())),
            _ => Ok(name),
        })
    }

    /// The space `actor` names, when it is theirs to manage.
    pub(super) async fn managed_space(&self, actor: &Actor, space_id: &str) -> AppResult<Space> {
        let space = self.seen_space(actor, space_id).await?;
        if actor.manages(space.owner_id) {
            return Ok(space);
        }
        let message = "the space is shared with you, and not yours to manage";
        Err(Problem::new(ProblemCode::Forbidden, message)
            .at(["spaceId"])
            .into())
    }

    /// The space `actor` names, when they may see it and it is not gone.
    pub(super) async fn seen_space(&self, actor: &Actor, space_id: &str) -> AppResult<Space> {
        let id: SpaceId = space_id.parse().map_err(|_| no_such_space())?;
        let space = self.store.space(actor.sees(), id).await?;
        Ok(space.ok_or_else(no_such_space)?)
    }
}

/// The space as it is locked now, unless it was handed over since it was `seen`: who may manage it
/// was decided by its owner of then, whose row is the one that is locked.
pub(super) fn still_managed(locked: Option<Space>, seen: &Space) -> Result<Space, Problem> {
    locked
        .filter(|space| space.owner_id == seen.owner_id)
        .ok_or_else(no_such_space)
}

/// Refuses changes of a space that is on its way out, or gone.
pub(super) fn refuse_leaving(space: &Space) -> Result<(), Problem> {
    match space.state.status {
        Status::Deleting | Status::Deleted => {
            let message = Denial::Deleting.to_string();
            Err(Problem::new(ProblemCode::InvalidTransition, message).at(["spaceId"]))
        }
        _ => Ok(()),
    }
}

fn exceeded(exceeded: Vec<quota::Exceeded>) -> Vec<Problem> {
    exceeded.into_iter().map(Problem::from).collect()
}

fn action(what: Request) -> &'static str {
    match what {
        Request::Start => "startSpace",
        Request::Stop => "stopSpace",
        Request::Restart => "restartSpace",
        Request::Delete => "deleteSpace",
    }
}

/// What entering `next` consumes on top of what the space consumes now.
fn compute_of(space: &Space, next: Status) -> Units {
    let newly = next.consumes_compute() && !space.state.status.consumes_compute();
    Units {
        compute_units: if newly { space.compute_units } else { 0 },
        ..Units::default()
    }
}

/// Puts a space into the state that a request was answered with, and tells of it. With a deletion
/// its tunnels go at once.
pub(super) async fn enter(
    change: &mut Change,
    space: &mut Space,
    next: SpaceState,
    now: Timestamp,
) -> AppResult<()> {
    if next.status == Status::Deleting {
        remove_tunnels(change, space.id).await?;
    }
    space.enter(next, Running::default(), now);
    change.update_space(space, now).await?;
    change
        .tell_space(SpaceChange::Status, space, Vec::new())
        .await?;
    Ok(())
}

async fn remove_tunnels(change: &mut Change, space: SpaceId) -> AppResult<()> {
    for tunnel in change.tunnels_of_space(space).await? {
        change.delete_tunnel(tunnel.id).await?;
        change.emit(EventBody::Tunnel {
            change: TunnelChange::Deleted,
            tunnel,
        });
    }
    Ok(())
}

fn check_description(description: &str) -> Vec<Problem> {
    if description.len() <= DESCRIPTION_MAX_BYTES {
        return Vec::new();
    }
    let message = format!("must be at most {DESCRIPTION_MAX_BYTES} bytes long");
    vec![Problem::input(["description"], message)]
}
