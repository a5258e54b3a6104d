//! Policies from YAML (spec C2), read strictly.
//!
//! The tree of the file is walked once, key by key. Every refusal names file, line, column and
//! field, and says the mend, because a policy is written by people and a typing error in it is a
//! hole.

mod rule;
mod matcher;
mod terms;
mod blocks;
mod guards;
mod whole;

use super::{
    FailClosed, HighRiskField, IgnoredDocuments, Parts, Policy, RequiredField, SCHEMA_ID,
    SCHEMA_VERSION, Verdict,
};
use crate::intent::text::{lowlist, shown, word};
use crate::yaml::{self, Fault, FaultStage, Fields, Keys, LaterDocuments, Node, Place};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest policy file that is read.
pub const POLICY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What error texts call the whole.
const DOCUMENT: &str = "the policy";

const TOP: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "schema_id",
        "schema_version",
        "default_verdict",
        "default_action",
        "fail_closed",
        "rules",
        "scripts",
        "mcp_trust",
    ],
    legacy: &[
        ("version", "write `schema_version: 1.0.0`"),
        ("name", "remove it; rules have names of their own"),
        ("boundaries", "write `rules`"),
        ("defaults", "write `default_verdict` and `fail_closed`"),
        ("trust_sources", "remove it"),
        ("unknown_server", "remove it"),
    ],
};

const FAIL_CLOSED: Keys = Keys {
    document: DOCUMENT,
    read: &["enabled", "risk_classes", "required_fields", "required_high_risk_fields"],
    legacy: &[],
};

/// Why a policy could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file could not be read.
    #[error("read policy {file}: {source}")]
    Read {
        /// The file as it was named.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not YAML of the right shape.
    #[error("parse policy yaml: {file}:{line}:{column}: {what}")]
    Parse {
        /// The file as it was named.
        file: String,
        /// Counted from 1; 0 where it is not known.
        line: u64,
        /// Counted from 1; 0 where it is not known.
        column: u64,
        /// What is wrong, and the mend.
        what: String,
    },
    /// A value breaks a rule of the format.
    #[error("{file}:{line}:{column}: {what}")]
    Invalid {
        /// The file as it was named.
        file: String,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
        /// What is wrong, and the mend.
        what: String,
    },
}

/// Reads and compiles the policy in a file of at most [`POLICY_BYTES_MAX`].
pub fn load(path: &Path) -> Result<Policy, PolicyError> {
    let file = path.display().to_string();
    match read(path) {
        Ok(bytes) => parse(&file, &bytes),
        Err(source) => Err(PolicyError::Read { file, source }),
    }
}

/// Reads and compiles a policy; `file_name` is for the error texts.
pub fn parse(file_name: &str, bytes: &[u8]) -> Result<Policy, PolicyError> {
    read_policy(bytes).map_err(|fault| in_file(fault, file_name))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(POLICY_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|count| count <= POLICY_BYTES_MAX) {
        return Ok(bytes);
    }
    let what = format!("larger than {POLICY_BYTES_MAX} bytes; split it by tool");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, what))
}

fn read_policy(bytes: &[u8]) -> Result<Policy, Fault> {
    let document = yaml::document(text(bytes)?)?;
    let mut top = match document.root {
        Some(root) if root.is_null() => {
            let what = "the policy is `null`; leave the file empty for the defaults".to_owned();
            return Err(Fault::parse(root.place, what));
        }
        Some(root) => Fields::open(root, String::new(), &TOP)?,
        None => Fields::open(Node::missing(Place::default()), String::new(), &TOP)?,
    };
    schema(&mut top, "schema_id", SCHEMA_ID)?;
    schema(&mut top, "schema_version", SCHEMA_VERSION)?;
    let default_verdict = default_verdict(&mut top)?;
    let fail_closed = fail_closed(top.take("fail_closed"))?;
    let mcp_trust = whole::mcp_trust(top.take("mcp_trust"))?;
    let scripts = whole::scripts(top.take("scripts"))?;
    let rules = top.list("rules")?.into_iter().enumerate();
    let rules =
        rules.map(|(index, node)| rule::read(node, index)).collect::<Result<Vec<_>, _>>()?;
    let ignored = match document.later {
        LaterDocuments::None => IgnoredDocuments::None,
        LaterDocuments::Some => IgnoredDocuments::Some,
    };
    let parts = Parts { default_verdict, fail_closed, mcp_trust, scripts, rules, ignored };
    Policy::compile(parts)
        .map_err(|error| Fault::validate(Place { line: 1, column: 1 }, error.to_string()))
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
        let place = Place { line: u64::try_from(line).unwrap_or(u64::MAX) + 1, column: 1 };
        Fault::parse(place, "the file is not UTF-8; save it as UTF-8".to_owned())
    })?;
    if text.starts_with('\u{feff}') {
        let what = "the file starts with a byte order mark; save it without one".to_owned();
        return Err(Fault::parse(Place { line: 1, column: 1 }, what));
    }
    Ok(text)
}

fn schema(top: &mut Fields, key: &str, wanted: &str) -> Result<(), Fault> {
    let (said, place) = top.text(key)?;
    if said.is_empty() || said == wanted {
        return Ok(());
    }
    let what = format!("unsupported policy {key}: `{}`; write {wanted}", shown(&said));
    Err(Fault::validate(place, what))
}

fn default_verdict(top: &mut Fields) -> Result<Verdict, Fault> {
    let (said, place) = top.text("default_verdict")?;
    let (alias, alias_place) = top.text("default_action")?;
    let (said, alias) = (word(said), word(alias));
    if !said.is_empty() && !alias.is_empty() && said != alias {
        let what = "default_action must match default_verdict when both are set; remove one";
        return Err(Fault::validate(alias_place, what.to_owned()));
    }
    let (said, place) = if said.is_empty() { (alias, alias_place) } else { (said, place) };
    if said.is_empty() {
        return Ok(Verdict::RequireApproval);
    }
    Verdict::parse(&said).ok_or_else(|| {
        let what = format!("invalid default_verdict: `{}`; {}", shown(&said), verdict_mend());
        Fault::validate(place, what)
    })
}

fn verdict_mend() -> String {
    format!("write one of {}", Verdict::ALL.map(Verdict::as_str).join(", "))
}

fn fail_closed(node: Node) -> Result<FailClosed, Fault> {
    let mut fields = Fields::open(node, "fail_closed".to_owned(), &FAIL_CLOSED)?;
    let enabled = fields.flag("enabled")?;
    let mut risk_classes = lowlist(plain(fields.texts("risk_classes")?));
    if enabled && risk_classes.is_empty() {
        risk_classes = FailClosed::RISK_CLASSES.map(str::to_owned).to_vec();
    }
    let required_fields = vocabulary(
        fields.texts("required_fields")?,
        RequiredField::parse,
        |word| format!("unsupported fail_closed required_field: {word}"),
        RequiredField::known,
    )?;
    let required_high_risk_fields = vocabulary(
        fields.texts("required_high_risk_fields")?,
        HighRiskField::parse,
        |word| format!("unsupported fail_closed required_high_risk_field: {word}"),
        HighRiskField::known,
    )?;
    Ok(FailClosed { enabled, risk_classes, required_fields, required_high_risk_fields })
}

/// A lowlist of words of a closed vocabulary; `refusal` gets the word that is not in it.
fn vocabulary<T: Ord>(
    said: Vec<(String, Place)>,
    parse: fn(&str) -> Option<T>,
    refusal: impl Fn(String) -> String,
    known: fn() -> String,
) -> Result<Vec<T>, Fault> {
    let words = said.into_iter().map(|(said, place)| (word(said), place));
    let mut items = words
        .filter(|(said, _)| !said.is_empty())
        .map(|(said, place)| {
            parse(&said).ok_or_else(|| {
                let what = refusal(format!("`{}`", shown(&said)));
                Fault::validate(place, format!("{what}; known are {}", known()))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    items.sort_unstable();
    items.dedup();
    Ok(items)
}

/// A word for what a broken constraint means: `block` or `require_approval`; `None` where there is
/// none.
fn guard_word(said: (String, Place), key: &str, rule: &str) -> Result<Option<Verdict>, Fault> {
    guard_word_in(said, key, &format!(" for `{}`", shown(rule)))
}

/// The same, in a key of the whole policy.
fn guard_word_of_whole(said: (String, Place), key: &str) -> Result<Option<Verdict>, Fault> {
    guard_word_in(said, key, "")
}

fn guard_word_in(
    (said, place): (String, Place),
    key: &str,
    whose: &str,
) -> Result<Option<Verdict>, Fault> {
    match word(said).as_str() {
        "" => Ok(None),
        "block" => Ok(Some(Verdict::Block)),
        "require_approval" => Ok(Some(Verdict::RequireApproval)),
        other => {
            let other = shown(other);
            let what =
                format!("unsupported {key} `{other}`{whose}; write block or require_approval");
            Err(Fault::validate(place, what))
        }
    }
}

/// A number that is at least 0; 0 where it is not given.
fn count(fields: &mut Fields, key: &str, rule: &str) -> Result<u64, Fault> {
    count_at(fields, key, "", rule)
}

/// The same, in a block that the error text names with its dot.
fn count_at(fields: &mut Fields, key: &str, block: &str, rule: &str) -> Result<u64, Fault> {
    let (number, place) = fields.integer(key)?;
    at_least_zero(number, place, &format!("{block}{key}"), rule)
}

/// A number that is at least 0, where it is given.
fn optional_count(fields: &mut Fields, key: &str, rule: &str) -> Result<Option<u64>, Fault> {
    let (number, place) = fields.optional_integer(key)?;
    number.map(|number| at_least_zero(number, place, key, rule)).transpose()
}

fn at_least_zero(number: i64, place: Place, key: &str, rule: &str) -> Result<u64, Fault> {
    let what = || format!("{key} must be >= 0 for `{}`", shown(rule));
    u64::try_from(number).map_err(|_| Fault::validate(place, what()))
}

/// Texts without their places.
fn plain(texts: Vec<(String, Place)>) -> Vec<String> {
    texts.into_iter().map(|(text, _)| text).collect()
}

/// Names the file of a fault.
fn in_file(fault: Fault, file: &str) -> PolicyError {
    let Fault { place: Place { line, column }, stage, what } = fault;
    let file = file.to_owned();
    match stage {
        FaultStage::Parse => PolicyError::Parse { file, line, column, what },
        FaultStage::Validate => PolicyError::Invalid { file, line, column, what },
    }
}
