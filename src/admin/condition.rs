//! `If-Match`: an approver says of which version a word is, so that nobody approves what they have
//! not seen.

use super::problem::{Kind, Problem};
use http::{HeaderMap, header};

/// The version that the request names; exactly one, and not any (RFC 9110, 13.1.1).
pub(super) fn version(headers: &HeaderMap) -> Result<u64, Problem> {
    let mut fields = headers.get_all(header::IF_MATCH).iter();
    let Some(field) = fields.next() else {
        let detail = "send `If-Match` with the `ETag` of the request that you looked at";
        return Err(Problem::new(Kind::ConditionRequired, detail));
    };
    let single = field.to_str().ok().filter(|_| fields.next().is_none());
    let tag = single.and_then(strong).ok_or_else(|| {
        Problem::malformed("`If-Match` must be one strong tag, as `ETag` has it: `\"1\"`")
    })?;
    // Only the exact text is the tag: a comparison of tags compares characters.
    let version = tag.parse::<u64>().ok().filter(|version| version.to_string() == tag);
    version.ok_or_else(changed)
}

/// The refusal of a word on another version.
pub(super) fn changed() -> Problem {
    Problem::new(Kind::Changed, "the request is not as you saw it; look again")
}

fn strong(field: &str) -> Option<&str> {
    let tag = field.strip_prefix('"')?.strip_suffix('"')?;
    tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"').then_some(tag)
}
