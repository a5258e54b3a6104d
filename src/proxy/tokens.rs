//! Tokens in a header field: base64 of their files, comma-separated, in one field or several.

use crate::call::headers::fold;
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderValue};

/// No more are looked at: each costs a signature check.
pub(super) const TOKENS_MAX: usize = 16;

/// The values of all fields together.
pub(super) const TOKENS_BYTES_MAX: usize = 64 << 10;

/// Either alphabet, with padding or without: tokens are handed on by people.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// Why a field holds no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTokens {
    /// Its name is spelt so that another reader could take it for another.
    Spelling,
    /// They are too many, or too long.
    TooMuch,
    /// One is no base64.
    Undecodable,
}

/// The tokens' files; `None` where there is no such field. `name` is in lower case.
pub(super) fn texts(headers: &HeaderMap, name: &str) -> Result<Option<Vec<Vec<u8>>>, NoTokens> {
    let spelt = |other: &http::HeaderName| other != name && fold(other.as_str()) == name;
    if headers.keys().any(spelt) {
        return Err(NoTokens::Spelling);
    }
    let fields: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    if fields.is_empty() {
        return Ok(None);
    }
    if fields.iter().map(|field| field.len()).sum::<usize>() > TOKENS_BYTES_MAX {
        return Err(NoTokens::TooMuch);
    }
    let items = fields.iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    let items: Vec<&[u8]> = items.map(<[u8]>::trim_ascii).collect();
    if items.len() > TOKENS_MAX {
        return Err(NoTokens::TooMuch);
    }
    items.into_iter().map(decoded).collect::<Result<_, _>>().map(Some)
}

fn decoded(item: &[u8]) -> Result<Vec<u8>, NoTokens> {
    let alphabet = match item.iter().any(|byte| b"-_".contains(byte)) {
        true => &URL_SAFE,
        false => &STANDARD,
    };
    let decoded = GeneralPurpose::new(alphabet, LENIENT).decode(item);
    decoded.map_err(|_| NoTokens::Undecodable)
}
