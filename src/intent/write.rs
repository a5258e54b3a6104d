//! An intent as a document of the public format.
//!
//! What is read from it again is the same intent, with the same digests: it is normal already.

use super::Intent;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

impl Serialize for Intent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("created_at", &self.created_at)?;
        members.serialize_entry("tool_name", &self.tool_name)?;
        members.serialize_entry("args", &self.args)?;
        members.serialize_entry("targets", &self.targets)?;
        if !self.arg_provenance.is_empty() {
            members.serialize_entry("arg_provenance", &self.arg_provenance)?;
        }
        if let Some(script) = &self.script {
            members.serialize_entry("script", script)?;
        }
        if let Some(skill) = &self.skill_provenance {
            members.serialize_entry("skill_provenance", skill)?;
        }
        if let Some(delegation) = &self.delegation {
            members.serialize_entry("delegation", delegation)?;
        }
        members.serialize_entry("context", &self.context)?;
        members.end()
    }
}

#[cfg(test)]
mod tests {
    use crate::intent::read::from_json;

    #[test]
    fn what_is_written_is_the_same_intent_when_read() {
        let mut rows = 0;
        for line in include_str!("../../tests/vectors/intents_extended.jsonl").lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let Some(text) = row["intent"].as_str() else { continue };
            let Ok(draft) = from_json(text.as_bytes()) else { continue };
            let Ok(intent) = draft.normalise() else { continue };
            let written = serde_json::to_vec(&intent).unwrap();
            let again = from_json(&written).unwrap().normalise().unwrap();
            assert_eq!(
                (again.digest(), again.args_digest()),
                (intent.digest(), intent.args_digest())
            );
            assert_eq!(again.created_at(), intent.created_at());
            rows += 1;
        }
        assert!(rows > 150, "{rows}");
    }
}
