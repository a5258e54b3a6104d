//! When nothing may be changed (spec E6).
//!
//! Windows are given in local time. The zone is looked up when the policy is read, and the
//! windows are turned into UTC then, so that deciding needs no files. A zone or a window that
//! means nothing is no error of the policy: the format wants it to block, and say so.

use super::Verdict;
use super::dataflow::True;
use super::say::Say;
use super::subject::Subject;
use crate::intent::Label;
use crate::intent::text::lower;
use crate::intent::time::{self, Time};
use crate::intent::words::words;
use serde::Serialize;

/// The constraint, in force. Serialises as the policy digest has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FreezeWindow {
    pub(super) enabled: True,
    /// An IANA name, as the policy has it.
    pub timezone: String,
    /// What an open window means at least.
    pub effect: Verdict,
    /// Said to callers; may be empty.
    pub reason: String,
    /// Where it holds, lower-case; empty for everywhere.
    pub environments: Vec<String>,
    /// For which risk classes; empty for all.
    pub risk_classes: Vec<String>,
    /// In the order of the policy.
    pub windows: Vec<Window>,
    /// Whether the zone is known here.
    #[serde(skip)]
    pub(super) zone: Zone,
}

/// One window, from its start up to, and without, its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Window {
    /// Its name, or `window-N`.
    pub name: String,
    /// As the policy has it, local.
    pub start: String,
    /// As the policy has it, local.
    pub end: String,
    /// The same in UTC; `None` where it is no window.
    #[serde(skip)]
    pub(super) span: Option<(Time, Time)>,
}

/// Whether the zone of a freeze window is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    Known,
    Unknown,
}

words! {
    /// What became of a freeze window, in rising rank.
    pub enum FreezeStatus {
        Active = "active",
        Inactive = "inactive",
        Invalid = "invalid",
    }
}

/// How a freeze window was judged, in the form of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FreezeFinding {
    /// What became of it.
    pub status: FreezeStatus,
    /// The rule's word for what an open window means.
    pub effect: Verdict,
    /// The rule's zone.
    pub timezone: String,
    /// When it was judged.
    pub evaluated_at: Time,
    /// Which window; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub window_name: String,
    /// The open window's start; the zero time for none.
    pub window_start: Time,
    /// The open window's end; the zero time for none.
    pub window_end: Time,
    /// For people; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// For machines; empty for none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason_code: &'static str,
}

impl Window {
    /// Start and end, UTC; `None` where they are no window, or the zone is not known.
    pub fn span(&self) -> Option<(Time, Time)> {
        self.span
    }
}

impl FreezeWindow {
    /// Whether its zone is known here. Where it is not, the window blocks whatever it covers.
    pub fn has_zone(&self) -> bool {
        self.zone == Zone::Known
    }

    /// Makes the effect stricter while a window is open, and blocks where that cannot be told.
    pub(super) fn check(&self, subject: &Subject<'_>, at: Time, say: &mut Say<'_>) {
        let finding = self.judge(subject, at);
        match finding.status {
            FreezeStatus::Inactive => {}
            FreezeStatus::Active => {
                say.because(finding.reason_code, finding.reason_code);
                say.at_least(self.effect);
            }
            FreezeStatus::Invalid => say.block(finding.reason_code),
        }
        say.freeze_window = Some(finding);
    }

    fn judge(&self, subject: &Subject<'_>, at: Time) -> FreezeFinding {
        let closed = self.finding(FreezeStatus::Inactive, at);
        if !self.covers(subject) {
            return closed;
        }
        if self.zone == Zone::Unknown {
            return FreezeFinding {
                reason: "freeze window timezone could not be loaded".to_owned(),
                reason_code: "freeze_window_invalid_timezone",
                ..self.finding(FreezeStatus::Invalid, at)
            };
        }
        let found = self.windows.iter().find_map(|window| self.judge_window(window, at));
        found.unwrap_or(closed)
    }

    fn covers(&self, subject: &Subject<'_>) -> bool {
        let context = subject.context;
        let environment = context.labels.get(&Label::Environment).map(|word| lower(word));
        let in_list = |list: &[String], word: Option<&String>| {
            list.is_empty() || word.is_some_and(|word| list.contains(word))
        };
        in_list(&self.environments, environment.as_ref())
            && in_list(&self.risk_classes, Some(&context.risk_class))
    }

    /// What one window says; `None` where it is closed.
    fn judge_window(&self, window: &Window, at: Time) -> Option<FreezeFinding> {
        let Some((start, end)) = window.span else {
            return Some(FreezeFinding {
                window_name: window.name.clone(),
                reason: "freeze window has an invalid range".to_owned(),
                reason_code: "freeze_window_invalid_window",
                ..self.finding(FreezeStatus::Invalid, at)
            });
        };
        let reason = if self.reason.is_empty() { &window.name } else { &self.reason };
        (start <= at && at < end).then(|| FreezeFinding {
            window_name: window.name.clone(),
            window_start: start,
            window_end: end,
            reason: reason.clone(),
            reason_code: match self.effect {
                Verdict::RequireApproval => "freeze_window_active_require_approval",
                _ => "freeze_window_active_block",
            },
            ..self.finding(FreezeStatus::Active, at)
        })
    }

    fn finding(&self, status: FreezeStatus, at: Time) -> FreezeFinding {
        FreezeFinding {
            status,
            effect: self.effect,
            timezone: self.timezone.clone(),
            evaluated_at: at,
            window_name: String::new(),
            window_start: time::ZERO,
            window_end: time::ZERO,
            reason: String::new(),
            reason_code: "",
        }
    }
}

impl FreezeFinding {
    /// The one that is told, of several.
    pub(super) fn worst(findings: impl Iterator<Item = FreezeFinding>) -> Option<FreezeFinding> {
        findings.reduce(|first, second| if second.outranks(&first) { second } else { first })
    }

    /// Status, then effect, then the smaller name.
    fn outranks(&self, other: &FreezeFinding) -> bool {
        let rank = |finding: &FreezeFinding| {
            let status = match finding.status {
                FreezeStatus::Inactive => 0,
                FreezeStatus::Active => 1,
                FreezeStatus::Invalid => 2,
            };
            (status, finding.effect)
        };
        (rank(self), &other.window_name) > (rank(other), &self.window_name)
    }
}
