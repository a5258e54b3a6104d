//! What is said of a rehearsed request, in text and in JSON alike.

use crate::call::peer::{Address, Peer};
use crate::case::{Cause, Why};
use crate::cli::answer::Exit;
use crate::cli::verdict_exit;
use crate::intent::rest::REQUEST;
use crate::policy::Verdict;
use crate::proxy::rehearse::{Found, Rehearsed};
use crate::stage::Disposition;
use crate::store::switch::Face;
use jiff::Timestamp;

/// A rehearsed request and what it was rehearsed under.
pub(super) struct Report<'a> {
    pub(super) method: &'a str,
    pub(super) peer: &'a Peer,
    pub(super) at: Timestamp,
    /// The kill switch, and how many orders are in force.
    pub(super) orders: (Face, usize),
    pub(super) rehearsed: &'a Rehearsed,
}

/// What the kill switch says of the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// There is none.
    Off,
    /// There is no intent to hold it against.
    Unasked,
    /// No order is for this call.
    Clear,
    /// One is.
    Stopped,
}

impl Order {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Order::Off => "off",
            Order::Unasked => "unasked",
            Order::Clear => "clear",
            Order::Stopped => "stopped",
        }
    }
}

impl Report<'_> {
    pub(super) fn found(&self) -> Option<&Found> {
        self.rehearsed.found.as_ref()
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.found().map(|found| found.decision.verdict)
    }

    pub(super) fn is_forwarded(&self) -> bool {
        self.rehearsed.disposition == Disposition::Forwarded
    }

    /// Whether it goes out although its verdict is another than `allow`.
    pub(super) fn is_simulated(&self) -> bool {
        self.is_forwarded() && self.verdict() != Some(Verdict::Allow)
    }

    /// Whether its intent carries the digest of its request.
    pub(super) fn is_bound(&self) -> bool {
        let bound = |found: &Found| found.intent.context().auth_context.contains_key(REQUEST);
        self.found().is_some_and(bound)
    }

    /// Those of the decision, and the one that the end of the call adds; as in the evidence.
    pub(super) fn reason_codes(&self) -> Vec<String> {
        let decided = self.found().map(|found| found.decision.reason_codes.clone());
        let mut codes = decided.unwrap_or_default();
        let added = self.rehearsed.cause.iter().flat_map(Cause::codes);
        codes.extend(added.map(str::to_owned));
        codes.sort_unstable();
        codes
    }

    pub(super) fn violations(&self) -> &[String] {
        self.found().map_or(&[], |found| &found.decision.violations)
    }

    pub(super) fn order(&self) -> Order {
        let why = self.found().map(|found| found.bar.map(|bar| bar.why));
        match (self.orders.0, why) {
            (Face::Off, _) => Order::Off,
            (_, None) => Order::Unasked,
            (_, Some(Some(Why::Stopped | Why::SwitchLost))) => Order::Stopped,
            (_, Some(_)) => Order::Clear,
        }
    }

    /// Where it comes from.
    pub(super) fn origin(&self) -> String {
        match self.peer.address {
            Address::Ip(address) => address.to_string(),
            Address::Unix { uid, .. } => format!("unix user {uid}"),
        }
    }

    /// What goes out is fine; what does not ends as its verdict says, or is refused.
    pub(super) fn exit(&self) -> Exit {
        match (self.rehearsed.disposition, self.verdict()) {
            (Disposition::Forwarded, _) => Exit::Success,
            (Disposition::DryRun, Some(verdict)) => verdict_exit(verdict),
            (_, Some(Verdict::RequireApproval)) => Exit::ApprovalRequired,
            _ => Exit::Blocked,
        }
    }
}
