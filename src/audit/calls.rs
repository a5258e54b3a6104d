//! Lines folded into calls.
//!
//! A call is its closing line, before which a decision line may stand. A decision line without a
//! closing one is a call whose outcome nobody knows: its process died first. That is known at the
//! next start of a process, or at the end of the log. Held are the calls that are open, no others,
//! and as many as a gateway can have open; beyond them, in a log that no gateway wrote, the oldest
//! counts as one whose outcome is unknown.

use super::entry::Entry;
use crate::evidence::OPEN_CALLS_MAX;
use crate::intent::time::Time;
use std::collections::BTreeMap;

/// A call, as its lines tell it. At least one of them is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// That it may go; only there where it was written before the call went.
    pub decision: Option<Entry>,
    /// How it ended.
    pub closing: Option<Entry>,
}

/// What a line turned out to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// All of a call.
    Call(Box<Call>),
    /// Something else than a call.
    Event(Box<Entry>),
}

/// Folds lines; they must come oldest first.
#[derive(Debug, Default)]
pub struct Calls {
    /// By their ids, which sort as the calls came.
    open: BTreeMap<String, Entry>,
}

// === impl Calls ===

impl Calls {
    /// Takes a line, and gives what is known now.
    pub fn take(&mut self, entry: Entry, mut told: impl FnMut(Told)) {
        match entry.kind() {
            "decision" => self.decided(entry, &mut told),
            "outcome" | "call" => {
                let decision = entry.text("call_id").and_then(|id| self.open.remove(id));
                told(Told::call(decision, Some(entry)));
            }
            kind => {
                if kind == "start" {
                    self.rest(&mut told);
                }
                told(Told::Event(Box::new(entry)));
            }
        }
    }

    /// Gives the calls that are still open: nothing is known of their outcome.
    pub fn rest(&mut self, mut told: impl FnMut(Told)) {
        for (_, decision) in std::mem::take(&mut self.open) {
            told(Told::call(Some(decision), None));
        }
    }

    /// Whether a decision of this call waits for its end.
    pub fn is_open(&self, call_id: &str) -> bool {
        self.open.contains_key(call_id)
    }

    fn decided(&mut self, entry: Entry, told: &mut impl FnMut(Told)) {
        let Some(id) = entry.text("call_id").map(str::to_owned) else {
            return told(Told::call(Some(entry), None));
        };
        // Two decisions of one call are not ours; none of them is lost.
        if let Some(before) = self.open.insert(id, entry) {
            told(Told::call(Some(before), None));
        }
        if self.open.len() > OPEN_CALLS_MAX
            && let Some((_, oldest)) = self.open.pop_first()
        {
            told(Told::call(Some(oldest), None));
        }
    }
}

// === impl Told ===

impl Told {
    fn call(decision: Option<Entry>, closing: Option<Entry>) -> Told {
        Told::Call(Box::new(Call { decision, closing }))
    }
}

// === impl Call ===

impl Call {
    /// The line that says most: the closing one repeats all facts but the intent. `None` for a
    /// call without lines.
    pub fn facts(&self) -> Option<&Entry> {
        self.closing.as_ref().or(self.decision.as_ref())
    }

    /// Its lines, in order.
    pub fn lines(&self) -> impl Iterator<Item = &Entry> {
        self.decision.iter().chain(&self.closing)
    }

    /// When it was decided, else when it ended.
    pub fn time(&self) -> Option<Time> {
        self.lines().find_map(Entry::time)
    }

    /// How it ended; `unknown` where nobody wrote that down.
    pub fn ending(&self) -> &str {
        self.closing.as_ref().and_then(|closing| closing.text("ending")).unwrap_or("unknown")
    }

    /// Whether a byte of it left for the tool; `None` where that is not known.
    pub fn sent(&self) -> Option<bool> {
        self.closing.as_ref()?.flag("sent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, kind: &str, call_id: &str) -> Entry {
        let line = format!(
            r#"{{"v":1,"seq":{seq},"kind":"{kind}","time":"2026-01-02T03:04:05.000000Z",
            "call_id":"{call_id}","ending":"completed","sent":true}}"#
        );
        Entry::read(line.as_bytes()).unwrap()
    }

    /// The `seq` of each line that is told; 0 for none.
    fn fold(lines: &[(&str, &str)]) -> Vec<(u64, u64)> {
        let (mut calls, mut told) = (Calls::default(), Vec::new());
        let mut note = |one| match one {
            Told::Call(call) => {
                let seq = |entry: &Option<Entry>| entry.as_ref().map_or(0, Entry::seq);
                told.push((seq(&call.decision), seq(&call.closing)));
            }
            Told::Event(entry) => told.push((entry.seq(), entry.seq())),
        };
        for (at, (kind, id)) in lines.iter().enumerate() {
            calls.take(entry(at as u64 + 1, kind, id), &mut note);
        }
        calls.rest(note);
        told
    }

    #[test]
    fn a_call_is_told_at_its_end() {
        let lines = [("decision", "a"), ("call", "b"), ("decision", "c"), ("outcome", "a")];
        assert_eq!(fold(&lines), [(0, 2), (1, 4), (3, 0)]);
    }

    #[test]
    fn whoever_starts_ends_what_was_open() {
        let lines = [("decision", "a"), ("start", ""), ("decision", "b"), ("outcome", "b")];
        assert_eq!(fold(&lines), [(1, 0), (2, 2), (3, 4)]);
        assert_eq!(fold(&[("decision", "a"), ("decision", "a")]), [(1, 0), (2, 0)]);
        assert_eq!(fold(&[("outcome", "z")]), [(0, 1)]);
    }

    #[test]
    fn so_many_calls_as_a_gateway_can_have_open_are_held() {
        let mut calls = Calls::default();
        for at in 0..=1 << 17 {
            calls.take(entry(at + 1, "decision", &format!("{at:06}")), |_| panic!("it is open"));
        }
        let mut told = Vec::new();
        calls.take(entry(1 << 20, "outcome", "000000"), |one| told.push(one));
        assert!(matches!(&told[..], [Told::Call(call)] if call.decision.is_some()), "{told:?}");
    }

    #[test]
    fn what_is_not_known_is_not_claimed() {
        let open = Call { decision: Some(entry(1, "decision", "a")), closing: None };
        assert_eq!((open.ending(), open.sent()), ("unknown", None));
        let ended = Call { closing: Some(entry(2, "outcome", "a")), ..open };
        assert_eq!((ended.ending(), ended.sent()), ("completed", Some(true)));
        assert_eq!(ended.facts().unwrap().seq(), 2);
        assert_eq!(ended.lines().count(), 2);
    }
}
