//! What an approver is shown of a call: what will run, on what, with which arguments, and why it
//! needs an approval.
//!
//! It is made from the very call and intent that are judged, so that nobody approves other than
//! what runs. Values that the route masks, and what looks like a credential, are left out here already,
//! wherever the call says them: they are stored nowhere. The body is shown only where nothing of it is
//! to be hidden; its digest always is.

use crate::call::Call;
use crate::case::{Author, Judged};
use crate::intent::Intent;
use crate::intent::conceal::{Concealed, Concealing, Hidden};
use crate::json::Digest;
use crate::snapshot::Lane;
use http::header;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::borrow::Cow;
use std::sync::Arc;

/// Of a body, so much is shown.
const BODY_BYTES_MAX: usize = 16 << 10;
/// All arguments together; larger ones are not shown, and the exhibit says so.
const ARGS_BYTES_MAX: usize = 64 << 10;

/// The member of an intent that holds the arguments.
const ARGS: &str = "args";

/// Whether the route hides something of the call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    /// Query and body may say more than was looked at.
    Hidden,
    /// Only what is found in them is hidden.
    Open,
}

/// The arguments as they are shown, and what is hidden of the call.
struct Veiled {
    args: Option<Value>,
    omitted_bytes: Option<usize>,
    /// JSON Pointers into the arguments.
    masked: Vec<String>,
    hidden: Hidden,
    route: Secrecy,
}

/// What is shown, in written order.
#[derive(Serialize)]
struct Exhibit<'a> {
    method: &'a str,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<Cow<'a, str>>,
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
    args: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args_omitted_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    masked: Vec<String>,
    targets: Cow<'a, [crate::intent::Target]>,
    reason_codes: &'a [String],
    violations: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_rule: Option<&'a str>,
    identity: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_source: Option<&'a str>,
}

/// What an approver is shown of a call whose body is whole; `null` where that cannot be written.
pub(super) fn of(
    call: &Call,
    lane: &Lane,
    judged: &Judged,
    caller: Option<&Author>,
) -> Arc<RawValue> {
    // An intent was digested, so it can be written.
    let exhibit = veiled(&judged.intent, lane)
        .and_then(|veiled| to_raw_value(&exhibit(call, lane, judged, caller, veiled)).ok());
    exhibit.map_or_else(|| RawValue::NULL.to_owned().into(), Arc::from)
}

fn exhibit<'a>(
    call: &'a Call,
    lane: &'a Lane,
    judged: &'a Judged,
    caller: Option<&'a Author>,
    veiled: Veiled,
) -> Exhibit<'a> {
    let Veiled { args, omitted_bytes, masked, hidden, route } = veiled;
    let head = call.head();
    let body = call.body().whole().unwrap_or_default();
    let field = |name| head.headers().get(name);
    let coding = field(header::CONTENT_ENCODING);
    // What is coded says something else than its bytes.
    let is_open = route == Secrecy::Open && masked.is_empty() && coding.is_none();
    Exhibit {
        method: head.method().as_str(),
        host: hidden.text(head.authority().as_str()),
        path: hidden.path(head.target().path()),
        query: head.target().query().map(|query| match route {
            Secrecy::Open => hidden.query(query),
            Secrecy::Hidden => hidden.names(query).into(),
        }),
        content_type: field(header::CONTENT_TYPE)
            .and_then(|value| Some(hidden.text(value.to_str().ok()?))),
        content_encoding: coding.map(|value| String::from_utf8_lossy(value.as_bytes())),
        upgrade: lane.upgrade(head),
        body_digest: Digest::of(body),
        body_bytes: body.len(),
        body: preview(body).filter(|body| is_open && hidden.permits_body(body)),
        tool_name: judged.intent.tool_name(),
        risk_class: &judged.intent.context().risk_class,
        route: &lane.name,
        stage: lane.stage.as_str(),
        args,
        args_omitted_bytes: omitted_bytes,
        masked,
        targets: hidden.targets(judged.intent.targets()),
        reason_codes: &judged.decision.reason_codes,
        violations: &judged.decision.violations,
        matched_rule: judged.decision.matched_rule.as_deref(),
        identity: &judged.intent.context().identity,
        identity_source: caller.and_then(|caller| caller.source.as_deref()),
    }
}

/// Looks for what is to be hidden. Arguments that are too large to be shown are looked through for
/// what the rest of the call must not say.
fn veiled(intent: &Intent, lane: &Lane) -> Option<Veiled> {
    let mut concealing = Concealing::of(intent)?;
    concealing.mask(&lane.approval.masks);
    let route = match concealing.is_masked() || holds_digests(intent, lane) {
        true => Secrecy::Hidden,
        false => Secrecy::Open,
    };
    let bytes = serde_json::to_vec(concealing.document().get(ARGS)?).ok()?.len();
    let omitted_bytes = (bytes > ARGS_BYTES_MAX).then_some(bytes);
    let Concealed { mut document, masked, hidden, .. } = match omitted_bytes {
        None => concealing.finish(),
        Some(_) => concealing.omit(),
    };
    let inside = |pointer: &String| pointer.strip_prefix("/args").map(str::to_owned);
    Some(Veiled {
        args: document.get_mut(ARGS).map(Value::take),
        omitted_bytes,
        masked: masked.iter().filter_map(inside).collect(),
        hidden,
        route,
    })
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
