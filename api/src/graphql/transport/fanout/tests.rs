//! Followers of numbers, each of which is an event at its own place.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::{Response, ServerError, Value};

use super::*;

/// A log that grows, runs over it, and how often an event of it was made.
#[derive(Clone)]
struct Log {
    head: Arc<watch::Sender<i64>>,
    made: Arc<AtomicUsize>,
    /// At this place a run fails.
    broken_at: i64,
    /// At this place a run ends.
    complete_at: i64,
}

impl Log {
    fn new(broken_at: i64) -> Self {
        Self {
            head: Arc::new(watch::Sender::new(1)),
            made: Arc::default(),
            broken_at,
            complete_at: i64::MAX,
        }
    }

    fn grow_to(&self, head: i64) {
        self.head.send_replace(head);
    }

    /// Begins with the last event, as a snapshot, or behind a place.
    fn start(&self) -> Start {
        let log = self.clone();
        Arc::new(move |resume| {
            let position = Position::new(resume);
            let begin = resume.unwrap_or_else(|| *log.head.borrow() - 1);
            let state = (log.clone(), log.head.subscribe(), position.clone(), begin);
            let outcomes = stream::unfold(state, |(log, mut head, position, last)| async move {
                head.wait_for(|head| *head > last).await.ok()?;
                let place = last + 1;
                if place == log.complete_at {
                    return None;
                }
                log.made.fetch_add(1, Ordering::SeqCst);
                position.reach(place);
                let response = if place == log.broken_at {
                    Response::from_errors(vec![ServerError::new("broken", None)])
                } else {
                    Response::new(Value::from(place))
                };
                Some((Outcome::new(response, ""), (log, head, position, place)))
            });
            Run {
                outcomes: outcomes.boxed(),
                position,
            }
        })
    }
}

fn key(view: u8) -> Key {
    Key {
        view: [view; 32],
        document: 1,
        operation_name: None,
        variables: "{}".to_owned(),
    }
}

async fn take(follower: &mut BoxStream<'static, Outcome>, count: usize) -> Vec<String> {
    let texts = follower.by_ref().take(count);
    texts
        .map(|outcome| serde_json::to_string(&outcome).expect("JSON"))
        .collect()
        .await
}

fn events(places: std::ops::RangeInclusive<i64>) -> Vec<String> {
    places
        .map(|place| format!("{{\"data\":{place}}}"))
        .collect()
}

#[tokio::test]
async fn an_event_is_made_once_for_all_who_follow_the_same() {
    let (fanouts, log) = (Arc::new(Fanouts::default()), Log::new(0));
    let mut followers: Vec<_> = (0..10)
        .map(|_| follow(Arc::clone(&fanouts), key(1), log.start()))
        .collect();
    for follower in &mut followers {
        assert_eq!(take(follower, 1).await, events(1..=1));
    }
    let alone = log.made.load(Ordering::SeqCst);
    // Each asks for more before there is more, and so joins.
    for follower in &mut followers {
        assert!(futures_util::poll!(follower.next()).is_pending());
    }
    log.grow_to(20);
    for follower in &mut followers {
        assert_eq!(take(follower, 19).await, events(2..=20));
    }
    assert_eq!(log.made.load(Ordering::SeqCst) - alone, 19);
    assert_eq!(fanouts.kept.load(Ordering::Relaxed), 0, "all have got all");
}

#[tokio::test]
async fn who_may_see_something_else_has_a_run_of_their_own() {
    let (fanouts, log) = (Arc::new(Fanouts::default()), Log::new(0));
    let mut followers: Vec<_> = (0..3)
        .map(|view| follow(Arc::clone(&fanouts), key(view), log.start()))
        .collect();
    for follower in &mut followers {
        take(follower, 1).await;
        assert!(futures_util::poll!(follower.next()).is_pending());
    }
    let alone = log.made.load(Ordering::SeqCst);
    log.grow_to(2);
    for follower in &mut followers {
        assert_eq!(take(follower, 1).await, events(2..=2));
    }
    assert_eq!(log.made.load(Ordering::SeqCst) - alone, 3);
}

#[tokio::test]
async fn who_falls_far_behind_misses_nothing() {
    let (fanouts, log) = (Arc::new(Fanouts::default()), Log::new(0));
    let mut slow = follow(Arc::clone(&fanouts), key(1), log.start());
    let mut fast = follow(Arc::clone(&fanouts), key(1), log.start());
    for follower in [&mut slow, &mut fast] {
        take(follower, 1).await;
        assert!(futures_util::poll!(follower.next()).is_pending());
    }
    let many = i64::try_from(3 * RECENT_MAX).expect("small");
    log.grow_to(many);
    let rest = 3 * RECENT_MAX - 1;
    assert_eq!(take(&mut fast, rest).await, events(2..=many));
    assert_eq!(take(&mut slow, rest).await, events(2..=many));
    log.grow_to(many + 1);
    for follower in [&mut slow, &mut fast] {
        assert_eq!(take(follower, 1).await, events(many + 1..=many + 1));
    }
    drop((slow, fast));
    assert_eq!(fanouts.kept.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_error_is_met_by_each_alone() {
    let (fanouts, log) = (Arc::new(Fanouts::default()), Log::new(3));
    let mut followers: Vec<_> = (0..2)
        .map(|_| follow(Arc::clone(&fanouts), key(1), log.start()))
        .collect();
    for follower in &mut followers {
        take(follower, 1).await;
        assert!(futures_util::poll!(follower.next()).is_pending());
    }
    log.grow_to(3);
    for follower in &mut followers {
        assert_eq!(take(follower, 1).await, events(2..=2));
        let failed = follower.next().await.expect("an outcome");
        assert!(failed.is_refusal());
    }
}

#[tokio::test]
async fn an_end_is_everybodys() {
    let (fanouts, mut log) = (Arc::new(Fanouts::default()), Log::new(0));
    log.complete_at = 4;
    let mut followers: Vec<_> = (0..2)
        .map(|_| follow(Arc::clone(&fanouts), key(1), log.start()))
        .collect();
    for follower in &mut followers {
        take(follower, 1).await;
        assert!(futures_util::poll!(follower.next()).is_pending());
    }
    log.grow_to(4);
    for follower in &mut followers {
        assert_eq!(take(follower, 9).await, events(2..=3));
    }
}

#[tokio::test]
async fn a_run_that_nobody_follows_ends() {
    let (fanouts, log) = (Arc::new(Fanouts::default()), Log::new(0));
    let mut follower = follow(Arc::clone(&fanouts), key(1), log.start());
    take(&mut follower, 1).await;
    assert!(futures_util::poll!(follower.next()).is_pending());
    assert!(log.head.receiver_count() > 0);
    drop(follower);
    while log.head.receiver_count() > 0 {
        tokio::task::yield_now().await;
    }
}
