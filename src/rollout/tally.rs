//! Lines, folded into a summary, oldest first.

use super::heard::{Heard, begun, time};
use super::policy_key::PolicyKey;
use super::summary::{Announced, Asked, CellKey, Labelled, Open, Request, Said, Span, Summary};
use crate::audit::Entry;
use crate::evidence::Opinion;
use crate::policy::Verdict;
use crate::stage::{Percent, Stage, Standing};
use jiff::Timestamp;
use serde_json::Value;

const HOUR_SECONDS: i64 = 3_600;

/// The hour of a time, since 1970.
pub(super) fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR_SECONDS)
}

/// When an hour begins.
pub(super) fn begins(hour: i64) -> Timestamp {
    Timestamp::new(hour.saturating_mul(HOUR_SECONDS), 0).unwrap_or(Timestamp::MIN)
}

impl Summary {
    /// Takes the next line; what it does not know it passes over.
    pub fn take(&mut self, entry: &Entry) {
        let Some(at) = time(entry) else { return };
        let seq = entry.seq();
        let own = Span { first_seq: seq, last_seq: seq, first_time: at, last_time: at };
        self.holes.reach(self.span, own);
        self.reach(own);
        let latest = self.span.map_or(at, |span| span.last_time);
        self.processes.take(entry, latest, &mut self.dropped);
        match entry.kind() {
            "decision" => self.decided(entry),
            "outcome" | "call" => self.ended(entry, at),
            "start" => {
                self.lose_open();
                self.start(seq, latest);
            }
            "reload" => self.reloaded(entry, at),
            "approval" => self.spoken(entry, at),
            "label" => self.judged(entry, at),
            _ => {}
        }
    }

    fn decided(&mut self, entry: &Entry) {
        let Some(heard) = Heard::read(entry) else { return };
        let key = self.key(&heard);
        self.ask(&heard);
        let Heard { call_id, route, begun, .. } = heard;
        self.hold(call_id, Open { route, key, begun });
    }

    fn ended(&mut self, entry: &Entry, at: Timestamp) {
        if let Some(call_id) = entry.text("call_id").filter(|_| entry.kind() == "outcome") {
            self.end(call_id);
        }
        let Some(heard) = Heard::read(entry) else { return };
        self.ask(&heard);
        if heard.is_stray() {
            self.strays.add(heard.begun, 1);
        }
        let key = self.key(&heard);
        if let Some(cell) = self.cell(&heard.route, key, heard.begun) {
            cell.counts.take(&heard);
            cell.end(Some(at));
        }
    }

    fn key(&self, heard: &Heard) -> CellKey {
        let epoch = self.epoch(&heard.route);
        let Heard { stage, policy, begun, .. } = *heard;
        CellKey { epoch, stage, hour: hour(begun), policy }
    }

    fn ask(&mut self, heard: &Heard) {
        let Some(id) = &heard.request else { return };
        let Heard { begun, stage, .. } = *heard;
        let asked = Asked { begun, stage, route: heard.route.clone() };
        self.request(id, Request { asked: Some(asked), expires: heard.expires, decided: None });
    }

    fn reloaded(&mut self, entry: &Entry, at: Timestamp) {
        let stages = entry.members().get("stages").and_then(Value::as_object);
        for (route, said) in stages.into_iter().flatten() {
            if let Some(standing) = said.as_str().and_then(standing) {
                self.announce(route, entry.seq(), Announced { at, standing });
            }
        }
    }

    /// Of several people that a request needs, the last decides; the line says whether that is so.
    fn spoken(&mut self, entry: &Entry, at: Timestamp) {
        let Some(id) = entry.text("request") else { return };
        let said = match entry.text("state").or_else(|| entry.text("action")) {
            Some("approved" | "grant") => Said::Yes,
            Some("denied" | "deny") => Said::No,
            _ => return,
        };
        self.request(id, Request { decided: Some((at, said)), ..Request::default() });
    }

    fn judged(&mut self, entry: &Entry, at: Timestamp) {
        let Some(call_id) = entry.text("call_id") else { return };
        if let Some(label) = labelled(entry, begun(call_id).unwrap_or(at)) {
            self.label(call_id, label);
        }
    }
}

fn labelled(entry: &Entry, begun: Timestamp) -> Option<Labelled> {
    let verdict = match entry.text("verdict") {
        Some(word) => Some(Verdict::parse(word)?),
        None => None,
    };
    Some(Labelled {
        seq: entry.seq(),
        opinion: entry.text("label").and_then(Opinion::parse)?,
        route: entry.text("route")?.to_owned(),
        stage: entry.text("stage").and_then(Stage::parse)?,
        verdict,
        dismisses: entry.flag("dismisses") == Some(true),
        policy: PolicyKey::read(entry),
        begun,
    })
}

/// Where a route stands, from the sentence that says so to people.
fn standing(said: &str) -> Option<Standing> {
    let Some((to, rest)) = said.split_once(" for ") else {
        return Stage::parse(said).map(Standing::Whole);
    };
    let (percent, from) = rest.split_once(" %, else ")?;
    let percent = percent.parse().ok().and_then(Percent::new)?;
    Some(Standing::Shared { from: Stage::parse(from)?, to: Stage::parse(to)?, percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_route_stands_is_read_as_it_is_said() {
        let percent = |percent| Percent::new(percent).unwrap();
        let shared = |from, to| [0, 1, 25, 100].map(|share| (from, to, percent(share)));
        for (from, to) in Stage::ALL.into_iter().flat_map(|from| Stage::ALL.map(|to| (from, to))) {
            let whole = Standing::Whole(to);
            assert_eq!(standing(&whole.to_string()), Some(whole));
            for (from, to, percent) in shared(from, to) {
                let share = Standing::Shared { from, to, percent };
                assert_eq!(standing(&share.to_string()), Some(share));
            }
        }
        for no in ["", "other", "dry_run for 101 %, else observe", "dry_run for 1 %", " observe"] {
            assert_eq!(standing(no), None, "{no}");
        }
    }
}
