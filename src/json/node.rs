//! A strict document that still stands in its text.
//!
//! Text without escapes is borrowed and objects are plain lists, so a document that is only taken
//! apart, as intents and tokens are, costs little more than reading it. What must live on by
//! itself becomes a [`Value`].

use serde_json::{Number, Value};
use std::borrow::Cow;

/// One value of a document that [`tree`](super::tree) read.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Node<'t> {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// Text, decoded.
    Text(Cow<'t, str>),
    /// A list.
    List(Vec<Node<'t>>),
    /// Members in the order of the document; no name stands twice.
    Object(Vec<(Cow<'t, str>, Node<'t>)>),
}

impl From<Node<'_>> for Value {
    fn from(node: Node<'_>) -> Value {
        match node {
            Node::Null => Value::Null,
            Node::Bool(flag) => Value::Bool(flag),
            Node::Number(number) => Value::Number(number),
            Node::Text(text) => Value::String(text.into_owned()),
            Node::List(items) => items.into_iter().map(Value::from).collect(),
            Node::Object(members) => {
                members.into_iter().map(|(name, value)| (name, Value::from(value))).collect()
            }
        }
    }
}

impl From<()> for Node<'_> {
    fn from((): ()) -> Self {
        Node::Null
    }
}

impl From<bool> for Node<'_> {
    fn from(flag: bool) -> Self {
        Node::Bool(flag)
    }
}

impl From<Number> for Node<'_> {
    fn from(number: Number) -> Self {
        Node::Number(number)
    }
}

impl<'t> From<Cow<'t, str>> for Node<'t> {
    fn from(text: Cow<'t, str>) -> Node<'t> {
        Node::Text(text)
    }
}

impl<'t> From<Vec<Node<'t>>> for Node<'t> {
    fn from(items: Vec<Node<'t>>) -> Node<'t> {
        Node::List(items)
    }
}
