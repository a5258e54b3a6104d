//! What of a call is never shown: what its route masks, what looks like a credential, and either
//! wherever else the call says it.
//!
//! Arguments are made from the path, and targets from arguments: what is hidden in one would be read
//! off the other. Rather too much is hidden than too little.

mod credential;
mod hidden;

pub use credential::looks_like_credential;
pub use hidden::{Hidden, MASK};

use super::Intent;
use credential::{credentials, holds_credential, spans, spells_secret};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// An intent as a document, about to lose what must not be kept.
pub struct Concealing {
    document: Value,
    hidden: Hidden,
    masked: Vec<String>,
}

/// What is left of it.
#[derive(Debug)]
pub struct Concealed {
    /// The document, in the public format but for the masks in it.
    pub document: Value,
    /// JSON Pointers to every mask in it.
    pub masked: Vec<String>,
}

/// A text without the credentials in it.
pub fn text(text: &str) -> Cow<'_, str> {
    let mut spans = spans(text);
    if spans.is_empty() {
        return Cow::Borrowed(if holds_credential(text) { MASK } else { text });
    }
    spans.sort_unstable_by_key(|span| span.start);
    let (mut shown, mut end) = (String::new(), 0);
    for span in spans {
        if span.start >= end {
            shown.push_str(text.get(end..span.start).unwrap_or_default());
            shown.push_str(MASK);
        }
        end = end.max(span.end);
    }
    shown.push_str(text.get(end..).unwrap_or_default());
    Cow::Owned(shown)
}

// === impl Concealing ===

impl Concealing {
    /// Begins with the whole intent; `None` where it cannot be written.
    pub fn of(intent: &Intent) -> Option<Concealing> {
        let document = serde_json::to_value(intent).ok()?;
        Some(Concealing { document, hidden: Hidden::default(), masked: Vec::new() })
    }

    /// Masks what these pointers into the arguments name.
    pub fn mask(&mut self, pointers: &[String]) {
        for pointer in pointers {
            let pointer = format!("/args{pointer}");
            if let Some(value) = self.document.pointer_mut(&pointer) {
                self.hidden.add(value);
                *value = MASK.into();
                self.masked.push(pointer);
            }
        }
    }

    /// The document so far.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Masks what looks like a credential, and then whatever says something that was masked.
    pub fn finish(mut self) -> Concealed {
        let mut document = std::mem::take(&mut self.document);
        self.walk(&mut document, &mut String::new(), "", Hidden::meets_credential);
        if !self.hidden.is_empty() {
            self.walk(&mut document, &mut String::new(), "", Hidden::meets_hidden);
        }
        Concealed { document, masked: self.masked }
    }

    /// Masks every value that `meets` something: that of a member with its name, that of an item
    /// with the name of its list.
    fn walk(&mut self, value: &mut Value, at: &mut String, name: &str, meets: Meets) {
        if meets(&self.hidden, name, value) {
            self.hide(value, at);
            return;
        }
        let len = at.len();
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    at.push_str(&format!("/{index}"));
                    self.walk(item, at, name, meets);
                    at.truncate(len);
                }
            }
            Value::Object(members) => {
                // Elsewhere they are the format's own, or the config's.
                if at.starts_with("/args") {
                    self.hide_names(members, at, meets);
                }
                for (name, member) in members {
                    at.push('/');
                    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    self.walk(member, at, name, meets);
                    at.truncate(len);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// A name can hold a credential itself; its member goes with it.
    fn hide_names(&mut self, members: &mut Map<String, Value>, at: &str, meets: Meets) {
        let meets = |name: &&String| meets(&self.hidden, "", &Value::String((*name).clone()));
        let names: Vec<String> = members.keys().filter(meets).cloned().collect();
        for name in names {
            let mut member = members.remove(&name).unwrap_or_default();
            self.hidden.add(&Value::String(name));
            self.hide(&mut member, &format!("{at}/{MASK}"));
            members.insert(MASK.to_owned(), member);
        }
    }

    fn hide(&mut self, value: &mut Value, at: &str) {
        self.hidden.add(value);
        // A text is hidden whole, and what is secret in it may be said elsewhere alone.
        let parts = value.as_str().map(credentials).unwrap_or_default();
        parts.into_iter().for_each(|part| self.hidden.add(&Value::String(part)));
        *value = MASK.into();
        self.masked.push(at.to_owned());
    }
}

/// Whether a value under a name is to be masked.
type Meets = fn(&Hidden, &str, &Value) -> bool;

// === impl Hidden ===

impl Hidden {
    fn meets_credential(&self, name: &str, value: &Value) -> bool {
        match value {
            Value::String(text) => text != MASK && looks_like_credential(name, text),
            Value::Null | Value::Bool(_) => false,
            Value::Array(items) if items.is_empty() => false,
            Value::Object(members) if members.is_empty() => false,
            Value::Number(_) | Value::Array(_) | Value::Object(_) => spells_secret(name),
        }
    }

    fn meets_hidden(&self, _name: &str, value: &Value) -> bool {
        match value {
            Value::String(text) => text != MASK && self.is_in(text),
            Value::Number(number) => self.is_in(&number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
