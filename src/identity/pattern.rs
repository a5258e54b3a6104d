//! Patterns for the names in certificates: `spiffe://prod.example/ns/{workspace}/sa/{agent_id}`.
//!
//! A pattern is a list of whole segments, and a name fits it segment by segment. Rejected: regular
//! expressions, in which a dot or a missing anchor lets strangers in.

use super::facts::Field;
use super::text::is_plain;
use crate::call::peer::Certificate;
use std::collections::BTreeMap;

/// A kind of name in a certificate (RFC 5280, section 4.2.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum San {
    /// URI; segments are parted by `/`.
    Uri,
    /// DNS name; segments are parted by `.`, and letter case does not count.
    Dns,
    /// Mail address; segments are parted by `@`.
    Email,
}

/// What a name has to look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    san: San,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any,
    /// `None` is the identity.
    Capture(Option<Field>),
}

/// What a name says where it fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    /// What `{identity}` stands for.
    pub identity: Option<String>,
    /// What the other names in braces stand for.
    pub fields: BTreeMap<Field, String>,
}

fn segment(text: &str) -> Result<Segment, String> {
    let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match (text, name) {
        ("*", _) => Ok(Segment::Any),
        (_, Some("identity")) => Ok(Segment::Capture(None)),
        (_, Some(name)) => match Field::parse(name) {
            Some(field) => Ok(Segment::Capture(Some(field))),
            None => Err(format!("unknown `{{{name}}}`; write {}", known())),
        },
        _ if text.contains(['{', '}', '*']) => Err(format!(
            "`{text}` is more than one of `*` and `{{name}}`; each stands for a whole segment"
        )),
        _ => Ok(Segment::Literal(text.to_owned())),
    }
}

fn known() -> String {
    let fields = Field::ALL.map(|field| format!("{{{}}}", field.as_str()));
    format!("{{identity}}, {}", fields.join(", "))
}

// === impl San ===

impl San {
    /// Reads the word of the config.
    pub fn parse(text: &str) -> Option<San> {
        match text {
            "uri" => Some(San::Uri),
            "dns" => Some(San::Dns),
            "email" => Some(San::Email),
            _ => None,
        }
    }

    /// The names of this kind.
    pub fn names(self, certificate: &Certificate) -> &[String] {
        match self {
            San::Uri => &certificate.uris,
            San::Dns => &certificate.dns,
            San::Email => &certificate.emails,
        }
    }

    /// A name as it is compared and told.
    pub(super) fn canonical(self, name: &str) -> String {
        match self {
            San::Dns => name.to_ascii_lowercase(),
            San::Uri | San::Email => name.to_owned(),
        }
    }

    fn separator(self) -> char {
        match self {
            San::Uri => '/',
            San::Dns => '.',
            San::Email => '@',
        }
    }

    /// Whether a segment is one that nobody reads in two ways: no escapes, no steps up.
    fn is_segment(self, text: &str) -> bool {
        let in_uri = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let in_dns = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let fits = match self {
            San::Uri => text.bytes().all(in_uri) && text != "." && text != "..",
            San::Dns => text.bytes().all(in_dns),
            San::Email => !text.contains(char::is_whitespace),
        };
        fits && is_plain(text)
    }
}

// === impl Pattern ===

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says what is wrong with it, and the mend.
    pub fn parse(text: &str, san: San) -> Result<Pattern, String> {
        if !is_plain(text) {
            return Err("a pattern is plain text of up to 512 bytes".to_owned());
        }
        let segments = text.split(san.separator()).map(segment).collect::<Result<Vec<_>, _>>()?;
        let lowered = segments.into_iter().map(|one| match one {
            Segment::Literal(text) => Segment::Literal(san.canonical(&text)),
            other => other,
        });
        let pattern = Pattern { san, segments: lowered.collect() };
        pattern.check().map(|()| pattern)
    }

    fn check(&self) -> Result<(), String> {
        let fixed = |one: &Segment| matches!(one, Segment::Literal(text) if !text.is_empty());
        if !self.segments.iter().any(fixed) {
            return Err("a pattern without a fixed part takes everybody".to_owned());
        }
        let captures: Vec<_> = self.captures().collect();
        let twice = |(at, one)| captures.iter().skip(at + 1).any(|other| other == one);
        match captures.iter().enumerate().any(twice) {
            true => Err("a name in braces stands twice".to_owned()),
            false => Ok(()),
        }
    }

    /// Whether it says something of the names that fit.
    pub fn has_captures(&self) -> bool {
        self.captures().next().is_some()
    }

    fn captures(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|one| matches!(one, Segment::Capture(_)))
    }

    /// The kind of name it is for.
    pub fn san(&self) -> San {
        self.san
    }

    /// What `name` says, where it fits.
    pub fn take(&self, name: &str) -> Option<Captures> {
        let name = self.san.canonical(name);
        let mut said = name.split(self.san.separator());
        let mut captures = Captures::default();
        for segment in &self.segments {
            let text = said.next()?;
            let fits = match segment {
                Segment::Literal(literal) => literal == text,
                Segment::Any | Segment::Capture(_) => self.san.is_segment(text),
            };
            if !fits {
                return None;
            }
            match segment {
                Segment::Capture(None) => captures.identity = Some(text.to_owned()),
                Segment::Capture(Some(field)) => {
                    captures.fields.insert(*field, text.to_owned());
                }
                Segment::Literal(_) | Segment::Any => {}
            }
        }
        said.next().is_none().then_some(captures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPIFFE: &str = "spiffe://prod.example/ns/{workspace}/sa/{agent_id}";

    fn uri(pattern: &str) -> Pattern {
        Pattern::parse(pattern, San::Uri).unwrap()
    }

    #[test]
    fn a_name_fits_segment_by_segment() {
        let captures = uri(SPIFFE).take("spiffe://prod.example/ns/pay/sa/bot").unwrap();
        let said: Vec<_> = captures.fields.values().map(String::as_str).collect();
        assert_eq!((captures.identity, said), (None, vec!["bot", "pay"]));
        for stranger in [
            "spiffe://prod.example/ns/pay/sa/bot/",
            "spiffe://prod.example/ns/pay/sa",
            "spiffe://prod.example/ns//sa/bot",
            "spiffe://prod.example/ns/../sa/bot",
            "spiffe://prod.example/ns/a%2fb/sa/bot",
            "spiffe://prod.example/ns/pay/sa/bot?x",
            "spiffe://prod.example.evil/ns/pay/sa/bot",
            "spiffe://PROD.example/ns/pay/sa/bot",
            "https://prod.example/ns/pay/sa/bot",
            "",
        ] {
            assert_eq!(uri(SPIFFE).take(stranger), None, "{stranger}");
        }
        assert!(uri("spiffe://prod.example/*/x").take("spiffe://prod.example/a/x").is_some());
    }

    #[test]
    fn dns_names_fit_in_any_case_and_are_told_in_lower_case() {
        let pattern = Pattern::parse("{identity}.Bots.example", San::Dns).unwrap();
        let captures = pattern.take("Billing.BOTS.example").unwrap();
        assert_eq!(captures.identity.as_deref(), Some("billing"));
        assert_eq!(pattern.take("a.b.bots.example"), None);
    }

    #[test]
    fn a_pattern_that_means_nothing_is_refused() {
        for (text, san) in [
            ("spiffe://x/{name}", San::Uri),
            ("spiffe://x/a*", San::Uri),
            ("spiffe://x/a{workspace}", San::Uri),
            ("spiffe://x/{workspace}/{workspace}", San::Uri),
            ("", San::Uri),
            ("*", San::Dns),
            ("*.{identity}", San::Dns),
        ] {
            assert!(Pattern::parse(text, san).is_err(), "{text}");
        }
    }
}
