//! What carries a response to its visitor: a connection of HTTP/1.1, or one stream of HTTP/2.
//!
//! It ends when the response may not go on, even while the visitor takes nothing of it, when nobody
//! asks its body for more.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use crate::live::Cut;

tokio::task_local! {
    static CARRIER: Arc<Carrier>;
}

/// Holds what ends the response that is carried now.
#[derive(Debug, Default)]
struct Carrier(Mutex<Option<Cut>>);

impl Carrier {
    fn lock(&self) -> MutexGuard<'_, Option<Cut>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what carries responses, one after the other. `None`: it was dropped, because the one that
/// it carried may not go on.
pub async fn carry<F: Future>(carrying: F) -> Option<F::Output> {
    let carrier = Arc::<Carrier>::default();
    let carrying = CARRIER.scope(Arc::clone(&carrier), carrying);
    let cut = poll_fn(|cx| match &*carrier.lock() {
        Some(cut) => cut.poll(cx),
        None => Poll::Pending,
    });
    tokio::select! {
        biased;
        carried = carrying => Some(carried),
        () = cut => None,
    }
}

/// A response on its carrier, for as long as it lives.
#[derive(Debug)]
pub struct Carried(Option<Arc<Carrier>>);

impl Carried {
    /// `cut` ends the carrier whose task this is; outside of one, nothing.
    pub fn begin(cut: Cut) -> Self {
        let carrier = CARRIER.try_with(Arc::clone).ok();
        if let Some(carrier) = &carrier {
            *carrier.lock() = Some(cut);
        }
        Self(carrier)
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        if let Some(carrier) = &self.0 {
            *carrier.lock() = None;
        }
    }
}
