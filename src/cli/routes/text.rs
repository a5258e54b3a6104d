//! A rehearsed request as text for people: how it was read, who calls, what is decided and done,
//! then the routes that it passed by, and the intent.

use super::report::{Order, Report};
use crate::cli::policy::demands;
use crate::cli::style::{Hue, Line, labelled};
use crate::proxy::rehearse::{Caller, PassedBy, Rehearsed};
use crate::stage::{Disposition, Protection};

/// The widest column of route names; longer ones push what follows to the right.
const NAME_WIDTH_MAX: usize = 40;

impl Report<'_> {
    /// Every line.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = labelled([
            ("request", self.request()),
            ("strictness", self.strictness()),
            ("route", self.route()),
            ("identity", self.identity()),
            ("intent", self.intent()),
            ("verdict", self.judged()),
            ("rule", self.rule()),
            ("reasons", list(&self.reason_codes())),
            ("violations", list(self.violations())),
            ("kill switch", self.kill_switch()),
            ("asks for", self.demands()),
            ("stage", self.stage()),
            ("disposition", self.disposition()),
            ("answer", self.answer()),
            ("tool sees", self.sees()),
        ])
        .collect();
        lines.extend(self.passed_by());
        lines.extend(self.whole_intent());
        lines
    }

    fn request(&self) -> Line {
        let Rehearsed { target, host, .. } = self.rehearsed;
        let from = format!(" from {} on listener {}", self.origin(), self.peer.listener);
        let host = if host.is_empty() { String::new() } else { format!(", host {host}") };
        Line::new().hued(Hue::Strong, format!("{} {target}", self.method)).text(from + &host)
    }

    fn strictness(&self) -> Line {
        match self.rehearsed.malformed {
            None => "one reading only".into(),
            Some(malformed) => {
                let advice = format!(" ({}): {}", malformed.status().as_u16(), malformed.advice());
                Line::new().hued(Hue::Red, malformed.code()).text(advice)
            }
        }
    }

    fn route(&self) -> Line {
        let lane = &self.rehearsed.lane;
        let to = match &lane.upstream {
            Some(upstream) => format!(" to upstream {}", upstream.name),
            None => ", which leads nowhere".to_owned(),
        };
        Line::new().hued(Hue::Strong, &*lane.name).text(to)
    }

    fn identity(&self) -> Line {
        match &self.rehearsed.caller {
            Caller::Unasked => Line::new().hued(Hue::Faint, "not asked"),
            Caller::Known(known) if known.is_anonymous() => {
                Line::from(known.caller.identity()).hued(Hue::Faint, ", nobody in particular")
            }
            Caller::Known(known) => {
                let source = format!(" by source {}", known.source);
                Line::new().hued(Hue::Strong, known.caller.identity()).text(source)
            }
            Caller::Refused(refusal) => {
                let advice = format!(" ({}): {}", refusal.status().as_u16(), refusal.advice());
                Line::new().hued(Hue::Red, refusal.code()).text(advice)
            }
        }
    }

    fn intent(&self) -> Line {
        let Some(found) = self.found() else { return none() };
        let risk = &found.intent.context().risk_class;
        let said = format!("{}, risk {risk} ", found.intent.tool_name());
        Line::from(said).hued(Hue::Faint, found.intent.digest().to_string())
    }

    fn judged(&self) -> Line {
        let Some(found) = self.found() else { return none() };
        let policy = format!(" by policy {}", found.policy_digest);
        Line::new().verdict(found.decision.verdict).hued(Hue::Faint, policy)
    }

    fn rule(&self) -> Line {
        let rule = self.found().and_then(|found| found.decision.matched_rule.as_deref());
        rule.map_or_else(none, Line::from)
    }

    fn kill_switch(&self) -> Line {
        let orders = format!("orders in force: {}; ", self.orders.1);
        match self.order() {
            Order::Off => Line::new().hued(Hue::Faint, "the config names none"),
            Order::Unasked => Line::from(orders + "there is no intent to hold them against"),
            Order::Clear => Line::from(orders + "none stops this call"),
            Order::Stopped => Line::from(orders).hued(Hue::Red, "this call must stop"),
        }
    }

    /// What the decision asks for beside its verdict. Of limits only the size is known here.
    fn demands(&self) -> Line {
        let demands = self.found().map(|found| demands(&found.decision)).unwrap_or_default();
        let limited = demands.iter().any(|demand| demand.starts_with("room "));
        let line = list(&demands);
        match limited {
            true => {
                line.hued(Hue::Faint, "; what was counted before is not read, nothing is spent")
            }
            false => line,
        }
    }

    fn stage(&self) -> Line {
        let lane = &self.rehearsed.lane;
        let protection = match lane.protection {
            Protection::Protected => ", protected",
            Protection::Open => ", not protected",
        };
        Line::from(lane.stage.as_str()).text(protection)
    }

    fn disposition(&self) -> Line {
        let disposition = self.rehearsed.disposition;
        let hue = match disposition {
            Disposition::Forwarded => Hue::Green,
            Disposition::DryRun => Hue::Cyan,
            Disposition::Held => Hue::Yellow,
            Disposition::Denied | Disposition::Failed => Hue::Red,
        };
        let simulated = if self.is_simulated() { ", marked as simulated" } else { "" };
        Line::new().hued(hue, disposition.as_str()).text(simulated)
    }

    fn answer(&self) -> Line {
        let Some(own) = &self.rehearsed.answer else { return "the tool's".into() };
        let detail = own.problem.get("detail").and_then(|detail| detail.as_str());
        let line = Line::new().hued(Hue::Strong, own.status.as_str());
        line.text(format!(" {}", detail.unwrap_or_default()))
    }

    /// Names alone: values may be secrets.
    fn sees(&self) -> Line {
        let names = self.rehearsed.fields.iter().map(|name| format!("{name}: …"));
        match self.is_forwarded() {
            true => Line::from(names.collect::<Vec<_>>().join(", ")),
            false => Line::new().hued(Hue::Faint, "nothing"),
        }
    }

    fn passed_by(&self) -> Vec<Line> {
        let misses = &self.rehearsed.misses;
        let width = misses.iter().map(|one| one.route.chars().count()).max().unwrap_or_default();
        let width = width.min(NAME_WIDTH_MAX) + 2;
        let line = |PassedBy { route, miss }: &PassedBy| {
            let line = Line::new().hued(Hue::Faint, "no match  ").text(&**route);
            let line = line.padded("no match  ".len() + width).hued(Hue::Strong, miss.place());
            line.text(format!(": wants {}", miss.wanted()))
        };
        let blank = misses.first().map(|_| Line::new());
        blank.into_iter().chain(misses.iter().map(line)).collect()
    }

    fn whole_intent(&self) -> Vec<Line> {
        let intent = self.found().map(|found| serde_json::to_string_pretty(&found.intent));
        let text = intent.and_then(Result::ok).unwrap_or_default();
        let blank = (!text.is_empty()).then(Line::new);
        blank.into_iter().chain(text.lines().map(Line::from)).collect()
    }
}

fn none() -> Line {
    Line::new().hued(Hue::Faint, "none")
}

fn list(words: &[String]) -> Line {
    match words {
        [] => none(),
        words => words.join(", ").into(),
    }
}
