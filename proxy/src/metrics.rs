//! What is counted, and how it is asked for.
//!
//! Every series is registered once and its handle kept: counting on a request's way is one atomic
//! addition. A registry belongs to one edge, so that several in one process don't mix.

use std::time::SystemTime;

use metrics::{Counter, Gauge, counter, gauge, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::{certs::Certificates, reply::Code, routes::Routes};

/// The series of one edge.
pub struct Metrics {
    /// Visitors' connections open now.
    pub connections: Gauge,
    /// Connections by HTTP/1.1 since the start.
    pub connections_h1: Counter,
    /// Connections by HTTP/2 since the start.
    pub connections_h2: Counter,
    /// Connections from addresses that had their share.
    pub connections_refused: Counter,
    /// Handshakes that failed or took too long.
    pub handshakes_failed: Counter,
    /// Responses by the first digit of their status; index 0 counts requests without one.
    requests: [Counter; 6],
    /// Answers of the edge's own, in the order of [`Code::ALL`].
    own_answers: [Counter; Code::ALL.len()],
    /// Connections into spaces that were made.
    pub upstream_connects: Counter,
    /// Connections into spaces that nobody took.
    pub upstream_refused: Counter,
    /// Connections into spaces that weren't made in time.
    pub upstream_timeout: Counter,
    /// Connections into spaces that failed otherwise.
    pub upstream_failed: Counter,
    /// Connections into spaces that the guard forbade.
    pub upstream_forbidden: Counter,
    /// Body bytes from visitors.
    pub bytes_in: Counter,
    /// Body bytes to visitors.
    pub bytes_out: Counter,
    /// WebSockets and forwarded connections open now.
    pub upgraded: Gauge,
    /// SSH connections of those who have signed in, open now.
    pub ssh_connections: Gauge,
    /// Channels open on them now.
    pub ssh_channels: Gauge,
    /// Sign-ins by SSH.
    pub ssh_accepted: Counter,
    /// SSH connections that ended without one.
    pub ssh_refused: Counter,
    /// Bytes of channels from SSH clients.
    pub ssh_bytes_in: Counter,
    /// Bytes of channels to SSH clients.
    pub ssh_bytes_out: Counter,
    /// 1 while the control plane's feed is followed.
    pub feed_connected: Gauge,
    /// Sessions with the feed since the start.
    pub feed_sessions: Counter,
    /// Times at which certificates were exchanged because their files had changed.
    pub certificate_reloads: Counter,
    /// Certificates an ACME server made.
    pub acme_issued: Counter,
    /// Orders of certificates that failed.
    pub acme_failed: Counter,
    /// Orders that were not begun because of the bounds on them.
    pub acme_refused: Counter,
    certificate_expiry: Gauge,
    route_spaces: Gauge,
    route_hosts: Gauge,
    route_generation: Gauge,
    route_age: Gauge,
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

impl Default for Metrics {
    fn default() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, || Self::register(handle))
    }
}

impl Metrics {
    fn register(handle: PrometheusHandle) -> Self {
        let connects_failed = |kind: &'static str| counter!("spaceport_edge_upstream_connect_errors_total", "kind" => kind);
        let connections = |protocol: &'static str| counter!("spaceport_edge_connections_total", "protocol" => protocol);
        let orders =
            |result: &'static str| counter!("spaceport_edge_acme_orders_total", "result" => result);
        let bytes = |direction: &'static str| counter!("spaceport_edge_body_bytes_total", "direction" => direction);
        let ssh_bytes = |direction: &'static str| counter!("spaceport_edge_ssh_bytes_total", "direction" => direction);
        let sign_ins = |result: &'static str| counter!("spaceport_edge_ssh_sign_ins_total", "result" => result);
        Self {
            connections: gauge!("spaceport_edge_connections"),
            connections_h1: connections("h1"),
            connections_h2: connections("h2"),
            connections_refused: counter!("spaceport_edge_connections_refused_total"),
            handshakes_failed: counter!("spaceport_edge_handshakes_failed_total"),
            requests: CLASSES
                .map(|class| counter!("spaceport_edge_requests_total", "class" => class)),
            own_answers: Code::ALL
                .map(|code| counter!("spaceport_edge_own_answers_total", "code" => code.as_str())),
            upstream_connects: counter!("spaceport_edge_upstream_connects_total"),
            upstream_refused: connects_failed("refused"),
            upstream_timeout: connects_failed("timeout"),
            upstream_failed: connects_failed("failed"),
            upstream_forbidden: connects_failed("forbidden"),
            bytes_in: bytes("in"),
            bytes_out: bytes("out"),
            upgraded: gauge!("spaceport_edge_websockets"),
            ssh_connections: gauge!("spaceport_edge_ssh_connections"),
            ssh_channels: gauge!("spaceport_edge_ssh_channels"),
            ssh_accepted: sign_ins("accepted"),
            ssh_refused: sign_ins("refused"),
            ssh_bytes_in: ssh_bytes("in"),
            ssh_bytes_out: ssh_bytes("out"),
            feed_connected: gauge!("spaceport_edge_feed_connected"),
            feed_sessions: counter!("spaceport_edge_feed_sessions_total"),
            certificate_reloads: counter!("spaceport_edge_certificate_reloads_total"),
            acme_issued: orders("issued"),
            acme_failed: orders("failed"),
            acme_refused: orders("refused"),
            certificate_expiry: gauge!("spaceport_edge_certificate_expiry_seconds"),
            route_spaces: gauge!("spaceport_edge_routes_spaces"),
            route_hosts: gauge!("spaceport_edge_routes_hosts"),
            route_generation: gauge!("spaceport_edge_routes_generation"),
            route_age: gauge!("spaceport_edge_routes_age_seconds"),
            handle,
        }
    }

    /// Counts a request by its status; `None`: the visitor left before there was one.
    pub fn request(&self, status: Option<http::StatusCode>) {
        let class = status.map_or(0, |it| usize::from(it.as_u16() / 100));
        if let Some(counter) = self.requests.get(class) {
            counter.increment(1);
        }
    }

    /// Counts an answer of the edge's own.
    pub fn own_answer(&self, code: Code) {
        if let Some(counter) = self.own_answers.get(code as usize) {
            counter.increment(1);
        }
    }

    /// All series as Prometheus reads them. What routes and certificates know is looked up now.
    pub fn render(&self, routes: &Routes, certificates: &Certificates) -> String {
        let expiry = certificates.first_end_in(SystemTime::now());
        self.certificate_expiry
            .set(expiry.map_or(f64::NAN, |it| it.as_secs_f64()));
        let table = routes.current();
        self.route_spaces.set(rounded(table.space_count() as u64));
        self.route_hosts.set(rounded(table.host_count() as u64));
        self.route_generation.set(rounded(routes.generation()));
        let age = routes.age().map_or(f64::NAN, |it| it.as_secs_f64());
        self.route_age.set(age);
        self.handle.render()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float, and counts stay below 2^53"
)]
fn rounded(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_class_has_its_series() {
        let metrics = Metrics::default();
        for code in Code::ALL {
            metrics.own_answer(code);
        }
        metrics.request(Some(http::StatusCode::NOT_FOUND));
        metrics.request(None);
        let text = metrics.render(&Routes::default(), &Certificates::default());
        for code in Code::ALL {
            let line = format!("own_answers_total{{code=\"{}\"}} 1", code.as_str());
            assert!(text.contains(&line), "{line} is missing in {text}");
        }
        assert!(text.contains("requests_total{class=\"4xx\"} 1"));
        assert!(text.contains("requests_total{class=\"none\"} 1"));
    }
}
