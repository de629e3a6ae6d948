//! A schema with one field for each way a field can go.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{
    Context, Error, ErrorExtensions as _, MergedObject, Object, OneofObject, Schema, Subscription,
    ValidationMode,
};
use futures_util::{Stream, stream};

pub(super) struct Caller(pub(super) &'static str);

/// What the schema did, for tests to look at.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) written: Arc<Mutex<Vec<i32>>>,
    running: Arc<AtomicUsize>,
    /// How many events `fast` has made.
    pub(super) made: Arc<Mutex<usize>>,
}

impl State {
    /// How many `forever` run.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(OneofObject)]
enum Choice {
    Number(i32),
    Text(String),
}

#[derive(Default)]
pub(super) struct Own;

#[derive(MergedObject, Default)]
pub(super) struct Query(Own);

#[Object]
impl Own {
    async fn hello(&self) -> &str {
        "world"
    }

    async fn caller(&self, ctx: &Context<'_>) -> &str {
        ctx.data_unchecked::<Caller>().0
    }

    async fn echo(&self, text: String) -> String {
        text
    }

    async fn chosen(&self, by: Choice) -> String {
        match by {
            Choice::Number(number) => number.to_string(),
            Choice::Text(text) => text,
        }
    }

    async fn own(&self) -> Own {
        Own
    }

    async fn failing(&self) -> Option<Result<i32, Error>> {
        Some(Err("the password is hunter2".into()))
    }

    async fn coded(&self) -> Option<Result<i32, Error>> {
        let error = Error::new("slow down").extend_with(|_, e| e.set("code", "RATE_LIMITED"));
        Some(Err(error))
    }

    async fn panicking(&self) -> i32 {
        panic_on_purpose()
    }

    async fn stuck(&self) -> i32 {
        std::future::pending().await
    }
}

pub(super) struct Mutation(State);

#[Object]
impl Mutation {
    /// Writes later, so that order and survival can be seen.
    async fn write(&self, n: i32, after_ms: u64) -> i32 {
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        self.0.written.lock().unwrap().push(n);
        n
    }
}

pub(super) struct Events(State);

#[Subscription]
impl Events {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(1..=to)
    }

    /// Nothing, and never ends.
    async fn forever(&self) -> impl Stream<Item = i32> + 'static {
        let held = Running::new(&self.0.running);
        stream::once(async move {
            let _held = held;
            std::future::pending().await
        })
    }

    /// As fast as it is read.
    async fn fast(&self) -> impl Stream<Item = String> + 'static {
        let made = Arc::clone(&self.0.made);
        stream::repeat_with(move || {
            *made.lock().unwrap() += 1;
            "x".repeat(1024)
        })
    }

    async fn refused(&self) -> Result<stream::Empty<i32>, Error> {
        std::future::ready(()).await;
        Err(Error::new("no such thing").extend_with(|_, e| e.set("code", "NOT_FOUND")))
    }

    async fn partial(&self) -> impl Stream<Item = Own> {
        stream::iter([Own])
    }

    async fn panicking(&self) -> impl Stream<Item = i32> {
        stream::once(async { panic_on_purpose() })
    }
}

pub(super) type TestSchema = Schema<Query, Mutation, Events>;

pub(super) fn build(state: State) -> TestSchema {
    Schema::build(Query::default(), Mutation(state.clone()), Events(state))
        .validation_mode(ValidationMode::Fast)
        .finish()
}

/// A function, because code after a bare panic would be warned of as unreachable.
fn panic_on_purpose() -> i32 {
    panic!("on purpose")
}
