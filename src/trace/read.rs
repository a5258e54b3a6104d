//! Reading a trace record that somebody wrote, and checking who signed it (spec C13.4).
//!
//! The signature is checked over the known members, encoded anew: white space, member order and
//! unknown members do not matter, a changed known one does. Two members of one name, and a name
//! that is another's but for case, are refused before anything is verified: two readers could
//! take such a record for two different ones.

use super::record::Record;
use crate::intent::stamp::Stamp;
use crate::json;
use crate::sign::{PublicKey, Refusal};
use serde::Deserialize as _;
use serde_json::{Map, Value};

/// Why a text is no trace record; invalid input.
#[derive(Debug, thiserror::Error)]
#[error("parse trace record: {0}")]
pub struct ReadError(String);

/// Why a record does not verify.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// It is not signed.
    #[error("trace signature missing")]
    Unsigned,
    /// The signature does not hold.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The record has no canonical form.
    #[error("trace record: {0}")]
    Form(String),
}

impl Record {
    /// Reads one record.
    ///
    /// # Errors
    /// Not strict JSON, not an object, a member of the wrong type or in another case, or a time
    /// that is none.
    pub fn read(bytes: &[u8]) -> Result<Record, ReadError> {
        let mut value = json::parse(bytes).map_err(|error| ReadError(error.to_string()))?;
        tidy(&mut value).map_err(ReadError)?;
        let mut members = match value {
            Value::Null => Map::new(),
            Value::Object(members) => members,
            _ => return Err(ReadError("a trace record is one JSON object".to_owned())),
        };
        for name in ["created_at", "observed_at"] {
            let time = time_member(name, members.remove(name)).map_err(ReadError)?;
            members.insert(name.to_owned(), time.into());
        }
        let said = Value::Object(members);
        let record = Record::deserialize(&said).map_err(|error| ReadError(error.to_string()))?;
        let meant = serde_json::to_value(&record).map_err(|error| ReadError(error.to_string()))?;
        match lists_for_objects(&said, &meant) {
            true => Err(ReadError("a list stands where an object belongs".to_owned())),
            false => Ok(record),
        }
    }

    /// Whether `key` signed this record.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Unverified> {
        let signature = self.signature.as_ref().ok_or(Unverified::Unsigned)?;
        let digest = self.signed_digest().map_err(|error| Unverified::Form(error.to_string()))?;
        Ok(key.verify(signature, digest.as_bytes())?)
    }

    /// The id that the record claims; nothing says that it is derived from the rest.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// The verdict word.
    pub fn verdict(&self) -> &str {
        &self.verdict
    }

    /// The id of the key that the signature names.
    pub fn key_id(&self) -> Option<&str> {
        self.signature.as_ref().map(|signature| signature.key_id.as_str())
    }
}

/// Drops null members, which mean absent ones, and refuses names that are not in lower case.
fn tidy(value: &mut Value) -> Result<(), String> {
    match value {
        Value::Object(members) => {
            if let Some(name) = members.keys().find(|name| *name != &folded(name)) {
                return Err(format!(
                    "member `{name}` is not in lower case; write known members as they are and leave others out"
                ));
            }
            members.retain(|_, member| !member.is_null());
            members.values_mut().try_for_each(tidy)
        }
        Value::Array(items) => items.iter_mut().try_for_each(tidy),
        _ => Ok(()),
    }
}

/// Up and down again: catches the letters that a case-blind reader takes for ASCII ones.
fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

/// The time in output form; the zero time where none is given.
fn time_member(name: &str, said: Option<Value>) -> Result<String, String> {
    match said {
        None => Ok(Stamp::default().to_string()),
        Some(Value::String(text)) => Stamp::parse(&text)
            .map(|stamp| stamp.to_string())
            .ok_or_else(|| format!("`{name}` is not an RFC 3339 time: `{text}`")),
        Some(_) => Err(format!("`{name}` must be text")),
    }
}

/// Whether a list was taken for the members of an object in order, as serde takes it: no other
/// reader of the format does, so such a record would verify here alone.
fn lists_for_objects(said: &Value, meant: &Value) -> bool {
    match (said, meant) {
        (Value::Array(_), Value::Object(_)) => true,
        (Value::Array(said), Value::Array(meant)) => {
            said.iter().zip(meant).any(|(said, meant)| lists_for_objects(said, meant))
        }
        (Value::Object(said), Value::Object(meant)) => meant
            .iter()
            .any(|(name, meant)| said.get(name).is_some_and(|said| lists_for_objects(said, meant))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::PrivateKey;

    const KEY: &str = "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";

    /// Records that the public tool signed, as it wrote them.
    fn written() -> Vec<String> {
        include_str!("../../tests/vectors/traces.jsonl")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|row| row["feature"][2] == "trace:valid")
            .map(|row| row["trace"].as_str().unwrap().to_owned())
            .collect()
    }

    fn read_error(text: &str) -> String {
        Record::read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn foreign_records_verify_and_are_written_as_they_came() {
        let texts = written();
        assert!(texts.len() >= 30);
        for text in texts {
            let record = Record::read(text.as_bytes()).unwrap();
            assert_eq!(record.verify(&PublicKey::parse(KEY).unwrap()), Ok(()));
            assert_eq!(serde_json::to_string_pretty(&record).unwrap() + "\n", text);
        }
    }

    #[test]
    fn members_that_gait_does_not_write_are_covered_too() {
        let key = PrivateKey::generate().unwrap();
        let text = r#"{"tool_name":"t","kill_switch":{"status":"inactive"},"script":true}"#;
        let mut record = Record::read(text.as_bytes()).unwrap();
        let digest = record.signed_digest().unwrap();
        record.signature = Some(key.sign(digest.as_bytes()));
        assert_eq!(record.verify(&key.public()), Ok(()));

        let text = serde_json::to_string(&record).unwrap().replace("inactive", "active");
        let changed = Record::read(text.as_bytes()).unwrap();
        let refused = Unverified::Refused(Refusal::DigestMismatch);
        assert_eq!(changed.verify(&key.public()), Err(refused));
    }

    #[test]
    fn what_two_readers_could_take_for_two_records_is_refused() {
        assert!(read_error(r#"{"verdict":"block","verdict":"allow"}"#).contains("duplicate"));
        assert!(read_error(r#"{"verdict":"block","Verdict":"allow"}"#).contains("`Verdict`"));
        assert!(read_error("{\"observed_at\":\"x\",\"ver\u{17f}ion\":1}").contains("lower case"));
        assert!(read_error("[]").contains("one JSON object"));
        assert!(read_error(r#"{"verdict":1}"#).starts_with("parse trace record: "));
        for time in [r#""today""#, r#""""#, "5", "[]"] {
            let error = read_error(&format!("{{\"created_at\":{time}}}"));
            assert!(error.contains("`created_at`"), "{error}");
        }
    }

    #[test]
    fn a_list_is_no_object() {
        for text in [
            r#"{"signature":["ed25519","k","s","d"]}"#,
            r#"{"signature":[]}"#,
            r#"{"relationship":[]}"#,
            r#"{"relationship":{"entity_refs":[{"kind":"a","id":"b"},["tool","t"]]}}"#,
            r#"{"relationship":{"edges":[{"kind":"calls","from":["agent","a"]}]}}"#,
        ] {
            assert!(read_error(text).contains("a list stands"), "{text}");
        }
    }

    #[test]
    fn nothing_is_an_unsigned_record() {
        let key = PublicKey::parse(KEY).unwrap();
        for text in ["null", "{}", r#"{"signature":null,"created_at":null}"#] {
            let record = Record::read(text.as_bytes()).unwrap();
            assert_eq!(record.verify(&key), Err(Unverified::Unsigned), "{text}");
        }
    }
}
