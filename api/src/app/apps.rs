//! Opening apps of spaces in a browser.
//!
//! Whoever is signed in gets a one-time code, bound to them, to their sign-in and to one hostname.
//! The edge turns it into a ticket. A code says who somebody is and nothing of what they may do, so
//! one is given for any hostname: what doesn't exist and what may not be seen look the same there, and
//! a code is for no space then.

use spaceport_domain::{
    access::{Actor, Sight},
    app::AppName,
    destination::Destination,
    event::{EventBody, SignIn},
    hostname::AppLabel,
    id::SpaceId,
    problem::{Problem, ProblemCode},
    scope::Scopes,
    space::Space,
    ticket::{self, CODE_LIFE, Ticket, sign_in_id},
    time::Timestamp,
};

use super::{
    App, AppResult, Done, Origin,
    features::require_feature,
    sign_in::SignedIn,
    spaces::{no_such_space, refuse_leaving},
};
use crate::{
    auth::token,
    store::{AppCode, Change, NewAuditEntry, User},
};

/// The most codes of one user that nobody used yet.
const CODES_MAX: u64 = 100;

/// A ticket, and when it ends.
#[derive(Clone, Debug)]
pub struct IssuedTicket {
    /// The signed text.
    pub ticket: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// What a code is good for.
struct Door<'a> {
    host: &'a str,
    /// The space behind it, when who enters may know of it.
    space: Option<SpaceId>,
}

/// What a code rests on, while it holds.
struct Basis {
    user: User,
    scopes: Scopes,
    expires_at: Option<Timestamp>,
}

impl App {
    /// The URL at which a browser, whoever uses it, enters an app of a space as who is signed in:
    /// once, and soon.
    pub async fn open_app(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
        space_id: &str,
        app: &str,
    ) -> AppResult<Done<String>> {
        let space = self.seen_space(&signed_in.actor, space_id).await?;
        let app: AppName = app
            .parse()
            .map_err(|error| Problem::input(["app"], format!("{error}")))?;
        refuse_leaving(&space)?;
        self.require_app(&signed_in.actor, &space, app).await?;
        let owners = self.store.users_by_id(&[space.owner_id]).await?;
        let label = AppLabel {
            app,
            owner: owners.into_iter().next().ok_or_else(no_such_space)?.name,
            space: space.name,
        };
        let host = label.under(&self.settings.app_domain);
        let door = Door {
            host: &host,
            space: Some(space.id),
        };
        let subject = space.id.to_string();
        let issued = self.issue_code(signed_in, origin, &door, &subject).await?;
        Ok(Done {
            value: self.enter_url(&host, &issued.value, None),
            cursor: issued.cursor,
        })
    }

    /// The URL at which the browser of who is signed in enters an app on its way to `to`, whatever
    /// there is.
    pub async fn way_in(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
        to: &Destination,
    ) -> AppResult<String> {
        let host = to.host();
        let door = Door {
            host,
            space: self.space_at(host, signed_in.actor.sees()).await?,
        };
        let issued = self.issue_code(signed_in, origin, &door, host).await?;
        Ok(self.enter_url(host, &issued.value, Some(to.path_and_query())))
    }

    /// The space in `sight` that has the hostname of an app.
    async fn space_at(&self, host: &str, sight: Sight) -> AppResult<Option<SpaceId>> {
        let Ok(label) = AppLabel::of_host(host, &self.settings.app_domain) else {
            return Ok(None);
        };
        let Some(owner) = self.store.user_by_name(label.owner.as_str()).await? else {
            return Ok(None);
        };
        let name = label.space.as_str();
        let space = self.store.space_by_name(sight, owner.id, name).await?;
        Ok(space.map(|space| space.id))
    }

    async fn require_app(&self, actor: &Actor, space: &Space, app: AppName) -> AppResult<()> {
        let shares = self.store.shares_of(&[space.id]).await?;
        let is_shared = shares.iter().any(|share| share.user_id == actor.user_id);
        let versions = [space.template_version_id];
        let versions = self.store.template_versions_by_id(&versions).await?;
        let version = versions.into_iter().next().ok_or_else(no_such_space)?;
        let blueprint = version.blueprint;
        let feature = blueprint.offer().feature(app);
        let enabled = &blueprint.features;
        Ok(require_feature(actor, space, is_shared, feature, enabled)?)
    }

    /// A one-time code for who is signed in, good for `door` alone. `subject` is what the audit log
    /// says was opened.
    async fn issue_code(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
        door: &Door<'_>,
        subject: &str,
    ) -> AppResult<Done<String>> {
        let user_id = signed_in.actor.user_id;
        let now = self.now();
        let code = token::random();
        let mut change = self.store.begin().await?;
        // One at a time, so that the bound holds.
        change.user(user_id).await?;
        if change.count_app_codes(user_id, now).await? >= CODES_MAX {
            let message = format!("there are {CODES_MAX} codes for apps that nobody used yet");
            return Err(Problem::rate_limited(message, CODE_LIFE).into());
        }
        let kept = AppCode {
            hash: token::hash(&code),
            user_id,
            sign_in: signed_in.sign_in,
            host: door.host.to_owned(),
            space: door.space,
            expires_at: now.after(CODE_LIFE),
        };
        change.insert_app_code(&kept).await?;
        change.audit(origin.entry(&signed_in.actor, "openApp", subject, door.host));
        let cursor = change.commit(now).await?;
        Ok(Done {
            value: code,
            cursor,
        })
    }

    /// Where a browser brings a code, and goes on to `path_and_query` of the same host.
    fn enter_url(&self, host: &str, code: &str, path_and_query: Option<&str>) -> String {
        let edge = self.settings.edge_url(host);
        let edge = edge.trim_end_matches('/');
        // A code is base64url, of which every character stands for itself in a query.
        let mut url = format!("{edge}{}?code={code}", ticket::ENTER_PATH);
        if let Some(to) = path_and_query {
            url.push_str("&to=");
            url.extend(form_urlencoded::byte_serialize(to.as_bytes()));
        }
        url
    }

    /// Turns a code into a ticket for `host`, if that is still of the space it was of. Whatever comes of it, the code is used up; and it is
    /// used once, whichever replicas are asked how often. `address` is that of whoever presented it:
    /// who asks is the edge.
    pub async fn redeem_app_code(
        &self,
        origin: &Origin,
        code: &str,
        host: &str,
        address: Option<&str>,
    ) -> AppResult<Done<IssuedTicket>> {
        let visitor = origin.of_visitor(address)?;
        let hash = token::hash(code);
        let known = self.store.app_code(&hash).await?.ok_or_else(not_valid)?;
        let is_there = match known.space {
            Some(space) => self.space_at(&known.host, Sight::All).await? == Some(space),
            None => true,
        };
        let now = self.now();
        let mut change = self.store.begin().await?;
        // The user before anything of theirs, as everywhere.
        let user = change.user(known.user_id).await?;
        if !change.take_app_code(&hash).await? {
            return Err(not_valid().into());
        }
        let is_good = is_there && known.host == host && known.expires_at > now;
        let basis = match user.filter(|user| is_good && user.disabled_at.is_none()) {
            Some(user) => basis(&change, user, known.sign_in, now).await?,
            None => None,
        };
        let Some(basis) = basis else {
            change.commit(now).await?;
            return Err(not_valid().into());
        };
        let user_id = basis.user.id;
        change.emit(EventBody::User { user_id });
        change.audit(NewAuditEntry {
            actor: Some(user_id),
            as_of: None,
            actor_name: basis.user.name.as_str().to_owned(),
            action: "redeemAppCode",
            subject: sign_in_id(known.sign_in),
            address: visitor.address_text(),
            detail: host.to_owned(),
        });
        let cursor = change.commit(now).await?;
        let longest = now.after(self.settings.app_sign_in);
        let expires_at = basis.expires_at.map_or(longest, |end| end.min(longest));
        let ticket = self.keys.sign_ticket(&Ticket {
            aud: ticket::AUDIENCE.to_owned(),
            sub: user_id,
            sid: sign_in_id(known.sign_in),
            host: known.host,
            space: known.space,
            scopes: basis.scopes,
            as_of: cursor,
            iat: now.as_millis() / 1000,
            exp: expires_at.as_millis() / 1000,
        })?;
        let value = IssuedTicket { ticket, expires_at };
        Ok(Done { value, cursor })
    }
}

/// What a code of `user` rests on, locked until the change ends; `None` when it has ended.
async fn basis(
    change: &Change,
    user: User,
    sign_in: SignIn,
    now: Timestamp,
) -> AppResult<Option<Basis>> {
    Ok(match sign_in {
        SignIn::Session(id) => {
            let session = change.session(id).await?.filter(|it| it.holds_at(now));
            session.map(|session| Basis {
                user,
                scopes: Scopes::all(),
                expires_at: Some(session.expires_at),
            })
        }
        SignIn::ApiToken(id) => {
            let token = change.token(id).await?.filter(|it| it.holds_at(now));
            token.map(|token| Basis {
                user,
                scopes: token.scopes,
                expires_at: token.expires_at,
            })
        }
    })
}

/// Doesn't say why: the edge has somebody sign in again, whatever the reason.
fn not_valid() -> Problem {
    let message = "the code is not valid, or not any more";
    Problem::new(ProblemCode::InvalidCredentials, message)
}
