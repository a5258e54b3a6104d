//! The tool's answer, streaming back.
//!
//! The body drives the connection it comes from. However it ends (all of it delivered, the tool
//! broke off, a time-out, the caller gone), the record is closed with what happened and the
//! connection goes back to the pool or is closed. A caller who leaves a protected call does not
//! cancel it: the rest is read on as an errand, bounded in time.

use super::Shape;
use super::exchange::Passage;
use super::link::Link;
use super::pool::Pool;
use super::tunnel::Tunnel;
use crate::call::arriving::{ArrivalError, Arriving};
use crate::call::headers;
use crate::clock;
use crate::evidence::{Cut, Ending, Reach};
use crate::stage::Protection;
use bytes::Bytes;
use http::{Response, StatusCode, Version, response::Parts};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep};

/// The head of a tool's answer, and the body to come.
pub struct Reply {
    /// Status and fields, without those of this hop.
    pub parts: Parts,
    /// What is streamed to the caller.
    pub body: ReplyBody,
    /// What follows a 101 that the route allows.
    pub tunnel: Option<Tunnel>,
}

/// The body of a tool's answer; empty once it has ended.
pub struct ReplyBody(Option<Box<Stream>>);

/// What lives until the body ends.
struct Stream {
    incoming: Arriving,
    status: StatusCode,
    bytes: u64,
    /// Trailers are the last frame; hyper asks for no further one.
    ended: bool,
    reader: Reader,
    shape: Arc<Shape>,
    /// Where the connection goes afterwards; `None` where the tool speaks HTTP/1.0.
    pool: Option<Arc<Pool>>,
    passage: Passage,
    link: Link,
    pause: Pin<Box<Sleep>>,
    deadline: Instant,
}

/// Who reads the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Caller,
    /// The caller has left.
    Errand,
}

/// Why a tool's answer broke off.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The tool broke off.
    #[error("the tool broke off its answer: {0}")]
    Tool(#[from] ArrivalError),
    /// The tool paused for too long, or took too long in all.
    #[error("the tool took too long to answer")]
    Late,
}

impl Reply {
    /// Takes the answer over from the exchange.
    pub(super) fn open(
        shape: Arc<Shape>,
        pool: Arc<Pool>,
        mut passage: Passage,
        link: Link,
        response: Response<Incoming>,
    ) -> Reply {
        // On a connection that spoke HTTP/1.0, hyper would send the next request as HTTP/1.0 as
        // well, and a body of unknown length not at all.
        let pool = (response.version() >= Version::HTTP_11).then_some(pool);
        let (mut parts, incoming) = response.into_parts();
        let incoming = Arriving::new(incoming, parts.version);
        parts.headers = headers::returnable(parts.headers);
        // The version is of each hop (RFC 9110, 2.5). As HTTP/1.0, an answer without a length
        // would end with the connection, and one that broke off would look whole.
        parts.version = Version::HTTP_11;
        let status = parts.status;
        passage.record.reached(Reach::Replied(passage.exchange(status, 0)));
        let deadline = Instant::from_std(passage.started + shape.timeouts.total);
        let idle = Instant::from_std(clock::instant() + shape.timeouts.idle);
        let pause = Box::pin(tokio::time::sleep_until(deadline.min(idle)));
        let reader = Reader::Caller;
        let stream = Stream {
            incoming,
            status,
            bytes: 0,
            ended: false,
            reader,
            shape,
            pool,
            passage,
            link,
            pause,
            deadline,
        };
        Reply { parts, body: ReplyBody(Some(Box::new(stream))), tunnel: None }
    }

    /// Reads an answer that nobody waits for to its end.
    pub(super) async fn read_on(mut self) {
        if let Some(tunnel) = self.tunnel.take() {
            tunnel.abandon();
        }
        if let Some(stream) = &mut self.body.0 {
            stream.lose_caller();
        }
        while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await {}
    }
}

impl ReplyBody {
    /// The body of an answer that has none.
    pub(super) fn empty() -> ReplyBody {
        ReplyBody(None)
    }
}

impl Stream {
    /// The next piece, the end, or what broke the answer off.
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReplyError>>> {
        self.link.drive(cx);
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.ended = frame.is_trailers();
                let now = Instant::from_std(clock::instant());
                if now >= self.deadline {
                    return Poll::Ready(Some(Err(ReplyError::Late)));
                }
                self.pause.as_mut().reset(self.deadline.min(now + self.shape.timeouts.idle));
                Poll::Ready(Some(Ok(returnable(frame))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Pending => {
                ready!(self.pause.as_mut().poll(cx));
                Poll::Ready(Some(Err(ReplyError::Late)))
            }
        }
    }

    /// The caller is gone: the rest is read for the record alone, and not for long. A stream of
    /// events has no end that would be worth the connection.
    fn lose_caller(&mut self) {
        self.reader = Reader::Errand;
        let patience = clock::instant() + self.shape.timeouts.first_byte;
        self.deadline = self.deadline.min(patience.into());
        self.pause.as_mut().reset(self.deadline);
    }

    /// Whether nothing more comes.
    fn is_over(&self) -> bool {
        self.ended || self.incoming.is_end_stream()
    }

    /// Whether all that was announced has come. Over HTTP/2 the end of the stream may come later.
    fn has_all(&self) -> bool {
        self.is_over() || self.incoming.size_hint().exact() == Some(0)
    }

    /// All of it came: the connection can serve again, once the stream has ended.
    fn complete(mut self) {
        let exchange = self.passage.exchange(self.status, self.bytes);
        // The end of the stream may be here unread; a tool that still owes it may be leaving.
        let ended = self.is_over() || self.link.is_reusable() && self.is_over();
        if let Some(pool) = self.pool.filter(|_| ended) {
            pool.give(self.link);
        }
        self.passage.close(match self.reader {
            Reader::Caller => Ending::Completed(exchange),
            Reader::Errand => Ending::CallerGone(Reach::Replied(exchange)),
        });
    }

    /// It broke off: the connection is closed.
    fn break_off(self, error: &ReplyError) {
        let exchange = self.passage.exchange(self.status, self.bytes);
        let cut = Cut::MidReply(exchange);
        // A caller who breaks its own body off ends the exchange, and with it the answer.
        let broke_off = self.passage.fault.of_caller().is_some();
        self.passage.close(match (error, self.reader) {
            (ReplyError::Tool(_), _) if broke_off => Ending::CallerGone(Reach::Replied(exchange)),
            (ReplyError::Tool(_), _) => Ending::UpstreamReset(cut),
            (ReplyError::Late, Reader::Caller) => Ending::TimedOut(cut),
            (ReplyError::Late, Reader::Errand) => Ending::CallerGone(Reach::Replied(exchange)),
        });
    }

    /// The caller left before the end.
    fn abandon(mut self: Box<Self>) {
        if self.reader == Reader::Caller && self.passage.lane.protection == Protection::Protected {
            let errands = self.shape.errands.clone();
            self.lose_caller();
            let errand = async move {
                let mut body = ReplyBody(Some(self));
                while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {}
            };
            // Where nobody runs errands any more, the process is ending, and dropping this one
            // closes the record.
            drop(errands.send(Box::pin(errand)));
            return;
        }
        let exchange = self.passage.exchange(self.status, self.bytes);
        self.passage.close(Ending::CallerGone(Reach::Replied(exchange)));
    }
}

/// A tool cannot speak for gait in its trailers either.
fn returnable(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(trailers) => Frame::trailers(headers::returnable(trailers)),
        Err(frame) => frame,
    }
}

impl HttpBody for ReplyBody {
    type Data = Bytes;
    type Error = ReplyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReplyError>>> {
        let Some(stream) = &mut self.0 else { return Poll::Ready(None) };
        let polled = ready!(stream.poll_frame(cx));
        match &polled {
            Some(Ok(_)) => return Poll::Ready(polled),
            Some(Err(error)) => {
                if let Some(stream) = self.0.take() {
                    stream.break_off(error);
                }
            }
            None => {
                if let Some(stream) = self.0.take() {
                    stream.complete();
                }
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|stream| stream.is_over())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), |stream| stream.incoming.size_hint())
    }
}

impl Drop for ReplyBody {
    /// hyper does not ask for the end once the announced length is there.
    fn drop(&mut self) {
        match self.0.take() {
            Some(stream) if stream.has_all() => stream.complete(),
            Some(stream) => stream.abandon(),
            None => {}
        }
    }
}
