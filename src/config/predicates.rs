//! Conditions of a route: `{ "/amount": { min: 0, max: 100 } }`, likewise for query and header.

use super::{DOCUMENT, args};
use crate::intent::predicates::{Place as Where, Predicate, Test};
use crate::yaml::{Entry, Fault, Fields, Keys, Node, Scalar};
use serde_json::{Map, Number, Value};

const TEST: Keys =
    Keys { document: DOCUMENT, read: &["equals", "one_of", "min", "max", "exists"], legacy: &[] };

/// Reads `query`, `header` and `body` of a match.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Predicate>, Fault> {
    let mut predicates = Vec::new();
    for (key, place_of) in [
        ("query", (|name| Ok(Where::Query(name))) as fn(String) -> Result<Where, String>),
        ("header", |name| args::header(&name).map(Where::Header)),
        ("body", |name| pointer(&name).map(Where::Body)),
    ] {
        let path = fields.at(key);
        let node = fields.take(key);
        let entries = match node.value {
            Scalar::Null => continue,
            Scalar::Map(entries) => entries,
            _ => {
                let what =
                    format!("`{path}` must map names to conditions, as in `x: {{ equals: 1 }}`");
                return Err(Fault::validate(node.place, what));
            }
        };
        for entry in entries {
            predicates.push(one(entry, &path, place_of)?);
        }
    }
    Ok(predicates)
}

fn one(
    entry: Entry,
    path: &str,
    place_of: fn(String) -> Result<Where, String>,
) -> Result<Predicate, Fault> {
    let path = format!("{path}.{}", entry.key);
    let place = place_of(entry.key)
        .map_err(|what| Fault::validate(entry.place, format!("`{path}`: {what}")))?;
    Ok(Predicate { place, test: test(entry.node, path)? })
}

/// Exactly one of the tests; `min` and `max` go together.
fn test(node: Node, path: String) -> Result<Test, Fault> {
    let place = node.place;
    let mut fields = Fields::open(node, path, &TEST)?;
    fields.refuse_empty(&["one_of", "exists", "min", "max"])?;
    let (equals, one_of) = (fields.take("equals"), fields.take("one_of"));
    let (min, max) = (bound(&mut fields, "min")?, bound(&mut fields, "max")?);
    let exists = fields.take("exists");
    let mut tests = Vec::new();
    if !equals.is_null() {
        tests.push(Test::Equals(value(equals, &fields.at("equals"))?));
    }
    if !one_of.is_null() {
        tests.push(Test::OneOf(values(one_of, &fields.at("one_of"))?));
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let path = fields.at("min");
        let what =
            format!("`{path}`: `min` {min} is above `max` {max}, so nothing fits; swap them");
        return Err(Fault::validate(place, what));
    }
    if min.is_some() || max.is_some() {
        tests.push(Test::Range { min, max });
    }
    if !exists.is_null() {
        tests.push(presence(&exists, &fields.at("exists"))?);
    }
    let test = tests.pop().filter(|_| tests.is_empty());
    test.ok_or_else(|| {
        let what = "a condition is one of `equals: X`, `one_of: [..]`, `min`/`max`, `exists: true`";
        Fault::validate(place, format!("`{}`: {what}", fields.at("").trim_end_matches('.')))
    })
}

/// The items of `one_of`; an empty list would match nothing, and nobody means that.
fn values(node: Node, path: &str) -> Result<Vec<Value>, Fault> {
    let place = node.place;
    match node.value {
        Scalar::List(items) if !items.is_empty() => {
            items.into_iter().map(|item| value(item, path)).collect()
        }
        _ => Err(Fault::validate(place, format!("`{path}` must be a list, such as `[a, b]`"))),
    }
}

fn presence(node: &Node, path: &str) -> Result<Test, Fault> {
    match node.value {
        Scalar::Bool(true) => Ok(Test::Present),
        Scalar::Bool(false) => Ok(Test::Absent),
        _ => Err(Fault::validate(node.place, format!("`{path}` must be true or false"))),
    }
}

fn bound(fields: &mut Fields, key: &str) -> Result<Option<f64>, Fault> {
    let node = fields.take(key);
    match node.value {
        Scalar::Null => Ok(None),
        Scalar::Int(number) => Ok(Some(number as f64)),
        Scalar::Number(number) if number.is_finite() => Ok(Some(number)),
        _ => Err(Fault::validate(node.place, format!("`{}` must be a number", fields.at(key)))),
    }
}

/// A YAML value as JSON.
pub(super) fn value(node: Node, field: &str) -> Result<Value, Fault> {
    let place = node.place;
    Ok(match node.value {
        Scalar::Null => Value::Null,
        Scalar::Bool(flag) => Value::Bool(flag),
        Scalar::Int(number) => Value::from(number),
        Scalar::Number(number) => Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| Fault::validate(place, format!("`{field}` must be a finite number")))?,
        Scalar::Text(text) => Value::String(text),
        Scalar::Disputed => {
            let what = "is text to some readers and a number to others; put it in quotes";
            return Err(Fault::validate(place, format!("`{field}` {what}")));
        }
        Scalar::List(items) => {
            let values = items.into_iter().map(|item| value(item, field));
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        Scalar::Map(entries) => {
            let pair = |entry: Entry| Ok((entry.key, value(entry.node, field)?));
            Value::Object(entries.into_iter().map(pair).collect::<Result<Map<_, _>, Fault>>()?)
        }
    })
}

/// A JSON Pointer (RFC 6901) to something inside the document.
///
/// # Errors
/// Says how one is written.
pub(super) fn pointer(text: &str) -> Result<String, String> {
    match text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err(format!("`{text}` is not a JSON Pointer; write it as `/member/0`")),
    }
}
