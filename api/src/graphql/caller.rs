//! Who an operation is carried out for.

use std::sync::Arc;

use async_graphql::{Context, Error, ErrorExtensions, Result, parser::types::OperationType};
use spaceport_domain::{access::Actor, scope::Scope};

use crate::{
    app::{App, Origin, sign_in::SignedIn},
    auth::sign_in::Open,
};

/// Who calls, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub identity: Identity,
    /// From where, for the audit log.
    pub origin: Origin,
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Nobody known: may only sign in.
    Anonymous,
    /// A user. Holding the entry keeps the sign-in's end observable.
    User(Arc<SignedIn>, Arc<Open>),
    /// The edge: may only read routes, redeem codes and note sign-ins by SSH.
    Edge,
}

/// What every resolver asks of its context.
pub(super) trait Call {
    /// What can be done.
    fn app(&self) -> Result<&Arc<App>>;
    /// Who calls, from where.
    fn caller(&self) -> Result<&Caller>;
    /// The signed-in caller.
    fn signed_in(&self) -> Result<&SignedIn>;
    /// The signed-in user.
    fn actor(&self) -> Result<&Actor> {
        self.signed_in().map(|signed_in| &signed_in.actor)
    }
    /// Refuses whoever is not the edge.
    fn require_edge(&self) -> Result<()> {
        match self.caller()?.identity {
            Identity::Edge => Ok(()),
            Identity::Anonymous | Identity::User(..) => {
                let error = Error::new("only the edge may ask this");
                Err(error.extend_with(|_, extensions| extensions.set("code", "FORBIDDEN")))
            }
        }
    }
    /// From where the request came.
    fn origin(&self) -> Result<&Origin> {
        self.caller().map(|caller| &caller.origin)
    }
}

/// No resolver gets an actor for a mutation that the caller's scopes don't cover. Below the
/// mutation's own field there is only reading, which every scope includes.
fn require_scope(context: &Context<'_>, actor: &Actor) -> Result<()> {
    let is_mutation = context.query_env.operation.node.ty == OperationType::Mutation;
    let is_below = context.path_node.is_some_and(|node| node.parent.is_some());
    if !is_mutation || is_below {
        return Ok(());
    }
    // The path would say how the caller calls it; this is how it is called.
    match Scope::of_mutation(context.item.node.name.node.as_str()) {
        Some(scope) => actor.require_scope(scope).map_err(|problem| {
            Error::new(problem.message).extend_with(|_, extensions| {
                extensions.set("code", "FORBIDDEN");
                extensions.set("scope", scope.as_str());
            })
        }),
        None => Ok(()),
    }
}

impl Call for Context<'_> {
    fn app(&self) -> Result<&Arc<App>> {
        self.data::<Arc<App>>()
    }

    fn caller(&self) -> Result<&Caller> {
        self.data::<Caller>()
    }

    fn signed_in(&self) -> Result<&SignedIn> {
        match &self.caller()?.identity {
            Identity::User(signed_in, _) => {
                require_scope(self, &signed_in.actor)?;
                Ok(signed_in)
            }
            Identity::Anonymous | Identity::Edge => Err(Error::new("sign in first")
                .extend_with(|_, extensions| extensions.set("code", "UNAUTHENTICATED"))),
        }
    }
}
