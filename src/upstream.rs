//! The only client of tools. Its one entry, [`Tools::send`], takes a permit.
//!
//! Before anything is sent the seam checks the permit once more, on its own: its kind against the
//! lane, its proof against the decision, its call against the digest that was judged. These can
//! only fail through a fault in this program, and then the call does not go. There is no retry
//! once a byte has left.

mod address;
mod dial;
mod exchange;
mod http1;
mod http2;
mod link;
mod outgoing;
mod pool;
mod reply;
mod seam;
mod tap;
mod tunnel;
mod wire;

pub use reply::{Reply, ReplyBody, ReplyError};
pub use tunnel::Tunnel;

use crate::call::Malformed;
use crate::case::Judged;
use crate::evidence::{Cut, Ending, PermitKind, Reach, Record};
use crate::gate::{Permit, Redeemed};
use crate::limits::{Limits, Places, Timeouts};
use crate::metrics::Metrics;
use crate::snapshot::{Lane, Plan, UpstreamSpec};
use crate::stage::Protection;
use arc_swap::ArcSwap;
use http::StatusCode;
use pool::{NoLink, Pool};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Work that goes on although its caller has left; `app` runs it.
pub type Errand = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The client of all tools.
#[derive(Clone)]
pub struct Tools {
    shape: Arc<ArcSwap<Shape>>,
    metrics: Metrics,
}

/// The pools and bounds in force.
struct Shape {
    pools: HashMap<Arc<UpstreamSpec>, Arc<Pool>>,
    limits: Limits,
    timeouts: Timeouts,
    errands: mpsc::UnboundedSender<Errand>,
    tunnels: Places,
    metrics: Metrics,
}

/// A permitted call that got no answer.
#[derive(Debug)]
pub struct Failure {
    /// Its open record, to be closed with the answer that the caller gets instead; `None` where
    /// the errand that held it broke off, which closed it.
    pub record: Option<Record>,
    /// Where it stood.
    pub lane: Arc<Lane>,
    /// The decision, where there is one.
    pub judged: Option<Box<Judged>>,
    /// What happened.
    pub kind: FailureKind,
    /// How far it came.
    pub reach: Reach,
}

/// What kept a permitted call from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No connection: refused, unknown, unreachable.
    Connect,
    /// No connection in time.
    ConnectLate,
    /// The tool is not who it should be, or does not take gait for who it is.
    Tls,
    /// As many connections as may be are open.
    Exhausted,
    /// The tool closed the connection, or answered what is not HTTP.
    Reset,
    /// No head of an answer in time.
    Late,
    /// The caller's own body broke off, paused for too long, or asked for another method.
    Caller(Malformed),
    /// A fault of ours.
    Internal(&'static str),
}

// === impl Tools ===

impl Tools {
    /// A client without tools, and the errands that it leaves to be run.
    pub fn new(metrics: Metrics) -> (Tools, mpsc::UnboundedReceiver<Errand>) {
        // Unbounded: each errand belongs to a call in flight, and those are bounded.
        let (errands, run) = mpsc::unbounded_channel();
        let shape = Shape {
            pools: HashMap::new(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            errands,
            tunnels: Places::default(),
            metrics: metrics.clone(),
        };
        (Tools { shape: Arc::new(ArcSwap::from_pointee(shape)), metrics }, run)
    }

    /// Takes over the upstreams of a plan; connections to those that stay are kept.
    pub fn configure(&self, plan: &Plan) {
        let old = self.shape.load();
        let pool = |spec: &Arc<UpstreamSpec>| {
            let kept = old.pools.get(spec).filter(|_| old.limits == plan.limits).cloned();
            let pool = kept.unwrap_or_else(|| Shape::new_pool(spec, &plan.limits));
            (spec.clone(), pool)
        };
        let shape = Shape {
            pools: plan.upstreams.iter().map(pool).collect(),
            limits: plan.limits,
            timeouts: plan.timeouts,
            errands: old.errands.clone(),
            tunnels: old.tunnels.clone(),
            metrics: self.metrics.clone(),
        };
        self.shape.store(Arc::new(shape));
    }

    /// Sends a permitted call.
    ///
    /// A protected call runs as an errand from here on: a caller who leaves does not cancel it.
    ///
    /// # Errors
    /// `Failure` where the tool gave no answer.
    pub async fn send(&self, permit: Permit) -> Result<Reply, Box<Failure>> {
        let redeemed = permit.redeem();
        if let Some(cause) = seam::fault(&redeemed) {
            self.metrics.bypass(cause);
            return Err(Box::new(Failure::before(redeemed, FailureKind::Internal("seam_refused"))));
        }
        let shape = self.shape.load_full();
        match (redeemed.lane.protection, redeemed.kind) {
            (Protection::Protected, _) | (_, PermitKind::Approved) => {
                send_protected(shape, redeemed).await
            }
            (Protection::Open, _) => exchange::run(shape, redeemed).await,
        }
    }

    /// Closes kept connections that idled too long; to be called now and then.
    pub fn sweep(&self) {
        let shape = self.shape.load();
        shape.pools.values().for_each(|pool| pool.sweep(shape.timeouts.upstream_idle));
    }
}

/// Runs the exchange apart from the caller's own task.
async fn send_protected(shape: Arc<Shape>, redeemed: Redeemed) -> Result<Reply, Box<Failure>> {
    let (answer, answered) = oneshot::channel();
    let lane = redeemed.lane.clone();
    let errands = shape.errands.clone();
    let errand = async move {
        if let Err(unwanted) = answer.send(exchange::run(shape, redeemed).await) {
            settle_unwanted(unwanted).await;
        }
    };
    // A refused errand is dropped, and with it everything that it owns is settled as unsent.
    drop(errands.send(Box::pin(errand)));
    answered.await.unwrap_or_else(|_| Err(Box::new(Failure::of_errand(lane))))
}

/// The caller has left: read the answer on, or record why there is none.
async fn settle_unwanted(result: Result<Reply, Box<Failure>>) {
    match result {
        Ok(reply) => reply.read_on().await,
        Err(failure) => {
            if let Some(record) = failure.record {
                record.close(Ending::CallerGone(failure.reach));
            }
        }
    }
}

// === impl Shape ===

impl Shape {
    fn new_pool(spec: &Arc<UpstreamSpec>, limits: &Limits) -> Arc<Pool> {
        let (open, idle) = (limits.upstream_connections, limits.upstream_idle_connections);
        Arc::new(Pool::new(spec.clone(), open, idle))
    }

    /// The pool of an upstream; a call judged just before a reload may name one that is gone.
    fn pool(&self, spec: &Arc<UpstreamSpec>) -> Arc<Pool> {
        let pool = self.pools.get(spec).cloned();
        pool.unwrap_or_else(|| Shape::new_pool(spec, &self.limits))
    }

    fn reuse_idle(&self, protection: Protection) -> Duration {
        match protection {
            Protection::Open => self.timeouts.upstream_idle,
            Protection::Protected => self.timeouts.protected_reuse_idle,
        }
    }
}

// === impl Failure ===

impl Failure {
    fn before(redeemed: Redeemed, kind: FailureKind) -> Failure {
        let Redeemed { record, lane, judged, .. } = redeemed;
        Failure { record: Some(record), lane, judged, kind, reach: Reach::Unsent }
    }

    /// The errand broke off: nobody can say any more whether a byte had left.
    fn of_errand(lane: Arc<Lane>) -> Failure {
        let (kind, reach) =
            (FailureKind::Internal("errand_lost"), Reach::Sent { request_bytes: 0 });
        Failure { record: None, lane, judged: None, kind, reach }
    }
}

impl FailureKind {
    /// Stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            FailureKind::Connect => "upstream_unreachable",
            FailureKind::ConnectLate => "upstream_connect_timeout",
            FailureKind::Tls => "upstream_tls_failed",
            FailureKind::Exhausted => "upstream_connections_exhausted",
            FailureKind::Reset => "upstream_reset",
            FailureKind::Late => "upstream_timeout",
            FailureKind::Caller(malformed) => malformed.code(),
            FailureKind::Internal(code) => code,
        }
    }

    /// What the caller gets.
    pub fn status(self) -> StatusCode {
        match self {
            FailureKind::Connect | FailureKind::Tls | FailureKind::Reset => StatusCode::BAD_GATEWAY,
            FailureKind::ConnectLate | FailureKind::Late => StatusCode::GATEWAY_TIMEOUT,
            FailureKind::Caller(malformed) => malformed.status(),
            FailureKind::Exhausted | FailureKind::Internal(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// How the call ended, for its line.
    pub fn ending(self, reach: Reach) -> Ending {
        let answered = self.status();
        let cut = match reach {
            Reach::Sent { request_bytes } => Cut::NoReply { request_bytes, answered },
            Reach::Unsent => Cut::Unsent { answered },
            Reach::Replied(exchange) => Cut::MidReply(exchange),
        };
        match self {
            FailureKind::Connect => Ending::ConnectFailed { answered },
            // In TLS 1.3 a server refuses the client's certificate after the client may write.
            FailureKind::Tls if reach == Reach::Unsent => Ending::ConnectFailed { answered },
            FailureKind::Tls => Ending::UpstreamReset(cut),
            FailureKind::ConnectLate
            | FailureKind::Late
            | FailureKind::Caller(Malformed::BodyTimeout) => Ending::TimedOut(cut),
            FailureKind::Caller(_) => Ending::CallerGone(reach),
            FailureKind::Reset => Ending::UpstreamReset(cut),
            FailureKind::Exhausted | FailureKind::Internal(_) => Ending::Answered { answered },
        }
    }
}

impl From<NoLink> for FailureKind {
    fn from(error: NoLink) -> FailureKind {
        tracing::debug!(%error, "no connection to the upstream");
        match error {
            NoLink::Exhausted => FailureKind::Exhausted,
            NoLink::Late => FailureKind::ConnectLate,
            NoLink::Tls(_) => FailureKind::Tls,
            NoLink::Refused(_) | NoLink::Handshake(_) => FailureKind::Connect,
        }
    }
}
