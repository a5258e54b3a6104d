//! JSON that is JSON already, written as RFC 8785: args, which can be long.
//!
//! It would serialise too ([`writer`](super::writer)), at a third more: there every member is
//! noted, in case its object must be put in order, and here the map is in order.

use super::writer::Writer;
use crate::json::text::write_text;
use serde::Serialize as _;
use serde_json::{Map, Value};

pub(super) fn write_object(
    object: &Map<String, Value>,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    // The map is in code point order, which is UTF-16 order up to where the surrogates start.
    if !object.keys().all(|name| name.bytes().all(|byte| byte < 0xee)) {
        return write_sorted(object, out);
    }
    out.push(b'{');
    for (index, (name, value)) in object.iter().enumerate() {
        write_member(index, name, value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_sorted(object: &Map<String, Value>, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    out.push(b'{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        write_member(index, name, value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_member(
    index: usize,
    name: &str,
    value: &Value,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    if index > 0 {
        out.push(b',');
    }
    write_text(name, out)?;
    out.push(b':');
    write_value(value, out)
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> serde_json::Result<()> {
    match value {
        Value::String(text) => write_text(text, out),
        Value::Array(items) => write_array(items, out),
        Value::Object(object) => write_object(object, out),
        scalar => scalar.serialize(&mut Writer::to(out)),
    }
}

fn write_array(items: &[Value], out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_value(item, out)?;
    }
    out.push(b']');
    Ok(())
}
