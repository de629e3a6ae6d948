//! The protocols, spoken with a small schema.

mod event_stream;
mod http;
mod schema;
mod websocket;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::Data;
use async_trait::async_trait;
use axum::Router;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{AuthError, Authenticate, Authenticated, RequestInfo, TransportConfig, router};

/// Knows callers by their credentials.
#[derive(Default)]
struct Doorman {
    ending: CancellationToken,
    asked: AtomicUsize,
    /// What somebody slow waits for.
    opening: Notify,
}

#[async_trait]
impl Authenticate for Doorman {
    async fn authenticate(
        &self,
        credentials: Option<&str>,
        _: &RequestInfo,
    ) -> Result<Authenticated, AuthError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let name = match credentials {
            None => "nobody",
            Some("Bearer good") => "somebody",
            Some("Bearer slow") => {
                self.opening.notified().await;
                "slow"
            }
            Some("Bearer limited") => {
                return Err(AuthError::RateLimited {
                    retry_after: Duration::from_millis(1500),
                });
            }
            Some("Bearer panicking") => panic!("on purpose"),
            Some("Bearer barred") => return Err(AuthError::Forbidden),
            Some("Bearer broken") => {
                return Err(AuthError::Unavailable(anyhow::anyhow!(
                    "the database is down"
                )));
            }
            Some(_) => return Err(AuthError::Invalid),
        };
        let ended = if credentials.is_some() {
            self.ending.clone()
        } else {
            CancellationToken::new()
        };
        Ok(Authenticated::new(
            ended,
            credentials.is_some(),
            None,
            move || {
                let mut data = Data::default();
                data.insert(schema::Caller(name));
                data
            },
        ))
    }
}

/// The transport over the small schema.
struct Site {
    doorman: Arc<Doorman>,
    schema: schema::State,
    router: Router,
}

impl Site {
    fn new(config: TransportConfig) -> Self {
        let doorman = Arc::new(Doorman::default());
        let state = schema::State::default();
        let schema = schema::build(state.clone());
        let sdl = schema.sdl();
        Self {
            router: router(schema, &sdl, Arc::clone(&doorman) as _, config).unwrap(),
            doorman,
            schema: state,
        }
    }
}
