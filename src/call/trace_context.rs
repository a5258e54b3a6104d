//! W3C Trace Context, level 1: the trace of the caller goes on, with gait as the parent.
//!
//! gait is a hop: a tool that names the caller's span as its parent would hide it. A call has two
//! spans: gait's own, below the caller's, and below that the one of the exchange with the tool. The
//! random ids come from above, since this room has no dice.

use super::headers::put;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use std::fmt;

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// What level 1 defines of the flags; the others are to be cleared.
const SAMPLED: u8 = 1;
/// Members of a `tracestate`, and bytes that are passed on of it.
const MEMBERS_MAX: usize = 32;
const STATE_BYTES_MAX: usize = 512;
/// A member that is longer goes first where there is no room.
const MEMBER_BYTES_LONG: usize = 128;

/// Fresh ids. All but that of the trace are of no use to whoever can guess them.
#[derive(Clone, Copy, Debug)]
pub struct FreshIds {
    /// Of a trace, where there is none to go on.
    pub trace: [u8; 16],
    /// Of gait's own span.
    pub server: [u8; 8],
    /// Of the exchange with the tool.
    pub client: [u8; 8],
}

/// The spans of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    parent: Parent,
    server: [u8; 8],
    client: [u8; 8],
}

/// The trace that a call stands in, and the caller's place in it where the caller named one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parent {
    trace: [u8; 16],
    span: Option<[u8; 8]>,
    flags: u8,
}

/// An id in lower-case hex digits.
#[derive(Clone, Copy, Debug)]
pub struct Id<const BYTES: usize>([u8; BYTES]);

/// A `traceparent` of version 00.
#[derive(Clone, Copy, Debug)]
pub struct Traceparent {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
}

// === impl Spans ===

impl Spans {
    /// Goes on from what the caller said, or begins a trace.
    pub fn read(headers: &HeaderMap, fresh: &FreshIds) -> Spans {
        let mut parents = headers.get_all(&PARENT).iter();
        let only = parents.next().filter(|_| parents.next().is_none());
        let known = only.and_then(|value| Parent::parse(value.to_str().ok()?));
        let parent = known.unwrap_or_else(|| Parent::start(fresh));
        Spans { parent, server: nonzero(fresh.server), client: nonzero(fresh.client) }
    }

    /// The fields that go on to the tool.
    pub fn facts(&self, headers: &HeaderMap) -> HeaderMap {
        let mut facts = HeaderMap::new();
        if self.parent.span.is_some()
            && let Some(state) = state(headers)
        {
            put(&mut facts, STATE, &state);
        }
        put(&mut facts, PARENT, &self.onward().to_string());
        facts
    }

    /// What the tool is told.
    pub fn onward(&self) -> Traceparent {
        let Parent { trace, flags, .. } = self.parent;
        Traceparent { trace, span: self.client, flags }
    }

    /// What the caller told.
    pub fn caller(&self) -> Option<Traceparent> {
        let Parent { trace, span, flags } = self.parent;
        Some(Traceparent { trace, span: span?, flags })
    }

    /// The span of gait itself.
    pub fn server(&self) -> Id<8> {
        Id(self.server)
    }

    /// The caller's span.
    pub fn parent(&self) -> Option<Id<8>> {
        self.parent.span.map(Id)
    }

    /// Whether whoever began the trace wants it kept.
    pub fn is_sampled(&self) -> bool {
        self.parent.flags & SAMPLED == SAMPLED
    }
}

// === impl Parent ===

impl Parent {
    /// A trace that begins here. It says sampled, since most tools follow their parent: one that
    /// says otherwise would turn their own tracing off.
    fn start(fresh: &FreshIds) -> Parent {
        Parent { trace: nonzero(fresh.trace), span: None, flags: SAMPLED }
    }

    /// Reads `version-trace-parent-flags`. Of a later version the first four parts are read.
    fn parse(text: &str) -> Option<Parent> {
        let (known, rest) = text.split_at_checked(55)?;
        let mut parts = known.split('-');
        let [version, trace, parent, flags] =
            [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let shaped = parts.next().is_none() && version.len() == 2 && flags.len() == 2;
        let ends = match version {
            "00" => rest.is_empty(),
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let (trace, span) = (id::<16>(trace)?, id::<8>(parent)?);
        let ([version], [flags]) = (hex::<1>(version)?, hex::<1>(flags)?);
        let fits = shaped && ends && version != 0xff;
        fits.then_some(Parent { trace, span: Some(span), flags: flags & SAMPLED })
    }
}

// === impl Id ===

impl<const BYTES: usize> fmt::Display for Id<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

// === impl Traceparent ===

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", Id(self.trace), Id(self.span), self.flags)
    }
}

/// Bytes of lower-case hex digits, and of nothing else.
fn hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if text.len() != BYTES * 2 || !text.as_bytes().iter().all(digit) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// An id; all zeros is none.
fn id<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    hex(text).filter(|id: &[u8; BYTES]| id.iter().any(|byte| *byte != 0))
}

/// All zeros is no id, so the last bit is set then.
fn nonzero<const BYTES: usize>(mut id: [u8; BYTES]) -> [u8; BYTES] {
    if id.iter().all(|byte| *byte == 0)
        && let Some(last) = id.last_mut()
    {
        *last = 1;
    }
    id
}

/// The whole `tracestate`, as far as there is room; `None` where it is absent or unreadable.
fn state(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(&STATE).iter().map(|value: &HeaderValue| value.to_str().ok());
    let text = values.collect::<Option<Vec<_>>>()?.join(",");
    let members = text.split(',').map(|member| member.trim_matches([' ', '\t']));
    let mut members: Vec<&str> = members.filter(|member| !member.is_empty()).collect();
    let keys: Vec<&str> = members.iter().filter_map(|member| key(member)).collect();
    let repeated =
        keys.iter().enumerate().any(|(at, key)| keys.iter().skip(at + 1).any(|k| k == key));
    if keys.len() != members.len() || repeated || members.len() > MEMBERS_MAX {
        return None;
    }
    let bytes = |members: &[&str]| members.iter().map(|m| m.len() + 1).sum::<usize>();
    while bytes(&members) > STATE_BYTES_MAX + 1 {
        let long = members.iter().rposition(|member| member.len() > MEMBER_BYTES_LONG);
        members.remove(long.unwrap_or(members.len().saturating_sub(1)));
    }
    (!members.is_empty()).then(|| members.join(","))
}

/// The key of a well-formed member.
fn key(member: &str) -> Option<&str> {
    let (key, value) = member.split_once('=')?;
    let starts = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(&b);
    let shown = |b: u8| (b' '..=b'~').contains(&b) && b != b'=';
    let fits = starts
        && key.len() <= 256
        && key.bytes().all(plain)
        && (1..=256).contains(&value.len())
        && value.bytes().all(shown);
    fits.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const FRESH: FreshIds = FreshIds { trace: [0xab; 16], server: [0xef; 8], client: [0xcd; 8] };

    fn told(fields: &[(&'static str, &str)]) -> (String, Option<String>) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let facts = Spans::read(&headers, &FRESH).facts(&headers);
        let text = |name| facts.get(name).map(|value| value.to_str().unwrap().to_owned());
        (text(PARENT).unwrap(), text(STATE))
    }

    #[test]
    fn a_trace_goes_on_with_another_parent() {
        let goes_on = |flags| format!("00-{TRACE}-cdcdcdcdcdcdcdcd-{flags}");
        for (given, flags) in [
            (format!("00-{TRACE}-00f067aa0ba902b7-01"), "01"),
            (format!("00-{TRACE}-00f067aa0ba902b7-00"), "00"),
            (format!("00-{TRACE}-00f067aa0ba902b7-ff"), "01"),
            (format!("cc-{TRACE}-00f067aa0ba902b7-01"), "01"),
            (format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes"), "01"),
        ] {
            assert_eq!(told(&[("traceparent", &given)]), (goes_on(flags), None), "{given}");
        }
    }

    #[test]
    fn what_is_no_parent_starts_a_trace() {
        let starts = format!("00-{}-cdcdcdcdcdcdcdcd-01", "ab".repeat(16));
        let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let upper = TRACE.to_uppercase();
        for bad in [
            String::new(),
            "x".to_owned(),
            format!("00-{TRACE}-00f067aa0ba902b7"),
            format!("00-{TRACE}-00f067aa0ba902b7-1"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01.more"),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("0-{TRACE}-00f067aa0ba902b7-001"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{upper}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902bx-01"),
            format!("00_{TRACE}-00f067aa0ba902b7-01"),
            format!(" {good}"),
            format!("{good} "),
            format!("é{good}"),
        ] {
            let state = ("tracestate", "a=1");
            assert_eq!(told(&[("traceparent", &bad), state]), (starts.clone(), None), "{bad}");
        }
        let twice = [("traceparent", good.as_str()), ("traceparent", good.as_str())];
        assert_eq!(told(&twice).0, starts);
        assert_eq!(told(&[("tracestate", "a=1")]), (starts, None));
    }

    #[test]
    fn the_state_is_kept_as_far_as_there_is_room() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let state = |value: &str| told(&[("traceparent", &parent), ("tracestate", value)]).1;
        assert_eq!(
            state("rojo=00f0,  congo=t61, ,t@v=x y"),
            Some("rojo=00f0,congo=t61,t@v=x y".into())
        );
        for bad in ["a", "a=", "A=1", "a=1,a=2", "a=1=2", "=1", "a=é", ""] {
            assert_eq!(state(bad), None, "{bad}");
        }
        let many = |count| (0..count).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
        assert!(state(&many(32)).is_some());
        assert_eq!(state(&many(33)), None);
        let (long, short) = ("x".repeat(200), "y".repeat(100));
        let given = format!("a={short},b={long},c={short},d={long},e={short}");
        let kept = format!("a={short},b={long},c={short},e={short}");
        assert_eq!((state(&given), kept.len()), (Some(kept), 511));
        let lines = told(&[("traceparent", &parent), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        assert_eq!(lines.1, Some("a=1,b=2".into()));
    }

    #[test]
    fn an_id_is_never_zero() {
        let none = FreshIds { trace: [0; 16], server: [0; 8], client: [0; 8] };
        let spans = Spans::read(&HeaderMap::new(), &none);
        let one = format!("{}1", "0".repeat(15));
        assert_eq!(spans.onward().to_string(), format!("00-{0}{one}-{one}-01", "0".repeat(16)));
        assert_eq!(spans.server().to_string(), one);
    }

    #[test]
    fn the_spans_stand_below_the_caller() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-00");
        let mut headers = HeaderMap::new();
        headers.insert(PARENT, HeaderValue::from_str(&parent).unwrap());
        let spans = Spans::read(&headers, &FRESH);
        assert_eq!(spans.caller().unwrap().to_string(), parent);
        assert_eq!(spans.parent().unwrap().to_string(), "00f067aa0ba902b7");
        assert_eq!(spans.server().to_string(), "ef".repeat(8));
        assert!(!spans.is_sampled());
        let begun = Spans::read(&HeaderMap::new(), &FRESH);
        assert!(begun.is_sampled() && begun.caller().is_none() && begun.parent().is_none());
    }
}
