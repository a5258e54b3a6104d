//! The forms in which a secret could show up.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// So much of a secret is enough to find it.
const BYTES_MIN: usize = 12;

/// A secret, and what to search for.
#[derive(Debug)]
pub(super) struct Needle {
    /// What it is, without saying it.
    pub(super) name: String,
    forms: Vec<String>,
}

impl Needle {
    pub(super) fn new(name: impl Into<String>, secret: &str) -> Needle {
        assert!(secret.len() >= BYTES_MIN, "too short to be told from chance");
        let bytes = secret.as_bytes();
        let mut forms = vec![secret.to_owned()];
        forms.extend((0..3).flat_map(|before| base64(before, bytes)));
        let shown: Vec<String> = forms.iter().map(|form| numbers(form.as_bytes())).collect();
        forms.extend(shown);
        forms.extend([hex(bytes), hex(bytes).to_uppercase()]);
        forms.extend(percents(secret));
        Needle { name: name.into(), forms }
    }

    /// What stands around it, where it is found.
    pub(super) fn find(&self, text: &str) -> Option<String> {
        let (at, form) = self.forms.iter().find_map(|form| Some((text.find(&**form)?, form)))?;
        let bytes = text.as_bytes();
        let around = at.saturating_sub(120)..(at + form.len() + 40).min(bytes.len());
        Some(String::from_utf8_lossy(&bytes[around]).into_owned())
    }
}

/// As `{:?}` shows bytes.
fn numbers(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes[..BYTES_MIN].iter().map(u8::to_string).collect();
    shown.join(", ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// With every byte escaped, or only those that must be, in both cases.
fn percents(secret: &str) -> [String; 4] {
    let escaped =
        |byte: u8, upper| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
    let all = |upper| secret.bytes().map(|byte| escaped(byte, upper)).collect();
    let few = |upper| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        secret
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).into() } else { escaped(byte, upper) })
            .collect()
    };
    [all(false), all(true), few(false), few(true)]
}

/// The part of its base64 that is the same whatever stands around it, when so many bytes (modulo
/// three) stand before it.
fn base64(before: usize, secret: &[u8]) -> [String; 2] {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret);
    // Characters that hold bits of what stands before or behind are cut off.
    let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]
        .map(|text| text.chars().take(to).skip(from).collect())
}
