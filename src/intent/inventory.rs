//! What an inventory of tools knows of the tool that is called (spec E11).
//!
//! The inventory is a file that the operator names. What it says is written into the intent's
//! `auth_context` over whatever the caller claims there, and so is part of the digest.

use super::error::IntentError;
use super::members::Members;
use super::text::word;
use super::{Intent, digest};
use crate::json::{self, Node};
use serde_json::Value;
use std::collections::BTreeMap;

/// The members of an entry.
const ENTRY: [&str; 4] = ["tool_name", "data_class", "endpoint_class", "autonomy_level"];

/// What is known of tools, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    entries: BTreeMap<String, InventoryEntry>,
}

/// What is known of one tool; all text is trimmed and lower-case, and may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryEntry {
    /// The tool.
    pub tool_name: String,
    /// What data it handles.
    pub data_class: String,
    /// What it does, in classes; any word.
    pub endpoint_class: String,
    /// How much it does on its own.
    pub autonomy_level: String,
}

impl Inventory {
    /// Reads a JSON list of entries, or an object whose `items` is one. Of several entries for a
    /// tool the last counts.
    ///
    /// # Errors
    /// Says why there is no such list, or which entry has a member of the wrong type.
    pub fn read(bytes: &[u8]) -> Result<Inventory, String> {
        let node = json::tree(bytes).map_err(|error| error.to_string())?;
        let mut entries = BTreeMap::new();
        for (index, item) in items(node)?.into_iter().enumerate() {
            let entry = entry(item, &format!("items[{index}]"))?;
            entries.insert(entry.tool_name.clone(), entry);
        }
        Ok(Inventory { entries })
    }

    /// What is known of a tool, named as in an intent.
    pub fn entry(&self, tool_name: &str) -> Option<&InventoryEntry> {
        self.entries.get(tool_name)
    }
}

fn items(node: Node<'_>) -> Result<Vec<Node<'_>>, String> {
    let items = match node {
        Node::Object(_) => Members::of(node, "inventory", &[&["items"]])?.take("items"),
        other => other,
    };
    match items {
        Node::List(items) => Ok(items),
        _ => Err("an inventory must be a list, or an object whose `items` is a list".to_owned()),
    }
}

fn entry(value: Node<'_>, path: &str) -> Result<InventoryEntry, String> {
    let mut entry = Members::of(value, path, &[&ENTRY])?;
    Ok(InventoryEntry {
        tool_name: word(entry.text("tool_name")?),
        data_class: word(entry.text("data_class")?),
        endpoint_class: word(entry.text("endpoint_class")?),
        autonomy_level: word(entry.text("autonomy_level")?),
    })
}

// === impl Intent ===

impl Intent {
    /// Writes what the inventory knows of the tool into `auth_context`, always all four members,
    /// and gives the intent the digests that it then has.
    ///
    /// # Errors
    /// `Normalise` where the intent has no canonical form.
    pub fn with_inventory(self, entry: &InventoryEntry) -> Result<Intent, IntentError> {
        let mut unsealed = digest::unseal(self);
        for (name, text) in [
            ("wrkr.tool_name", &entry.tool_name),
            ("wrkr.data_class", &entry.data_class),
            ("wrkr.endpoint_class", &entry.endpoint_class),
            ("wrkr.autonomy_level", &entry.autonomy_level),
        ] {
            let text = Value::String(text.clone());
            unsealed.context.auth_context.insert(name.to_owned(), text);
        }
        digest::seal(unsealed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Inventory, InventoryEntry};

    fn read(text: &str) -> Result<Inventory, String> {
        Inventory::read(text.as_bytes())
    }

    #[test]
    fn a_list_and_an_object_with_a_list_are_read() {
        let entry = r#"{"tool_name": " Repo.READ ", "data_class": " PII", "other": 1}"#;
        for text in [format!("[{entry}]"), format!(r#"{{"items":[{entry}],"version":2}}"#)] {
            let inventory = read(&text).unwrap();
            let known = InventoryEntry {
                tool_name: "repo.read".into(),
                data_class: "pii".into(),
                ..InventoryEntry::default()
            };
            assert_eq!(inventory.entry("repo.read"), Some(&known));
            assert_eq!(inventory.entry("repo.write"), None);
        }
    }

    #[test]
    fn the_last_entry_of_a_tool_counts_whole() {
        let text = r#"[{"tool_name":"a","data_class":"x"},{"tool_name":"A","autonomy_level":"y"}]"#;
        let inventory = read(text).unwrap();
        let entry = inventory.entry("a").unwrap();
        assert_eq!((entry.data_class.as_str(), entry.autonomy_level.as_str()), ("", "y"));
    }

    #[test]
    fn what_is_no_inventory_is_said() {
        for text in ["null", "1", "{}", r#"{"items":null}"#, r#"{"items":{}}"#] {
            assert!(read(text).unwrap_err().contains("must be a list"), "{text}");
        }
        assert!(read(r#"{"Items":[]}"#).unwrap_err().contains("must be written `items`"));
        assert!(read("[1]").unwrap_err().contains("`items[0]` must be an object"));
        let wrong = read(r#"[{},{"tool_name":1}]"#).unwrap_err();
        assert!(wrong.contains("`items[1].tool_name` must be text"), "{wrong}");
        assert!(read("[").is_err());
    }
}
