//! W3C Trace Context, level 1: the trace of the caller goes on, with gait as the parent.
//!
//! gait records no spans of its own, but it is a hop: a tool that names the caller's span as its
//! parent would hide it. The random ids come from above, since this room has no dice.

use super::headers::put;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// What level 1 defines of the flags; the others are to be cleared.
const SAMPLED: u8 = 1;
/// Members of a `tracestate`, and bytes that are passed on of it.
const MEMBERS_MAX: usize = 32;
const STATE_BYTES_MAX: usize = 512;
/// A member that is longer goes first where there is no room.
const MEMBER_BYTES_LONG: usize = 128;

/// Fresh ids, at random.
#[derive(Clone, Copy, Debug)]
pub struct FreshIds {
    /// Of a trace, where there is none to go on.
    pub trace: [u8; 16],
    /// Of gait's place in it.
    pub parent: [u8; 8],
}

/// A `traceparent` that can be gone on from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parent {
    /// 32 lower-case hex digits.
    trace: String,
    flags: u8,
}

/// The fields that go on to the tool.
pub fn facts(headers: &HeaderMap, fresh: &FreshIds) -> HeaderMap {
    let mut facts = HeaderMap::new();
    let mut parents = headers.get_all(&PARENT).iter();
    let only = parents.next().filter(|_| parents.next().is_none());
    let known = only.and_then(|value| Parent::parse(value.to_str().ok()?));
    if known.is_some()
        && let Some(state) = state(headers)
    {
        put(&mut facts, STATE, &state);
    }
    let parent = known.unwrap_or_else(|| Parent::start(fresh));
    let text = format!("00-{}-{}-{:02x}", parent.trace, hex(&fresh.parent), parent.flags);
    put(&mut facts, PARENT, &text);
    facts
}

impl Parent {
    /// A trace that begins here. It says sampled, since most tools follow their parent: one that
    /// says otherwise would turn their own tracing off.
    fn start(fresh: &FreshIds) -> Parent {
        Parent { trace: hex(&fresh.trace), flags: SAMPLED }
    }

    /// Reads `version-trace-parent-flags`. Of a later version the first four parts are read.
    fn parse(text: &str) -> Option<Parent> {
        let (known, rest) = text.split_at_checked(55)?;
        let mut parts = known.split('-');
        let [version, trace, parent, flags] =
            [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let shaped = parts.next().is_none()
            && [version.len(), trace.len(), parent.len(), flags.len()] == [2, 32, 16, 2]
            && known.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-');
        let ends = match version {
            "00" => rest.is_empty(),
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let zero = |id: &str| id.bytes().all(|byte| byte == b'0');
        if !shaped || !ends || version == "ff" || zero(trace) || zero(parent) {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()? & SAMPLED;
        Some(Parent { trace: trace.to_owned(), flags })
    }
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

/// Lower-case hex digits; all zeros is no id, so the last bit is set then.
fn hex(id: &[u8]) -> String {
    let digits: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    match id.iter().all(|byte| *byte == 0) {
        true => format!("{}1", "0".repeat(digits.len().saturating_sub(1))),
        false => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const FRESH: FreshIds = FreshIds { trace: [0xab; 16], parent: [0xcd; 8] };

    fn told(fields: &[(&'static str, &str)]) -> (String, Option<String>) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let facts = facts(&headers, &FRESH);
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
        assert_eq!(hex(&[0; 8]), "0000000000000001");
    }
}
