//! YAML as a tree in which every node knows its line and column.
//!
//! serde-saphyr scans and refuses duplicate keys; the tree keeps what it found, so that each
//! reader decides what a scalar may be. Rejected: derived readers, which would turn `yes`, `010`
//! or `1.0` into whatever the field's type wants, and lose the place of what they refuse.

mod fields;
mod write;
mod comments;

pub(crate) use comments::Comments;
pub(crate) use fields::{Fault, FaultStage, Fields, Keys, Place};
pub(crate) use write::Mapping;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Options, Spanned, options::MergeKeyPolicy};
use std::fmt;

/// Policies nest five deep; the rest is room for flow style.
const DEPTH_MAX: usize = 32;
const NODES_MAX: usize = 1_000_000;
/// Anchors are for naming a match once, not for building a policy out of parts.
const ANCHORS_MAX: usize = 256;
const ALIASES_MAX: usize = 1_024;
const ALIAS_EVENTS_MAX: usize = 100_000;
const DOCUMENTS_MAX: usize = 64;

/// A value and where it stands; of an alias, where the alias stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Scalar,
    /// Whether any text stands for it. An empty document has none, `null` has.
    pub(crate) written: bool,
}

/// What a node holds.
#[derive(Debug)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// A float, or an integer beyond 64 bits.
    Number(f64),
    Text(String),
    /// A plain scalar that is text to some readers and a number to others, such as `010`.
    Disputed,
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key with its value, in file order.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) node: Node,
}

/// Whether a file has documents after its first, which is the only one that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaterDocuments {
    None,
    Some,
}

/// The first document of a file.
#[derive(Debug)]
pub(crate) struct Document {
    /// `None` where nothing is written in it.
    pub(crate) root: Option<Node>,
    /// Whether documents follow it.
    pub(crate) later: LaterDocuments,
}

/// Reads the first document; later ones must be YAML as well.
pub(crate) fn document(text: &str) -> Result<Document, Fault> {
    let mut root = None;
    let read = serde_saphyr::with_deserializer_from_str_with_options(text, options(), |yaml| {
        root = Some(Node::deserialize(yaml)?);
        Ok(())
    });
    let later = match read {
        Ok(()) => LaterDocuments::None,
        Err(Error::MultipleDocuments { .. }) => {
            serde_saphyr::from_multiple_with_options::<Node>(text, options()).map_err(fault)?;
            LaterDocuments::Some
        }
        Err(error) => return Err(fault(error)),
    };
    let unwritten = |node: &Node| matches!(node.value, Scalar::Null) && !node.written;
    Ok(Document { root: root.filter(|node| !unwritten(node)), later })
}

fn options() -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        // `<<` is spread by the reader, which sees a key set twice where this crate overrides.
        merge_keys: MergeKeyPolicy::AsOrdinary,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIAS_EVENTS_MAX },
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: NODES_MAX * 2,
            max_anchors: ANCHORS_MAX,
            max_aliases: ALIASES_MAX,
            max_documents: DOCUMENTS_MAX,
        },
    }
}

fn fault(error: Error) -> Fault {
    let place = error.location().map(|at| Place { line: at.line(), column: at.column() });
    let text = error.to_string();
    let what = match text.rsplit_once(" at line ") {
        Some((what, _)) if place.is_some() => what.to_owned(),
        _ => text,
    };
    let what = what.replace(", set DuplicateKeyPolicy in Options if acceptable", "; remove one");
    Fault::parse(place.unwrap_or_default(), what)
}

// === impl Node ===

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        let spanned = Spanned::<Scalar>::deserialize(deserializer)?;
        let (place, written) = (place(&spanned), !spanned.referenced.span().is_empty());
        // What is quoted is longer in the file than its text.
        let plain = |text: &str| spanned.defined.span().len() == text.len() as u64;
        let value = match spanned.value {
            Scalar::Text(text) if plain(&text) && is_disputed(&text) => Scalar::Disputed,
            value => value,
        };
        Ok(Node { place, value, written })
    }
}

fn place<T>(spanned: &Spanned<T>) -> Place {
    Place { line: spanned.referenced.line(), column: spanned.referenced.column() }
}

/// Whether text becomes a number where `_` and leading zeros are let through, as the public tool
/// does: it reads `010` as 8 and `1_000` as 1000.
fn is_disputed(text: &str) -> bool {
    let bare = text.replace('_', "").to_ascii_lowercase();
    let digits = bare.strip_prefix(['+', '-']).unwrap_or(&bare);
    let in_radix = |prefix, radix| {
        let rest = digits.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    let in_ten = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.parse::<f64>().is_ok();
    // What has neither is typed by its look or its tag, for everybody.
    let is_odd = digits.starts_with('0') || (text.contains('_') && !text.starts_with('_'));
    is_odd && (in_ten || in_radix("0x", 16) || in_radix("0o", 8) || in_radix("0b", 2))
}

// === impl Scalar ===

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML node")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(i64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Scalar::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let (place, node) = (place(&key), map.next_value()?);
            entries.push(Entry { key: key.value, place, node });
        }
        Ok(Scalar::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::{LaterDocuments, Scalar, document};

    #[test]
    fn only_what_is_written_is_a_document() {
        for text in ["", "# c\n", "---\n", "---\n# x\n", "---\n---\na: 1\n"] {
            assert!(document(text).unwrap().root.is_none(), "{text:?}");
        }
        for text in ["null\n", "~", "--- null\n"] {
            let root = document(text).unwrap().root;
            assert!(matches!(root.unwrap().value, Scalar::Null), "{text:?}");
        }
        assert_eq!(document("a: 1\n---\nb: 2\n").unwrap().later, LaterDocuments::Some);
        assert!(document("a: 1\n---\nb: [\n").is_err());
    }

    #[test]
    fn aliases_are_bounded() {
        let mut bomb = "a0: &a0 [x]\n".to_owned();
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(document(&bomb).is_err());
    }

    #[test]
    fn duplicate_keys_are_refused_where_they_stand() {
        let fault = document("a:\n  b: 1\n  b: 2\n").unwrap_err();
        assert_eq!((fault.place.line, fault.place.column), (3, 3));
        assert_eq!(fault.what, "duplicate mapping key: b; remove one");
    }
}
