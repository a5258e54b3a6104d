//! The body that goes to a tool: the judged bytes, or the caller's stream.

use super::tap::Tap;
use crate::call::arriving::{ArrivalError, Arriving};
use crate::call::screen::Screen;
use crate::call::trailers::Trailers;
use crate::call::{Body, Malformed};
use crate::clock;
use crate::limits::Lease;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
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
    Whole { bytes: Option<Bytes>, _lease: Option<Lease> },
    Stream(Box<Stream>),
}

/// The caller's stream, and what is looked for in it.
struct Stream {
    front: Option<Bytes>,
    incoming: Arriving,
    /// The last piece, kept back until it is known that no trailer forbids it.
    held: Option<Bytes>,
    screen: Screen,
    trailers: Trailers,
    idle: Duration,
    sleep: Pin<Box<Sleep>>,
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutgoingError {
    /// The caller broke off.
    #[error("the caller broke off: {0}")]
    Caller(#[from] ArrivalError),
    /// The caller sent nothing for too long.
    #[error("the caller sent nothing for too long")]
    Idle,
    /// It asks the tool to take another method than the one that was judged. What is left of it
    /// stays here, so that the tool never has the whole.
    #[error("the body asks for another method")]
    Override,
    /// A trailer has a name that only a head may have; the end of the body stays here.
    #[error("a trailer has a name that only a head may have")]
    Trailer,
}

impl OutgoingError {
    /// What the caller is told.
    fn malformed(&self) -> Malformed {
        match self {
            OutgoingError::Caller(_) => Malformed::BodyIncomplete,
            OutgoingError::Idle => Malformed::BodyTimeout,
            OutgoingError::Override => Malformed::MethodOverride,
            OutgoingError::Trailer => Malformed::TrailerNotAllowed,
        }
    }
}

impl Outgoing {
    /// Wraps a call's body; a stream may pause for `idle` at most.
    pub(super) fn new(body: Body, idle: Duration) -> Outgoing {
        let source = match body {
            Body::Empty => Source::Empty,
            Body::Whole { bytes, lease } => Source::Whole { bytes: Some(bytes), _lease: lease },
            Body::Stream { front, rest, screen, trailers } => Source::Stream(Box::new(Stream {
                front: Some(front).filter(|front| !front.is_empty()),
                incoming: rest,
                held: None,
                screen,
                trailers,
                idle,
                sleep: Box::pin(tokio::time::sleep(idle)),
            })),
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
            Source::Stream(stream) => stream.poll_screened(cx),
        }
    }
}

impl Stream {
    /// The next bytes, unless they complete what the screen looks for.
    fn poll_screened(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, OutgoingError>>> {
        let polled = ready!(self.poll_next(cx));
        Poll::Ready(polled.map(|bytes| {
            let bytes = bytes?;
            match self.screen.finds(&bytes) {
                true => Err(OutgoingError::Override),
                false => Ok(bytes),
            }
        }))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, OutgoingError>>> {
        if let Some(front) = self.front.take() {
            return Poll::Ready(Some(Ok(front)));
        }
        loop {
            let polled = Pin::new(&mut self.incoming).poll_frame(cx);
            let Poll::Ready(frame) = polled else {
                ready!(self.sleep.as_mut().poll(cx));
                return Poll::Ready(Some(Err(OutgoingError::Idle)));
            };
            self.sleep.as_mut().reset(Instant::from_std(clock::instant() + self.idle));
            let bytes = match frame {
                None => return Poll::Ready(self.held.take().map(Ok)),
                Some(frame) => self.judged(frame?)?,
            };
            if !self.may_end_in_trailers() {
                return Poll::Ready(Some(Ok(self.held.take().unwrap_or(bytes))));
            }
            self.held = self.held.take().or(Some(bytes));
        }
    }

    /// The bytes of a frame; trailers have none.
    fn judged(&self, frame: Frame<Bytes>) -> Result<Bytes, OutgoingError> {
        let trailers = match frame.into_data() {
            Ok(bytes) => return Ok(bytes),
            Err(frame) => frame.into_trailers(),
        };
        if let (Ok(trailers), Trailers::Checked(reserved)) = (trailers, &self.trailers) {
            reserved.check(&trailers).map_err(|_| OutgoingError::Trailer)?;
        }
        Ok(Bytes::new())
    }

    /// Whether the announced length is there and the end is not: only HTTP/2 puts trailers behind
    /// a length, and the tool would take what it has for the whole.
    fn may_end_in_trailers(&self) -> bool {
        self.incoming.size_hint().exact() == Some(0) && !self.incoming.is_end_stream()
    }

    fn is_end_stream(&self) -> bool {
        self.front.is_none() && self.held.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let front = self.front.as_ref().map_or(0, |front| front.len() as u64);
        match self.incoming.size_hint().exact() {
            // Of an announced nothing the end would never be asked for.
            Some(rest) if front + rest > 0 => SizeHint::with_exact(front + rest),
            _ => SizeHint::default(),
        }
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
            Source::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Whole { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Source::Stream(stream) => stream.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests;
