//! The record of one request: a line in the log and a few counters.
//!
//! Absent on purpose: the path, the query, and every field's value. They are the space's business
//! and may hold secrets.

use std::{net::IpAddr, sync::Arc, time::Instant};

use http::{HeaderValue, Method, StatusCode, Version};
use spaceport_domain::id::{SpaceId, TunnelId, UserId};

use super::body::Progress;
use crate::{listener::Visitor, metrics::Metrics, reply::Code};

/// What is known of a request. It is written when the record is dropped: when the response's body
/// has ended, or when the visitor has gone.
#[derive(Debug)]
pub struct Access {
    metrics: Arc<Metrics>,
    visitor: Arc<Visitor>,
    client: IpAddr,
    began: Instant,
    request_id: HeaderValue,
    method: Method,
    version: Version,
    /// The host, once it is known to be one.
    pub host: Option<String>,
    /// The tunnel that has the host.
    pub tunnel: Option<TunnelId>,
    /// The space it goes into.
    pub space: Option<SpaceId>,
    /// Who asks, where it takes a sign-in.
    pub user: Option<UserId>,
    /// The request's body, if there is one.
    pub upload: Option<Arc<Progress>>,
    status: Option<StatusCode>,
    code: Option<Code>,
    sent_bytes: u64,
    complete: bool,
}

impl Access {
    /// Begins the record of a request on the connection of `visitor`, which is from `client`.
    pub fn begin(
        metrics: Arc<Metrics>,
        visitor: Arc<Visitor>,
        client: IpAddr,
        request_id: HeaderValue,
        method: Method,
        version: Version,
    ) -> Self {
        visitor.request_began();
        Self {
            metrics,
            visitor,
            client,
            began: Instant::now(),
            request_id,
            method,
            version,
            host: None,
            tunnel: None,
            space: None,
            user: None,
            upload: None,
            status: None,
            code: None,
            sent_bytes: 0,
            complete: false,
        }
    }

    /// The request's name in the log, the response and the space.
    pub const fn request_id(&self) -> &HeaderValue {
        &self.request_id
    }

    /// The visitor's address: the connection's other end, or whom a trusted proxy names.
    pub const fn client(&self) -> IpAddr {
        self.client
    }

    /// Notes the response's status, and its code when the answer is the edge's own.
    pub fn answered(&mut self, status: StatusCode, code: Option<Code>) {
        self.status = Some(status);
        self.code = code;
        if let Some(code) = code {
            self.metrics.own_answer(code);
        }
    }

    /// Notes bytes of the response's body.
    pub const fn sent(&mut self, bytes: usize) {
        self.sent_bytes += bytes as u64;
    }

    /// Notes that the response was given to its end.
    pub const fn complete(&mut self) {
        self.complete = true;
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        self.visitor.request_ended();
        let received_bytes = self.upload.as_ref().map_or(0, |it| it.bytes());
        self.metrics.request(self.status);
        self.metrics.bytes_in.increment(received_bytes);
        self.metrics.bytes_out.increment(self.sent_bytes);
        let milliseconds = self.began.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(
            request.id = self.request_id.to_str().unwrap_or_default(),
            client = %self.client(),
            method = %self.method,
            host = self.host.as_deref().unwrap_or("-"),
            tunnel.id = self.tunnel.map(tracing::field::display),
            space.id = self.space.map(tracing::field::display),
            user.id = self.user.map(tracing::field::display),
            version = ?self.version,
            status = self.status.map_or(0, |it| it.as_u16()),
            code = self.code.map(Code::as_str),
            duration_ms = (milliseconds * 1000.0).round() / 1000.0,
            received_bytes,
            sent_bytes = self.sent_bytes,
            complete = self.complete,
            "request"
        );
    }
}
