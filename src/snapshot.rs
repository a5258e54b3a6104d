//! Routes, policy and stages as one immutable value.
//!
//! A call sees one snapshot from start to end, and its evidence names it. A reload builds the
//! next one aside and swaps the pointer; nothing is ever half new.

mod approvals;
mod assurance;
mod candidate;
mod credential;
mod exports;
mod gates;
mod lane;
mod listeners;
mod route;
mod upstream;

pub use approvals::{Approvals, EVENTS, LOCAL_LOGIN, Login, Role, Webhook, WebhookTransport};
pub use assurance::{Assurance, Durability, OnFailure};
pub use candidate::Candidate;
pub use credential::{CredentialError, ToolCredential};
pub use exports::{AccessLog, Exports, Otlp, Signal};
pub use gates::Gates;
pub use lane::Lane;
pub use listeners::{Http2, Listener};
pub use route::Route;
pub use upstream::{HostHeader, UpstreamSpec};

use crate::call::CallerCredential;
use crate::call::forwarding::Forwarding;
use crate::call::host::HostRule;
use crate::call::peer::Peer;
use crate::call::trailers::Reserved;
use crate::delegation::Keys;
use crate::identity::{Refusal, Sources};
use crate::intent::rest::Mapping;
use crate::intent::routes::{Matcher, Routes};
use crate::json::Digest;
use crate::limits::{Limits, Timeouts};
use crate::metrics::{CallerMetrics, Metrics};
use crate::policy::Policy;
use crate::stage::{Course, DryRunScope, Protection, SeatKey};
use crate::tls::Server;
use jiff::Timestamp;
use lane::side_lane;
use std::sync::Arc;
use std::time::Duration;

/// The label of calls that no route takes.
pub const UNMAPPED: &str = "_unmapped";
/// The label of calls that strictness refused before routing.
pub const REFUSED: &str = "_refused";

/// A route as config means it, before it is given its metrics.
#[derive(Clone, Debug)]
pub struct PlannedRoute {
    /// Its name: a metric label, and the `route` of evidence.
    pub name: Arc<str>,
    /// What it matches.
    pub matcher: Matcher,
    /// How its calls become intents.
    pub mapping: Mapping,
    /// Where they go.
    pub upstream: Arc<UpstreamSpec>,
    /// Where its callers stand, by what the config says alone.
    pub said: Course,
    /// Where they stand: the overlay is over what the config says.
    pub course: Course,
    /// Whether its operation is protected.
    pub protection: Protection,
    /// Its `dry_run` setting.
    pub dry_run: DryRunScope,
    /// What its evidence lines hold of an intent.
    pub capture: Capture,
    /// Whether it takes calls from nobody in particular.
    pub anonymous: Anonymous,
    /// Whether its tool sees the credentials for gait.
    pub credential: CallerCredential,
    /// The protocols that its callers may go over to, in lower case.
    pub upgrades: Arc<[String]>,
    /// How its calls are approved.
    pub approval: Approvable,
}

/// How the calls of a route are approved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approvable {
    /// How long a call waits, open, for its approval; zero for not at all.
    pub hold: Duration,
    /// JSON Pointers into the arguments whose values no approver is shown.
    pub masks: Arc<[String]>,
    /// The same of those whose values config turns into digests.
    pub digests: Arc<[String]>,
}

/// Whether callers without credentials are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// They are, under the name that the config gives them.
    #[default]
    Allow,
    /// They are not.
    Deny,
}

/// What config means: everything a snapshot is built from but the policy in force.
#[derive(Clone, Debug)]
pub struct Plan {
    /// A policy that is tried out beside the one in force.
    pub candidate: Option<Arc<Policy>>,
    /// In the order in which they are tried.
    pub routes: Vec<PlannedRoute>,
    /// Where calls that no route takes may go; `None` denies them.
    pub unmapped: Option<Arc<UpstreamSpec>>,
    /// Where calls that strictness refuses may go: only an upstream that wholly observes.
    pub refused: Option<Arc<UpstreamSpec>>,
    /// All upstreams.
    pub upstreams: Vec<Arc<UpstreamSpec>>,
    /// How each listener speaks; where they listen needs a restart.
    pub listeners: Vec<Listener>,
    /// How the listener of the admin API speaks.
    pub admin: Listener,
    /// The hosts that are served.
    pub hosts: HostRule,
    /// Where identities come from.
    pub identity: Sources,
    /// Whose word on delegations counts.
    pub delegation: Keys,
    /// What is said of approvals.
    pub approvals: Approvals,
    /// Who is told what the evidence says.
    pub exports: Exports,
    /// What a route has to show before it is promoted.
    pub gates: Gates,
    /// What tools are told of the way of a call.
    pub forwarding: Forwarding,
    /// What is durable before a call goes. Needs a restart.
    pub assurance: Assurance,
    /// Whether calls that take a side lane go with the credentials for gait.
    pub side_credential: CallerCredential,
    /// Bounds.
    pub limits: Limits,
    /// Durations.
    pub timeouts: Timeouts,
    /// What seats callers where a stage is shared out; without it nobody is known.
    pub seats: Option<SeatKey>,
    /// SHA-256 of the config text, of the files that it names, and of the overlay.
    pub digest: Digest,
}

/// What an evidence line holds of the intent that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Its digests.
    Digest,
    /// Itself too, without what the route masks, as far as it is not too long.
    Masked,
    /// The same with what the route masks. Values that the route digests stay digests, and what
    /// looks like a credential is masked in either.
    Full,
}

/// Everything that judging depends on, as one value.
#[derive(Debug)]
pub struct Snapshot {
    /// Names the snapshot in evidence and metrics: digests of config, policy and candidate, where
    /// there is one, shortened.
    pub id: Arc<str>,
    /// Matchers, by index of `table`.
    pub routes: Routes,
    /// Routes in force, by index.
    pub table: Vec<Route>,
    /// Calls that no route takes.
    pub unmapped: Arc<Lane>,
    /// Calls that strictness refuses.
    pub refused: Arc<Lane>,
    /// Counters of those who call.
    pub callers: CallerMetrics,
    /// The rules.
    pub policy: Arc<Policy>,
    /// What is tried out beside them.
    pub candidate: Option<Candidate>,
    /// What no trailer may be called.
    pub reserved: Reserved,
    /// The plan it was built from.
    pub plan: Plan,
}

impl Snapshot {
    /// Joins a plan and a policy, and registers every series that they can reach.
    pub fn build(plan: Plan, policy: impl Into<Arc<Policy>>, metrics: &Metrics) -> Snapshot {
        let policy = policy.into();
        let id = plan.snapshot_id(&policy);
        let callers = callers(&plan.identity, metrics);
        plan.approvals.webhooks.iter().for_each(|told| drop(metrics.webhook(&told.name)));
        let table = plan.routes.iter().map(|route| Route::build(route, &plan, metrics)).collect();
        let names: Vec<Arc<str>> = plan.routes.iter().map(|route| route.name.clone()).collect();
        let candidate = plan.candidate.clone();
        let credentials = plan.identity.credentials().iter();
        Snapshot {
            id,
            reserved: Reserved::new(credentials.map(|field| field.name.as_str())),
            routes: Routes::new(plan.routes.iter().map(|route| route.matcher.clone()).collect()),
            table,
            unmapped: side_lane(UNMAPPED, plan.unmapped.clone(), plan.side_credential, metrics),
            refused: side_lane(REFUSED, plan.refused.clone(), plan.side_credential, metrics),
            callers,
            candidate: Candidate::register(candidate, &names, metrics),
            policy,
            plan,
        }
    }
}

fn callers(identity: &Sources, metrics: &Metrics) -> CallerMetrics {
    let nobody = identity.nobody().source;
    let names: Vec<Arc<str>> = identity.names().cloned().chain([nobody]).collect();
    let reasons: Vec<&'static str> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
    metrics.callers(&names, &reasons)
}

impl Plan {
    /// Whether the listener of a peer would take it now as it did when it connected: with the
    /// certificate that it has, or without one.
    pub fn vouches_for(&self, peer: &Peer, now: Timestamp) -> bool {
        let listener = self.listeners.iter().find(|listener| listener.name == peer.listener);
        let tls = listener.and_then(|listener| listener.tls.as_ref());
        match &peer.certificate {
            Some(certificate) => tls.is_some_and(|tls| tls.vouches_for(certificate, now)),
            None => !tls.is_some_and(Server::wants_certificates),
        }
    }

    /// The route of this name.
    pub fn route(&self, name: &str) -> Option<&PlannedRoute> {
        self.routes.iter().find(|route| *route.name == *name)
    }

    /// What the snapshot of this plan and a policy is called: sixteen hex digits of each digest,
    /// of the candidate's too where there is one; enough to tell two of them apart and short enough
    /// to read.
    pub fn snapshot_id(&self, policy: &Policy) -> Arc<str> {
        let short = |digest: Digest| digest.to_string().chars().take(16).collect::<String>();
        let candidate = self.candidate.as_deref().map(Policy::digest);
        let digests = [Some(self.digest), Some(policy.digest()), candidate].into_iter().flatten();
        digests.map(short).collect::<Vec<_>>().join("-").into()
    }

    /// Whether nobody on any route to the tool of `upstream`, under whatever name, ever stands
    /// beyond observe.
    pub fn wholly_observes(&self, upstream: &UpstreamSpec) -> bool {
        let mut routes = self.routes.iter().filter(|route| route.upstream.is_same_tool(upstream));
        routes.all(PlannedRoute::wholly_observes)
    }
}

impl PlannedRoute {
    /// Whether nobody on it ever stands beyond observe. What was set by command may close side
    /// lanes and never opens any: for those the config must say so as well.
    pub fn wholly_observes(&self) -> bool {
        self.said.wholly_observes() && self.course.wholly_observes()
    }

    /// Whether some call has method and path of both.
    pub fn meets(&self, other: &PlannedRoute) -> bool {
        let (a, b) = (&self.matcher, &other.matcher);
        let methods = a.methods.is_empty()
            || b.methods.is_empty()
            || a.methods.iter().any(|method| b.methods.contains(method));
        let paths = match (&a.path, &b.path) {
            (Some(a), Some(b)) => a.meets(b),
            _ => true,
        };
        methods && paths
    }

    /// The tool's name where config fixes it, lower case; empty where the call does.
    pub fn tool_text(&self) -> String {
        match self.mapping.tool_name.0.as_slice() {
            [crate::intent::rest::Piece::Text(name)] => name.trim().to_lowercase(),
            _ => String::new(),
        }
    }
}
