//! The two trees that the strict parser can grow.
//!
//! A [`Value`] owns all it holds and finds members by name; a [`Node`] borrows and lists them.
//! Rejected: growing only nodes and turning them into values, a fifth slower for bodies.

use super::Node;
use serde::de::Error;
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Up to so many names of an object are compared one by one; that is faster than any index.
const FEW_NAMES: usize = 16;

/// A name in an error text is cut after this many characters.
const SHOWN_CHARS_MAX: usize = 64;

/// What the parser grows from the leaves.
pub(super) trait Tree<'t>:
    From<()> + From<bool> + From<Number> + From<Cow<'t, str>> + From<Vec<Self>>
{
    /// The members of an object that is still open.
    type Members: Default + Into<Self>;

    /// Adds a member. A name that is there is refused before `value` is read, so that the
    /// position of the error is that of the second name.
    fn add<E: Error>(
        members: &mut Self::Members,
        name: Cow<'t, str>,
        value: impl FnOnce() -> Result<Self, E>,
    ) -> Result<(), E>;
}

/// The members of a [`Node`].
#[derive(Default)]
pub(super) struct List<'t> {
    members: Vec<(Cow<'t, str>, Node<'t>)>,
    /// Their names, as soon as they are many.
    names: BTreeSet<Cow<'t, str>>,
}

fn duplicate<E: Error>(name: &str) -> E {
    let shown: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    E::custom(format_args!("duplicate member `{shown}`"))
}

// === impl Value ===

impl<'t> Tree<'t> for Value {
    type Members = Map<String, Value>;

    fn add<E: Error>(
        members: &mut Map<String, Value>,
        name: Cow<'t, str>,
        value: impl FnOnce() -> Result<Value, E>,
    ) -> Result<(), E> {
        match members.entry(name) {
            Entry::Vacant(place) => drop(place.insert(value()?)),
            Entry::Occupied(twin) => return Err(duplicate(twin.key())),
        }
        Ok(())
    }
}

// === impl Node ===

impl<'t> Tree<'t> for Node<'t> {
    type Members = List<'t>;

    fn add<E: Error>(
        list: &mut List<'t>,
        name: Cow<'t, str>,
        value: impl FnOnce() -> Result<Node<'t>, E>,
    ) -> Result<(), E> {
        if list.has(&name) {
            return Err(duplicate(&name));
        }
        list.push(name, value()?);
        Ok(())
    }
}

impl<'t> From<List<'t>> for Node<'t> {
    fn from(list: List<'t>) -> Node<'t> {
        Node::Object(list.members)
    }
}

impl<'t> List<'t> {
    fn has(&self, name: &str) -> bool {
        match self.members.len() < FEW_NAMES {
            true => self.members.iter().any(|(known, _)| known == name),
            false => self.names.contains(name),
        }
    }

    fn push(&mut self, name: Cow<'t, str>, value: Node<'t>) {
        if self.members.len() >= FEW_NAMES {
            self.names.insert(name.clone());
        }
        self.members.push((name, value));
        if self.members.len() == FEW_NAMES {
            self.names.extend(self.members.iter().map(|(known, _)| known.clone()));
        }
    }
}
