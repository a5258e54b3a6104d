//! One JSON object, taken apart by name.

use super::text;
use super::time::{self, Time};
use crate::json::Node;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The members of an object that are still to be taken, and where the object stands.
pub(crate) struct Members<'a> {
    path: &'a str,
    /// A list, not a map: there are few, and most are asked for once.
    members: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Members<'a> {
    /// Opens an object; `null` is an empty one. A member that equals a known one but for case is
    /// refused, whatever stands in it. Known names are lower-case.
    pub(crate) fn of(
        node: Node<'a>,
        path: &'a str,
        known: &[&[&str]],
    ) -> Result<Members<'a>, String> {
        let members = match node {
            Node::Null => Vec::new(),
            Node::Object(members) => members,
            _ if path.is_empty() => return Err("an intent must be an object".to_owned()),
            _ => return Err(format!("`{path}` must be an object")),
        };
        let members = Members { path, members };
        for name in members.names_that_fold() {
            let folded = fold(name);
            if let Some(meant) = known.iter().copied().flatten().find(|known| **known == folded) {
                let said = members.at(&text::shown(name));
                return Err(format!("`{said}` must be written `{meant}`"));
            }
        }
        Ok(members)
    }

    /// The names that are another name to readers that ignore case, in byte order.
    fn names_that_fold(&self) -> Vec<&str> {
        let names = self.members.iter().map(|(name, _)| &**name);
        let mut folding: Vec<&str> = names.filter(|name| !text::is_low(name)).collect();
        folding.sort_unstable();
        folding
    }

    /// The member, or `null`.
    pub(crate) fn take(&mut self, name: &str) -> Node<'a> {
        match self.members.iter().position(|(said, _)| said == name) {
            Some(place) => self.members.swap_remove(place).1,
            None => Node::Null,
        }
    }

    /// Text; empty where it is not given.
    pub(crate) fn text(&mut self, name: &str) -> Result<String, String> {
        match self.take(name) {
            Node::Null => Ok(String::new()),
            Node::Text(text) => Ok(text.into_owned()),
            _ => Err(self.wrong(name, "text")),
        }
    }

    /// Text that nobody will read; only its type is checked.
    pub(super) fn unused_text(&mut self, name: &str) -> Result<(), String> {
        match self.take(name) {
            Node::Null | Node::Text(_) => Ok(()),
            _ => Err(self.wrong(name, "text")),
        }
    }

    /// `true` or `false`; false where it is not given.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.take(name) {
            Node::Null => Ok(false),
            Node::Bool(flag) => Ok(flag),
            _ => Err(self.wrong(name, "true or false")),
        }
    }

    /// An integer literal; 0 where it is not given.
    pub(crate) fn integer(&mut self, name: &str) -> Result<i64, String> {
        match self.take(name) {
            Node::Null => Ok(0),
            Node::Number(number) => number.as_i64().ok_or_else(|| self.wrong(name, "an integer")),
            _ => Err(self.wrong(name, "an integer")),
        }
    }

    /// An object; empty where it is not given.
    pub(super) fn object(&mut self, name: &str) -> Result<Map<String, Value>, String> {
        match self.take(name) {
            Node::Null => Ok(Map::new()),
            Node::Object(members) => Ok(members
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value.into()))
                .collect()),
            _ => Err(self.wrong(name, "an object")),
        }
    }

    /// A time; `None` where it is not given.
    pub(super) fn time(&mut self, name: &str) -> Result<Option<Time>, String> {
        let said = match self.take(name) {
            Node::Null => return Ok(None),
            Node::Text(said) => said,
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
        read: impl Fn(Node<'a>, &str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        match self.take(name) {
            Node::Null => Ok(None),
            value => read(value, &self.at(name)).map(Some),
        }
    }

    /// The items of a list, each read by `read` with its path; none where it is not given.
    pub(crate) fn each<T>(
        &mut self,
        name: &str,
        read: impl Fn(Node<'a>, &str) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let items = match self.take(name) {
            Node::Null => Vec::new(),
            Node::List(items) => items,
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
