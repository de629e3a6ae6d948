//! What subscribers see of a log that many write at once.

use futures_util::StreamExt;
use spaceport_domain::{event::EventBody, id::UserId, quota::Limits, time::Timestamp};
use uuid::Uuid;

use super::*;
use crate::store::{NewAuditEntry, NewUser, User};

/// A store in a file of its own, removed in the end.
struct Scratch {
    store: Store,
    path: std::path::PathBuf,
}

impl Scratch {
    async fn open() -> Self {
        // The process is in the name for `dev/sweep`, which removes what killed tests left.
        let name = format!(
            "spaceport-test-{}-{}.db",
            std::process::id(),
            Uuid::now_v7()
        );
        let path = std::env::temp_dir().join(name);
        let store = Store::open(&format!("sqlite:{}", path.display()))
            .await
            .expect("opens");
        Self { store, path }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.path.display()));
        }
    }
}

async fn commit(store: &Store, events: usize) -> Cursor {
    let mut change = store.begin().await.expect("begins");
    for _ in 0..events {
        change.emit(EventBody::User {
            user_id: UserId::new(Uuid::now_v7()),
        });
    }
    change
        .commit(Timestamp::from_millis(0))
        .await
        .expect("commits")
}

async fn seen(log: &EventLog, after: Cursor, until: i64) -> Vec<i64> {
    let events = log
        .follow(after)
        .map(|event| event.expect("is readable").cursor.seq());
    let count = usize::try_from(until - after.seq()).expect("positive");
    events.take(count).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_subscriber_sees_every_event_once_and_in_order() {
    const WRITERS: usize = 8;
    const CHANGES: usize = 25;
    let scratch = Scratch::open().await;
    let log = EventLog::open(scratch.store.clone()).await.expect("opens");
    let running = tokio::spawn({
        let log = log.clone();
        async move { log.run().await }
    });
    let writers = (0..WRITERS).map(|writer| {
        let store = scratch.store.clone();
        tokio::spawn(async move {
            for change in 0..CHANGES {
                commit(&store, 1 + (writer + change) % 3).await;
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let total: i64 = (0..WRITERS)
        .flat_map(|writer| (0..CHANGES).map(move |change| 1 + (writer + change) % 3))
        .map(|events| i64::try_from(events).expect("small"))
        .sum();
    let early = seen(&log, Cursor::START, total).await;
    assert_eq!(early, (1..=total).collect::<Vec<_>>());
    for writer in writers {
        writer.await.expect("writes");
    }
    let late = seen(&log, Cursor::new(total / 2), total).await;
    assert_eq!(late, (total / 2 + 1..=total).collect::<Vec<_>>());
    running.abort();
}

#[tokio::test]
async fn a_log_that_begins_late_still_serves_what_came_before() {
    let scratch = Scratch::open().await;
    let before = commit(&scratch.store, 300).await;
    let log = EventLog::open(scratch.store.clone()).await.expect("opens");
    let running = tokio::spawn({
        let log = log.clone();
        async move { log.run().await }
    });
    let after = commit(&scratch.store, 5).await;
    assert_eq!((before.seq(), after.seq()), (300, 305));
    let seen = seen(&log, Cursor::new(10), 305).await;
    assert_eq!(seen, (11..=305).collect::<Vec<_>>());
    running.abort();
}

#[tokio::test]
async fn a_cursor_is_resumable_exactly_while_what_follows_it_is_kept() {
    let scratch = Scratch::open().await;
    let store = &scratch.store;
    assert!(store.is_resumable(Cursor::START).await.expect("answers"));
    commit(store, 10).await;
    assert!(store.is_resumable(Cursor::START).await.expect("answers"));
    assert!(
        !store.is_resumable(Cursor::new(11)).await.expect("answers"),
        "from the future"
    );
    let dropped = store
        .prune_events(Timestamp::from_millis(1), 4)
        .await
        .expect("prunes");
    assert_eq!(dropped, 6);
    assert!(!store.is_resumable(Cursor::new(5)).await.expect("answers"));
    assert!(store.is_resumable(Cursor::new(6)).await.expect("answers"));
    assert!(store.is_resumable(Cursor::new(10)).await.expect("answers"));
}

#[tokio::test]
async fn a_change_that_is_abandoned_leaves_no_event_and_no_gap() {
    let scratch = Scratch::open().await;
    let mut change = scratch.store.begin().await.expect("begins");
    change.emit(EventBody::User {
        user_id: UserId::new(Uuid::now_v7()),
    });
    change.abandon().await.expect("abandons");
    assert_eq!(commit(&scratch.store, 1).await, Cursor::new(1));
}

#[tokio::test]
async fn who_may_do_something_else_by_now_changes_nothing() {
    let scratch = Scratch::open().await;
    let user_id = UserId::new(Uuid::now_v7());
    let mut change = scratch.store.begin().await.expect("begins");
    let user = User {
        id: user_id,
        name: "ada".parse().expect("a name"),
        display_name: "Ada".to_owned(),
        limits: Limits::default(),
        created_at: Timestamp::from_millis(0),
        disabled_at: None,
        deleted_at: None,
    };
    let password_hash = String::new();
    change
        .insert_user(&NewUser {
            user,
            password_hash,
        })
        .await
        .expect("is new");
    change.emit(EventBody::Access { user_id });
    let changed_at = change
        .commit(Timestamp::from_millis(0))
        .await
        .expect("commits");
    let by = async |as_of: Cursor| {
        let mut change = scratch.store.begin().await.expect("begins");
        change.audit(NewAuditEntry {
            actor: Some(user_id),
            as_of: Some(as_of),
            actor_name: "ada".to_owned(),
            action: "createSpace",
            subject: String::new(),
            address: String::new(),
            detail: String::new(),
        });
        change.emit(EventBody::User { user_id });
        change.commit(Timestamp::from_millis(0)).await
    };
    assert!(matches!(
        by(Cursor::START).await,
        Err(StoreError::AccessChanged)
    ));
    let committed = by(changed_at).await.expect("nothing changed since");
    assert_eq!(
        committed.seq(),
        changed_at.seq() + 1,
        "the refusal left no gap"
    );
}
