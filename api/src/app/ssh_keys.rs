//! A user's SSH keys.

use spaceport_domain::{
    access::{Actor, Sight},
    event::EventBody,
    id::{SpaceId, SshKeyId},
    problem::{Problem, ProblemCode},
};
use uuid::Uuid;

use super::{App, AppResult, Done, Origin, sessions::manages_sign_ins_of};
use crate::{
    auth::ssh_key::SshPublicKey,
    store::{NewAuditEntry, SshKey},
};

/// The most characters of a key's name.
const NAME_MAX_CHARS: usize = 100;
/// The most keys of one user.
const KEYS_MAX: u64 = 100;

impl App {
    /// Adds a key to the actor's own. A key belongs to one user, because it decides who signs in;
    /// whose it is already is not told.
    pub async fn add_ssh_key(
        &self,
        actor: &Actor,
        origin: &Origin,
        name: String,
        public_key: &str,
    ) -> AppResult<Done<SshKey>> {
        let mut problems = Vec::new();
        if name.trim().is_empty() || name.chars().count() > NAME_MAX_CHARS {
            let message = format!("must be from 1 to {NAME_MAX_CHARS} characters long");
            problems.push(Problem::input(["name"], message));
        }
        let parsed = SshPublicKey::parse(public_key)
            .map_err(|error| problems.push(Problem::input(["publicKey"], error.to_string())));
        let Some(parsed) = parsed.ok().filter(|_| problems.is_empty()) else {
            return Err(problems.into());
        };
        let now = self.now();
        let key = SshKey {
            id: SshKeyId::new(Uuid::now_v7()),
            user_id: actor.user_id,
            name,
            algorithm: parsed.algorithm,
            fingerprint: parsed.fingerprint,
            public_key: parsed.line,
            created_at: now,
            last_used_at: None,
        };
        let mut change = self.store.begin().await?;
        // One at a time, so that the bound holds.
        change.user(actor.user_id).await?;
        if change.count_ssh_keys(actor.user_id).await? >= KEYS_MAX {
            let message = format!("there are {KEYS_MAX} keys already: remove one first");
            return Err(Problem::new(ProblemCode::InvalidTransition, message).into());
        }
        if !change.insert_ssh_key(&key).await? {
            let problem = Problem::new(ProblemCode::KeyTaken, "the key is in use already");
            return Err(problem.at(["publicKey"]).into());
        }
        let user_id = actor.user_id;
        change.emit(EventBody::User { user_id });
        change.audit(origin.entry(actor, "addSshKey", key.id, &key.fingerprint));
        let cursor = change.commit(now).await?;
        Ok(Done { value: key, cursor })
    }

    /// Removes one of the actor's own keys, or anybody's for who manages users and may do no less
    /// than they: somebody may have taken another's public key for their own.
    pub async fn remove_ssh_key(
        &self,
        actor: &Actor,
        origin: &Origin,
        key_id: &str,
    ) -> AppResult<Done<SshKey>> {
        let missing = || Problem::not_found("key").at(["keyId"]);
        let id: SshKeyId = key_id.parse().map_err(|_| missing())?;
        let known = self.store.ssh_key(id).await?;
        let key = known
            .filter(|key| manages_sign_ins_of(actor, key.user_id))
            .ok_or_else(missing)?;
        self.require_above(actor, key.user_id).await?;
        let mut change = self.store.begin().await?;
        if !change.delete_ssh_key(id).await? {
            return Err(missing().into());
        }
        let user_id = key.user_id;
        change.emit(EventBody::User { user_id });
        change.audit(origin.entry(actor, "removeSshKey", id, &key.fingerprint));
        let cursor = change.commit(self.now()).await?;
        Ok(Done { value: key, cursor })
    }

    /// Notes that somebody was let into a space by SSH, with this key and from `address`: who asks
    /// is the edge. When a key was last used is told by no event.
    pub async fn record_ssh_sign_in(
        &self,
        origin: &Origin,
        key_id: &str,
        space_id: &str,
        address: Option<&str>,
    ) -> AppResult<Done<()>> {
        let visitor = origin.of_visitor(address)?;
        let no_key = || Problem::not_found("key").at(["keyId"]);
        let id: SshKeyId = key_id.parse().map_err(|_| no_key())?;
        let key = self.store.ssh_key(id).await?.ok_or_else(no_key)?;
        let no_space = || Problem::not_found("space").at(["spaceId"]);
        let space: SpaceId = space_id.parse().map_err(|_| no_space())?;
        let space = self.store.space(Sight::All, space).await?;
        let space = space.ok_or_else(no_space)?;
        let now = self.now();
        let mut change = self.store.begin().await?;
        // The user before anything of theirs, as everywhere.
        let user = change.user(key.user_id).await?.ok_or_else(no_key)?;
        if !change.note_use_of_ssh_key(id, now).await? {
            return Err(no_key().into());
        }
        change.audit(NewAuditEntry {
            actor: Some(user.id),
            as_of: None,
            actor_name: user.name.as_str().to_owned(),
            action: "sshSignIn",
            subject: space.id.to_string(),
            address: visitor.address_text(),
            detail: key.fingerprint,
        });
        let cursor = change.commit(now).await?;
        Ok(Done { value: (), cursor })
    }
}
