//! What of a call is never shown: what its route masks, what looks like a credential, and either
//! wherever else the call says it.
//!
//! Arguments are made from the path, and targets from arguments: what is hidden in one would be read
//! off the other. Rather too much is hidden than too little.

mod credential;
mod hidden;
mod request;

pub use credential::looks_like_credential;
pub use hidden::{Hidden, MASK};

use super::Intent;
use credential::{credentials, holds_credential, spans, spells_secret};
use hidden::Secrets;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// So many bytes of JSON Pointers to masks are told: a document can hold many masks below long names.
const POINTER_BYTES_MAX: usize = 64 << 10;

/// An intent as a document, about to lose what must not be kept.
pub struct Concealing {
    document: Value,
    secrets: Secrets,
    masked: Vec<String>,
    pointer_bytes: usize,
}

/// What is left of it.
#[derive(Debug)]
pub struct Concealed {
    /// The document, in the public format but for the masks in it.
    pub document: Value,
    /// JSON Pointers to the masks in it: to the first, where they are too long.
    pub masked: Vec<String>,
    /// How long the pointers to all masks are, in bytes.
    pub pointer_bytes: usize,
    /// What was masked.
    pub hidden: Hidden,
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
        let (secrets, masked) = (Secrets::default(), Vec::new());
        Some(Concealing { document, secrets, masked, pointer_bytes: 0 })
    }

    /// Masks what these pointers into the arguments name.
    pub fn mask(&mut self, pointers: &[String]) {
        for pointer in pointers {
            let pointer = format!("/args{pointer}");
            if let Some(value) = self.document.pointer_mut(&pointer) {
                self.secrets.add(value);
                *value = MASK.into();
                self.tell(&pointer);
            }
        }
    }

    /// Whether anything was masked yet.
    pub fn is_masked(&self) -> bool {
        !self.masked.is_empty()
    }

    /// The document so far.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Masks what looks like a credential, and then whatever says something that was masked.
    pub fn finish(mut self) -> Concealed {
        let (mut document, hidden) = self.search();
        if !hidden.is_empty() {
            self.walk(&mut document, &mut String::new(), "", &|_, value| hidden.meets(value));
        }
        self.done(document, hidden)
    }

    /// The same for a document that nobody is shown: `null`, and what is to be hidden elsewhere.
    pub fn omit(mut self) -> Concealed {
        let masked = self.masked.len();
        let (_, hidden) = self.search();
        self.masked.truncate(masked);
        self.done(Value::Null, hidden)
    }

    fn search(&mut self) -> (Value, Hidden) {
        let mut document = std::mem::take(&mut self.document);
        self.walk(&mut document, &mut String::new(), "", &meets_credential);
        (document, std::mem::take(&mut self.secrets).hide())
    }

    fn done(self, document: Value, hidden: Hidden) -> Concealed {
        let Concealing { masked, pointer_bytes, .. } = self;
        Concealed { document, masked, pointer_bytes, hidden }
    }

    /// Masks every value that `meets` something: that of a member with its name, that of an item
    /// with the name of its list.
    fn walk(&mut self, value: &mut Value, at: &mut String, name: &str, meets: Meets<'_>) {
        if meets(name, value) {
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
    fn hide_names(&mut self, members: &mut Map<String, Value>, at: &str, meets: Meets<'_>) {
        let meets = |name: &&String| meets("", &Value::String((*name).clone()));
        let names: Vec<String> = members.keys().filter(meets).cloned().collect();
        for name in names {
            let mut member = members.remove(&name).unwrap_or_default();
            self.secrets.add(&Value::String(name));
            self.hide(&mut member, &format!("{at}/{MASK}"));
            members.insert(MASK.to_owned(), member);
        }
    }

    fn hide(&mut self, value: &mut Value, at: &str) {
        self.secrets.add(value);
        // A text is hidden whole, and what is secret in it may be said elsewhere alone.
        let parts = value.as_str().map(credentials).unwrap_or_default();
        parts.into_iter().for_each(|part| self.secrets.add(&Value::String(part)));
        *value = MASK.into();
        self.tell(at);
    }

    fn tell(&mut self, at: &str) {
        self.pointer_bytes += at.len();
        if self.pointer_bytes <= POINTER_BYTES_MAX {
            self.masked.push(at.to_owned());
        }
    }
}

/// Whether a value under a name is to be masked.
type Meets<'m> = &'m dyn Fn(&str, &Value) -> bool;

fn meets_credential(name: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text != MASK && looks_like_credential(name, text),
        Value::Null | Value::Bool(_) => false,
        Value::Array(items) if items.is_empty() => false,
        Value::Object(members) if members.is_empty() => false,
        Value::Number(_) | Value::Array(_) | Value::Object(_) => spells_secret(name),
    }
}

// === impl Hidden ===

impl Hidden {
    fn meets(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => text != MASK && self.is_in(text),
            Value::Number(number) => self.is_in(&number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
