//! The words of the format's text: trim, lower, list, digest, time (C1).

use jiff::Timestamp;
use jiff::civil;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Why a document is refused. The text is for the reader of a failed test.
pub(crate) type Refused = String;

pub(crate) fn lower(text: &str) -> String {
    // The simple mapping: one code point each. Only U+0130 has a longer full one.
    text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

/// Text of a member; a scalar of another type as YAML spells it. Missing and `null` are empty.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

pub(crate) fn word(value: &Value) -> String {
    lower(&text(value))
}

/// `list(v)`: trimmed, unique, sorted, without empty ones.
pub(crate) fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let set: BTreeSet<String> = items.iter().map(text).filter(|item| !item.is_empty()).collect();
    set.into_iter().collect()
}

/// `lowlist(v)`: the same in lower case.
pub(crate) fn lowlist(value: &Value) -> Vec<String> {
    let set: BTreeSet<String> = list(value).iter().map(|item| lower(item)).collect();
    set.into_iter().collect()
}

pub(crate) fn is_set(value: &Value) -> bool {
    value.as_bool() == Some(true)
}

/// An integer; a float is cut toward zero, quoted digits count (C2.1, point 6).
pub(crate) fn integer(value: &Value) -> Option<i64> {
    let cut = |float: f64| (float.abs() < 9.2e18).then_some(float as i64);
    match value {
        Value::Null => Some(0),
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(cut)),
        Value::String(said) => said.parse().ok().or_else(|| said.parse().ok().and_then(cut)),
        _ => None,
    }
}

/// `digest(x)` of C1.2.
pub(crate) fn digest(value: &Value) -> String {
    let bytes = serde_json_canonicalizer::to_vec(value).unwrap();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn is_hex_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Lexical cleaning of a path: no `.`, no `//`, `..` eats what is before it.
pub(crate) fn clean_path(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    match (is_rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

/// Paths of a sandbox: cleaned, without `.`, unique, sorted.
pub(crate) fn paths(value: &Value) -> Vec<String> {
    let cleaned: BTreeSet<String> = list(value).iter().map(|path| clean_path(path)).collect();
    cleaned.into_iter().filter(|path| path != ".").collect()
}

/// The zero time.
pub(crate) fn zero_time() -> Timestamp {
    "0001-01-01T00:00:00Z".parse().unwrap()
}

/// `YYYY-MM-DDThh:mm:ss[.fraction]` at the start of a text, and what stands behind it.
pub(crate) fn local_time(text: &str) -> Option<(civil::DateTime, &str)> {
    let form = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let fits = |(got, want): (&u8, &u8)| match want {
        b'0' => got.is_ascii_digit(),
        want => got == want,
    };
    if bytes.len() < form.len() || !bytes.iter().zip(form).all(fits) || text[17..19] == *"60" {
        return None;
    }
    let seconds: civil::DateTime = text[..19].parse().ok()?;
    let Some(rest) = text[19..].strip_prefix('.') else { return Some((seconds, &text[19..])) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let nanos: i32 = format!("{:0<9}", &rest[..digits.min(9)]).parse().ok()?;
    let whole = seconds.with().subsec_nanosecond(nanos).build().ok()?;
    Some((whole, &rest[digits..]))
}

/// An RFC 3339 time (C1.3); the zero time where none is given.
pub(crate) fn time(value: &Value) -> Result<Timestamp, Refused> {
    let Some(said) = value.as_str() else { return Ok(zero_time()) };
    let refused = || format!("time: {said}");
    let (local, zone) = local_time(said).ok_or_else(refused)?;
    let minutes = match zone.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), a, b, b':', c, d] => {
            let number = |x: &u8, y: &u8| format!("{}{}", *x as char, *y as char).parse::<i64>();
            let (hours, minutes) = (number(a, b), number(c, d));
            let (Ok(hours @ 0..=23), Ok(minutes @ 0..=59)) = (hours, minutes) else {
                return Err(refused());
            };
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return Err(refused()),
    };
    let utc = local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| refused())?.timestamp();
    utc.checked_sub(jiff::SignedDuration::from_mins(minutes)).map_err(|_| refused())
}

/// The name of a rule as a reason code (C6.4).
pub(crate) fn slug(name: &str) -> String {
    let quoted = serde_json::to_string(name).unwrap();
    let mut body = quoted[1..quoted.len() - 1].to_owned();
    for (from, to) in [
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u{2028}", "\\u2028"),
        ("\u{2029}", "\\u2029"),
    ] {
        body = body.replace(from, to);
    }
    lower(&body.trim_matches('"').replace([' ', '-'], "_"))
}
