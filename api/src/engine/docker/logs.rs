//! What containers wrote.

use std::{collections::VecDeque, time::Duration};

use bollard::query_parameters::{InspectContainerOptions, LogsOptions, LogsOptionsBuilder};
use futures_util::{StreamExt, stream::BoxStream};
use tokio::time::timeout;

use self::assembly::assembled;
use super::{
    super::{ContainerRef, EngineError, LogLine},
    DockerEngine,
    labels::container_name,
};

mod assembly;

/// Reading the end of a log must not hold up what it is read for.
const TAIL_TIMEOUT: Duration = Duration::from_secs(5);

/// The most that the end of a log comprises, whatever is asked for.
const TAIL_MAX_LINES: u32 = 1_000;
const TAIL_MAX_BYTES: usize = 64 * 1024;

const INSPECT_TIMEOUT: Duration = Duration::from_secs(10);

impl DockerEngine {
    pub(super) async fn read_log_tail(&self, container: ContainerRef, lines: u32) -> Vec<String> {
        let Ok(client) = self.connection.client().await else {
            return Vec::new();
        };
        let lines = lines.min(TAIL_MAX_LINES);
        let output = client.logs(&container_name(container), Some(options(lines, false)));
        let mut tail = Tail::new(lines);
        let mut log = assembled(output);
        let read = async {
            while let Some(line) = log.next().await {
                tail.push(line.text);
            }
        };
        if timeout(TAIL_TIMEOUT, read).await.is_err() {
            tracing::warn!(space.id = %container.space, "a log couldn't be read to its end in time");
        }
        tail.lines.into()
    }

    /// Docker Engine 20.10 may withhold from those who follow what a container writes last without
    /// ending the line. It keeps it, so [`Self::read_log_tail`] has it.
    pub(super) async fn follow_logs(
        &self,
        container: ContainerRef,
        tail: u32,
    ) -> Result<BoxStream<'static, LogLine>, EngineError> {
        self.ensure_exists(container).await?;
        let client = self.connection.client().await?;
        let output = client.logs(
            &container_name(container),
            Some(options(tail.min(TAIL_MAX_LINES), true)),
        );
        Ok(assembled(output))
    }

    /// The calls that stream don't say beforehand that there is no such container.
    pub(super) async fn ensure_exists(&self, container: ContainerRef) -> Result<(), EngineError> {
        let client = self.connection.client().await?;
        let name = container_name(container);
        let inspect = client.inspect_container(&name, None::<InspectContainerOptions>);
        self.connection.call(INSPECT_TIMEOUT, inspect).await?;
        Ok(())
    }
}

fn options(tail: u32, follow: bool) -> LogsOptions {
    LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .follow(follow)
        .tail(&tail.to_string())
        .build()
}

/// The last lines, of bounded number and size.
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    max_lines: usize,
}

impl Tail {
    fn new(max_lines: u32) -> Self {
        Self {
            lines: VecDeque::new(),
            bytes: 0,
            max_lines: max_lines as usize,
        }
    }

    fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > self.max_lines || self.bytes > TAIL_MAX_BYTES {
            let Some(dropped) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= dropped.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_bounded_in_lines_and_bytes() {
        let mut tail = Tail::new(3);
        for number in 0..10 {
            tail.push(number.to_string());
        }
        assert_eq!(tail.lines, ["7", "8", "9"]);
        for _ in 0..10 {
            tail.push("x".repeat(TAIL_MAX_BYTES / 2));
        }
        assert_eq!(tail.lines.len(), 2);
    }
}
