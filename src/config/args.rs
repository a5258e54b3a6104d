//! Arguments of an intent: `body`, or `{ name: path.x | query.x | header.x | body:/pointer }`.
//!
//! A `?` behind a source makes it optional. What looks like no source is a literal.

use super::predicates::{pointer, value};
use crate::intent::pattern::Pattern;
use crate::intent::predicates::Place as Where;
use crate::intent::rest::{Args, Mapping, Need, Piece, Source};
use crate::intent::routes::Matcher;
use crate::yaml::{Entry, Fault, Fields, Place, Scalar};
use http::HeaderName;

/// Where an argument may say it comes from.
const SOURCES: [&str; 4] = ["user", "tool_output", "external", "system"];

/// Reads `args`.
pub(super) fn read(fields: &mut Fields, matcher: &Matcher) -> Result<Args, Fault> {
    let node = fields.take("args");
    let field = fields.at("args");
    match node.value {
        Scalar::Null => Ok(Args::None),
        Scalar::Text(text) if text == "body" => Ok(Args::Body),
        Scalar::Map(entries) => {
            let one = |entry: Entry| named(entry, &field, matcher);
            Ok(Args::Named(entries.into_iter().map(one).collect::<Result<_, _>>()?))
        }
        _ => {
            let what = format!("`{field}` must be `body` or a mapping of names to sources");
            Err(Fault::validate(node.place, what))
        }
    }
}

fn named(entry: Entry, field: &str, matcher: &Matcher) -> Result<(String, Source, Need), Fault> {
    let place = entry.node.place;
    let field = format!("{field}.{}", entry.key);
    let (source, need) = match entry.node.value {
        Scalar::Text(text) => {
            let (text, need) = match text.strip_suffix('?') {
                Some(text) if is_source(text) => (text, Need::Optional),
                _ => (text.as_str(), Need::Required),
            };
            (source(text, place, &field, matcher)?, need)
        }
        _ => (Source::Literal(value(entry.node, &field)?), Need::Required),
    };
    Ok((entry.key, source, need))
}

fn is_source(text: &str) -> bool {
    ["path.", "query.", "header.", "body:"].iter().any(|prefix| text.starts_with(prefix))
}

/// Reads one source; text without a known prefix is a literal.
pub(super) fn source(
    text: &str,
    place: Place,
    field: &str,
    matcher: &Matcher,
) -> Result<Source, Fault> {
    let fault = |what: String| Fault::validate(place, format!("`{field}`: {what}"));
    if let Some(name) = text.strip_prefix("path.") {
        return capture(name, matcher).map(Source::Path).map_err(fault);
    }
    if let Some(key) = text.strip_prefix("query.") {
        return Ok(Source::At(Where::Query(key.to_owned())));
    }
    if let Some(name) = text.strip_prefix("header.") {
        return header(name).map(|name| Source::At(Where::Header(name))).map_err(fault);
    }
    if let Some(text) = text.strip_prefix("body:") {
        return pointer(text).map(|text| Source::At(Where::Body(text))).map_err(fault);
    }
    Ok(Source::Literal(text.into()))
}

/// A name that the route's path captures.
pub(super) fn capture(name: &str, matcher: &Matcher) -> Result<String, String> {
    let names: Vec<&str> = matcher.path.iter().flat_map(Pattern::names).collect();
    match names.contains(&name) {
        true => Ok(name.to_owned()),
        false if names.is_empty() => {
            Err(format!("the path captures no `{name}`; it has no braces"))
        }
        false => Err(format!("the path captures no `{name}`; it captures {}", names.join(", "))),
    }
}

/// A header that a caller may set: gait's own and those of the hop never reach the mapping.
pub(super) fn header(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes())
        .map_err(|_| format!("`{name}` is not a header name"))
}

/// The query keys that match or intent name.
pub(super) fn named_query(matcher: &Matcher, mapping: &Mapping) -> Vec<String> {
    let in_match = matcher.predicates.iter().map(|predicate| &predicate.place);
    let in_args = match &mapping.args {
        Args::Named(named) => named.iter().map(|(_, source, _)| source).collect(),
        Args::None | Args::Body => Vec::new(),
    };
    let templates = mapping.targets.iter().map(|target| &target.value);
    let in_targets = templates.flat_map(|template| &template.0).filter_map(|piece| match piece {
        Piece::From(source) => Some(source),
        _ => None,
    });
    let sources = in_args.into_iter().chain(in_targets).filter_map(|source| match source {
        Source::At(place) => Some(place),
        _ => None,
    });
    let keys = in_match.chain(sources).filter_map(|place| match place {
        Where::Query(key) => Some(key.clone()),
        _ => None,
    });
    keys.collect()
}

/// Reads `provenance: { name: source }`.
pub(super) fn provenance(fields: &mut Fields) -> Result<Vec<(String, String)>, Fault> {
    let node = fields.take("provenance");
    let field = fields.at("provenance");
    let entries = match node.value {
        Scalar::Null => return Ok(Vec::new()),
        Scalar::Map(entries) => entries,
        _ => {
            let what = format!("`{field}` must map argument names to {}", SOURCES.join(", "));
            return Err(Fault::validate(node.place, what));
        }
    };
    let one = |entry: Entry| match entry.node.value {
        Scalar::Text(word) if SOURCES.contains(&word.as_str()) => Ok((entry.key, word)),
        _ => {
            let what = format!("`{field}.{}` must be one of {}", entry.key, SOURCES.join(", "));
            Err(Fault::validate(entry.node.place, what))
        }
    };
    entries.into_iter().map(one).collect()
}

/// Reads `digest`: JSON Pointers into the arguments.
pub(super) fn digests(fields: &mut Fields) -> Result<Vec<String>, Fault> {
    let texts = fields.texts("digest")?.into_iter();
    let field = fields.at("digest");
    let one = |(text, place): (String, Place)| {
        pointer(&text).map_err(|what| Fault::validate(place, format!("`{field}`: {what}")))
    };
    texts.map(one).collect()
}
