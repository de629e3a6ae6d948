//! What the agent costs a space, beside OpenSSH's server.

use super::{Comparison, lab::Lab};
use crate::{installation::agent_path, process};

/// Its memory and its size.
pub async fn measure(lab: &Lab) -> anyhow::Result<Vec<[String; 7]>> {
    let agent = process::named("spaceport-agent", &lab.container)?;
    let sshd = process::named("sshd", &lab.container)?;
    let rss = |pid: u32| anyhow::Ok(f64::from(process::memory(pid)?.rss_kib));
    let mut memory = Comparison::default();
    memory.push(rss(agent)?, rss(sshd)?);
    let mut size = Comparison::default();
    let file = |path: std::path::PathBuf| anyhow::Ok(std::fs::metadata(path)?.len());
    #[expect(clippy::cast_precision_loss, reason = "sizes stay below 2^53")]
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    let sshd_file = format!("/proc/{sshd}/exe");
    size.push(kib(file(agent_path()?)?), kib(file(sshd_file.into())?));
    Ok(vec![
        memory.row("agent: RSS when idle", "KiB", "sshd, which waits"),
        size.row("agent: size, static", "KiB", "sshd, dynamic"),
    ])
}
