//! When a batch begins: as soon as every resolver that can go on has asked for what it needs.
//!
//! The resolvers of an operation are polled in turn by one task. The one that opens a batch lets
//! the others have their turn before it begins, and carries it out within the same task, so that
//! all of them hear of the result before the first goes on. A list is therefore always one batch,
//! however busy the machine is, and nobody waits for a timer.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;

type Batch = BoxFuture<'static, ()>;

/// Batches that are still being filled. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Turn {
    filling: Arc<Mutex<Vec<Batch>>>,
}

impl Turn {
    /// Keeps a batch from beginning before the end of the turn.
    pub(super) fn hold(&self, batch: Batch) {
        self.lock().push(batch);
    }

    /// Carries out the batches that are held, once every resolver that can go on has had its turn.
    /// Does nothing when the resolver that opened them is seeing to that.
    pub(super) async fn end(&self) {
        let mut begun = Begun(std::mem::take(&mut *self.lock()));
        if !begun.0.is_empty() {
            tokio::task::yield_now().await;
            poll_fn(|context| begun.poll(context)).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Batch>> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Batches that go on also when the resolver that opened them is given up, as when a field beside
/// it failed: others may be waiting for the same batch.
struct Begun(Vec<Batch>);

impl Begun {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(batch) = self.0.last_mut() {
            ready!(batch.as_mut().poll(context));
            self.0.pop();
        }
        Poll::Ready(())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        for batch in self.0.drain(..) {
            tokio::spawn(batch);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, convert::Infallible, pin::pin, time::Duration};

    use async_graphql::dataloader::{DataLoader, Loader};
    use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};

    use super::*;

    /// Counts its batches.
    #[derive(Clone, Default)]
    struct Counting(Arc<Mutex<Vec<usize>>>);

    impl Loader<u32> for Counting {
        type Value = u32;
        type Error = Infallible;

        async fn load(&self, keys: &[u32]) -> Result<HashMap<u32, u32>, Infallible> {
            self.0.lock().expect("whole").push(keys.len());
            Ok(keys.iter().map(|&key| (key, key * 2)).collect())
        }
    }

    struct Rig {
        counting: Counting,
        turn: Turn,
        loader: DataLoader<Counting>,
    }

    impl Rig {
        fn new() -> Self {
            let (counting, turn) = (Counting::default(), Turn::default());
            let hold = turn.clone();
            let loader = DataLoader::new(counting.clone(), move |batch| hold.hold(batch));
            Self {
                counting,
                turn,
                loader: loader.delay(Duration::ZERO),
            }
        }

        async fn load(&self, key: u32) -> Option<u32> {
            let mut loading = pin!(self.loader.load_one(key));
            if let Some(loaded) = loading.as_mut().now_or_never() {
                return loaded.expect("infallible");
            }
            self.turn.end().await;
            loading.await.expect("infallible")
        }

        fn batches(&self) -> Vec<usize> {
            self.counting.0.lock().expect("whole").clone()
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_is_asked_in_the_same_turn_shares_a_batch() {
        for _ in 0..200 {
            let rig = Rig::new();
            // As async-graphql resolves a list of things with two fields each.
            let thing = async |number: u32| {
                let mut fields: FuturesUnordered<_> = [number, number + 1000]
                    .map(|key| rig.load(key))
                    .into_iter()
                    .collect();
                while fields.next().await.is_some() {}
                rig.load(number + 2000).await
            };
            let mut things: FuturesUnordered<_> = (0..50).map(thing).collect();
            while things.next().await.is_some() {}
            assert_eq!(rig.batches(), [100, 50]);
        }
    }

    #[tokio::test]
    async fn a_batch_whose_opener_gave_up_begins_all_the_same() {
        let rig = Rig::new();
        let mut opener = Box::pin(rig.load(1));
        assert!(futures_util::poll!(opener.as_mut()).is_pending());
        let mut other = pin!(rig.load(2));
        assert!(futures_util::poll!(other.as_mut()).is_pending());
        drop(opener);
        assert_eq!(other.await, Some(4));
        assert_eq!(rig.batches(), [2]);
    }
}
