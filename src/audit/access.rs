//! The access log: of each call one JSON object, for the collectors of those who read standard output.
//!
//! It holds what an operator counts and searches by, and neither targets nor arguments: those who
//! read it are not those who may read the evidence.

use super::Entry;
use serde_json::{Map, Value};

/// Members, in their order, with those of the line that they are taken from: the first that is
/// there.
const MEMBERS: [(&str, &[&str]); 21] = [
    ("time", &["time"]),
    ("call_id", &["call_id"]),
    ("method", &["method"]),
    ("route", &["route"]),
    ("upstream", &["upstream"]),
    ("status", &["answered", "status"]),
    ("tool_status", &["status"]),
    ("ending", &["ending"]),
    ("duration_ms", &["duration_ms"]),
    ("request_bytes", &["request_bytes"]),
    ("response_bytes", &["response_bytes"]),
    ("identity", &["identity"]),
    ("tool_name", &["tool_name"]),
    ("risk_class", &["risk_class"]),
    ("stage", &["stage"]),
    ("verdict", &["verdict"]),
    ("disposition", &["disposition"]),
    ("permit", &["permit"]),
    ("reason_codes", &["reason_codes"]),
    ("traceparent", &["traceparent", "caller_traceparent"]),
    ("evidence_seq", &["seq"]),
];

/// The object of a line about a call, without a line end. What is not known is left out.
pub fn object(entry: &Entry) -> Value {
    let line = entry.members();
    let found = |names: &[&str]| names.iter().find_map(|name| line.get(*name));
    let members = MEMBERS.iter().filter_map(|(name, from)| {
        let value = found(from)?;
        Some(((*name).to_owned(), value.clone()))
    });
    Value::Object(members.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_says_what_is_known_and_nothing_of_what_was_asked() {
        let line = concat!(
            r#"{"v":1,"seq":7,"kind":"call","time":"2026-01-02T03:04:05.000006Z","call_id":"c","#,
            r#""method":"GET","target_digest":"d","span_id":"s","route":"r","disposition":"denied","#,
            r#""reason_codes":["a"],"intent":{"args":{"x":"secret"}},"ending":"answered","#,
            r#""answered":403,"sent":false,"duration_ms":1.5,"prev":"p","hash":"h"}"#
        );
        let text = object(&Entry::read(line.as_bytes()).unwrap()).to_string();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["status"], 403);
        assert_eq!(read["reason_codes"][0], "a");
        assert_eq!((&read["evidence_seq"], &read["duration_ms"]), (&7.into(), &1.5.into()));
        assert!(read.get("tool_status").is_none() && read.get("identity").is_none());
        assert!(!text.contains("secret") && !text.contains("target"), "{text}");
    }

    #[test]
    fn a_name_cannot_forge_a_second_object() {
        let line = concat!(
            r#"{"seq":7,"kind":"call","time":"2026-01-02T03:04:05Z","#,
            r#""identity":"a\n{\"forged\":1}\u001b[31m"}"#
        );
        let text = object(&Entry::read(line.as_bytes()).unwrap()).to_string();
        assert!(!text.contains(char::is_control), "{text}");
    }
}
