//! The body that goes to a tool: the judged bytes, or the caller's stream.

use super::tap::Tap;
use crate::call::screen::Screen;
use crate::call::{Body, Malformed};
use crate::clock;
use crate::limits::Lease;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A request body on its way out. Trailers of the caller are dropped: nobody judged them.
pub(super) struct Outgoing {
    source: Source,
    tap: Option<Arc<Tap>>,
    fault: Fault,
}

/// Why the body broke off, where it did. hyper tells it of a body over HTTP/1.1 alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Fault(Arc<OnceLock<Malformed>>);

impl Fault {
    /// What the caller did.
    pub(super) fn of_caller(&self) -> Option<Malformed> {
        self.0.get().copied()
    }
}

enum Source {
    Empty,
    Whole {
        bytes: Option<Bytes>,
        _lease: Option<Lease>,
    },
    Stream {
        front: Option<Bytes>,
        incoming: Incoming,
        screen: Screen,
        idle: Duration,
        sleep: Pin<Box<Sleep>>,
    },
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutgoingError {
    /// The caller broke off.
    #[error("the caller broke off: {0}")]
    Caller(#[from] hyper::Error),
    /// The caller sent nothing for too long.
    #[error("the caller sent nothing for too long")]
    Idle,
    /// It asks the tool to take another method than the one that was judged. What is left of it
    /// stays here, so that the tool never has the whole.
    #[error("the body asks for another method")]
    Override,
}

impl OutgoingError {
    /// What the caller is told.
    fn malformed(&self) -> Malformed {
        match self {
            OutgoingError::Caller(_) => Malformed::BodyIncomplete,
            OutgoingError::Idle => Malformed::BodyTimeout,
            OutgoingError::Override => Malformed::MethodOverride,
        }
    }
}

impl Outgoing {
    /// Wraps a call's body; a stream may pause for `idle` at most.
    pub(super) fn new(body: Body, idle: Duration) -> Outgoing {
        let source = match body {
            Body::Empty => Source::Empty,
            Body::Whole { bytes, lease } => Source::Whole { bytes: Some(bytes), _lease: lease },
            Body::Stream { front, rest, screen } => Source::Stream {
                front: Some(front).filter(|front| !front.is_empty()),
                incoming: rest,
                screen,
                idle,
                sleep: Box::pin(tokio::time::sleep(idle)),
            },
        };
        Outgoing { source, tap: None, fault: Fault::default() }
    }

    /// Counts its bytes on `tap` from now on.
    pub(super) fn count_on(&mut self, tap: Arc<Tap>) {
        self.tap = Some(tap);
    }

    /// Knows why it broke off, also after hyper has dropped it.
    pub(super) fn fault(&self) -> Fault {
        self.fault.clone()
    }

    fn count(&self, bytes: &Bytes) {
        if let Some(tap) = &self.tap {
            tap.note_body(bytes.len());
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, OutgoingError>>> {
        match &mut self.source {
            Source::Empty => Poll::Ready(None),
            Source::Whole { bytes, .. } => {
                Poll::Ready(bytes.take().filter(|bytes| !bytes.is_empty()).map(Ok))
            }
            Source::Stream { .. } => {
                let polled = ready!(self.poll_stream(cx));
                Poll::Ready(polled.map(|bytes| self.screened(bytes?)))
            }
        }
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, OutgoingError>>> {
        let Source::Stream { front, incoming, idle, sleep, .. } = &mut self.source else {
            return Poll::Ready(None);
        };
        if let Some(front) = front.take() {
            return Poll::Ready(Some(Ok(front)));
        }
        match Pin::new(incoming).poll_frame(cx) {
            Poll::Pending => {
                ready!(sleep.as_mut().poll(cx));
                Poll::Ready(Some(Err(OutgoingError::Idle)))
            }
            Poll::Ready(frame) => {
                sleep.as_mut().reset(Instant::from_std(clock::instant() + *idle));
                let data = |frame: Frame<Bytes>| frame.into_data().unwrap_or_default();
                Poll::Ready(frame.map(|frame| Ok(data(frame?))))
            }
        }
    }

    /// The next bytes, unless they complete what the screen looks for.
    fn screened(&mut self, bytes: Bytes) -> Result<Bytes, OutgoingError> {
        let asks = match &mut self.source {
            Source::Stream { screen, .. } => screen.finds(&bytes),
            _ => false,
        };
        if asks { Err(OutgoingError::Override) } else { Ok(bytes) }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = OutgoingError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OutgoingError>>> {
        let bytes = ready!(self.poll_bytes(cx));
        match &bytes {
            Some(Ok(bytes)) => self.count(bytes),
            // It breaks off once, so the first word is the only one.
            Some(Err(error)) => drop(self.fault.0.set(error.malformed())),
            None => {}
        }
        Poll::Ready(bytes.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Whole { bytes, .. } => bytes.as_ref().is_none_or(Bytes::is_empty),
            Source::Stream { front, incoming, .. } => front.is_none() && incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Whole { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Source::Stream { front, incoming, .. } => {
                let front = front.as_ref().map_or(0, |front| front.len() as u64);
                match incoming.size_hint().exact() {
                    Some(rest) => SizeHint::with_exact(front + rest),
                    None => SizeHint::default(),
                }
            }
        }
    }
}
