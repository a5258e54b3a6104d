//! What people say of decisions: taken down, and listed.
//!
//! The evidence log is what counts. A label is put into the store first, as one that does not count
//! yet, then its line is made durable, then it counts: whatever breaks off, the store has no label
//! that the log lacks, and what the log has is found again.

use super::helm::{Helm, blocking};
use super::problem::{Kind, Problem};
use super::{Context, Unread, query, reply, said};
use crate::audit::{Entry, PREFIX_CHARS_MIN};
use crate::clock;
use crate::evidence::{Event, Label as Said, Labelled, LedgerRefused, Opinion};
use crate::intent::conceal;
use crate::rollout::judged::{self, Unfit};
use crate::snapshot::Login;
use crate::store::labels::{Filter, Label};
use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use serde::Serialize;
use std::sync::Arc;

/// How long a note may be.
const NOTE_BYTES_MAX: usize = 2 << 10;
/// No call id is longer.
const ID_BYTES_MAX: usize = 64;
/// On one page, unless said otherwise.
const LIMIT_DEFAULT: usize = 50;
/// On one page, at most.
const LIMIT_MAX: usize = 200;

/// Who says something of a decision.
pub(super) struct Asked<'a> {
    pub(super) head: &'a Parts,
    pub(super) body: Result<Bytes, Unread>,
    pub(super) login: &'a Login,
}

/// What is said.
struct Word {
    call_id: String,
    opinion: Opinion,
    note: Option<Arc<str>>,
}

#[derive(Serialize)]
struct Given<'a> {
    label: Shown<'a>,
}

#[derive(Serialize)]
struct List<'a> {
    next: Option<u64>,
    labels: Vec<Shown<'a>>,
}

/// A label, and the decision that it is about.
#[derive(Serialize)]
struct Shown<'a> {
    call_id: &'a str,
    label: &'a str,
    by: &'a str,
    note: Option<&'a str>,
    at: String,
    /// The `seq` of its line in the evidence.
    seq: u64,
    /// Whether it is the last word on its call.
    counts: bool,
    decided_at: String,
    route: &'a str,
    stage: &'a str,
    verdict: Option<&'a str>,
    disposition: &'a str,
    tool_name: Option<&'a str>,
    matched_rule: Option<&'a str>,
    intent_digest: Option<&'a str>,
    policy_digest: Option<&'a str>,
}

/// Takes down what somebody says.
pub(super) async fn give(
    asked: &Asked<'_>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let word = Word::read(asked)?;
    let helm = context.helm;
    let call = helm.call(&word.call_id).await?;
    let label = word.of(&call, asked.login)?;
    let row = row(&label);
    let _turn = helm.labelling.lock().await;
    let seq = keep(helm, label, &row, context).await?;
    let label = Shown::of(&row, seq, Counts::Yes);
    Ok(reply::json(StatusCode::OK, &Given { label }))
}

/// Lists what was said.
pub(super) async fn list(
    query: Option<&str>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let (filter, helm) = (wish(query)?, context.helm);
    let limit = filter.limit;
    let turn = helm.labelling.lock().await;
    helm.settle_rest().await?;
    drop(turn);
    let labels = helm.labels.clone();
    let mut kept = blocking(move || labels.list(&filter)).await??;
    let has_more = kept.len() > limit;
    kept.truncate(limit);
    let next = kept.last().filter(|_| has_more).map(|last| last.number);
    let counts = |is_last: bool| if is_last { Counts::Yes } else { Counts::No };
    let shown = kept.iter().map(|one| Shown::of(&one.label, one.line, counts(one.is_last)));
    Ok(reply::json(StatusCode::OK, &List { next, labels: shown.collect() }))
}

/// The log and the store, in this order as far as what counts goes.
async fn keep(
    helm: &Helm,
    label: Said,
    row: &Label,
    context: &Context<'_>,
) -> Result<u64, Problem> {
    helm.settle_rest().await?;
    let (labels, put) = (helm.labels.clone(), row.clone());
    let ticket = blocking(move || labels.put(&put)).await??;
    let recorded = context.ledger.record(Event::Label(Box::new(label))).await;
    let labels = helm.labels.clone();
    let settled = blocking(move || match recorded {
        Ok(recorded) => labels.settle(&ticket, recorded.seq),
        Err(_) => labels.withdraw(&ticket),
    });
    if let Err(error) = settled.await? {
        // The next who asks for labels has it settled by what the log says.
        tracing::error!(%error, "a label could not be settled");
    }
    Ok(recorded.map_err(unrecorded)?.seq)
}

/// The refusal of what cannot be recorded.
pub(super) fn unrecorded(refused: LedgerRefused) -> Problem {
    let detail = format!(
        "{refused}, and this must be recorded first; nothing was done: see what gait's log and \
         `/readyz?verbose` say of it, and ask again"
    );
    Problem::new(Kind::Unavailable, detail).because("evidence_unavailable")
}

fn row(label: &Said) -> Label {
    let Labelled { time, route, stage, verdict, disposition, tool_name, .. } = &label.of;
    let text = |text: &Arc<str>| text.as_ref().to_owned();
    Label {
        at: clock::now(),
        call_id: text(&label.call_id),
        label: label.opinion.as_str().to_owned(),
        by: text(&label.by),
        note: label.note.as_ref().map(text),
        decided_at: *time,
        route: text(route),
        stage: stage.as_str().to_owned(),
        verdict: verdict.map_or_else(String::new, |verdict| verdict.as_str().to_owned()),
        disposition: disposition.as_str().to_owned(),
        tool_name: tool_name.as_ref().map_or_else(String::new, text),
        matched_rule: label.of.matched_rule.as_ref().map(text),
        intent_digest: label.of.intent_digest.map(|digest| digest.to_string()),
        policy_digest: label.of.policy_digest.map(|digest| digest.to_string()),
    }
}

fn wish(query: Option<&str>) -> Result<Filter, Problem> {
    let mut filter = Filter { limit: LIMIT_DEFAULT, ..Filter::default() };
    for (name, value) in query::pairs(query)? {
        match name {
            "route" => filter.route = Some(value),
            "call_id" => filter.call_id = Some(value.to_ascii_lowercase()),
            "before" => filter.before = Some(query::number(name, &value, 1, u64::MAX)?),
            "limit" => filter.limit = query::number(name, &value, 1, LIMIT_MAX)?,
            other => {
                let known = "route, call_id, before, limit";
                let detail = format!("unknown parameter `{other}`; write one of {known}");
                return Err(Problem::malformed(detail));
            }
        }
    }
    Ok(filter)
}

// === impl Word ===

impl Word {
    fn read(asked: &Asked<'_>) -> Result<Word, Problem> {
        let mut members = said::members(&asked.head.headers, &asked.body)?;
        let call_id = members.text("call_id", ID_BYTES_MAX)?.to_ascii_lowercase();
        let is_id = |c: char| c.is_ascii_hexdigit() || c == '-';
        if call_id.len() < PREFIX_CHARS_MIN || !call_id.chars().all(is_id) {
            let detail = format!(
                "`call_id` must be the id of a call, or at least its first {PREFIX_CHARS_MIN} \
                 characters"
            );
            return Err(Problem::malformed(detail));
        }
        let opinion = Opinion::parse(&members.text("label", ID_BYTES_MAX)?).ok_or_else(|| {
            let known = Opinion::ALL.map(Opinion::as_str).join(", ");
            Problem::malformed(format!("`label` must be one of {known}"))
        })?;
        let note = members.optional_text("note", NOTE_BYTES_MAX)?;
        members.end()?;
        // As the log has it: what looks like a credential is in neither.
        let note = note.map(|note| conceal::text(&note).into());
        Ok(Word { call_id, opinion, note })
    }

    /// The same of a call that was found, if it can be said of that.
    fn of(self, call: &Entry, login: &Login) -> Result<Said, Problem> {
        let of = judged::labelled(call).map_err(unfit)?;
        judged::check(self.opinion, &of).map_err(unfit)?;
        let call_id = call.text("call_id").unwrap_or_default().into();
        Ok(Said { call_id, opinion: self.opinion, by: login.name.clone(), note: self.note, of })
    }
}

fn unfit(unfit: Unfit) -> Problem {
    Problem::new(Kind::Unfit, unfit.to_string()).because(unfit.as_str())
}

// === impl Shown ===

/// Whether a label is the last word on its call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Yes,
    No,
}

impl<'a> Shown<'a> {
    fn of(label: &'a Label, seq: u64, counts: Counts) -> Shown<'a> {
        Shown {
            call_id: &label.call_id,
            label: &label.label,
            by: &label.by,
            note: label.note.as_deref(),
            at: super::json::time(label.at),
            seq,
            counts: counts == Counts::Yes,
            decided_at: super::json::time(label.decided_at),
            route: &label.route,
            stage: &label.stage,
            verdict: some(&label.verdict),
            disposition: &label.disposition,
            tool_name: some(&label.tool_name),
            matched_rule: label.matched_rule.as_deref(),
            intent_digest: label.intent_digest.as_deref(),
            policy_digest: label.policy_digest.as_deref(),
        }
    }
}

/// A member that the store holds as empty where it is missing.
fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
