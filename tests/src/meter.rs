//! What a program costs, as the kernel counts it: proc(5).

use std::fs;

/// What a process has used.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time in all of its threads, in the kernel's ticks.
    pub cpu_ticks: u32,
    /// Memory it holds now, in KiB.
    pub rss_kib: u32,
    /// The most memory it ever held, in KiB.
    pub peak_kib: u32,
}

/// Reads what a process has used so far.
pub fn read(pid: u32) -> Usage {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let field = |name: &str| {
        let mut lines = status.lines();
        let rest = lines.find_map(|line| line.strip_prefix(name));
        let number = rest.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|it| it.parse().ok()).expect("a number")
    };
    Usage {
        cpu_ticks: ticks.map(|it| it.parse::<u32>().unwrap_or(0)).sum(),
        rss_kib: field("VmRSS:"),
        peak_kib: field("VmHWM:"),
    }
}
