//! What containers use.

use std::{future::ready, time::Duration};

use bollard::{
    models::{ContainerMemoryStats, ContainerNetworkStats, ContainerStatsResponse},
    query_parameters::StatsOptionsBuilder,
};
use futures_util::{StreamExt, stream::BoxStream};

use super::{
    super::{ContainerRef, EngineError, Stats},
    DockerEngine,
    labels::container_name,
    observe::instant,
};

impl DockerEngine {
    pub(super) async fn sample_stats(
        &self,
        container: ContainerRef,
    ) -> Result<BoxStream<'static, Stats>, EngineError> {
        self.ensure_exists(container).await?;
        let client = self.connection.client().await?;
        let options = StatsOptionsBuilder::default().stream(true).build();
        let samples = client.stats(&container_name(container), Some(options));
        let stats = samples
            // The engine goes on with empty samples when the container has ended.
            .map(|sample| sample.ok().as_ref().and_then(Sample::read))
            .take_while(|sample| ready(sample.is_some()))
            .filter_map(ready)
            .scan(None, |last: &mut Option<Sample>, sample| {
                let cpu_cores = last.map(|last| sample.cpu_cores_since(&last));
                *last = Some(sample);
                ready(Some(cpu_cores.map(|cpu_cores| Stats {
                    cpu_cores,
                    ..sample.stats
                })))
            })
            // The first sample has nothing to compare with.
            .filter_map(ready);
        Ok(stats.boxed())
    }
}

/// A sample and what is needed to compare it with the next.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    /// Without `cpu_cores`, which takes two samples.
    stats: Stats,
    cpu_total: Duration,
}

impl Sample {
    /// `None` when the container doesn't run.
    fn read(response: &ContainerStatsResponse) -> Option<Self> {
        let memory = response.memory_stats.as_ref()?;
        let cpu = response.cpu_stats.as_ref()?.cpu_usage.as_ref()?;
        let sum_of_networks = |bytes: fn(&ContainerNetworkStats) -> Option<u64>| {
            let networks = response.networks.iter().flat_map(|all| all.values());
            networks.filter_map(bytes).sum()
        };
        Some(Self {
            stats: Stats {
                at: instant(response.read.as_deref()),
                cpu_cores: 0.0,
                memory_bytes: memory_without_cache(memory)?,
                memory_limit_bytes: memory.limit.unwrap_or_default(),
                network_rx_bytes: sum_of_networks(|network| network.rx_bytes),
                network_tx_bytes: sum_of_networks(|network| network.tx_bytes),
                pids: response
                    .pids_stats
                    .as_ref()
                    .and_then(|pids| pids.current)
                    .unwrap_or_default(),
            },
            cpu_total: Duration::from_nanos(cpu.total_usage.unwrap_or_default()),
        })
    }

    fn cpu_cores_since(&self, earlier: &Self) -> f64 {
        let elapsed = self.stats.at.since(earlier.stats.at);
        if elapsed.is_zero() {
            return 0.0;
        }
        let used = self.cpu_total.saturating_sub(earlier.cpu_total);
        used.as_secs_f64() / elapsed.as_secs_f64()
    }
}

/// Pages of files that can be given back at once are not counted, as `docker stats` does it:
/// `total_inactive_file` on cgroup v1, `inactive_file` on v2.
fn memory_without_cache(memory: &ContainerMemoryStats) -> Option<u64> {
    let usage = memory.usage?;
    let detail = memory.stats.as_ref();
    let cache = ["total_inactive_file", "inactive_file"]
        .iter()
        .find_map(|key| detail?.get(*key).copied())
        .unwrap_or_default();
    Some(usage.saturating_sub(cache))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::{ContainerCpuStats, ContainerCpuUsage};

    use super::*;

    fn response(read: &str, cpu_ns: u64) -> ContainerStatsResponse {
        ContainerStatsResponse {
            read: Some(read.to_owned()),
            cpu_stats: Some(ContainerCpuStats {
                cpu_usage: Some(ContainerCpuUsage {
                    total_usage: Some(cpu_ns),
                    ..ContainerCpuUsage::default()
                }),
                ..ContainerCpuStats::default()
            }),
            memory_stats: Some(ContainerMemoryStats {
                usage: Some(1_000),
                limit: Some(4_000),
                stats: Some(HashMap::from([
                    ("inactive_file".to_owned(), 1),
                    ("total_inactive_file".to_owned(), 300),
                ])),
                ..ContainerMemoryStats::default()
            }),
            networks: Some(HashMap::from([(
                "eth0".to_owned(),
                ContainerNetworkStats {
                    rx_bytes: Some(5),
                    tx_bytes: Some(6),
                    ..ContainerNetworkStats::default()
                },
            )])),
            ..ContainerStatsResponse::default()
        }
    }

    fn sample(read: &str, cpu_ns: u64) -> Sample {
        Sample::read(&response(read, cpu_ns)).expect("a running container")
    }

    #[test]
    fn cpu_is_in_cores() {
        let first = sample("2026-01-02T03:04:05Z", 1_000_000_000);
        let second = sample("2026-01-02T03:04:07Z", 4_000_000_000);
        assert!((second.cpu_cores_since(&first) - 1.5).abs() < 1e-9);
        assert!((first.cpu_cores_since(&first)).abs() < 1e-9);
        assert!((first.cpu_cores_since(&second)).abs() < 1e-9);
    }

    #[test]
    fn the_page_cache_is_not_memory_in_use() {
        let stats = sample("2026-01-02T03:04:05Z", 0).stats;
        assert_eq!(stats.memory_bytes, 700);
        assert_eq!(stats.memory_limit_bytes, 4_000);
        assert_eq!((stats.network_rx_bytes, stats.network_tx_bytes), (5, 6));
    }

    #[test]
    fn an_empty_sample_means_that_the_container_ended() {
        let empty = ContainerStatsResponse {
            memory_stats: Some(ContainerMemoryStats::default()),
            cpu_stats: Some(ContainerCpuStats {
                cpu_usage: Some(ContainerCpuUsage::default()),
                ..ContainerCpuStats::default()
            }),
            ..ContainerStatsResponse::default()
        };
        assert_eq!(Sample::read(&empty), None);
    }
}
