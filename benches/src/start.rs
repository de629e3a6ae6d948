//! `startSpace` beside the raw engine's create and start of the same container.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    client::Client,
    docker::{self, Blueprint, RawStart},
    installation::Installation,
    population,
    report::{Sample, Table},
};

/// Rounds, after one that isn't counted. Who goes first alternates.
const ROUNDS: usize = 24;

/// The aim for the ratio.
const AIM: f64 = 1.3;

/// How long the engine gets to clear away the last container before the next is timed.
const SETTLE: Duration = Duration::from_millis(500);

/// A start as a client sees it.
struct Started {
    /// From sending the mutation to its answer.
    answered: Duration,
    /// From the answer to the event that says `RUNNING`.
    running: Duration,
}

#[derive(Default)]
struct Samples {
    answered: Sample,
    running: Sample,
    whole: Sample,
    raw: Sample,
    raw_create: Sample,
    raw_start: Sample,
    ratio: Sample,
    whole_ratio: Sample,
    healthz: Sample,
}

/// Starts a space and a raw container in turns.
pub async fn measure(installation: &Installation, admin: &Client) -> anyhow::Result<Table> {
    let space = population::any_space(admin).await?;
    start(admin, &space).await?;
    let blueprint = docker::blueprint(&installation.docker, &installation.name).await?;
    stop(admin, &space).await?;
    raw(installation, &blueprint).await?;
    let mut samples = Samples::default();
    for round in 0..ROUNDS {
        let (ours, theirs) = if round % 2 == 0 {
            let ours = ours(admin, &space).await?;
            (ours, raw(installation, &blueprint).await?)
        } else {
            let theirs = raw(installation, &blueprint).await?;
            (ours(admin, &space).await?, theirs)
        };
        samples.add(&ours, theirs);
        let began = Instant::now();
        admin.text("/healthz").await?;
        samples.healthz.push(ms(began.elapsed()));
    }
    Ok(samples.table())
}

async fn ours(admin: &Client, space: &str) -> anyhow::Result<Started> {
    tokio::time::sleep(SETTLE).await;
    let started = start(admin, space).await?;
    stop(admin, space).await?;
    Ok(started)
}

async fn raw(installation: &Installation, blueprint: &Blueprint) -> anyhow::Result<RawStart> {
    tokio::time::sleep(SETTLE).await;
    blueprint.run(&installation.docker).await
}

async fn start(admin: &Client, space: &str) -> anyhow::Result<Started> {
    let mut statuses = admin.statuses(space).await?;
    statuses.next_status().await?;
    let began = Instant::now();
    let answer = async {
        change(admin, "startSpace", space).await?;
        anyhow::Ok(began.elapsed())
    };
    let running = async {
        statuses.wait_for("RUNNING").await?;
        anyhow::Ok(began.elapsed())
    };
    let (answered, whole) = tokio::try_join!(answer, running)?;
    Ok(Started {
        answered,
        running: whole.saturating_sub(answered),
    })
}

async fn stop(admin: &Client, space: &str) -> anyhow::Result<()> {
    change(admin, "stopSpace", space).await?;
    admin.statuses(space).await?.wait_for("STOPPED").await
}

async fn change(admin: &Client, mutation: &str, space: &str) -> anyhow::Result<Value> {
    let input = json!({"spaceId": space});
    admin
        .change(mutation, "SpaceIdInput", "space { status }", input)
        .await
}

impl Samples {
    fn add(&mut self, ours: &Started, theirs: RawStart) {
        let raw = ms(theirs.create + theirs.start);
        let (answered, running) = (ms(ours.answered), ms(ours.running));
        self.answered.push(answered);
        self.running.push(running);
        self.whole.push(answered + running);
        self.raw.push(raw);
        self.raw_create.push(ms(theirs.create));
        self.raw_start.push(ms(theirs.start));
        self.ratio.push(running / raw);
        self.whole_ratio.push((answered + running) / raw);
    }

    fn table(&self) -> Table {
        let headings = ["what", "median", "middle half", "p99", "n"];
        let mut table = Table::new("Starting a space, ms", &headings);
        for (what, sample) in [
            ("startSpace answered", &self.answered),
            ("answered → RUNNING seen", &self.running),
            ("sent → RUNNING seen", &self.whole),
            ("raw engine: create + start", &self.raw),
            ("raw engine: create", &self.raw_create),
            ("raw engine: start", &self.raw_start),
            ("GET /healthz after each round", &self.healthz),
            ("ratio of a round: answered → RUNNING ÷ raw", &self.ratio),
            ("ratio of a round: sent → RUNNING ÷ raw", &self.whole_ratio),
        ] {
            table.row([
                what.to_owned(),
                format!("{:.2}", sample.median()),
                sample.spread(),
                format!("{:.2}", sample.percentile(99)),
                sample.len().to_string(),
            ]);
        }
        let ratio = self.running.median() / self.raw.median();
        let verdict = if ratio <= AIM { "met" } else { "missed" };
        table.note(format!(
            "Ratio of the medians, answered → RUNNING ÷ raw: {ratio:.2}; aim ≤ {AIM}: {verdict}."
        ));
        table.note(format!(
            "startSpace answered ÷ /healthz: {:.1}.",
            self.answered.median() / self.healthz.median()
        ));
        table
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
