//! Bodies on their way: streamed, counted, and never held in full.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::access::Access;
use crate::{headers::trailers, upstream::Lease};

/// How far a request's body has come.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    done: AtomicBool,
}

impl Progress {
    /// Bytes passed on so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether all of it was passed on.
    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }
}

/// A request's body, from the visitor to the space.
#[derive(Debug, Default)]
pub struct Upload(Option<(Incoming, Arc<Progress>)>);

impl Upload {
    /// The body `incoming`, and how to see how far it is. Without a body there is nothing to see.
    pub fn new(incoming: Incoming) -> (Self, Option<Arc<Progress>>) {
        if incoming.is_end_stream() {
            return (Self(None), None);
        }
        let progress = Arc::new(Progress::default());
        (
            Self(Some((incoming, Arc::clone(&progress)))),
            Some(progress),
        )
    }

    /// Whether there is no body.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some((incoming, progress)) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let mut frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
        match &mut frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    trailers::to_space(trailers);
                }
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                progress.bytes.fetch_add(bytes, Ordering::Relaxed);
                if incoming.is_end_stream() {
                    progress.done.store(true, Ordering::Relaxed);
                }
            }
            Some(Err(_)) => {}
            None => progress.done.store(true, Ordering::Relaxed),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|(incoming, _)| incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some((incoming, _)) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

/// Where a response's body comes from.
#[derive(Debug)]
pub enum Source {
    /// The edge itself.
    Own(Bytes),
    /// A space.
    Space {
        /// The body.
        incoming: Incoming,
        /// The connection it comes by, to be kept once it is read to its end.
        lease: Option<Lease>,
        /// The request's body, if there is one: a connection that still carries it isn't kept.
        progress: Option<Arc<Progress>>,
    },
}

/// A response's body, from wherever it comes to the visitor. Its end is the end of the request.
#[derive(Debug)]
pub struct Download {
    source: Source,
    access: Access,
}

impl Download {
    /// The body of a response of which `access` keeps the record.
    pub fn new(source: Source, access: Access) -> Self {
        let mut download = Self { source, access };
        if download.is_end_stream() {
            download.finish();
        }
        download
    }

    fn finish(&mut self) {
        self.access.complete();
        if let Source::Space {
            lease, progress, ..
        } = &mut self.source
            && progress.as_ref().is_none_or(|it| it.is_done())
            && let Some(lease) = lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut frame = match &mut self.source {
            Source::Own(bytes) if bytes.is_empty() => None,
            Source::Own(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Source::Space { incoming, .. } => ready!(Pin::new(incoming).poll_frame(cx)),
        };
        if let Some(Ok(frame)) = &mut frame {
            if let Some(trailers) = frame.trailers_mut() {
                trailers::to_visitor(trailers);
            }
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.access.sent(bytes);
        }
        if !matches!(frame, Some(Err(_))) && (frame.is_none() || self.is_end_stream()) {
            self.finish();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(bytes) => bytes.is_empty(),
            Source::Space { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Space { incoming, .. } => incoming.size_hint(),
        }
    }
}
