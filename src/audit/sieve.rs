//! Lines that cannot be wanted are passed over before their JSON is parsed.
//!
//! A sieve may let through what nobody wants, and never the other way round. It looks for the
//! values of members as they stand between quotes. Where a line has a backslash the same value
//! could be spelt in another way, so such a line goes through. Rejected: an index beside the log,
//! which would be one more file that can be wrong.

use super::when::When;
use crate::intent::time::{self, Time};
use memchr::{memchr, memmem};

/// Members whose place is known stand within so many bytes of a line's start.
const HEAD_BYTES: usize = 160;

/// Tells quickly which lines may be wanted.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    /// Of each group, one must be there.
    groups: Vec<Vec<memmem::Finder<'static>>>,
    when: When,
    /// The kinds that are wanted; all where there are none.
    kinds: Vec<String>,
    /// The one line that is wanted, where it is one.
    at: Option<u64>,
    lines: Wanted,
}

/// What the lines are wanted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wanted {
    /// As they are.
    #[default]
    Lines,
    /// To make calls of them: the end of a call is wanted also after the time that is wanted,
    /// and starts are, because they end the calls before them.
    Calls,
}

/// What the front of a line says.
struct Head<'a> {
    seq: u64,
    kind: &'a str,
    time: Time,
}

// === impl Sieve ===

impl Sieve {
    /// For lines of these kinds, or of all where there are none, within a time.
    pub(super) fn lines(when: When, kinds: Vec<String>) -> Sieve {
        Sieve { when, kinds, ..Sieve::default() }
    }

    /// For calls within a time.
    pub(super) fn calls(when: When) -> Sieve {
        let kinds = ["decision", "outcome", "call", "start"].map(str::to_owned).to_vec();
        Sieve { when, kinds, lines: Wanted::Calls, ..Sieve::default() }
    }

    /// For the line of a `seq`.
    pub(super) fn at(seq: u64) -> Sieve {
        Sieve { at: Some(seq), ..Sieve::default() }
    }

    /// With lines only that hold one of `starts`, each the start of a member's value, or all of
    /// it where it ends in a quote.
    pub(super) fn holding(mut self, starts: &[String]) -> Sieve {
        let is_plain = |text: &String| !text.contains(['\\', '\n']) && !text.is_empty();
        if !starts.is_empty() && starts.iter().all(is_plain) {
            let finder = |text: &String| memmem::Finder::new(&format!("\"{text}")).into_owned();
            self.groups.push(starts.iter().map(finder).collect());
        }
        self
    }

    /// Whether a line may be wanted.
    pub(super) fn passes(&self, line: &[u8]) -> bool {
        let Some(head) = Head::peek(line) else { return true };
        if self.at.is_some_and(|seq| seq != head.seq) {
            return false;
        }
        if !self.kinds.is_empty() && !self.kinds.iter().any(|kind| kind == head.kind) {
            return false;
        }
        match (self.lines, head.kind) {
            (Wanted::Calls, "start") => return true,
            (Wanted::Calls, "outcome") if self.when.is_after(head.time) => {}
            _ if !self.when.has(head.time) => return false,
            _ => {}
        }
        let has = |finder: &memmem::Finder<'_>| finder.find(line).is_some();
        self.groups.iter().all(|group| group.iter().any(has)) || memchr(b'\\', line).is_some()
    }
}

// === impl Head ===

impl<'a> Head<'a> {
    /// Reads the front of a line; `None` where it is not as gait writes it.
    fn peek(line: &'a [u8]) -> Option<Head<'a>> {
        let front = line.get(..HEAD_BYTES).unwrap_or(line);
        let (seq, rest) = split(front.strip_prefix(b"{\"v\":1,\"seq\":")?, b",\"kind\":\"")?;
        let seq = str::from_utf8(seq).ok()?.parse().ok()?;
        let (kind, rest) = split(rest, b"\",\"time\":\"")?;
        let (time, _) = split(rest, b"\"")?;
        let plain = |text: &&[u8]| !text.contains(&b'\\') && !text.contains(&b'"');
        let kind = str::from_utf8(Some(kind).filter(plain)?).ok()?;
        Some(Head { seq, kind, time: time::parse(str::from_utf8(time).ok()?)? })
    }
}

/// What stands before and after the first `by`.
fn split<'a>(text: &'a [u8], by: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, after) = text.split_at_checked(memmem::find(text, by)?)?;
    Some((before, after.strip_prefix(by)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, time: &str, more: &str) -> Vec<u8> {
        format!(r#"{{"v":1,"seq":7,"kind":"{kind}","time":"{time}",{more}"prev":"p"}}"#).into()
    }

    const TIME: &str = "2026-01-02T03:04:05.000000Z";

    fn when(since: &str, until: &str) -> When {
        When { since: time::parse(since), until: time::parse(until) }
    }

    #[test]
    fn values_are_looked_for_between_quotes() {
        let wanted = ["files.".to_owned(), "mail\"".to_owned()];
        let sieve = Sieve::default().holding(&wanted).holding(&["ada\"".to_owned()]);
        for (more, passes) in [
            (r#""tool_name":"files.get","identity":"ada","#, true),
            (r#""tool_name":"mail","identity":"ada","#, true),
            (r#""tool_name":"mail.send","identity":"ada","#, false),
            (r#""tool_name":"files.get","identity":"bob","#, false),
            // Another spelling of the same text is for the parser to find.
            (r#""tool_name":"\u0066iles.get","identity":"ada","#, true),
        ] {
            assert_eq!(sieve.passes(&line("call", TIME, more)), passes, "{more}");
        }
        assert!(sieve.passes(b"{\"seq\":1}") && sieve.passes(b"\0\0"));
    }

    #[test]
    fn lines_are_wanted_by_kind_and_time() {
        let sieve = Sieve::lines(when("2026-01-02T03:04:05Z", ""), vec!["reload".to_owned()]);
        assert!(sieve.passes(&line("reload", TIME, "")));
        assert!(!sieve.passes(&line("call", TIME, "")));
        assert!(!sieve.passes(&line("reload", "2026-01-02T03:04:04.999999Z", "")));
        assert!(Sieve::at(7).passes(&line("reload", TIME, "")));
        assert!(!Sieve::at(8).passes(&line("reload", TIME, "")));
    }

    #[test]
    fn a_call_is_followed_to_its_end() {
        let sieve = Sieve::calls(when("2026-01-02T03:00:00Z", "2026-01-02T03:04:00Z"));
        let passes = |kind, time| sieve.passes(&line(kind, time, ""));
        assert!(passes("outcome", TIME) && passes("start", TIME));
        assert!(!passes("decision", TIME) && !passes("call", TIME) && !passes("stop", TIME));
        assert!(passes("decision", "2026-01-02T03:00:00.000000Z"));
        assert!(!passes("outcome", "2026-01-02T02:59:59.000000Z"));
    }
}
