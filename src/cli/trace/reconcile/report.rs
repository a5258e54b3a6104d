//! What a comparison found, as a command says it: the exit status, the JSON object, the hints.

use super::text;
use crate::audit::Passed;
use crate::audit::reconcile::{
    Arrival, Arrivals, Crowd, Findings, Law, Permits, Sent, Why, moment,
};
use crate::cli::answer::{Answer, Exit, Outcome};
use serde_json::{Map, Value, json};

/// A comparison and both its sides.
#[derive(Clone, Copy)]
pub(super) struct Report<'a> {
    pub(super) arrivals: &'a Arrivals,
    pub(super) permits: &'a Permits,
    pub(super) found: &'a Findings,
    pub(super) passed: &'a Passed,
    pub(super) upstreams: &'a [String],
}

// === impl Report ===

impl Report<'_> {
    /// The answer; text shows at most `rows_max` of each kind.
    pub(super) fn outcome(self, rows_max: usize) -> Outcome {
        let (exit, error) = self.ending();
        let mut answer = Answer::new(exit).lines(text::of(self, rows_max));
        for (name, value) in self.members() {
            answer = answer.with(&name, value);
        }
        for hint in self.hints() {
            answer = answer.warn(hint);
        }
        Ok(match error {
            Some(error) => answer.failed(error),
            None => answer,
        })
    }

    /// Lines that cannot be read, over all logs.
    pub(super) fn unread(&self) -> u64 {
        self.arrivals.logs().iter().map(|log| log.unread).sum()
    }

    /// Where an arrival stands.
    pub(super) fn spot(&self, arrival: &Arrival) -> String {
        format!("{}:{}", self.log(arrival.log), arrival.line)
    }

    /// The name of a log.
    pub(super) fn log(&self, place: u16) -> &str {
        self.arrivals.logs().get(usize::from(place)).map_or("", |log| log.name.as_str())
    }

    /// An arrival by its place.
    pub(super) fn arrival(&self, place: usize) -> Option<&Arrival> {
        self.arrivals.list().get(place)
    }

    /// A call by its place.
    pub(super) fn sent(&self, place: usize) -> Option<&Sent> {
        self.permits.list().get(place)
    }

    fn ending(&self) -> (Exit, Option<String>) {
        let found = self.found;
        let counts = [
            (found.bypass_count() as u64, "reached the tool without a permit"),
            (found.repeats.len() as u64, "came again under the name of another call"),
            (self.permits.violations().len() as u64, "break a law of the evidence"),
            (self.unread(), "lines cannot be read"),
        ];
        let bad: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let maybe = found.uncertain.iter().filter(|call| call.arrival.is_some()).count();
        match (bad.is_empty(), found.missing.len(), maybe) {
            (false, ..) => (Exit::VerificationFailed, Some(bad.join(", "))),
            (true, 0, 0) => (Exit::Success, None),
            (true, 0, maybe) => {
                let why = "arrivals are explained only by calls of unknown outcome";
                (Exit::Drift, Some(format!("{maybe} {why}")))
            }
            (true, missing, _) => {
                (Exit::Drift, Some(format!("{missing} sent calls never arrived")))
            }
        }
    }

    // === JSON ===

    fn members(&self) -> Map<String, Value> {
        let (found, arrivals) = (self.found, self.arrivals);
        let logs = arrivals.logs();
        let sum =
            |count: fn(&crate::audit::reconcile::Log) -> u64| logs.iter().map(count).sum::<u64>();
        let summary = json!({
            "lines": sum(|log| log.lines), "requests": arrivals.list().len(),
            "outside": sum(|log| log.outside), "passed_over": sum(|log| log.passed),
            "unread": self.unread(), "calls": self.permits.list().len(),
            "matched": found.matched(), "bypass": found.bypass_count(),
            "repeat": found.repeats.len(), "missing": found.missing.len(),
            "uncertain": found.uncertain.len(), "violations": self.permits.violations().len(),
        });
        let list =
            |values: Vec<Option<Value>>| Value::Array(values.into_iter().flatten().collect());
        let bypasses = found.bypasses.iter().map(|one| self.bypass(one.arrival, one.why));
        let repeats = found.repeats.iter().map(|one| self.repeat(one.arrival, one.first, one.call));
        let missing = found.missing.iter().map(|call| self.sent(*call).map(|sent| self.call(sent)));
        let uncertain = found.uncertain.iter().map(|one| {
            let spot = one.arrival.and_then(|place| self.arrival(place));
            let spot = spot.map(|arrival| self.spot(arrival));
            Some(plus(self.call(self.sent(one.call)?), [("arrived", spot.into())]))
        });
        let crowds = found.crowds.iter().map(|crowd| Some(self.crowd(crowd)));
        let violations =
            self.permits.violations().iter().map(|one| {
                Some(json!({"call_id": one.call_id, "seq": one.seq, "law": law(one.law)}))
            });
        let unread = arrivals.garbled().iter().map(|one| {
            let (log, why) = (self.log(one.log), one.why.to_string());
            Some(json!({"log": log, "line": one.line, "why": why, "text": one.text}))
        });
        let members = [
            ("summary", summary),
            ("bypasses", list(bypasses.collect())),
            ("crowds", list(crowds.collect())),
            ("repeats", list(repeats.collect())),
            ("missing", list(missing.collect())),
            ("uncertain", list(uncertain.collect())),
            ("violations", list(violations.collect())),
            ("unread", list(unread.collect())),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn request(&self, arrival: &Arrival) -> Value {
        let act = self.arrivals.act(arrival);
        json!({
            "log": self.log(arrival.log), "line": arrival.line, "time": moment(arrival.time),
            "method": act.map(|act| act.method.as_str()),
            "path": act.map(|act| act.target.as_str()),
            "status": arrival.status, "client": self.arrivals.client(arrival),
            "traceparent": arrival.span.map(|span| span.to_string()),
        })
    }

    fn bypass(&self, place: usize, why: Why) -> Option<Value> {
        let arrival = self.arrival(place)?;
        let near = self.found.died_near(self.permits, arrival.time);
        let more = [("why", why.as_str().into()), ("near_a_crash", near.into())];
        Some(plus(self.request(arrival), more))
    }

    fn crowd(&self, crowd: &Crowd) -> Value {
        let members = crowd.arrivals.iter().filter_map(|place| self.arrival(*place));
        let members: Vec<Value> = members.map(|arrival| self.request(arrival)).collect();
        json!({"excess": crowd.excess, "requests": members})
    }

    fn repeat(&self, place: usize, first: usize, call: usize) -> Option<Value> {
        let first = self.spot(self.arrival(first)?);
        let call_id = self.sent(call)?.call_id.to_string();
        let more = [("first", first.into()), ("call_id", call_id.into())];
        Some(plus(self.request(self.arrival(place)?), more))
    }

    fn call(&self, sent: &Sent) -> Value {
        let facts = self.permits.facts(sent);
        json!({
            "call_id": sent.call_id.to_string(), "seq": sent.seq, "time": moment(sent.from),
            "status": sent.status, "method": facts.map(|facts| facts.method.as_str()),
            "route": facts.and_then(|facts| facts.route.as_deref()),
            "tool_name": facts.and_then(|facts| facts.tool_name.as_deref()),
            "identity": facts.and_then(|facts| facts.identity.as_deref()),
            "ending": facts.and_then(|facts| facts.ending.as_deref()),
        })
    }

    // === hints ===

    /// What a person should think of first, before thinking of an attack.
    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> =
            self.passed.sentences().into_iter().map(|said| format!("evidence: {said}")).collect();
        hints.extend(self.nothing_agrees());
        hints.extend(self.unknown_upstreams());
        hints.extend(self.before_the_evidence());
        hints.extend(self.near_a_crash());
        hints.extend(self.outside_the_logs());
        if !self.found.crowds.is_empty() {
            hints.push(
                "requests alike at one moment cannot be told apart: let the tool log the \
                 traceparent, and each line names its call"
                    .to_owned(),
            );
        }
        hints
    }

    fn nothing_agrees(&self) -> Option<String> {
        let none = self.found.matched() == 0
            && self.found.bypass_count() > 0
            && !self.permits.list().is_empty();
        none.then(|| {
            "no line agrees with any call: the log may show other paths than gait sends \
             (--strip-prefix), be of another tool (--upstream), or of another clock (--skew)"
                .to_owned()
        })
    }

    fn unknown_upstreams(&self) -> Vec<String> {
        let known = self.permits.upstreams();
        let unknown = self.upstreams.iter().filter(|name| !known.contains_key(*name));
        let all: Vec<&str> = known.keys().map(String::as_str).collect();
        let say =
            |name| format!("no call then went to upstream `{name}`; to others: {}", all.join(", "));
        unknown.map(say).collect()
    }

    fn before_the_evidence(&self) -> Option<String> {
        let (first, _) = self.permits.reach()?;
        let count = self.bypass_times().filter(|time| *time < first).count();
        let begins = moment(first);
        (count > 0).then(|| {
            format!(
                "{count} of the bypasses are older than the evidence, which begins at {begins}; \
                     leave them out with --since"
            )
        })
    }

    fn near_a_crash(&self) -> Option<String> {
        let near = |time: &i64| self.found.died_near(self.permits, *time);
        let count = self.bypass_times().filter(near).count();
        (count > 0).then(|| {
            format!(
                "{count} of the bypasses are near a crash of gait: calls in flight then leave no \
                     line unless they are protected, or `evidence.durability` is `all`"
            )
        })
    }

    fn bypass_times(&self) -> impl Iterator<Item = i64> {
        let times = self.found.bypasses.iter().filter_map(|one| self.arrival(one.arrival));
        times.map(|arrival| arrival.time)
    }

    fn outside_the_logs(&self) -> Option<String> {
        let times = || self.arrivals.list().iter().map(|arrival| arrival.time);
        let (first, last) = (times().min()?, times().max()?);
        let missing = self.found.missing.iter().filter_map(|call| self.sent(*call));
        let count = missing.filter(|sent| sent.to < first || sent.from > last).count();
        let (first, last) = (moment(first), moment(last));
        (count > 0).then(|| {
            format!(
                "{count} of the missing calls lie outside the logs, which reach from {first} to \
                     {last}; leave them out with --since and --until, or add the logs of that time"
            )
        })
    }
}

/// The same object with more members.
fn plus<const N: usize>(mut value: Value, more: [(&str, Value); N]) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    value
}

fn law(law: Law) -> &'static str {
    match law {
        Law::Uncommitted => "not_committed",
        Law::Unpermitted => "no_permit",
    }
}
