//! One line, read.

use crate::intent::time::{self, Time};
use serde_json::{Map, Value};

/// A line of the log as JSON members.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry(Map<String, Value>);

/// Why a line is none.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or no object.
    #[error("no evidence line: {0}")]
    Json(#[from] serde_json::Error),
    /// A member that every line has is missing, or is of another type.
    #[error("no evidence line: `{0}` is missing")]
    Missing(&'static str),
}

impl Entry {
    /// Reads a line, with its LF or without.
    ///
    /// # Errors
    /// It is no evidence line.
    pub fn read(line: &[u8]) -> Result<Entry, Unreadable> {
        let entry = Entry(serde_json::from_slice(line)?);
        entry.number("seq").ok_or(Unreadable::Missing("seq"))?;
        entry.text("kind").ok_or(Unreadable::Missing("kind"))?;
        entry.time().ok_or(Unreadable::Missing("time"))?;
        Ok(entry)
    }

    /// All its members.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Its place in the chain.
    pub fn seq(&self) -> u64 {
        self.number("seq").unwrap_or_default()
    }

    /// What it tells: `decision`, `outcome`, `call`, `start` and so on.
    pub fn kind(&self) -> &str {
        self.text("kind").unwrap_or_default()
    }

    /// When it was made.
    pub fn time(&self) -> Option<Time> {
        self.text("time").and_then(time::parse)
    }

    /// A member that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A member that is a whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    /// A member that is true or false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// The texts of a member that is a list; none where it is missing.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_asked_by_name() {
        let line = br#"{"v":1,"seq":7,"kind":"call","time":"2026-01-02T03:04:05.000000Z",
            "sent":true,"reason_codes":["a","b"]}"#;
        let entry = Entry::read(line).unwrap();
        assert_eq!((entry.seq(), entry.kind(), entry.flag("sent")), (7, "call", Some(true)));
        assert_eq!(entry.texts("reason_codes").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(entry.time().unwrap().to_string(), "2026-01-02T03:04:05Z");
        assert!(entry.text("route").is_none() && entry.texts("violations").next().is_none());
    }

    #[test]
    fn what_is_no_line_is_said() {
        for (line, part) in [
            (&b"{"[..], "no evidence line: EOF"),
            (b"[]", "no evidence line: invalid type"),
            (b"{}", "`seq` is missing"),
            (br#"{"seq":1,"kind":"call","time":"never"}"#, "`time` is missing"),
        ] {
            let said = Entry::read(line).unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        }
    }
}
