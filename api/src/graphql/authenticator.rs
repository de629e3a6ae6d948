//! Turns credentials into the caller of an operation.

use std::sync::Arc;

use async_graphql::Data;
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio_util::sync::CancellationToken;

use super::{
    caller::{Caller, Identity},
    loaders::Loaders,
    transport::{AuthError, Authenticate, Authenticated, RequestInfo},
};
use crate::app::{Actor, App, AppError, Origin, sign_in::SignedIn};

/// Knows users by their sign-ins and tokens, and the edge by its token.
pub struct Authenticator(pub Arc<App>);

#[async_trait]
impl Authenticate for Authenticator {
    async fn authenticate(
        &self,
        credentials: Option<&str>,
        request: &RequestInfo,
    ) -> Result<Authenticated, AuthError> {
        let origin = Origin {
            address: request.address,
            user_agent: request.user_agent.clone(),
        };
        let Some(credentials) = credentials else {
            return Ok(self.authenticated(Identity::Anonymous, origin));
        };
        let token = bearer(credentials).ok_or(AuthError::Invalid)?;
        if bool::from(token.as_bytes().ct_eq(self.0.edge_token.as_bytes())) {
            return Ok(self.authenticated(Identity::Edge, origin));
        }
        let moment = self.0.sign_ins.moment();
        let signed_in = self
            .0
            .authenticate(token)
            .await
            .map_err(|error| match error {
                AppError::Refused(_) => AuthError::Invalid,
                AppError::Internal(cause) => {
                    AuthError::Unavailable(anyhow::Error::from_boxed(cause))
                }
            })?;
        let signed_in = signed_in.ok_or(AuthError::Invalid)?;
        let open = self.0.sign_ins.open(
            signed_in.actor.user_id,
            signed_in.sign_in,
            signed_in.expires_at,
            moment,
        );
        Ok(self.authenticated(Identity::User(Arc::new(signed_in), open), origin))
    }
}

impl Authenticator {
    fn authenticated(&self, identity: Identity, origin: Origin) -> Authenticated {
        let (ended, introspection) = match &identity {
            Identity::User(_, open) => (open.ended(), true),
            Identity::Anonymous | Identity::Edge => (CancellationToken::new(), false),
        };
        let caller = Caller { identity, origin };
        let app = Arc::clone(&self.0);
        let view = match &caller.identity {
            Identity::User(signed_in, _) => Some(view(signed_in)),
            Identity::Anonymous | Identity::Edge => None,
        };
        Authenticated::new(ended, introspection, view, move || {
            let mut data = Data::default();
            data.insert(Loaders::new(
                app.store.clone(),
                actor(&caller.identity),
                app.clock.now(),
            ));
            data.insert(caller.clone());
            data
        })
    }
}

/// Stands for what somebody is shown: by which sign-in they are known, and everything that is
/// theirs by roles, groups and scopes.
fn view(signed_in: &SignedIn) -> [u8; 32] {
    let SignedIn { actor, sign_in, .. } = signed_in;
    let Actor {
        user_id,
        permissions,
        scopes,
        groups,
        ..
    } = actor;
    let shown = (sign_in, user_id, permissions, scopes, groups);
    Sha256::digest(format!("{shown:?}")).into()
}

fn actor(identity: &Identity) -> Option<&Actor> {
    match identity {
        Identity::User(signed_in, _) => Some(&signed_in.actor),
        Identity::Anonymous | Identity::Edge => None,
    }
}

/// The token of `Bearer <token>` (RFC 6750 §2.1; the scheme in any case).
fn bearer(credentials: &str) -> Option<&str> {
    let (scheme, token) = credentials.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_are_credentials() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for other in ["abc", "Basic abc", "Bearer", "Bearer ", ""] {
            assert_eq!(bearer(other), None, "{other:?}");
        }
    }
}
