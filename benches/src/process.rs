//! What the kernel says of a process: proc(5).

use std::{fs, time::Duration};

use anyhow::Context;

/// `USER_HZ`: the unit of times in `/proc`, 10 ms on every Linux of today.
const TICK: Duration = Duration::from_millis(10);

/// Memory of a process.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What lies in memory, in KiB.
    pub rss_kib: u32,
    /// The same, where shared pages count by their share, in KiB.
    pub pss_kib: u32,
}

/// CPU time a process has used so far, in all of its threads, those that ended included.
pub fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let ticks: u32 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|it| it.parse::<u32>().unwrap_or(0))
        .sum();
    Ok(TICK * ticks)
}

/// The memory of a process now.
pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .with_context(|| format!("no {name} in smaps_rollup"))
    };
    Ok(Memory {
        rss_kib: field("Rss:")?,
        pss_kib: field("Pss:")?,
    })
}

/// The process of this name in a container: the first of them, which is the others' ancestor.
pub fn named(name: &str, container: &str) -> anyhow::Result<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // It may have ended meanwhile.
        let read =
            |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        // The kernel keeps the first 15 bytes of a name.
        let is_it = read("comm").trim_end() == &name[..name.len().min(15)];
        if is_it && read("cgroup").contains(container) {
            found.push(pid);
        }
    }
    found.sort_unstable();
    let first = found.first().copied();
    first.with_context(|| format!("there is no {name} in the container"))
}
