//! One JSON object, taken apart by name.

use super::text;
use super::time::{self, Time};
use serde_json::{Map, Value};

/// The members of an object that are still to be taken, and where the object stands.
pub(crate) struct Members<'a> {
    path: &'a str,
    members: Map<String, Value>,
}

impl<'a> Members<'a> {
    /// Opens an object; `null` is an empty one. A member that equals a known one but for case is
    /// refused, whatever stands in it.
    pub(crate) fn of(
        value: Value,
        path: &'a str,
        known: &[&[&str]],
    ) -> Result<Members<'a>, String> {
        let members = match value {
            Value::Null => Map::new(),
            Value::Object(members) => members,
            _ if path.is_empty() => return Err("an intent must be an object".to_owned()),
            _ => return Err(format!("`{path}` must be an object")),
        };
        let members = Members { path, members };
        let known = || known.iter().copied().flatten();
        for name in members.members.keys().filter(|name| !known().any(|known| known == name)) {
            let folded = fold(name);
            if let Some(meant) = known().find(|known| **known == folded) {
                let said = members.at(&text::shown(name));
                return Err(format!("`{said}` must be written `{meant}`"));
            }
        }
        Ok(members)
    }

    /// The member, or `null`.
    pub(crate) fn take(&mut self, name: &str) -> Value {
        self.members.remove(name).unwrap_or_default()
    }

    /// Text; empty where it is not given.
    pub(crate) fn text(&mut self, name: &str) -> Result<String, String> {
        match self.take(name) {
            Value::Null => Ok(String::new()),
            Value::String(text) => Ok(text),
            _ => Err(self.wrong(name, "text")),
        }
    }

    /// `true` or `false`; false where it is not given.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.take(name) {
            Value::Null => Ok(false),
            Value::Bool(flag) => Ok(flag),
            _ => Err(self.wrong(name, "true or false")),
        }
    }

    /// An integer literal; 0 where it is not given.
    pub(crate) fn integer(&mut self, name: &str) -> Result<i64, String> {
        match self.take(name) {
            Value::Null => Ok(0),
            value => value.as_i64().ok_or_else(|| self.wrong(name, "an integer")),
        }
    }

    /// An object; empty where it is not given.
    pub(super) fn object(&mut self, name: &str) -> Result<Map<String, Value>, String> {
        match self.take(name) {
            Value::Null => Ok(Map::new()),
            Value::Object(object) => Ok(object),
            _ => Err(self.wrong(name, "an object")),
        }
    }

    /// A time; `None` where it is not given.
    pub(super) fn time(&mut self, name: &str) -> Result<Option<Time>, String> {
        let said = match self.take(name) {
            Value::Null => return Ok(None),
            Value::String(said) => said,
            _ => return Err(self.wrong(name, "text")),
        };
        time::parse(&said).map(Some).ok_or_else(|| {
            let (at, shown) = (self.at(name), text::shown(&said));
            format!("`{at}` is `{shown}`; write it like 2026-01-02T03:04:05Z")
        })
    }

    /// What `read` makes of the member and its path; `None` where it is not given.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value, &str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        match self.take(name) {
            Value::Null => Ok(None),
            value => read(value, &self.at(name)).map(Some),
        }
    }

    /// The items of a list, each read by `read` with its path; none where it is not given.
    pub(crate) fn each<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value, &str) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let items = match self.take(name) {
            Value::Null => Vec::new(),
            Value::Array(items) => items,
            _ => return Err(self.wrong(name, "a list")),
        };
        let path = self.at(name);
        let numbered = items.into_iter().enumerate();
        numbered.map(|(index, item)| read(item, &format!("{path}[{index}]"))).collect()
    }

    fn wrong(&self, name: &str, wanted: &str) -> String {
        format!("`{}` must be {wanted}", self.at(name))
    }

    fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// The name as readers that ignore case see it; U+017F is an `s` to some of them.
fn fold(name: &str) -> String {
    text::lower(name).replace('\u{17f}', "s")
}
