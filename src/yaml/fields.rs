//! One YAML mapping, taken apart by key.
//!
//! Opening it refuses every key that is unknown, or set twice by a merge: none of them may pass in
//! silence.

use super::{Entry, Node, Scalar};
use std::collections::HashSet;

/// User input in an error text is cut after this many characters.
const SHOWN_CHARS_MAX: usize = 64;

/// Where something stands, counted from 1; zeros where that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) stage: FaultStage,
    pub(crate) what: String,
}

/// What the file fails at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultStage {
    /// It is not YAML of the right shape.
    Parse,
    /// It is, but a value breaks a rule of the format.
    Validate,
}

/// The keys of a mapping.
pub(crate) struct Keys {
    /// What the outermost mapping is called, such as `the policy`.
    pub(crate) document: &'static str,
    /// Those that are read.
    pub(crate) read: &'static [&'static str],
    /// Those of the time before the format, each with its mend (spec E22).
    pub(crate) legacy: &'static [(&'static str, &'static str)],
}

/// The entries of a mapping that are still to be taken.
pub(crate) struct Fields {
    path: String,
    place: Place,
    entries: Vec<Entry>,
}

impl Fault {
    pub(crate) fn parse(place: Place, what: String) -> Fault {
        Fault { place, stage: FaultStage::Parse, what }
    }

    pub(crate) fn validate(place: Place, what: String) -> Fault {
        Fault { place, stage: FaultStage::Validate, what }
    }
}

impl Fields {
    /// Opens the mapping that `path` names; `null` is an empty one.
    pub(crate) fn open(node: Node, path: String, keys: &Keys) -> Result<Fields, Fault> {
        let entries = match node.value {
            Scalar::Null => Vec::new(),
            Scalar::Map(entries) => spread(entries)?,
            _ => {
                let what = format!("{} must be a mapping of `key: value`", named(&path, keys));
                return Err(Fault::parse(node.place, what));
            }
        };
        let fields = Fields { path, place: node.place, entries };
        fields.entries.iter().try_for_each(|entry| fields.check(entry, keys))?;
        Ok(fields)
    }

    fn check(&self, entry: &Entry, keys: &Keys) -> Result<(), Fault> {
        let key = entry.key.as_str();
        let what = if keys.read.contains(&key) {
            return Ok(());
        } else if let Some((_, mend)) = keys.legacy.iter().find(|(legacy, _)| *legacy == key) {
            format!("legacy policy proposal fields are not supported [{key}]; {mend}")
        } else {
            let (key, place) = (&shown(key), named(&self.path, keys));
            let meant = nearest(key, keys.read).map(|key| format!("did you mean `{key}`? "));
            let (meant, known) = (meant.unwrap_or_default(), keys.read.join(", "));
            format!("unknown field `{key}` in {place}; {meant}known fields are {known}")
        };
        Err(Fault::parse(entry.place, what))
    }

    /// Refuses keys that are written and hold nothing, where leaving them out means *any*: what
    /// was meant to narrow must not widen.
    pub(crate) fn refuse_empty(&self, keys: &[&str]) -> Result<(), Fault> {
        let empty = |entry: &&Entry| match &entry.node.value {
            Scalar::Null => true,
            Scalar::Text(text) => text.trim().is_empty(),
            Scalar::List(items) => items.is_empty(),
            Scalar::Map(entries) => entries.is_empty(),
            _ => false,
        };
        let named = self.entries.iter().filter(|entry| keys.contains(&entry.key.as_str()));
        match named.filter(empty).min_by_key(|entry| (entry.place.line, entry.place.column)) {
            Some(entry) => {
                let what = format!("`{}` is empty; fill it or remove it", self.at(&entry.key));
                Err(Fault::validate(entry.place, what))
            }
            None => Ok(()),
        }
    }

    /// Whether a key is written, whatever it holds.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Where the mapping stands.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// The path of a key in it.
    pub(crate) fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The node of a key; an unwritten `null` where there is none.
    pub(crate) fn take(&mut self, key: &str) -> Node {
        match self.entries.iter().position(|entry| entry.key == key) {
            Some(index) => self.entries.swap_remove(index).node,
            None => Node::missing(self.place),
        }
    }

    /// Text and where it stands; empty where it is not given.
    pub(crate) fn text(&mut self, key: &str) -> Result<(String, Place), Fault> {
        let node = self.take(key);
        Ok((text(node.value).map_err(|got| self.wrong(key, node.place, got))?, node.place))
    }

    /// A list of text; empty where it is not given.
    pub(crate) fn texts(&mut self, key: &str) -> Result<Vec<(String, Place)>, Fault> {
        let items = self.list(key)?.into_iter();
        items
            .map(|item| {
                let value = text(item.value).map_err(|got| self.wrong(key, item.place, got))?;
                Ok((value, item.place))
            })
            .collect()
    }

    /// The items of a list; none where it is not given.
    pub(crate) fn list(&mut self, key: &str) -> Result<Vec<Node>, Fault> {
        let node = self.take(key);
        match node.value {
            Scalar::Null => Ok(Vec::new()),
            Scalar::List(items) => Ok(items),
            _ => Err(self.wrong(key, node.place, "must be a list, such as `[a, b]`")),
        }
    }

    /// An integer and where it stands; 0 where it is not given.
    pub(crate) fn integer(&mut self, key: &str) -> Result<(i64, Place), Fault> {
        let node = self.take(key);
        match node.value {
            Scalar::Null => Ok((0, node.place)),
            Scalar::Int(number) => Ok((number, node.place)),
            _ => Err(self.wrong(key, node.place, "must be a whole number of up to 64 bits")),
        }
    }

    /// A boolean; false where it is not given.
    pub(crate) fn flag(&mut self, key: &str) -> Result<bool, Fault> {
        let node = self.take(key);
        match node.value {
            Scalar::Null => Ok(false),
            Scalar::Bool(flag) => Ok(flag),
            _ => Err(self.wrong(key, node.place, "must be true or false, without quotes")),
        }
    }

    /// `true`, `false` or not given.
    pub(crate) fn optional_flag(&mut self, key: &str) -> Result<Option<bool>, Fault> {
        let node = self.take(key);
        match node.value {
            Scalar::Null => Ok(None),
            Scalar::Bool(flag) => Ok(Some(flag)),
            _ => Err(self.wrong(key, node.place, "must be true or false, without quotes")),
        }
    }

    /// An integer that may not be given, and where it stands.
    pub(crate) fn optional_integer(&mut self, key: &str) -> Result<(Option<i64>, Place), Fault> {
        let node = self.take(key);
        match node.value {
            Scalar::Null => Ok((None, node.place)),
            Scalar::Int(number) => Ok((Some(number), node.place)),
            _ => Err(self.wrong(key, node.place, "must be a whole number of up to 64 bits")),
        }
    }

    /// A number and where it stands; 0 where it is not given.
    pub(crate) fn number(&mut self, key: &str) -> Result<(f64, Place), Fault> {
        let node = self.take(key);
        match node.value {
            Scalar::Null => Ok((0.0, node.place)),
            // A policy's numbers are small; what does not fit a double is refused by its range.
            Scalar::Int(number) => Ok((number as f64, node.place)),
            Scalar::Number(number) => Ok((number, node.place)),
            _ => Err(self.wrong(key, node.place, "must be a number")),
        }
    }

    fn wrong(&self, key: &str, place: Place, what: &str) -> Fault {
        Fault::parse(place, format!("`{}` {what}", self.at(key)))
    }
}

impl Node {
    pub(crate) fn missing(place: Place) -> Node {
        Node { place, value: Scalar::Null, written: false }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Scalar::Null)
    }
}

/// What the public tool turns into text is refused: `1.50` would become `1.5`, `010` `8`.
fn text(value: Scalar) -> Result<String, &'static str> {
    match value {
        Scalar::Null => Ok(String::new()),
        Scalar::Text(text) => Ok(text),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Number(_) | Scalar::Disputed => {
            Err("must be text; put the value in quotes")
        }
        Scalar::List(_) | Scalar::Map(_) => Err("must be text"),
    }
}

/// Puts the entries of `<<` in its place. A key that is both merged and set is refused.
fn spread(entries: Vec<Entry>) -> Result<Vec<Entry>, Fault> {
    if !entries.iter().any(|entry| entry.key == "<<") {
        return Ok(entries);
    }
    let mut all: Vec<Entry> = Vec::new();
    let mut keys = HashSet::new();
    for entry in entries {
        let added = if entry.key == "<<" { merged(entry)? } else { vec![entry] };
        for entry in added {
            if !keys.insert(entry.key.clone()) {
                let what = format!("`{}` is set twice, once by a merge", shown(&entry.key));
                return Err(Fault::parse(entry.place, format!("{what}; remove one")));
            }
            all.push(entry);
        }
    }
    Ok(all)
}

fn merged(entry: Entry) -> Result<Vec<Entry>, Fault> {
    let maps = match entry.node.value {
        Scalar::List(items) => items,
        _ => vec![entry.node],
    };
    let mut all = Vec::new();
    for map in maps {
        let Scalar::Map(entries) = map.value else {
            return Err(Fault::parse(map.place, "`<<` must merge a mapping".to_owned()));
        };
        all.extend(spread(entries)?);
    }
    Ok(all)
}

/// The known key that a mistyped one is nearest to, where it is near: at most one letter in three
/// is wrong, two neighbours in the wrong order count as one. Letter case does not count.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let key = key.to_lowercase();
    let distances = known.iter().map(|known| {
        let distance = strsim::osa_distance(&key, &known.to_lowercase());
        (distance, *known)
    });
    let near = distances.filter(|(distance, known)| *distance <= known.len().min(9) / 3);
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

fn named(path: &str, keys: &Keys) -> String {
    if path.is_empty() { keys.document.to_owned() } else { path.to_owned() }
}

/// At most the first 64 characters, for an error text.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_mistyped_key_is_recognised_and_a_strange_one_is_not() {
        const KNOWN: [&str; 6] = ["effect", "reason_codes", "rules", "match", "tool_name", "host"];
        for (key, meant) in [
            ("efect", "effect"),
            ("EFFECT", "effect"),
            ("reasoncodes", "reason_codes"),
            ("reason-code", "reason_codes"),
            ("rule", "rules"),
            ("mtach", "match"),
            ("toolName", "tool_name"),
            ("hosts", "host"),
        ] {
            assert_eq!(nearest(key, &KNOWN), Some(meant), "{key}");
        }
        for key in ["", "x", "verdict", "tool", "hits", "policy"] {
            assert_eq!(nearest(key, &KNOWN), None, "{key}");
        }
    }
}
