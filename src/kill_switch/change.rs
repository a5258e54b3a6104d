//! Changing a state: adding an order, taking it back, ending it.
//!
//! Entries are never removed. What was once stopped, by whom and why, stays readable, and a
//! reader that comes late sees why a call was refused.

use super::{Entry, EntryStatus, State};
use crate::intent::text::shown;
use crate::intent::time::Time;
use crate::json::Digest;

/// Why a change cannot be made; invalid input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The id is taken.
    #[error("kill switch entry `{0}` is already there; choose another --id")]
    Taken(String),
    /// No entry has the id.
    #[error("no kill switch entry `{0}`; `gait kill-switch list` shows them")]
    Unknown(String),
    /// It would bring the entry back, or keep it longer.
    #[error("kill switch entry `{0}` ends earlier already; add a new one instead")]
    EndsEarlier(String),
    /// Several entries of a file from elsewhere share the id.
    #[error("several kill switch entries are called `{0}`; give each its own id in the file")]
    Ambiguous(String),
}

// === impl State ===

impl State {
    /// A state without entries.
    pub fn empty(at: Time) -> State {
        State { created_at: at, updated_at: at, entries: Vec::new() }
    }

    /// Adds an entry; one without an id gets one. Returns it as it then is, as all changes do.
    ///
    /// # Errors
    /// The id is taken.
    pub fn add(&mut self, entry: Entry, at: Time) -> Result<Entry, ChangeError> {
        let entry = entry.named();
        if self.entries.iter().any(|known| known.entry_id == entry.entry_id) {
            return Err(ChangeError::Taken(shown(&entry.entry_id)));
        }
        self.entries.push(entry.clone());
        self.touch(at);
        Ok(entry)
    }

    /// Takes an entry back, for good.
    ///
    /// # Errors
    /// There is no such entry, or more than one.
    pub fn disable(&mut self, id: &str, at: Time) -> Result<Entry, ChangeError> {
        let entry = self.entry(id)?;
        entry.enabled = false;
        let entry = entry.clone();
        self.touch(at);
        Ok(entry)
    }

    /// Lets an entry end at the time `end`.
    ///
    /// # Errors
    /// There is no such entry, or more than one, or it ends earlier.
    pub fn expire(&mut self, id: &str, end: Time, at: Time) -> Result<Entry, ChangeError> {
        let entry = self.entry(id)?;
        if entry.expires_at.is_given() && entry.expires_at < end {
            return Err(ChangeError::EndsEarlier(shown(id)));
        }
        entry.expires_at = end;
        let entry = entry.clone();
        self.touch(at);
        Ok(entry)
    }

    /// How many entries count at the time `at`.
    pub fn active_count(&self, at: Time) -> usize {
        self.entries.iter().filter(|entry| entry.status(at) == EntryStatus::Active).count()
    }

    fn entry(&mut self, id: &str) -> Result<&mut Entry, ChangeError> {
        let mut named = self.entries.iter_mut().filter(|entry| entry.entry_id == id);
        match (named.next(), named.next()) {
            (Some(entry), None) => Ok(entry),
            (None, _) => Err(ChangeError::Unknown(shown(id))),
            (Some(_), Some(_)) => Err(ChangeError::Ambiguous(shown(id))),
        }
    }

    /// Notes the change. Entries that a file from elsewhere left without an id get one here, so
    /// that they can be taken back.
    fn touch(&mut self, at: Time) {
        for entry in &mut self.entries {
            if entry.entry_id.is_empty() {
                *entry = entry.clone().named();
            }
        }
        self.updated_at = at;
    }
}

// === impl Entry ===

impl Entry {
    /// The entry with an id: its own, or one of what it says and when it was said.
    fn named(self) -> Entry {
        if !self.entry_id.is_empty() {
            return self;
        }
        let said = Digest::of(self.to_value().to_string().as_bytes());
        Entry { entry_id: format!("ks_{}", said.short()), ..self }
    }
}
