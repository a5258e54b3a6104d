//! A body as it arrives, that knows whether it has come whole.
//!
//! hyper takes an HTTP/2 stream that is reset with `NO_ERROR` for one that has ended, since a
//! server that answers early may say so (RFC 9113, section 8.1). Then a body that was cut short
//! looks whole, and so does what is made of it: a call with half its body, half a document as the
//! answer. So an end is believed where it was said: by the stream, by trailers, or by the length
//! that was announced. An answer without a length that ends early *and* is reset at once cannot be
//! told from half an answer; it counts as half.

use bytes::Bytes;
use http::Version;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body from a connection.
#[derive(Debug)]
pub struct Arriving {
    incoming: Incoming,
    version: Version,
    /// Nothing comes behind trailers.
    trailed: bool,
}

/// Why a body did not come whole.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    /// The connection or the stream broke.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// Whoever sent it took the rest back.
    #[error("the stream was reset before its end")]
    CutShort,
}

impl Arriving {
    /// A body that comes in this version.
    pub fn new(incoming: Incoming, version: Version) -> Arriving {
        Arriving { incoming, version, trailed: false }
    }

    /// Whether its end was said, now that nothing more comes. Over HTTP/1 hyper sees to it.
    fn is_whole(&self) -> bool {
        self.version != Version::HTTP_2
            || self.trailed
            || self.incoming.is_end_stream()
            || self.incoming.size_hint().exact() == Some(0)
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = ArrivalError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ArrivalError>>> {
        let polled = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        Poll::Ready(match polled {
            Some(Ok(frame)) => {
                self.trailed |= frame.is_trailers();
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(error.into())),
            None if self.is_whole() => None,
            None => Some(Err(ArrivalError::CutShort)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
