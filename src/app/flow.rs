//! An answer over HTTP/2 that gives up on a caller who does not take it.
//!
//! A caller of HTTP/2 can read the socket and still open no flow control window: then no write
//! ever waits, and the answer, the tool's connection and the open record are held for ever. So
//! each stream knows whose turn it is. A body that gave a frame and is not asked for the next one
//! waits for the caller; where that takes longer than `idle`, the stream is reset. A body that has
//! nothing to give waits for the tool, whose time is bounded elsewhere.
//!
//! The body tells by a task-local: hyper builds the stream's future around the body and has no
//! room for a handle.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A stream's future.
pub(super) type Stream = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whose turn it is, as the last look at the body shows.
#[derive(Clone, Copy, Debug, Default)]
enum Turn {
    /// Nobody looked at the body.
    #[default]
    Same,
    /// It gave something, which is still to be taken.
    Caller,
    /// It has nothing yet.
    Tool,
}

tokio::task_local! {
    static TURN: Cell<Turn>;
}

/// Runs a stream, for as long as its caller takes what it is given.
pub(super) async fn bounded(mut stream: Stream, idle: Duration) {
    let mut waiting: Option<Pin<Box<Sleep>>> = None;
    let polled = poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match TURN.with(Cell::take) {
            Turn::Same => {}
            Turn::Tool => waiting = None,
            Turn::Caller => match &mut waiting {
                Some(waiting) => waiting.as_mut().reset(after(idle)),
                None => waiting = Some(Box::pin(tokio::time::sleep(idle))),
            },
        }
        waiting.as_mut().map_or(Poll::Pending, |waiting| waiting.as_mut().poll(cx))
    });
    TURN.scope(Cell::default(), polled).await;
}

/// So much later than now.
pub(super) fn after(pause: Duration) -> Instant {
    Instant::from_std(crate::clock::instant()) + pause
}

/// The answer of a stream; it shows whose turn it is.
pub(super) struct Shown<B>(B);

impl<B> Shown<B> {
    /// From here on the head waits for the caller.
    pub(super) fn new(body: B) -> Shown<B> {
        show(Turn::Caller);
        Shown(body)
    }
}

/// Outside a stream nobody looks.
fn show(turn: Turn) {
    let _ = TURN.try_with(|shown| shown.set(turn));
}

impl<B: Body<Data = Bytes> + Unpin> Body for Shown<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.0).poll_frame(cx);
        show(if polled.is_pending() { Turn::Tool } else { Turn::Caller });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full};
    use std::convert::Infallible;

    const IDLE: Duration = Duration::from_millis(40);

    /// A tool that is thinking.
    struct Silent;

    impl Body for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    /// Whether a stream that does `work` ends by itself within a second.
    async fn ends(work: impl Future<Output = ()> + Send + 'static) -> bool {
        let stream = bounded(Box::pin(work), IDLE);
        tokio::time::timeout(Duration::from_secs(1), stream).await.is_ok()
    }

    #[tokio::test]
    async fn a_frame_that_nobody_takes_ends_the_stream() {
        assert!(
            ends(async {
                let mut body = Shown::new(Full::new(Bytes::from_static(b"x")));
                let _frame = body.frame().await;
                std::future::pending().await
            })
            .await
        );
    }

    #[tokio::test]
    async fn a_tool_that_takes_its_time_does_not() {
        assert!(
            !ends(async {
                let _frame = Shown::new(Silent).frame().await;
            })
            .await
        );
        assert!(!ends(std::future::pending()).await, "a call is not answered yet");
    }

    #[tokio::test]
    async fn every_frame_that_is_taken_begins_the_wait_anew() {
        let taken = ends(async {
            let mut body = Shown::new(Full::new(Bytes::from_static(b"x")));
            for _ in 0..6 {
                tokio::time::sleep(IDLE / 2).await;
                let _frame = body.frame().await;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        });
        let begun = crate::clock::instant();
        assert!(taken.await);
        assert!(begun.elapsed() >= IDLE * 3, "the stream was cut while its caller read");
    }
}
