//! A rehearsed request as one JSON object. Members that evidence lines have too are named as there.

use super::report::Report;
use crate::call::peer::Transport;
use crate::cli::answer::Answer;
use crate::cli::policy::demands;
use crate::identity::Refusal;
use crate::proxy::rehearse::{Caller, PassedBy, Rehearsed};
use crate::stage::Protection;
use serde_json::{Value, json};

impl Report<'_> {
    /// Adds the members.
    pub(super) fn members(&self, answer: Answer) -> Answer {
        let Rehearsed { lane, disposition, .. } = self.rehearsed;
        let upstream = lane.upstream.as_ref().map(|upstream| upstream.name.to_string());
        let answer = answer
            .with("schema_id", "gait.routestest.result")
            .with("schema_version", "1.0.0")
            .with("evaluated_at", self.at.to_string())
            .with("request", self.asked())
            .with("malformed", self.malformed())
            .with("route", lane.name.to_string())
            .with("routes_before", self.misses())
            .with("identity", self.rehearsed.identity.as_deref())
            .with("stage", lane.stage.as_str())
            .with("protected", lane.protection == Protection::Protected)
            .with("risk_class", lane.risk.to_string())
            .with("upstream", upstream)
            .with("disposition", disposition.as_str())
            .with("simulated", self.is_simulated())
            .with("reason_codes", self.reason_codes())
            .with("violations", self.violations().to_vec())
            .with("kill_switch", self.switch())
            .with("fields", self.names());
        self.answered(self.decided(self.called(answer)))
    }

    fn asked(&self) -> Value {
        json!({
            "method": self.method,
            "target": self.rehearsed.target,
            "host": self.rehearsed.host,
            "peer": self.origin(),
            "listener": &*self.peer.listener,
            "tls": self.peer.transport == Transport::Tls,
        })
    }

    fn malformed(&self) -> Value {
        self.rehearsed.malformed.map_or(Value::Null, |malformed| {
            json!({
                "code": malformed.code(),
                "status": malformed.status().as_u16(),
                "advice": malformed.advice(),
            })
        })
    }

    fn misses(&self) -> Vec<Value> {
        let miss = |PassedBy { route, miss }: &PassedBy| json!({"route": **route, "place": miss.place(), "wanted": miss.wanted()});
        self.rehearsed.misses.iter().map(miss).collect()
    }

    fn switch(&self) -> Value {
        json!({"state": self.order().as_str(), "entries": self.orders.1})
    }

    fn names(&self) -> Vec<&str> {
        self.rehearsed.fields.iter().map(http::HeaderName::as_str).collect()
    }

    fn called(&self, answer: Answer) -> Answer {
        match &self.rehearsed.caller {
            Caller::Unasked => answer,
            Caller::Known(known) => answer.with("identity_source", known.source.to_string()),
            Caller::Refused(refusal) => answer.with("identity_refused", refused(*refusal)),
        }
    }

    fn decided(&self, answer: Answer) -> Answer {
        let Some(found) = self.found() else { return answer };
        let (intent, decision) = (&found.intent, &found.decision);
        answer
            .with("tool_name", intent.tool_name())
            .with("intent", json!(intent))
            .with("intent_digest", intent.digest().to_string())
            .with("args_digest", intent.args_digest().to_string())
            .with("policy_digest", found.policy_digest.to_string())
            .with("trace_id", found.trace_id.as_str())
            .with("verdict", decision.verdict.as_str())
            .with("matched_rule", decision.matched_rule.clone())
            .with("demands", demands(decision))
            .with("until", found.bar.and_then(|bar| bar.until).map(|until| until.to_string()))
    }

    /// Where the tool answers, its status is not known here.
    fn answered(&self, answer: Answer) -> Answer {
        let Some(own) = &self.rehearsed.answer else { return answer };
        let part = |name: &str| own.problem.get(name).cloned().unwrap_or_default();
        answer
            .with("status", own.status.as_u16())
            .with("type", part("type"))
            .with("detail", part("detail"))
            .with("would_status", part("would_status"))
    }
}

fn refused(refusal: Refusal) -> Value {
    let (code, status) = (refusal.code(), refusal.status().as_u16());
    json!({"code": code, "status": status, "advice": refusal.advice()})
}
