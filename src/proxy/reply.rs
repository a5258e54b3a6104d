//! What the caller gets: the tool's answer with gait's own headers, or a problem.
//!
//! The only place that turns denials and failures into statuses (design section 5: the first row
//! that fits).

mod approval;

use crate::call::body::Unreadable;
use crate::case::{Bar, Cause, Judged, Why};
use crate::clock;
use crate::evidence::{CallId, Ending, Reach};
use crate::gate::Denial;
use crate::intent::time::Time;
use crate::policy::Verdict;
use crate::problem::{Executed, Kind, Problem};
use crate::snapshot::Lane;
use crate::stage::Disposition;
use crate::upstream::{Failure, FailureKind, Reply, ReplyBody, ReplyError};
use bytes::Bytes;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

const CALL_ID: HeaderName = HeaderName::from_static("gait-call-id");
const VERDICT: HeaderName = HeaderName::from_static("gait-verdict");
const DISPOSITION: HeaderName = HeaderName::from_static("gait-disposition");
const SIMULATED: HeaderName = HeaderName::from_static("gait-simulated");
const UNRECORDED: HeaderName = HeaderName::from_static("gait-unrecorded");

/// A body for the caller: ours, or the tool's as it comes.
pub enum AnswerBody {
    /// Made here.
    Own(Option<Bytes>),
    /// The tool's.
    Tool(ReplyBody),
}

/// What is our own fault should pass soon.
const OUR_FAULT_SECONDS: Option<u64> = Some(1);
/// A wait that is longer is told as a time alone.
const RETRY_SECONDS_MAX: u64 = 24 * 3_600;

/// What every answer says in its headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Face {
    /// Names the call.
    pub(super) call_id: CallId,
    /// The verdict, where there is one.
    pub(super) verdict: Option<Verdict>,
    /// What was done.
    pub(super) disposition: Disposition,
}

/// The tool's answer.
pub(super) fn of_tool(reply: Reply, face: Face) -> Response<AnswerBody> {
    let Reply { parts, body, .. } = reply;
    let mut response = Response::from_parts(parts, AnswerBody::Tool(body));
    face.stamp(response.headers_mut());
    response
}

/// The answer to a denial; closes its record.
pub(super) fn of_denial(denial: Denial) -> Response<AnswerBody> {
    let (kind, status) = row(&denial);
    let face = Face {
        call_id: denial.record().opening().call_id,
        verdict: denial.judged().map(|judged| judged.decision.verdict),
        disposition: denial.disposition(),
    };
    let mut problem = describe(kind, status, face, denial.lane(), denial.judged());
    problem.detail = detail(denial.cause(), kind, denial.judged());
    problem.reason_codes.extend(denial.cause().codes().into_iter().map(str::to_owned));
    problem.reason_codes.sort_unstable();
    problem.reason_codes.dedup();
    if let Cause::Unapproved(unapproved) = denial.cause() {
        approval::describe(&mut problem, unapproved);
    }
    if kind == Kind::DryRun {
        problem.would_status = Some(would_be(denial.judged(), denial.lane()).as_u16());
        problem.retry_after = None;
    }
    let response = match denial.cause() {
        Cause::Malformed(malformed) if malformed.ends_connection() => closing(own(&problem, face)),
        _ => own(&problem, face),
    };
    denial.into_record().close(Ending::Answered { answered: status });
    response
}

/// The answer to a call that was permitted and got none; closes its record.
pub(super) fn of_failure(failure: Failure, call_id: CallId) -> Response<AnswerBody> {
    let Failure { record, lane, judged, kind: what, reach } = failure;
    let face = Face {
        call_id,
        verdict: judged.as_ref().map(|judged| judged.decision.verdict),
        disposition: Disposition::Forwarded,
    };
    let kind = match what {
        FailureKind::Connect | FailureKind::Tls | FailureKind::Reset => Kind::UpstreamFailed,
        FailureKind::ConnectLate | FailureKind::Late => Kind::UpstreamLate,
        FailureKind::Caller(_) => Kind::MalformedRequest,
        FailureKind::Exhausted | FailureKind::Internal(_) => Kind::FailClosed,
    };
    let mut problem = describe(kind, what.status(), face, &lane, judged.as_deref());
    problem.reason_codes = vec![what.code().to_owned()];
    if reach != Reach::Unsent {
        problem.executed = Executed::Unknown;
        problem.detail = "bytes had left for the tool: ask it what it did before you retry".into();
    }
    if let Some(record) = record {
        record.close(what.ending(reach));
    }
    match what {
        FailureKind::Caller(_) => closing(own(&problem, face)),
        _ => own(&problem, face),
    }
}

/// The answer to a request that no lane can be named for: a fault of ours.
pub(super) fn of_fault(call_id: CallId, code: &'static str) -> Response<AnswerBody> {
    let face = Face { call_id, verdict: None, disposition: Disposition::Failed };
    let problem = Problem {
        kind: Kind::FailClosed,
        title: Kind::FailClosed.title(),
        status: StatusCode::SERVICE_UNAVAILABLE,
        detail: "nothing was executed; try again shortly".to_owned(),
        instance: format!("urn:uuid:{call_id}"),
        executed: Executed::No,
        verdict: None,
        disposition: face.disposition.as_str(),
        reason_codes: vec![code.to_owned()],
        violations: Vec::new(),
        matched_rule: None,
        stage: "none",
        tool_name: None,
        intent_digest: None,
        policy_digest: None,
        trace_id: None,
        call_id: call_id.to_string(),
        required_approvals: None,
        valid_approvals: None,
        approval_id: None,
        approval_url: None,
        would_status: None,
        until: None,
        retry_after: OUR_FAULT_SECONDS,
    };
    own(&problem, face)
}

/// The same answer, and the connection closes behind it.
pub(super) fn closing(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The same answer, marked as that of a call that the evidence had no place for.
pub(super) fn unrecorded(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    response.headers_mut().insert(UNRECORDED, HeaderValue::from_static("true"));
    response
}

/// The first row of the table in design section 5 that fits.
fn row(denial: &Denial) -> (Kind, StatusCode) {
    match denial.cause() {
        Cause::Malformed(malformed) => match malformed.status() {
            StatusCode::MISDIRECTED_REQUEST => (Kind::UnknownHost, malformed.status()),
            StatusCode::FORBIDDEN => (Kind::Blocked, malformed.status()),
            status => (Kind::MalformedRequest, status),
        },
        Cause::Caller(refusal) => (caller_kind(refusal.status()), refusal.status()),
        Cause::Unreadable(code) | Cause::Intent { code, .. } => {
            (Kind::InvalidIntent, unreadable_status(code))
        }
        Cause::Unapproved(unapproved) => approval::row(unapproved, denial.lane()),
        Cause::Unmapped => (Kind::Unmapped, StatusCode::FORBIDDEN),
        Cause::Fault(_) => (Kind::FailClosed, StatusCode::SERVICE_UNAVAILABLE),
        Cause::Decision | Cause::DryRunAsked if denial.disposition() == Disposition::DryRun => {
            (Kind::DryRun, StatusCode::OK)
        }
        Cause::Decision | Cause::DryRunAsked => refusal(denial.judged(), denial.lane()),
    }
}

/// The kind of problem with a caller.
fn caller_kind(status: StatusCode) -> Kind {
    match status {
        StatusCode::UNAUTHORIZED => Kind::Unauthenticated,
        StatusCode::FORBIDDEN => Kind::Blocked,
        _ => Kind::FailClosed,
    }
}

/// What a verdict other than `allow` is answered with.
fn refusal(judged: Option<&Judged>, lane: &Lane) -> (Kind, StatusCode) {
    match judged.and_then(|judged| judged.bar).map(|bar| bar.why) {
        Some(Why::Stopped | Why::SwitchLost | Why::Freeze) => {
            return (Kind::Locked, StatusCode::LOCKED);
        }
        Some(Why::Limit) => return (Kind::LimitReached, StatusCode::TOO_MANY_REQUESTS),
        Some(Why::Domain | Why::Broker | Why::Delegation) | None => {}
    }
    match judged.map(|judged| judged.decision.verdict) {
        Some(Verdict::RequireApproval) => (Kind::ApprovalRequired, lane.approval_status),
        _ => (Kind::Blocked, StatusCode::FORBIDDEN),
    }
}

fn unreadable_status(code: &str) -> StatusCode {
    match code == Unreadable::MediaType.code() || code == Unreadable::Coding.code() {
        true => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        false => StatusCode::BAD_REQUEST,
    }
}

/// The status that the call would have got, had it not been a dry run.
fn would_be(judged: Option<&Judged>, lane: &Lane) -> StatusCode {
    match judged.map(|judged| judged.decision.verdict) {
        Some(Verdict::Allow | Verdict::DryRun) => StatusCode::OK,
        _ => refusal(judged, lane).1,
    }
}

fn describe(
    kind: Kind,
    status: StatusCode,
    face: Face,
    lane: &Lane,
    judged: Option<&Judged>,
) -> Problem {
    let decision = judged.map(|judged| &judged.decision);
    // What only would have stopped a call is nothing to wait for.
    let stopped = judged.filter(|_| face.disposition != Disposition::Forwarded);
    let bar = stopped.and_then(|judged| judged.bar);
    let approvals = decision.filter(|d| d.verdict == Verdict::RequireApproval);
    Problem {
        kind,
        title: kind.title(),
        status,
        detail: kind.title().to_owned(),
        instance: format!("urn:uuid:{}", face.call_id),
        executed: Executed::No,
        verdict: face.verdict.map(Verdict::as_str),
        disposition: face.disposition.as_str(),
        reason_codes: decision.map(|d| d.reason_codes.clone()).unwrap_or_default(),
        violations: decision.map(|d| d.violations.clone()).unwrap_or_default(),
        matched_rule: decision.and_then(|d| d.matched_rule.clone()),
        stage: lane.stage.as_str(),
        tool_name: judged.map(|judged| judged.intent.tool_name().to_owned()),
        intent_digest: judged.map(|judged| judged.intent.digest().to_string()),
        policy_digest: judged.map(|judged| judged.policy_digest.to_string()),
        trace_id: judged.map(|judged| judged.trace_id.clone()),
        call_id: face.call_id.to_string(),
        required_approvals: approvals.map(|decision| decision.min_approvals),
        valid_approvals: approvals.map(|_| 0),
        approval_id: None,
        approval_url: None,
        would_status: None,
        until: bar.and_then(|bar| bar.until).map(|until| until.to_string()),
        retry_after: match status {
            StatusCode::SERVICE_UNAVAILABLE => OUR_FAULT_SECONDS,
            _ => bar.and_then(retry_after),
        },
    }
}

/// Seconds until the bar is lifted, where that is known and worth waiting for.
fn retry_after(bar: Bar) -> Option<u64> {
    let now = Time::from_timestamp(clock::now());
    let wait = bar.until?.civil().duration_since(now.civil());
    // Rounded up: whoever comes too early is refused once more.
    let begun = i64::from(wait.subsec_nanos() > 0);
    let seconds = u64::try_from(wait.as_secs() + begun).unwrap_or(0).max(1);
    (seconds <= RETRY_SECONDS_MAX).then_some(seconds)
}

fn detail(cause: &Cause, kind: Kind, judged: Option<&Judged>) -> String {
    let rule = judged.and_then(|judged| judged.decision.matched_rule.as_deref());
    let by_default = |judged: &Judged| {
        judged.decision.reason_codes.iter().any(|code| code.starts_with("default_"))
    };
    let rule = match rule {
        Some(rule) => format!("rule `{rule}`"),
        None if judged.is_some_and(by_default) => "the default verdict".to_owned(),
        None => "a fail_closed check of the policy".to_owned(),
    };
    match (cause, kind) {
        (Cause::Malformed(malformed), _) => malformed.advice().to_owned(),
        (Cause::Caller(refusal), _) => refusal.advice().to_owned(),
        (Cause::Intent { detail, .. }, _) => detail.clone(),
        (Cause::Unreadable(code), _) => {
            format!("a condition of the route cannot be read ({code}): send it in one plain way")
        }
        (Cause::Unapproved(unapproved), _) => approval::detail(unapproved, &rule),
        (Cause::Unmapped, _) => {
            "no route of the gateway's config takes this method and path".to_owned()
        }
        (Cause::Fault(_), _) => "nothing was executed; try again shortly".to_owned(),
        (Cause::DryRunAsked, _) => "a dry run was asked for; nothing was executed".to_owned(),
        (Cause::Decision, Kind::DryRun) => format!("{rule} answers without executing"),
        (Cause::Decision, Kind::ApprovalRequired) => {
            format!("{rule} wants an approval of this intent before it is executed")
        }
        (Cause::Decision, _) => match judged.and_then(|judged| judged.bar) {
            Some(bar) => barred(bar, &rule),
            None => format!("{rule} does not allow this call"),
        },
    }
}

/// What stands in the way of a call beside its rules, and what to do about it.
fn barred(bar: Bar, rule: &str) -> String {
    match bar.why {
        Why::Stopped => "an order to stop is in force for this call".to_owned(),
        Why::SwitchLost => {
            "it is not known what is ordered to stop, and this call could do much harm".to_owned()
        }
        Why::Freeze => format!("{rule} freezes this call for a time"),
        Why::Limit => format!("a limit of {rule} is used up; try again when it is renewed"),
        Why::Delegation => format!(
            "the tokens in `Gait-Delegation` do not delegate this call: the reason codes say what \
             is wrong with them; get some for this intent, with a scope that {rule} takes"
        ),
        Why::Broker => {
            format!("{rule} wants a brokered credential, and this gateway has no broker")
        }
        Why::Domain => format!(
            "{rule} lists domains, and a target has no host that can be read in one way only: \
             write a plain host name"
        ),
    }
}

fn own(problem: &Problem, face: Face) -> Response<AnswerBody> {
    let mut response = problem.response().map(|bytes| AnswerBody::Own(Some(bytes)));
    face.stamp(response.headers_mut());
    response
}

impl Face {
    fn stamp(self, headers: &mut HeaderMap) {
        put(headers, CALL_ID, &self.call_id.to_string());
        let verdict = self.verdict.map_or("none", Verdict::as_str);
        put(headers, VERDICT, verdict);
        put(headers, DISPOSITION, self.disposition.as_str());
        if self.disposition == Disposition::Forwarded && self.verdict != Some(Verdict::Allow) {
            put(headers, SIMULATED, verdict);
        }
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = ReplyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReplyError>>> {
        match &mut *self {
            AnswerBody::Own(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            AnswerBody::Tool(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Own(bytes) => bytes.is_none(),
            AnswerBody::Tool(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Own(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            AnswerBody::Tool(body) => body.size_hint(),
        }
    }
}
