//! What an approver is shown of a call: what will run, on what, with which arguments, and why it
//! needs an approval.
//!
//! It is made from the very call and intent that are judged, so that nobody approves other than
//! what runs. Values that the route masks are left out here already, also where path and targets say
//! them: they are stored nowhere. The body is shown only where nothing of it is to be hidden; its
//! digest always is.

use crate::call::Call;
use crate::case::{Author, Judged};
use crate::intent::Intent;
use crate::intent::conceal::{Hidden, MASK};
use crate::json::Digest;
use crate::snapshot::Lane;
use http::header;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// Of a body, so much is shown.
const BODY_BYTES_MAX: usize = 16 << 10;
/// All arguments together; larger ones are not shown, and the exhibit says so.
const ARGS_BYTES_MAX: usize = 64 << 10;

/// Whether something of the call is to be hidden from approvers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Open,
    Hidden,
}

/// What is shown, in written order.
#[derive(Serialize)]
struct Exhibit<'a> {
    method: &'a str,
    host: &'a str,
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upgrade: Option<&'a str>,
    body_digest: Digest,
    body_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    tool_name: &'a str,
    risk_class: &'a str,
    route: &'a str,
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args_omitted_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    masked: Vec<&'a str>,
    targets: Cow<'a, [crate::intent::Target]>,
    reason_codes: &'a [String],
    violations: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_rule: Option<&'a str>,
    identity: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_source: Option<&'a str>,
}

/// What an approver is shown of a call whose body is whole.
pub(super) fn of(
    call: &Call,
    lane: &Lane,
    judged: &Judged,
    caller: Option<&Author>,
) -> Arc<RawValue> {
    let head = call.head();
    let body = call.body().whole().unwrap_or_default();
    let (args, masked, hidden) = shown_args(&judged.intent, &lane.approval.masks);
    let secrecy = match masked.is_empty() && !holds_digests(&judged.intent, lane) {
        true => Secrecy::Open,
        false => Secrecy::Hidden,
    };
    let args_bytes = serde_json::to_vec(&args).map_or(usize::MAX, |text| text.len());
    let fits = args_bytes <= ARGS_BYTES_MAX;
    let content_type = head.headers().get(header::CONTENT_TYPE);
    let coding = head.headers().get(header::CONTENT_ENCODING);
    // What is coded says something else than its bytes.
    let is_readable = secrecy == Secrecy::Open && coding.is_none();
    let exhibit = Exhibit {
        method: head.method().as_str(),
        host: head.authority().as_str(),
        path: hidden.path(head.target().path()),
        query: head.target().query().map(|query| shown_query(query, secrecy)),
        content_type: content_type.and_then(|value| value.to_str().ok()),
        content_encoding: coding.map(|value| String::from_utf8_lossy(value.as_bytes())),
        upgrade: lane.upgrade(head),
        body_digest: Digest::of(body),
        body_bytes: body.len(),
        body: preview(body).filter(|_| is_readable),
        tool_name: judged.intent.tool_name(),
        risk_class: &judged.intent.context().risk_class,
        route: &lane.name,
        stage: lane.stage.as_str(),
        args: fits.then_some(args),
        args_omitted_bytes: (!fits).then_some(args_bytes),
        masked,
        targets: hidden.targets(judged.intent.targets()),
        reason_codes: &judged.decision.reason_codes,
        violations: &judged.decision.violations,
        matched_rule: judged.decision.matched_rule.as_deref(),
        identity: &judged.intent.context().identity,
        identity_source: caller.and_then(|caller| caller.source.as_deref()),
    };
    // An intent was digested, so it can be written.
    to_raw_value(&exhibit).map_or_else(|_| RawValue::NULL.to_owned().into(), Arc::from)
}

/// The arguments without what is masked, which pointers took something away, and what.
fn shown_args<'a>(
    intent: &Intent,
    masks: &'a [String],
) -> (Map<String, Value>, Vec<&'a str>, Hidden) {
    let mut whole = Value::Object(intent.args().clone());
    let (mut masked, mut hidden) = (Vec::new(), Hidden::default());
    for pointer in masks {
        if let Some(value) = whole.pointer_mut(pointer) {
            hidden.add(value);
            *value = Value::String(MASK.to_owned());
            masked.push(pointer.as_str());
        }
    }
    match whole {
        Value::Object(args) => (args, masked, hidden),
        _ => (Map::new(), masked, hidden),
    }
}

/// The query; of one that may hold what is masked, the names alone.
fn shown_query(query: &str, secrecy: Secrecy) -> Cow<'_, str> {
    let name = |pair: &str| format!("{}={MASK}", pair.split('=').next().unwrap_or_default());
    match secrecy {
        Secrecy::Open => Cow::Borrowed(query),
        Secrecy::Hidden => Cow::Owned(query.split('&').map(name).collect::<Vec<_>>().join("&")),
    }
}

/// Whether the route has put digests in the place of values: then the body holds secrets. What only
/// looks like a digest hides nothing, or callers could choose what approvers see.
fn holds_digests(intent: &Intent, lane: &Lane) -> bool {
    let args = Value::Object(intent.args().clone());
    lane.approval.digests.iter().any(|pointer| args.pointer(pointer).is_some())
}

/// The text of a short body; nothing of one that is longer or no text.
fn preview(body: &[u8]) -> Option<&str> {
    let short = !body.is_empty() && body.len() <= BODY_BYTES_MAX;
    std::str::from_utf8(body).ok().filter(|_| short)
}
