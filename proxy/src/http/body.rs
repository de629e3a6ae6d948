//! Bodies on their way: streamed, counted, and never held in full.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    access::Access,
    carrier::Carried,
    stall::{Piece, Stall},
};
use crate::{headers::trailers, live::Open, upstream::Lease};

/// How far a request's body has come.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    starved: AtomicBool,
    done: OnceLock<Instant>,
}

impl Progress {
    /// Bytes passed on so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the space would take more than has come from the visitor.
    pub fn is_starved(&self) -> bool {
        self.starved.load(Ordering::Relaxed)
    }

    /// When all of it was passed on; `None` while it wasn't.
    pub fn done_at(&self) -> Option<Instant> {
        self.done.get().copied()
    }

    fn finish(&self) {
        self.done.get_or_init(Instant::now);
    }
}

/// A request's body, from the visitor to the space.
#[derive(Debug, Default)]
pub struct Upload(Option<Coming>);

/// A body that there is.
#[derive(Debug)]
struct Coming {
    incoming: Incoming,
    progress: Arc<Progress>,
    /// Ends it when it may not go on. Its own: it is another task that waits for it than for the
    /// response, and it may outlast that.
    open: Open,
}

/// Why a request's body breaks off.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The visitor broke off.
    #[error(transparent)]
    Visitor(#[from] hyper::Error),
    /// It may not go on.
    #[error("what let it through is gone")]
    Cut,
}

impl Upload {
    /// The body `incoming`, which goes on for as long as what `open` makes, and how to see how far
    /// it is. Without a body there is nothing to see.
    pub fn new(incoming: Incoming, open: impl FnOnce() -> Open) -> (Self, Option<Arc<Progress>>) {
        if incoming.is_end_stream() {
            return (Self(None), None);
        }
        let progress = Arc::new(Progress::default());
        let coming = Coming {
            incoming,
            progress: Arc::clone(&progress),
            open: open(),
        };
        (Self(Some(coming)), Some(progress))
    }

    /// Whether there is no body.
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let Some(Coming {
            incoming,
            progress,
            open,
        }) = &mut self.0
        else {
            return Poll::Ready(None);
        };
        if open.poll_cut(cx).is_ready() {
            return Poll::Ready(Some(Err(UploadError::Cut)));
        }
        let polled = Pin::new(&mut *incoming).poll_frame(cx);
        progress
            .starved
            .store(polled.is_pending(), Ordering::Relaxed);
        let mut frame = ready!(polled);
        match &mut frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    trailers::to_space(trailers);
                }
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                progress.bytes.fetch_add(bytes, Ordering::Relaxed);
                if incoming.is_end_stream() {
                    progress.finish();
                }
            }
            Some(Err(_)) => {}
            None => progress.finish(),
        }
        Poll::Ready(frame.map(|it| it.map_err(UploadError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|it| it.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some(it) => it.incoming.size_hint(),
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
        /// Ends it when it may not go on.
        open: Open,
    },
}

/// Why a response's body breaks off.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The space broke off.
    #[error(transparent)]
    Space(#[from] hyper::Error),
    /// It may not go on.
    #[error("what let it through is gone")]
    Cut,
}

/// A response's body, from wherever it comes to the visitor. Its end is the end of the request.
#[derive(Debug)]
pub struct Download {
    source: Source,
    access: Access,
    stall: Option<Arc<Stall>>,
    _carried: Option<Carried>,
}

impl Download {
    /// The body of a response of which `access` keeps the record.
    pub fn new(source: Source, access: Access) -> Self {
        let carried = match &source {
            Source::Own(_) => None,
            Source::Space { open, .. } => Some(Carried::begin(open.watched())),
        };
        let mut download = Self {
            source,
            access,
            stall: Stall::of_this_stream(),
            _carried: carried,
        };
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
            && progress.as_ref().is_none_or(|it| it.done_at().is_some())
            && let Some(lease) = lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for Download {
    type Data = Piece;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, BodyError>>> {
        let mut frame = match &mut self.source {
            Source::Own(bytes) if bytes.is_empty() => None,
            Source::Own(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Source::Space { open, .. } if open.is_cut() => Some(Err(BodyError::Cut)),
            Source::Space { incoming, open, .. } => match Pin::new(incoming).poll_frame(cx) {
                Poll::Ready(frame) => frame.map(|it| it.map_err(BodyError::from)),
                Poll::Pending => {
                    ready!(open.poll_cut(cx));
                    Some(Err(BodyError::Cut))
                }
            },
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
        let piece = |bytes| Piece::new(bytes, self.stall.as_ref());
        Poll::Ready(frame.map(|it| it.map(|frame| frame.map_data(piece))))
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
