//! A key that is typed until it is seen: `spaceport exec -t` beside `docker exec -it`.
//!
//! Both run in a terminal of the benchmark's own that echoes nothing by itself, so that what is
//! read is what the terminal inside the space has echoed.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use tokio::{
    process::{Child, Command},
    task,
};

use super::{
    Comparison,
    lab::{self, Lab, docker_cli},
    ms,
};
use crate::report::Sample;

const PEER: &str = "docker exec -it";
/// Blocks in turns, and keys in each; a line's end after so many.
const BLOCKS: usize = 10;
const KEYS: usize = 100;
const LINE: usize = 50;

/// A program in a terminal.
struct Typist {
    terminal: File,
    child: Child,
}

/// Types into `cat` in the space, by either way.
pub async fn measure(lab: &Lab) -> anyhow::Result<Vec<[String; 7]>> {
    let ours = lab.spaceport(&["exec", "-t", lab::NAME, "--", "cat"])?;
    let theirs = docker_cli(&["exec", "-it", &lab.container, "cat"]);
    let (mut ours, mut theirs) = (Typist::open(ours)?, Typist::open(theirs)?);
    ours = ours.typed(KEYS, &mut Sample::default()).await?;
    theirs = theirs.typed(KEYS, &mut Sample::default()).await?;
    let (mut our, mut their) = (Sample::default(), Sample::default());
    let (mut middle, mut late) = (Comparison::default(), Comparison::default());
    for _ in 0..BLOCKS {
        let (mut our_block, mut their_block) = (Sample::default(), Sample::default());
        ours = ours.typed(KEYS, &mut our_block).await?;
        theirs = theirs.typed(KEYS, &mut their_block).await?;
        middle.push(our_block.median(), their_block.median());
        late.push(our_block.percentile(99), their_block.percentile(99));
        our.extend(&our_block);
        their.extend(&their_block);
    }
    ours.end().await?;
    theirs.end().await?;
    let mut all = Comparison::default();
    all.push(our.percentile(99), their.percentile(99));
    Ok(vec![
        middle.row("echo of a key: median", "ms", PEER),
        late.row("echo of a key: p99 of a block", "ms", PEER),
        all.row("echo of a key: p99 of all", "ms", PEER),
    ])
}

impl Typist {
    fn open(mut command: Command) -> anyhow::Result<Self> {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&terminal)?;
        unlockpt(&terminal)?;
        let path = ptsname(&terminal, Vec::new())?;
        let inner = File::options()
            .read(true)
            .write(true)
            .open(path.to_str().context("no path")?)?;
        let mut modes = tcgetattr(&inner)?;
        modes.make_raw();
        tcsetattr(&inner, OptionalActions::Now, &modes)?;
        let end = || anyhow::Ok(Stdio::from(OwnedFd::from(inner.try_clone()?)));
        let child = command
            .stdin(end()?)
            .stdout(end()?)
            .stderr(end()?)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            terminal: File::from(terminal),
            child,
        })
    }

    /// Types so many keys, and adds how long each took to be seen.
    async fn typed(mut self, keys: usize, sample: &mut Sample) -> anyhow::Result<Self> {
        let typing = task::spawn_blocking(move || {
            let times = (0..keys)
                .map(|key| self.key(if key % LINE == LINE - 1 { b'\r' } else { b'x' }))
                .collect::<anyhow::Result<Vec<_>>>()?;
            anyhow::Ok((self, times))
        });
        let (typist, times) = typing.await??;
        for time in times {
            sample.push(ms(time));
        }
        Ok(typist)
    }

    fn key(&mut self, key: u8) -> anyhow::Result<Duration> {
        // A line's end is echoed, and then the line by `cat`: all of it must have come.
        let wanted = if key == b'\r' { b'\n' } else { key };
        let mut ends = if key == b'\r' { 2 } else { 1 };
        let began = Instant::now();
        self.terminal.write_all(&[key])?;
        let mut buffer = [0; 4096];
        while ends > 0 {
            let read = self.terminal.read(&mut buffer)?;
            ensure!(read > 0, "the program has ended");
            let seen = buffer[..read].split(|it| *it == wanted).count() - 1;
            ends = usize::saturating_sub(ends, seen);
        }
        Ok(began.elapsed())
    }

    async fn end(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}
