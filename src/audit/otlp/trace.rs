//! Which trace a call stands in.
//!
//! A line names what the tool was told, else what the caller told. Where neither is there, the
//! trace has the id of the call, and so have its spans where the line names none: every call has
//! spans, and the same line always has the same.

use super::Entry;
use crate::json::Digest;

/// What level 1 of the trace context defines of the flags.
const SAMPLED: u32 = 1;

/// The ids of one call, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) trace: Vec<u8>,
    /// gait's own span.
    pub(super) server: Vec<u8>,
    /// The exchange with the tool.
    pub(super) client: Vec<u8>,
    /// The caller's span; empty where it named none.
    pub(super) caller: Vec<u8>,
    pub(super) flags: u32,
}

/// A `traceparent` as gait writes it.
struct Told {
    trace: Vec<u8>,
    span: Vec<u8>,
    flags: u32,
}

// === impl Trace ===

impl Trace {
    /// `None` where the line is about no call.
    pub(super) fn of(entry: &Entry) -> Option<Trace> {
        let call = bytes::<16>(&entry.text("call_id")?.replace('-', ""))?;
        let told = |member| entry.text(member).and_then(Told::read);
        let id = |member| entry.text(member).and_then(bytes::<8>);
        let onward = told("traceparent");
        let known = onward.as_ref().map(|told| (told.trace.clone(), told.flags));
        let known =
            known.or_else(|| told("caller_traceparent").map(|told| (told.trace, told.flags)));
        let (trace, flags) = known.unwrap_or_else(|| (call.clone(), SAMPLED));
        let spare = |half: usize| {
            let digest = Digest::of(&call);
            digest.as_bytes().chunks(8).nth(half).unwrap_or_default().to_vec()
        };
        Some(Trace {
            trace,
            server: id("span_id").unwrap_or_else(|| spare(0)),
            client: onward.map_or_else(|| spare(1), |told| told.span),
            caller: id("parent_span_id").unwrap_or_default(),
            flags,
        })
    }

    /// Whether whoever began the trace wants it kept.
    pub(super) fn is_sampled(&self) -> bool {
        self.flags & SAMPLED == SAMPLED
    }
}

// === impl Told ===

impl Told {
    fn read(text: &str) -> Option<Told> {
        let mut parts = text.split('-').skip(1);
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let flags = u32::from_str_radix(flags, 16).ok()?;
        Some(Told { trace: bytes::<16>(trace)?, span: bytes::<8>(span)?, flags })
    }
}

/// So many bytes from hex digits; all zeros is no id.
fn bytes<const LEN: usize>(hex: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = pairs.iter().map(byte).collect::<Option<_>>()?;
    let fits = bytes.len() == LEN && rest.is_empty() && bytes.iter().any(|byte| *byte != 0);
    fits.then_some(bytes)
}
