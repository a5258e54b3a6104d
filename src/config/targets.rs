//! Targets of an intent, whose values are templates: `/{path}`, `{query.id}`, `{body:/to}`.

use super::{DOCUMENT, args};
use crate::intent::rest::{Piece, Source, TargetSpec, Template};
use crate::intent::routes::Matcher;
use crate::yaml::{Fault, Fields, Keys, Node, Place};

const TARGET: Keys = Keys {
    document: DOCUMENT,
    read: &["kind", "value", "operation", "sensitivity", "endpoint_class"],
    legacy: &[],
};

/// The kinds of spec C4.3.
const KINDS: [&str; 9] =
    ["path", "url", "host", "repo", "bucket", "table", "queue", "topic", "other"];
/// The classes of spec C4.3.
const CLASSES: [&str; 10] = [
    "fs.read",
    "fs.write",
    "fs.delete",
    "proc.exec",
    "net.http",
    "net.dns",
    "ui.click",
    "ui.type",
    "ui.navigate",
    "other",
];

/// Reads `targets`.
pub(super) fn read(fields: &mut Fields, matcher: &Matcher) -> Result<Vec<TargetSpec>, Fault> {
    let path = fields.at("targets");
    let targets = fields.list("targets")?.into_iter().enumerate();
    targets.map(|(index, node)| one(node, format!("{path}[{index}]"), matcher)).collect()
}

fn one(node: Node, path: String, matcher: &Matcher) -> Result<TargetSpec, Fault> {
    let mut fields = Fields::open(node, path, &TARGET)?;
    let kind = word(&mut fields, "kind", &KINDS)?;
    let value = super::required_text(&mut fields, "value", "a target says what it acts on")?;
    let place = fields.place();
    if kind.is_empty() {
        let what = format!("`{}` must be one of {}", fields.at("kind"), KINDS.join(", "));
        return Err(Fault::validate(place, what));
    }
    Ok(TargetSpec {
        kind,
        value: template(&value, place, &fields.at("value"), matcher)?,
        operation: fields.text("operation")?.0,
        sensitivity: fields.text("sensitivity")?.0,
        endpoint_class: word(&mut fields, "endpoint_class", &CLASSES)?,
    })
}

fn word(fields: &mut Fields, key: &str, known: &[&str]) -> Result<String, Fault> {
    let (said, place) = fields.text(key)?;
    match said.is_empty() || known.contains(&said.as_str()) {
        true => Ok(said),
        false => {
            let field = fields.at(key);
            let what = format!("`{field}`: unknown `{said}`; write one of {}", known.join(", "));
            Err(Fault::validate(place, what))
        }
    }
}

/// Splits a template at its braces.
fn template(text: &str, place: Place, field: &str, matcher: &Matcher) -> Result<Template, Fault> {
    let fault = |what: String| Fault::validate(place, format!("`{field}`: {what}"));
    let mut parts = text.split('{');
    let mut pieces = vec![Piece::Text(parts.next().unwrap_or_default().to_owned())];
    for part in parts {
        let closed = part.split_once('}');
        let (inner, rest) = closed.ok_or_else(|| fault("`{` is not closed by `}`".into()))?;
        pieces.push(hole(inner, place, field, matcher)?);
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(Template(pieces))
}

fn hole(inner: &str, place: Place, field: &str, matcher: &Matcher) -> Result<Piece, Fault> {
    if inner == "url" {
        return Ok(Piece::Url);
    }
    let source = match args::source(inner, place, field, matcher)? {
        Source::Literal(_) => args::capture(inner, matcher)
            .map(Source::Path)
            .map_err(|what| Fault::validate(place, format!("`{field}`: {what}")))?,
        source => source,
    };
    Ok(Piece::From(source))
}
