//! What the telemetry listener answers: `/metrics`, `/livez`, `/readyz`, `/version`,
//! `/evidence/head`.
//!
//! A pure function of the request's head and of what `app` hands it; `app` binds and serves.
//! Nothing secret is in reach of this module, so the listener may bind wide and asks for no
//! credential. `/livez` depends on nothing at all: a gait whose disk is full must be taken out of
//! rotation, not killed. Rejected: `/healthz`, which says neither of the two; a gait that is not
//! ready because a reload was refused: the last good snapshot serves, and all replicas that read the
//! same bad file would go out of rotation at once.

mod refused;
mod waiting;

pub use refused::Refused;
pub use waiting::News;

use crate::evidence::Anchor;
use crate::metrics::Metrics;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode, Uri};
use http_body_util::Full;
use jiff::Timestamp;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use waiting::Waiting;

/// The text format of Prometheus, with its version.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

const METRICS: &str = "/metrics";
const LIVE: &str = "/livez";
const READY: &str = "/readyz";
const VERSION: &str = "/version";
const HEAD: &str = "/evidence/head";

/// One thing that must hold for gait to be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// A snapshot is loaded.
    Snapshot,
    /// The evidence writer can write.
    Evidence,
    /// The state directory can be written.
    State,
    /// gait is not draining.
    Shutdown,
}

/// Which checks hold. All of them are in one byte, so that an answer is of one moment.
#[derive(Debug)]
pub struct Readiness {
    /// One bit for each check that fails.
    failing: AtomicU8,
    snapshot: ArcSwap<Standing>,
}

/// How the snapshot in force stands to what the files say.
#[derive(Clone, Debug, Default)]
struct Standing {
    /// `None` before the first.
    since: Option<Timestamp>,
    /// Why the files cannot be used, where the last reload was refused.
    refused: Option<Refused>,
    /// That they could, and wait until they have not changed for a while.
    waits: Option<Waiting>,
}

/// What the answers are made of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// For `/metrics`.
    pub metrics: &'a Metrics,
    /// For `/readyz`.
    pub readiness: &'a Readiness,
    /// For `/version`: the id of the snapshot in force; `None` before the first.
    pub snapshot: Option<&'a str>,
    /// For `/evidence/head` and `/version`: the last durable evidence line.
    pub evidence: Option<&'a Anchor>,
    /// For `/readyz`: why evidence cannot be written.
    pub evidence_trouble: Option<&'a str>,
}

/// How much `/readyz` says when all is well; when it is not, it names the checks either way.
#[derive(PartialEq)]
enum Verbosity {
    Brief,
    Verbose,
}

// === impl Check ===

impl Check {
    /// All checks, in the order of `/readyz?verbose`.
    pub const ALL: [Check; 4] = [Check::Snapshot, Check::Evidence, Check::State, Check::Shutdown];

    /// The name on `/readyz?verbose`.
    pub fn as_str(self) -> &'static str {
        match self {
            Check::Snapshot => "snapshot",
            Check::Evidence => "evidence",
            Check::State => "state",
            Check::Shutdown => "shutdown",
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

// === impl Readiness ===

impl Readiness {
    /// As at start: nothing is loaded or writable yet, nothing drains.
    pub fn new() -> Readiness {
        let failing = Check::Snapshot.bit() | Check::Evidence.bit() | Check::State.bit();
        Readiness { failing: AtomicU8::new(failing), snapshot: ArcSwap::default() }
    }

    /// Says that another snapshot is in force.
    pub fn in_force_since(&self, at: Timestamp) {
        self.snapshot.store(Arc::new(Standing { since: Some(at), ..Standing::default() }));
    }

    /// Says that another is in force by command: of what the files say by now nobody was asked.
    pub fn restaged_at(&self, at: Timestamp) {
        self.snapshot.rcu(|standing| Standing { since: Some(at), ..Standing::clone(standing) });
    }

    /// Says that what the files say can be used.
    pub fn loads(&self) {
        self.snapshot.rcu(|standing| Standing { since: standing.since, ..Standing::default() });
    }

    /// Says that it cannot; of many refusals in a row, the first says since when.
    pub fn refuses(&self, refused: Refused) {
        self.snapshot.rcu(|standing| Standing {
            since: standing.since,
            refused: Some(refused.after(standing.refused.as_ref())),
            waits: None,
        });
    }

    /// Says that it can, and waits until the files have rested, as these would be held to less; whether
    /// that is news.
    pub fn waits(&self, at: Timestamp, named: &[String]) -> News {
        let before = self.snapshot.rcu(|standing| Standing {
            since: standing.since,
            refused: None,
            waits: Some(Waiting::after(standing.waits.as_ref(), at, named)),
        });
        Waiting::news(before.waits.as_ref(), named)
    }

    /// Says that `check` holds.
    pub fn pass(&self, check: Check) {
        self.failing.fetch_and(!check.bit(), Ordering::Release);
    }

    /// Says that `check` does not hold; draining fails [`Check::Shutdown`].
    pub fn fail(&self, check: Check) {
        self.failing.fetch_or(check.bit(), Ordering::Release);
    }

    /// Whether every check holds.
    pub fn is_ready(&self) -> bool {
        self.failing() == 0
    }

    fn failing(&self) -> u8 {
        self.failing.load(Ordering::Acquire)
    }
}

impl Standing {
    /// Which snapshot is in force, and since when.
    fn in_force(&self, snapshot: Option<&str>) -> Option<String> {
        Some(format!("{} in force since {:.0}", snapshot?, self.since?))
    }
}

impl Default for Readiness {
    fn default() -> Readiness {
        Readiness::new()
    }
}

/// Answers one request. Never fails: 404 for other paths, 405 with `Allow` for other methods.
pub fn answer(method: &Method, uri: &Uri, sources: &Sources<'_>) -> Response<Full<Bytes>> {
    let response = match (uri.path(), method) {
        (METRICS | LIVE | READY | VERSION | HEAD, &Method::GET | &Method::HEAD) => {
            page(uri, sources)
        }
        (METRICS | LIVE | READY | VERSION | HEAD, _) => not_allowed(),
        _ => text(StatusCode::NOT_FOUND, PLAIN, "not found\n".to_owned()),
    };
    if method == Method::HEAD { head_of(response) } else { response.map(Full::new) }
}

fn page(uri: &Uri, sources: &Sources<'_>) -> Response<Bytes> {
    match uri.path() {
        METRICS => text(StatusCode::OK, PROMETHEUS, sources.metrics.render()),
        READY => ready(sources, verbosity(uri)),
        VERSION => version(sources),
        HEAD => head(sources.evidence),
        _ => text(StatusCode::OK, PLAIN, "ok\n".to_owned()),
    }
}

/// `?verbose`, with or without a value, as Kubernetes reads it.
fn verbosity(uri: &Uri) -> Verbosity {
    let mut keys = uri.query().unwrap_or_default().split('&');
    let asked = keys.any(|pair| pair.split('=').next() == Some("verbose"));
    if asked { Verbosity::Verbose } else { Verbosity::Brief }
}

fn ready(sources: &Sources<'_>, verbosity: Verbosity) -> Response<Bytes> {
    let failing = sources.readiness.failing();
    let (status, verdict) = match failing {
        0 => (StatusCode::OK, "passed"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
    };
    if failing == 0 && verbosity == Verbosity::Brief {
        return text(status, PLAIN, "ok\n".to_owned());
    }
    let mut body = String::new();
    let standing = sources.readiness.snapshot.load();
    for check in Check::ALL {
        let (sign, word) = if failing & check.bit() == 0 { ('+', "ok") } else { ('-', "failed") };
        let _ = write!(body, "[{sign}]{} {word}", check.as_str());
        let more = match check {
            Check::Evidence if sign == '-' => sources.evidence_trouble.map(str::to_owned),
            Check::Snapshot => standing.in_force(sources.snapshot),
            _ => None,
        };
        let _ = writeln!(body, "{}", more.map(|more| format!(": {more}")).unwrap_or_default());
    }
    if let Some(refused) = &standing.refused {
        let _ = writeln!(body, "[!]reload {refused}; the snapshot in force stays");
    }
    if let Some(waits) = &standing.waits {
        let _ = writeln!(body, "[!]reload {waits}; the snapshot in force stays");
    }
    let _ = writeln!(body, "readyz check {verdict}");
    text(status, PLAIN, body)
}

fn version(sources: &Sources<'_>) -> Response<Bytes> {
    let body = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "snapshot": sources.snapshot,
        "evidence_head": sources.evidence.map(|anchor| anchor.head.hash.to_string()),
    });
    text(StatusCode::OK, JSON, format!("{body}\n"))
}

/// To be kept elsewhere: it proves the log up to here.
fn head(anchor: Option<&Anchor>) -> Response<Bytes> {
    let body = serde_json::json!({
        "seq": anchor.map(|anchor| anchor.head.seq),
        "hash": anchor.map(|anchor| anchor.head.hash.to_string()),
        "key_id": anchor.and_then(|anchor| anchor.key_id.as_deref()),
        "segment": anchor.map(|anchor| anchor.segment),
    });
    text(StatusCode::OK, JSON, format!("{body}\n"))
}

fn not_allowed() -> Response<Bytes> {
    let body = "method not allowed: use GET or HEAD\n".to_owned();
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, body);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn text(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let length = HeaderValue::from(response.body().len());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The head of the same answer: its length stays, its bytes do not.
fn head_of(response: Response<Bytes>) -> Response<Full<Bytes>> {
    response.map(|_| Full::default())
}
