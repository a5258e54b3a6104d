//! One request to a tool and the head of its answer.

use super::address::Address;
use super::link::Link;
use super::outgoing::{Fault, Outgoing};
use super::pool::Pool;
use super::reply::Reply;
use super::tap::Tap;
use super::tunnel::{self, Tunnel};
use super::{Failure, FailureKind, Shape};
use crate::call::{Body, Head, headers, upgrade};
use crate::case::Judged;
use crate::case::label;
use crate::clock;
use crate::evidence::{Ending, Exchange, PermitKind, Reach, Record};
use crate::gate::Redeemed;
use crate::metrics::OpenPermit;
use crate::snapshot::{HostHeader, Lane, UpstreamSpec};
use crate::store::approvals::Claim;
use futures_util::FutureExt as _;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The code of a call whose target or host no request can carry.
const UNSENDABLE: &str = "target_unsendable";

/// A permitted call on its way: what must be settled however it ends.
pub(super) struct Passage {
    /// Its open record.
    pub(super) record: Record,
    /// Where it stood.
    pub(super) lane: Arc<Lane>,
    /// The decision, where there is one.
    pub(super) judged: Option<Box<Judged>>,
    /// The protocol that it may go over to.
    pub(super) upgrade: Option<String>,
    /// When it was sent.
    pub(super) started: Instant,
    /// Why its body broke off, where it did.
    pub(super) fault: Fault,
    count: SendCount,
}

/// The client's own count of the send, made when the first byte has left.
struct SendCount {
    lane: Arc<Lane>,
    kind: PermitKind,
    /// Taken once a byte has left; dropped as unused otherwise.
    open: Option<OpenPermit>,
    tap: Option<Arc<Tap>>,
    /// The words of an approval; given back where no byte leaves.
    claim: Option<Claim>,
}

impl SendCount {
    fn note(&mut self) {
        if !self.tap.as_ref().is_some_and(|tap| tap.wrote()) {
            return;
        }
        if let Some(claim) = &mut self.claim {
            claim.sent();
        }
        if let Some(open) = self.open.take() {
            self.lane.metrics.upstream_sent(label(self.kind));
            open.sent();
        }
    }

    fn request_bytes(&self) -> u64 {
        self.tap.as_ref().map_or(0, |tap| tap.body_bytes())
    }
}

impl Drop for SendCount {
    /// A byte may have left in the very poll that a panic or a cancellation ended.
    fn drop(&mut self) {
        self.note();
    }
}

impl Passage {
    /// How far it has come, before an answer.
    fn reach(&self) -> Reach {
        match self.count.open {
            None => Reach::Sent { request_bytes: self.count.request_bytes() },
            Some(_) => Reach::Unsent,
        }
    }

    /// Counts the send as soon as a byte has left, and notes it for the record.
    fn note_sent(&mut self) {
        self.count.note();
        let reach = self.reach();
        self.record.reached(reach);
    }

    /// What was exchanged, once there is an answer.
    pub(super) fn exchange(&self, status: StatusCode, response_bytes: u64) -> Exchange {
        Exchange { status, request_bytes: self.count.request_bytes(), response_bytes }
    }

    /// Closes the record.
    pub(super) fn close(mut self, ending: Ending) {
        self.count.note();
        // Without a head of the tool's nobody knows what it did, which the claim says by itself.
        let exchange = ending.reach().and_then(Reach::exchange);
        if let (Some(claim), Some(exchange)) = (self.count.claim.take(), exchange) {
            claim.ended(ending.as_str(), Some(exchange.status.as_u16()));
        }
        self.record.close(ending);
    }

    pub(super) fn fail(mut self, kind: FailureKind) -> Box<Failure> {
        self.note_sent();
        let reach = self.reach();
        let Passage { record, lane, judged, .. } = self;
        Box::new(Failure { record: Some(record), lane, judged, kind, reach })
    }
}

/// Sends a redeemed permit and waits for the head of the answer.
pub(super) async fn run(shape: Arc<Shape>, redeemed: Redeemed) -> Result<Reply, Box<Failure>> {
    let Redeemed { call, record, lane, kind, open, judged, claim, .. } = redeemed;
    let count = SendCount { lane: lane.clone(), kind, open: Some(open), tap: None, claim };
    let upgrade = lane.upgrade(call.head()).map(str::to_owned);
    let (started, fault) = (clock::instant(), Fault::default());
    let mut passage = Passage { record, lane, judged, upgrade, started, fault, count };
    let Some(spec) = passage.lane.upstream.clone() else {
        return Err(passage.fail(FailureKind::Internal("no_upstream")));
    };
    let pool = shape.pool(&spec);
    let (head, body) = call.into_parts();
    let Some(address) = address(&spec, &head) else {
        return Err(passage.fail(FailureKind::Internal(UNSENDABLE)));
    };
    let place = passage.upgrade.as_ref().map(|_| shape.tunnels.take(shape.limits.tunnels));
    if matches!(place, Some(None)) {
        return Err(passage.fail(FailureKind::Internal("tunnels_exhausted")));
    }
    let mut request = request(&passage.lane, &spec, head, body, &shape);
    let mut kept = pool.take(shape.reuse_idle(passage.lane.protection));
    loop {
        let reused = kept.is_some();
        let mut link = match kept.take() {
            Some(link) => link,
            None => match pool.connect(shape.timeouts.connect).await {
                Ok(link) => link,
                Err(error) => return Err(passage.fail(FailureKind::from(error))),
            },
        };
        if address.put_on(&mut request, link.version()).is_none() {
            return Err(passage.fail(FailureKind::Internal(UNSENDABLE)));
        }
        match attempt(&shape, &mut passage, &mut link, request).await {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                return Tunnel::open(shape, passage, link, response, place.flatten());
            }
            Ok(response) => return Ok(Reply::open(shape, pool, passage, link, response)),
            // The kept connection died before a byte of this call left: a new one is no retry.
            Err(Attempt::Unsent(back)) if reused => request = *back,
            Err(Attempt::Failed(kind)) => return Err(passage.fail(kind)),
            Err(Attempt::Unsent(_) | Attempt::Broken) => {
                return Err(passage.fail(broken(&pool, link.tap())));
            }
        }
    }
}

/// What broke a connection: a tool that does not believe gait's certificate says so after the
/// handshake.
fn broken(pool: &Pool, tap: &Tap) -> FailureKind {
    let Some(cause) = tap.distrust() else { return FailureKind::Reset };
    pool.tell(cause);
    FailureKind::Tls
}

/// Why one connection gave no answer.
enum Attempt {
    /// Nothing left; here is the request.
    Unsent(Box<Request<Outgoing>>),
    /// Something may have left.
    Failed(FailureKind),
    /// So it may, and the connection is broken.
    Broken,
}

async fn attempt(
    shape: &Shape,
    passage: &mut Passage,
    link: &mut Link,
    mut request: Request<Outgoing>,
) -> Result<Response<Incoming>, Attempt> {
    passage.count.tap = Some(link.tap().clone());
    request.body_mut().count_on(link.tap().clone());
    passage.fault = request.body().fault();
    let sent = clock::instant();
    let answer = pin!(link.send(request));
    let tap = link.tap().clone();
    let (deadline, lane) = (passage.started + shape.timeouts.total, passage.lane.clone());
    let asked = passage.upgrade.clone();
    let fault = passage.fault.clone();
    let head = pin!(drive(passage, link, answer));
    let Some(answered) = within(shape.timeouts.first_byte, deadline, &tap, head).await else {
        return Err(Attempt::Failed(FailureKind::Late));
    };
    let wrote = tap.wrote();
    if let Some(Ok(_)) = &answered {
        lane.metrics.upstream_took(clock::instant().saturating_duration_since(sent));
    }
    match answered {
        // An upgrade that nobody asked for is not an answer.
        Some(Ok(response))
            if response.status() == StatusCode::SWITCHING_PROTOCOLS
                && !tunnel::answers(&response, asked.as_deref()) =>
        {
            Err(Attempt::Failed(FailureKind::Reset))
        }
        Some(Ok(response)) if headers::is_ambiguous(response.headers()) => {
            Err(Attempt::Failed(FailureKind::Reset))
        }
        Some(Ok(response)) => Ok(response),
        Some(Err(mut error)) => match error.take_message() {
            Some(back) if !wrote => Err(Attempt::Unsent(Box::new(back))),
            _ => Err(blamed(&fault)),
        },
        None => Err(blamed(&fault)),
    }
}

/// Whose fault it was: a caller who breaks off its own body looks like a broken connection here.
fn blamed(fault: &Fault) -> Attempt {
    let of_caller = |malformed| Attempt::Failed(FailureKind::Caller(malformed));
    fault.of_caller().map_or(Attempt::Broken, of_caller)
}

/// Waits for the head: `pause` from the last body byte that went out, and never past `deadline`.
/// A long upload is not a late answer.
async fn within<F: Future>(
    pause: Duration,
    deadline: Instant,
    tap: &Tap,
    mut head: std::pin::Pin<&mut F>,
) -> Option<F::Output> {
    let mut sent = tap.body_bytes();
    loop {
        let wake = deadline.min(clock::instant() + pause);
        if let Ok(output) = tokio::time::timeout_at(wake.into(), head.as_mut()).await {
            return Some(output);
        }
        let sent_by_now = tap.body_bytes();
        if sent_by_now == sent || clock::instant() >= deadline {
            return None;
        }
        sent = sent_by_now;
    }
}

/// Polls the connection and the answer together; `None` when the connection ended without one.
async fn drive<F: Future>(
    passage: &mut Passage,
    link: &mut Link,
    mut answer: std::pin::Pin<&mut F>,
) -> Option<F::Output> {
    poll_fn(|cx: &mut Context<'_>| {
        link.drive(cx);
        passage.note_sent();
        match answer.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if link.is_closed() => Poll::Ready(answer.as_mut().now_or_never()),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// For whom it is. `None` where the target is no URI.
fn address(spec: &UpstreamSpec, head: &Head) -> Option<Address> {
    let target = head.target().as_str();
    match spec.host_header {
        HostHeader::Preserve => Address::new(spec.scheme(), head.authority().as_str(), target),
        HostHeader::Upstream => Address::new(spec.scheme(), &spec.authority(), target),
    }
}

/// Rebuilds the request from the judged parts, and adds the tool's own secret.
fn request(
    lane: &Lane,
    spec: &UpstreamSpec,
    head: Head,
    body: Body,
    shape: &Shape,
) -> Request<Outgoing> {
    let mut request = Request::new(Outgoing::new(body, shape.timeouts.idle));
    *request.method_mut() = head.method().clone();
    let empty_body = http_body::Body::is_end_stream(request.body());
    let upgrade = lane.upgrade(&head).map(str::to_owned);
    let (mut fields, extensions) = head.into_fields(lane.credential);
    if let Some(protocol) = upgrade {
        upgrade::state(&mut fields, &protocol);
    }
    *request.extensions_mut() = extensions;
    fields.remove(header::CONTENT_LENGTH);
    // A tool that wants a length gets one even where there is nothing to measure.
    if empty_body && [Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    if let Some(credential) = &spec.credential {
        credential.put_into(&mut fields);
    }
    *request.headers_mut() = fields;
    request
}
