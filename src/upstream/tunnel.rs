//! A connection that went over to another protocol: bytes both ways until somebody ends it.
//!
//! A tunnel begins when both sides have said 101, and runs as an errand, since the task that
//! served the request has ended by then. The record of the call stays open for as long, and is
//! closed with the bytes that went each way. Nothing in it is read: what is said behind an upgrade
//! nobody judges, which is why a route must allow it.

use super::exchange::Passage;
use super::link::Link;
use super::{Failure, FailureKind, Reply, ReplyBody, Shape};
use crate::call::{headers, upgrade};
use crate::clock;
use crate::evidence::{Cut, Ending, Exchange, Reach};
use crate::limits::Place;
use crate::metrics::Held;
use crate::stage::Protection;
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};

/// Bytes on their way in one direction.
const BUFFER_BYTES: usize = 16 << 10;

/// A connection that both sides are about to use for something else than HTTP.
#[must_use = "a tunnel that is not carried ends at once"]
pub struct Tunnel {
    tool: OnUpgrade,
    /// `None` once the record is closed.
    passage: Option<Passage>,
    /// Holds the connection's slot.
    link: Link,
    shape: Arc<Shape>,
    flow: Arc<Flow>,
    _place: Place,
    _open: Held,
}

/// What has gone through.
struct Flow {
    begun: Instant,
    down_bytes: AtomicU64,
    /// When a byte last moved, in milliseconds after `begun`.
    moved_ms: AtomicU64,
}

/// How a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The tool has said all.
    Said,
    /// The caller is gone.
    Left,
    /// The tool broke off.
    Broken,
    /// Nothing moved for too long, or it took too long in all.
    Late,
}

/// Whether a tool's 101 is the answer to what it was asked.
pub(super) fn answers(response: &Response<Incoming>, asked: Option<&str>) -> bool {
    asked.is_some_and(|asked| upgrade::agrees(response.headers(), asked))
}

impl Tunnel {
    /// Takes a tool's 101 over from the exchange. Without a place it is nothing that was asked for.
    pub(super) fn open(
        shape: Arc<Shape>,
        mut passage: Passage,
        link: Link,
        mut response: Response<Incoming>,
        place: Option<Place>,
    ) -> Result<Reply, Box<Failure>> {
        let (Some(place), Some(protocol)) = (place, passage.upgrade.clone()) else {
            return Err(passage.fail(FailureKind::Reset));
        };
        let tool = hyper::upgrade::on(&mut response);
        let (mut parts, _) = response.into_parts();
        parts.headers = headers::returnable(parts.headers);
        parts.headers.remove(CONTENT_LENGTH);
        upgrade::state(&mut parts.headers, &protocol);
        passage.record.reached(Reach::Replied(passage.exchange(parts.status, 0)));
        let open = shape.metrics.tunnel();
        let tunnel = Tunnel {
            tool,
            passage: Some(passage),
            link,
            shape,
            flow: Arc::new(Flow::new()),
            _place: place,
            _open: open,
        };
        Ok(Reply { parts, body: ReplyBody::empty(), tunnel: Some(tunnel) })
    }

    /// Carries bytes once the caller has its 101.
    pub fn carry(self, caller: OnUpgrade) {
        let errands = self.shape.errands.clone();
        // Where nobody runs errands any more, the process is ending, and dropping this one closes
        // the record.
        drop(errands.send(Box::pin(self.run(caller))));
    }

    /// Nobody waits for it.
    pub(super) fn abandon(mut self) {
        self.close(End::Left);
    }

    async fn run(mut self, caller: OnUpgrade) {
        let end = self.flow_until_end(caller).await;
        self.close(end);
    }

    async fn flow_until_end(&mut self, caller: OnUpgrade) -> End {
        let Some(passage) = &self.passage else { return End::Left };
        let (started, protection) = (passage.started, passage.lane.protection);
        let (idle, deadline) = (self.shape.timeouts.idle, started + self.shape.timeouts.total);
        let (flow, tap) = (self.flow.clone(), self.link.tap().clone());
        let patience = deadline.min(clock::instant() + idle);
        let both = async { (self.tool_side().await, caller.await) };
        let Ok((tool, caller)) = tokio::time::timeout_at(patience.into(), both).await else {
            return End::Late;
        };
        let Some(tool) = tool else { return End::Broken };
        let Ok(caller) = caller else { return End::Left };
        let (from_tool, to_tool) = split(TokioIo::new(tool));
        let (from_caller, to_caller) = split(TokioIo::new(caller));
        flow.note();
        let up = async {
            let up = pump(from_caller, to_tool, |bytes| {
                tap.note_body(bytes);
                flow.note();
            });
            match (up.await, protection) {
                (Ok(()), Protection::Open) => std::future::pending().await,
                (Ok(()) | Err(Broke::From), _) => End::Left,
                (Err(Broke::To), _) => End::Broken,
            }
        };
        let down = async {
            let down = pump(from_tool, to_caller, |bytes| {
                flow.down_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                flow.note();
            });
            match down.await {
                Ok(()) => End::Said,
                Err(Broke::From) => End::Broken,
                Err(Broke::To) => End::Left,
            }
        };
        tokio::select! {
            end = down => end,
            end = up => end,
            () = flow.stands_still(idle, deadline) => End::Late,
        }
    }

    /// The tool's side of the connection, once hyper has let go of it.
    async fn tool_side(&mut self) -> Option<Upgraded> {
        poll_fn(|cx| {
            self.link.drive(cx);
            Pin::new(&mut self.tool).poll(cx)
        })
        .await
        .ok()
    }

    fn exchange(&self, passage: &Passage) -> Exchange {
        let down_bytes = self.flow.down_bytes.load(Ordering::Relaxed);
        passage.exchange(StatusCode::SWITCHING_PROTOCOLS, down_bytes)
    }

    fn close(&mut self, end: End) {
        let Some(passage) = self.passage.take() else { return };
        let exchange = self.exchange(&passage);
        passage.close(match end {
            End::Said => Ending::Completed(exchange),
            End::Left => Ending::CallerGone(Reach::Replied(exchange)),
            End::Broken => Ending::UpstreamReset(Cut::MidReply(exchange)),
            End::Late => Ending::TimedOut(Cut::MidReply(exchange)),
        });
    }
}

impl Drop for Tunnel {
    /// Cut off at the end of a drain: the record tells what had gone through.
    fn drop(&mut self) {
        if let Some(mut passage) = self.passage.take() {
            let exchange = self.exchange(&passage);
            passage.record.reached(Reach::Replied(exchange));
        }
    }
}

impl Flow {
    fn new() -> Flow {
        let begun = clock::instant();
        Flow { begun, down_bytes: AtomicU64::new(0), moved_ms: AtomicU64::new(0) }
    }

    fn note(&self) {
        let passed = clock::instant().saturating_duration_since(self.begun).as_millis();
        self.moved_ms.store(u64::try_from(passed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn moved(&self) -> Instant {
        self.begun + Duration::from_millis(self.moved_ms.load(Ordering::Relaxed))
    }

    /// Returns once no byte has moved for `idle`, or at `deadline`.
    async fn stands_still(&self, idle: Duration, deadline: Instant) {
        loop {
            let due = deadline.min(self.moved() + idle);
            if clock::instant() >= due {
                return;
            }
            tokio::time::sleep_until(due.into()).await;
        }
    }
}

/// Which side of a direction broke.
enum Broke {
    From,
    To,
}

/// Moves bytes until the end of the one side, and then says so to the other.
async fn pump(
    mut from: ReadHalf<TokioIo<Upgraded>>,
    mut to: WriteHalf<TokioIo<Upgraded>>,
    note: impl Fn(usize),
) -> Result<(), Broke> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).await.map_err(|_| Broke::From)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return to.shutdown().await.map_err(|_: io::Error| Broke::To);
        };
        to.write_all(bytes).await.map_err(|_| Broke::To)?;
        to.flush().await.map_err(|_| Broke::To)?;
        note(bytes.len());
    }
}
