//! Ways into a space beside what people use today: OpenSSH's own server, `ssh -L`, `docker cp` and
//! `docker exec`, all of them with the same container.

mod agent;
mod copy;
mod echo;
mod forward;
mod lab;
mod ssh;

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::process::Command;

use crate::{
    installation::Installation,
    progress,
    report::{Sample, Table},
};
use lab::Lab;

/// How often each way has its turn, after one that isn't counted.
const ROUNDS: usize = 7;

/// What names the rows of one kind when they are run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SSH.
    Ssh,
    /// Forwarded ports.
    Forward,
    /// Copies of files.
    Copy,
    /// Keys that are typed.
    Echo,
    /// The agent itself.
    Agent,
}

impl Kind {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 5] = [
        Self::Ssh,
        Self::Forward,
        Self::Copy,
        Self::Echo,
        Self::Agent,
    ];

    /// Its name.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Forward => "forward",
            Self::Copy => "cp",
            Self::Echo => "echo",
            Self::Agent => "agent",
        }
    }
}

/// Two ways to the same end, in turns.
#[derive(Debug, Default)]
struct Comparison {
    ours: Sample,
    theirs: Sample,
    ratios: Sample,
}

impl Comparison {
    fn push(&mut self, ours: f64, theirs: f64) {
        self.ours.push(ours);
        self.theirs.push(theirs);
        self.ratios.push(ours / theirs);
    }

    /// A row of the table; `ours` and `theirs` name the two.
    fn row(&self, what: &str, unit: &str, peer: &str) -> [String; 7] {
        let ratio = self.ours.median() / self.theirs.median();
        let verdict = if ratio <= 1.0 { "met" } else { "missed" };
        [
            what.to_owned(),
            format!("{:.1} {unit}", self.ours.median()),
            format!("{:.1} {unit}", self.theirs.median()),
            peer.to_owned(),
            format!("{ratio:.2}"),
            self.ratios.spread(),
            format!("≤ 1: {verdict}"),
        ]
    }
}

/// Makes a space and measures every row whose kind is `wanted`.
pub async fn measure(
    installation: &Installation,
    wanted: impl Fn(Kind) -> bool,
) -> anyhow::Result<Vec<Table>> {
    progress("into a space: making one, with OpenSSH's server in it");
    let lab = Lab::open(installation).await?;
    let headings = [
        "what",
        "ours",
        "peer's",
        "peer",
        "ratio",
        "middle half",
        "aim",
    ];
    let mut table = Table::new("Into a space", &headings);
    for kind in Kind::ALL.into_iter().filter(|it| wanted(*it)) {
        progress(&format!("into a space: {}", kind.key()));
        let rows = match kind {
            Kind::Ssh => ssh::measure(&lab).await?,
            Kind::Forward => forward::measure(&lab).await?,
            Kind::Copy => copy::measure(&lab).await?,
            Kind::Echo => echo::measure(&lab).await?,
            Kind::Agent => agent::measure(&lab).await?,
        };
        for row in rows {
            table.row(row);
        }
    }
    table.note(format!(
        "Medians of {ROUNDS} rounds in turns; times, so that less is better, and the ratio is ours \
         to the peer's."
    ));
    Ok(vec![table])
}

/// How long a program runs, which must succeed.
async fn time(mut command: Command) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let output = command.kill_on_drop(true).output().await?;
    let took = began.elapsed();
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(took)
}

/// Runs two programs in turns and compares their times.
async fn compare(
    ours: impl AsyncFn() -> anyhow::Result<Duration>,
    theirs: impl AsyncFn() -> anyhow::Result<Duration>,
) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison::default();
    ours().await?;
    theirs().await?;
    for round in 0..ROUNDS {
        let (our, their) = if round % 2 == 0 {
            let our = ours().await?;
            (our, theirs().await?)
        } else {
            let their = theirs().await?;
            (ours().await?, their)
        };
        comparison.push(ms(our), ms(their));
    }
    Ok(comparison)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
