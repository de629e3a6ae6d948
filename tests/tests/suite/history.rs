//! Whatever happens, each subscriber's history is what the outbox says they may know: nothing
//! lost, nothing twice, nothing out of order, nothing of what they may not see.
//!
//! A run is random: changes, sharing, handing over, bursts, subscribers who leave, come back by
//! another transport or don't read, and crashes of the API. It prints its seed;
//! `SPACEPORT_TEST_SEED` repeats it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use futures_util::future::join_all;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use spaceport_domain::{
    access::Sight,
    event::{Cursor, Event, EventBody, Told},
    id::{SpaceId, UserId},
};
use spaceport_tests::{
    Client, Database, Home, Installation, Message, Subscription, Transport, client::id, in_time,
    on_both_databases,
};

on_both_databases!(every_history_is_what_the_outbox_says);

const USERS: [&str; 3] = ["history-ada", "history-bob", "history-eve"];
const STEPS: usize = 120;
/// Changes of one burst: more than a socket's buffers take of those who don't read.
const BURST: usize = 40;
const CRASHES: usize = 3;
/// Makes an event of some size.
const DESCRIPTION_BYTES: usize = 4000;

const DOCUMENT: &str = "subscription ($after: String) { spacesChanged(after: $after) { \
    cursor change spaceId space { id name description revision } } }";

struct User {
    client: Client,
    id: UserId,
    /// A space that is never handed over or deleted.
    kept: String,
}

/// One event as a subscriber got it, or as the outbox says they must.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    cursor: i64,
    change: String,
    space: Option<SpaceId>,
    revision: Option<i64>,
}

impl Seen {
    fn read(event: &Value) -> Self {
        let cursor = event["cursor"].as_str().expect("a cursor");
        Self {
            cursor: cursor.parse::<Cursor>().expect("a cursor").seq(),
            change: event["change"].as_str().expect("a change").to_owned(),
            space: event["spaceId"]
                .as_str()
                .map(|id| id.parse().expect("an id")),
            revision: event["space"]["revision"].as_i64(),
        }
    }
}

/// A connection of a subscriber: where it resumed, the head of the outbox when it had begun, and
/// what it brought.
struct Connection {
    after: i64,
    head: i64,
    got: Vec<Seen>,
}

/// Somebody who follows what they may see, comes and goes.
struct Subscriber {
    user: usize,
    /// Whether it reads nothing but what it missed when it comes.
    is_slow: bool,
    past: Vec<Connection>,
    present: Option<Present>,
}

struct Present {
    after: i64,
    head: i64,
    got: Arc<Mutex<Vec<Seen>>>,
    reading: Reading,
}

enum Reading {
    /// A task reads on and on.
    Fast(tokio::task::JoinHandle<()>),
    Slow(Subscription),
}

fn note(got: &Mutex<Vec<Seen>>, data: &Value) {
    let seen = Seen::read(&data["spacesChanged"]);
    got.lock().expect("whole").push(seen);
}

/// Reads until the connection breaks or `is_last` says so.
async fn read(
    subscription: &mut Subscription,
    got: &Mutex<Vec<Seen>>,
    is_last: impl Fn(&Value) -> bool,
) {
    loop {
        match subscription.next().await {
            Message::Next(event) => {
                assert!(event["errors"].is_null(), "{event}");
                note(got, &event["data"]);
                if is_last(&event["data"]["spacesChanged"]) {
                    return;
                }
            }
            Message::Closed(_) => return,
            other => panic!("{other:?}"),
        }
    }
}

impl Subscriber {
    fn last_cursor(&self) -> i64 {
        let of = |it: &Connection| it.got.last().map_or(it.after, |seen| seen.cursor);
        self.past.last().map_or(0, of)
    }

    /// Connects behind the last event it got; the first time, behind the snapshot of its spaces.
    async fn connect(&mut self, users: &[User], transport: Transport) {
        assert!(self.present.is_none());
        let client = &users[self.user].client;
        let is_first = self.past.is_empty();
        let after = (!is_first).then(|| self.last_cursor().to_string());
        let variables = json!({ "after": after });
        let mut subscription = client.subscribe(transport, DOCUMENT, variables).await;
        let mut after = self.last_cursor();
        if is_first {
            loop {
                let event = subscription.next_data().await["spacesChanged"].take();
                assert_eq!(event["change"], "SNAPSHOT");
                if let Some(cursor) = event["cursor"].as_str() {
                    after = cursor.parse::<Cursor>().expect("a cursor").seq();
                    break;
                }
            }
        }
        // A change that is seen says that the subscription has begun. Until then nobody changes
        // who sees what.
        let got = Arc::default();
        let User { kept, .. } = &users[self.user];
        let input = json!({ "spaceId": kept, "description": "somebody came" });
        let cursor = client.mutate("updateSpace", input).await.value("cursor");
        let cursor = cursor.as_str().expect("a cursor");
        read(&mut subscription, &got, |event| event["cursor"] == cursor).await;
        let head = cursor.parse::<Cursor>().expect("a cursor").seq();
        let reading = if self.is_slow {
            Reading::Slow(subscription)
        } else {
            let got = Arc::clone(&got);
            Reading::Fast(tokio::spawn(async move {
                read(&mut subscription, &got, |_| false).await;
            }))
        };
        self.present = Some(Present {
            after,
            head,
            got,
            reading,
        });
    }

    /// Leaves in the middle of whatever is being told.
    async fn leave(&mut self) {
        let Some(present) = self.present.take() else {
            return;
        };
        match present.reading {
            Reading::Fast(task) => {
                task.abort();
                let _ = task.await;
            }
            Reading::Slow(subscription) => drop(subscription),
        }
        self.keep(present.after, present.head, &present.got);
    }

    /// Reads what still comes of a connection that the API's end has broken.
    async fn lose(&mut self) {
        let Some(present) = self.present.take() else {
            return;
        };
        match present.reading {
            Reading::Fast(task) => in_time("the end of a connection", task)
                .await
                .expect("reads"),
            Reading::Slow(mut subscription) => {
                read(&mut subscription, &present.got, |_| false).await;
            }
        }
        self.keep(present.after, present.head, &present.got);
    }

    fn keep(&mut self, after: i64, head: i64, got: &Mutex<Vec<Seen>>) {
        let got = std::mem::take(&mut *got.lock().expect("whole"));
        self.past.push(Connection { after, head, got });
    }
}

/// Whether somebody sees a space, by the last that the outbox says of it up to `head`.
fn sees(outbox: &[Event], user: UserId, space: SpaceId, head: i64) -> bool {
    let upto = outbox.iter().take_while(|it| it.cursor.seq() <= head);
    let last = upto.filter(|it| it.body.space_id() == Some(space)).last();
    last.is_some_and(|it| it.body.told_to(Sight::Of(user)) == Some(Told::Whole))
}

/// What a connection must have brought of the events up to `until`.
fn expected(outbox: &[Event], user: UserId, connection: &Connection, until: i64) -> Vec<Seen> {
    let events = outbox
        .iter()
        .filter(|it| it.cursor.seq() > connection.after && it.cursor.seq() <= until);
    events
        .filter_map(|event| {
            let EventBody::Space { change, space, .. } = &event.body else {
                return None;
            };
            let cursor = event.cursor.seq();
            let seen = |change: String, revision| Seen {
                cursor,
                change,
                space: Some(space.id),
                revision,
            };
            let is_past = cursor <= connection.head;
            match event.body.told_to(Sight::Of(user))? {
                Told::Loss => Some(seen("LOST".to_owned(), None)),
                Told::Whole if is_past && !sees(outbox, user, space.id, connection.head) => None,
                Told::Whole => {
                    let change = serde_json::to_value(change).expect("serialises");
                    let change = change.as_str().expect("a text").to_owned();
                    Some(seen(change, Some(space.revision)))
                }
            }
        })
        .collect()
}

/// Everything a run works with.
struct Run {
    home: Home,
    rng: StdRng,
    template: String,
    users: Vec<User>,
    /// Spaces that may change hands or go, by the user who has them.
    spaces: HashMap<String, usize>,
    subscribers: Vec<Subscriber>,
    made: usize,
}

impl Run {
    fn any_space(&mut self) -> Option<(String, usize)> {
        let mut all: Vec<_> = self
            .spaces
            .iter()
            .map(|(id, owner)| (id.clone(), *owner))
            .collect();
        all.sort_unstable();
        all.choose(&mut self.rng).cloned()
    }

    fn any_other(&mut self, than: usize) -> usize {
        (than + self.rng.random_range(1..USERS.len())) % USERS.len()
    }

    fn any_transport(&mut self) -> Transport {
        if self.rng.random_bool(0.5) {
            Transport::WebSocket
        } else {
            Transport::EventStream
        }
    }

    async fn create(&mut self) {
        let owner = self.rng.random_range(0..USERS.len());
        self.made += 1;
        let name = format!("space-{}", self.made);
        let space = self.users[owner]
            .client
            .create_space(&self.template, &name)
            .await;
        self.spaces.insert(space, owner);
    }

    /// Many changes at once, of one space and of its owner's kept one.
    async fn burst(&mut self) {
        let Some((space, owner)) = self.any_space() else {
            return;
        };
        let User { client, kept, .. } = &self.users[owner];
        let changes = (0..BURST).map(|number| {
            let space = if number % 2 == 0 { &space } else { kept };
            let text = "x".repeat(DESCRIPTION_BYTES);
            let input = json!({ "spaceId": space, "description": text });
            client.mutate("updateSpace", input)
        });
        for payload in join_all(changes).await {
            payload.value("space");
        }
    }

    async fn ask(&mut self, mutation: &str, to_other: bool) {
        let Some((space, owner)) = self.any_space() else {
            return;
        };
        let other = self.any_other(owner);
        let mut input = json!({ "spaceId": space });
        if to_other {
            input["userName"] = json!(USERS[other]);
        }
        self.users[owner]
            .client
            .mutate(mutation, input)
            .await
            .value("space");
        match mutation {
            "transferSpace" => drop(self.spaces.insert(space, other)),
            "deleteSpace" => drop(self.spaces.remove(&space)),
            _ => {}
        }
    }

    async fn come_or_go(&mut self) {
        let index = self.rng.random_range(0..self.subscribers.len());
        let transport = self.any_transport();
        let subscriber = &mut self.subscribers[index];
        if subscriber.present.is_some() {
            subscriber.leave().await;
        } else {
            subscriber.connect(&self.users, transport).await;
        }
    }

    async fn crash(&mut self) {
        self.home.api.kill();
        for subscriber in &mut self.subscribers {
            subscriber.lose().await;
        }
        self.home.start_api().await;
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..15 => self.create().await,
            15..25 => self.burst().await,
            25..45 => self.ask("shareSpace", true).await,
            45..60 => self.ask("unshareSpace", true).await,
            60..70 => self.ask("transferSpace", true).await,
            70..75 => self.ask("deleteSpace", false).await,
            _ => self.come_or_go().await,
        }
    }

    /// Everybody comes back, and so reads all that was left.
    async fn finish(&mut self) {
        for index in 0..self.subscribers.len() {
            let transport = self.any_transport();
            let subscriber = &mut self.subscribers[index];
            subscriber.leave().await;
            subscriber.connect(&self.users, transport).await;
            subscriber.leave().await;
        }
    }

    fn check(&self, outbox: &[Event]) {
        let seqs: Vec<_> = outbox.iter().map(|event| event.cursor.seq()).collect();
        assert!(seqs.is_sorted_by(|a, b| *b == a + 1), "the outbox has gaps");
        for (number, subscriber) in self.subscribers.iter().enumerate() {
            let user = self.users[subscriber.user].id;
            for connection in &subscriber.past {
                // What came after the last event of a connection is the next one's to bring.
                let until = connection
                    .got
                    .last()
                    .map_or(connection.after, |seen| seen.cursor);
                let must = expected(outbox, user, connection, until);
                assert_eq!(connection.got, must, "subscriber {number}");
            }
            assert!(
                subscriber.past.len() > 1,
                "subscriber {number} never came back"
            );
        }
    }
}

async fn every_history_is_what_the_outbox_says(database: Database) {
    let seed = std::env::var("SPACEPORT_TEST_SEED").ok();
    let seed = seed.map_or_else(rand::random, |seed| seed.parse().expect("a number"));
    println!("SPACEPORT_TEST_SEED={seed}");
    let home = Installation::plan(database).without_edge().start().await;
    let admin = home.admin().await;
    let template = admin.create_template("history", json!({})).await;
    let mut users = Vec::new();
    for name in USERS {
        let client = admin.create_user(name, json!({})).await;
        let kept = client.create_space(&template, "kept").await;
        let viewer = client.query("{ viewer { id } }", json!({})).await;
        users.push(User {
            id: id(&viewer["viewer"]).parse().expect("an id"),
            client,
            kept,
        });
    }
    let subscribers = (0..USERS.len() * 3).map(|number| Subscriber {
        user: number % USERS.len(),
        is_slow: number / USERS.len() == 0,
        past: Vec::new(),
        present: None,
    });
    let mut run = Run {
        home,
        rng: StdRng::seed_from_u64(seed),
        template,
        users,
        spaces: HashMap::new(),
        subscribers: subscribers.collect(),
        made: 0,
    };
    for index in 0..run.subscribers.len() {
        let transport = run.any_transport();
        let subscriber = &mut run.subscribers[index];
        subscriber.connect(&run.users, transport).await;
    }
    for number in 1..=STEPS {
        run.step().await;
        if number % (STEPS / (CRASHES + 1)) == 0 && number < STEPS {
            run.crash().await;
        }
    }
    run.finish().await;
    let outbox = run.home.outbox().await;
    run.check(&outbox);
}
