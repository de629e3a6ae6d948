//! `spaceport cp` beside `docker cp`: one large file and a tree of small ones, both ways.

use super::{
    compare,
    lab::{self, Lab, docker_cli, remove},
    time,
};

const PEER: &str = "docker cp";

/// Copies out of and into the space.
pub async fn measure(lab: &Lab) -> anyhow::Result<Vec<[String; 7]>> {
    lab.inside(
        "cd /home/dev && head -c 512M /dev/urandom >large && mkdir -p tree && \
         for n in $(seq 1000); do head -c 4096 /dev/urandom >tree/$n; done",
    )
    .await?;
    let mut rows = Vec::new();
    for (what, name) in [
        ("512 MiB in a file", "large"),
        ("1,000 files of 4 KiB", "tree"),
    ] {
        let inside = format!("/home/dev/{name}");
        let (from, here) = (lab::path(&inside), lab.file(name));
        let theirs_from = format!("{}:{inside}", lab.container);
        let out = compare(
            async || {
                remove(&here)?;
                time(lab.spaceport(&["cp", "-r", &from, &here])?).await
            },
            async || {
                remove(&here)?;
                time(docker_cli(&["cp", &theirs_from, &here])).await
            },
        );
        rows.push(
            out.await?
                .row(&format!("cp: {what}, out of the space"), "ms", PEER),
        );
        let (ours_to, theirs_to) = (format!("{inside}-ours"), format!("{inside}-theirs"));
        let (to, their_to) = (
            lab::path(&ours_to),
            format!("{}:{theirs_to}", lab.container),
        );
        let into = compare(
            async || {
                lab.inside(&format!("rm -rf {ours_to}")).await?;
                time(lab.spaceport(&["cp", "-r", &here, &to])?).await
            },
            async || {
                // What the engine copies is root's.
                lab.inside_as("root", &format!("rm -rf {theirs_to}"))
                    .await?;
                time(docker_cli(&["cp", &here, &their_to])).await
            },
        );
        rows.push(
            into.await?
                .row(&format!("cp: {what}, into the space"), "ms", PEER),
        );
        remove(&here)?;
    }
    Ok(rows)
}
