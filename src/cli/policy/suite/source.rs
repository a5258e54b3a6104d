//! A file of a suite, read strictly: what is unknown is refused with its place and the mend.
//!
//! ```yaml
//! policy: ../base.yaml        # relative to this file
//! at: 2026-01-02T03:04:05Z    # when it is judged; now, where nothing is said
//! defaults: {..}              # what inline intents say where they say nothing else
//! cases:
//!   - name: reads run
//!     intent: intents/read.json     # a file, or the intent itself as a mapping
//!     with: {..}                    # what is different from it
//!     at: ..
//!     expect: allow                 # or {verdict, reason_codes, violations, ..}
//! ```

use super::inline::{self, Part};
use crate::intent::time::{self, Time};
use crate::policy::Verdict;
use crate::yaml::{self, Fault, Fields, Keys, LaterDocuments, Node, Place, Scalar};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const TOP: Keys = keys(&["policy", "at", "defaults", "cases"]);
const CASE: Keys = keys(&["name", "intent", "with", "at", "expect"]);
const EXPECT: Keys =
    keys(&["verdict", "reason_codes", "violations", "matched_rule", "min_approvals"]);

/// A file of a suite.
#[derive(Debug)]
pub(super) struct Suite {
    /// As it is written, relative to the file.
    pub(super) policy: String,
    pub(super) policy_place: Place,
    pub(super) cases: Vec<Slot>,
}

/// A case, or why it cannot be run.
#[derive(Debug)]
pub(super) struct Slot {
    /// `cases[i]` where it has no name.
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) case: Result<Case, Fault>,
}

/// An intent and what must come of it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) intent: Given,
    /// Where the intent stands.
    pub(super) intent_place: Place,
    /// What is laid over the intent.
    pub(super) with: Value,
    /// The time to judge at; `None` is now.
    pub(super) at: Option<Time>,
    pub(super) expect: Expect,
}

/// Where the intent of a case comes from.
#[derive(Debug)]
pub(super) enum Given {
    /// A file, relative to the suite's.
    File(String),
    /// The intent itself, laid over the defaults.
    Inline(Value),
}

/// What must come out; `None` is not looked at.
#[derive(Debug)]
pub(super) struct Expect {
    pub(super) verdict: Verdict,
    /// Sorted, unique.
    pub(super) reason_codes: Option<Vec<String>>,
    /// Sorted, unique.
    pub(super) violations: Option<Vec<String>>,
    /// Empty: no rule.
    pub(super) matched_rule: Option<String>,
    pub(super) min_approvals: Option<u64>,
}

/// What all cases of a file share.
struct Common {
    defaults: Value,
    at: Option<Time>,
}

const fn keys(read: &'static [&'static str]) -> Keys {
    Keys { document: "the test file", read, legacy: &[] }
}

/// Reads a file's text.
///
/// # Errors
/// The file as a whole means nothing; a broken case is in its [`Slot`].
pub(super) fn parse(text: &str) -> Result<Suite, Fault> {
    let document = yaml::document(text)?;
    let start = Place { line: 1, column: 1 };
    if document.later == LaterDocuments::Some {
        let what = "the file has several yaml documents; make each a file of its own";
        return Err(Fault::parse(start, what.to_owned()));
    }
    let root = document.root.unwrap_or_else(|| Node::missing(start));
    let mut top = Fields::open(root, String::new(), &TOP)?;
    let (policy, policy_place) = required(&mut top, "policy", "name the policy's file")?;
    let common = Common {
        at: time(&mut top)?,
        defaults: inline::part(top.take("defaults"), "defaults", Part::Intent)?,
    };
    let place = top.place();
    let nodes = top.list("cases")?;
    if nodes.is_empty() {
        let what = "`cases` is required; give it one {name, intent, expect} at least";
        return Err(Fault::validate(place, what.to_owned()));
    }
    let mut cases: Vec<Slot> =
        nodes.into_iter().enumerate().map(|(index, node)| slot(node, index, &common)).collect();
    refuse_twins(&mut cases);
    Ok(Suite { policy, policy_place, cases })
}

fn slot(node: Node, index: usize, common: &Common) -> Slot {
    let (path, place) = (format!("cases[{index}]"), node.place);
    let mut name = path.clone();
    let case = Fields::open(node, path, &CASE).and_then(|mut fields| {
        name = required(&mut fields, "name", "say in it what is expected")?.0;
        case(fields, common)
    });
    Slot { name, place, case }
}

/// A report names a case by its name, so the second of two is broken.
fn refuse_twins(cases: &mut [Slot]) {
    let mut names = BTreeSet::new();
    for slot in cases {
        if !names.insert(slot.name.clone()) && slot.case.is_ok() {
            let what = format!("two cases are named `{}`; rename one", slot.name);
            slot.case = Err(Fault::validate(slot.place, what));
        }
    }
}

fn case(mut fields: Fields, common: &Common) -> Result<Case, Fault> {
    let path = fields.at("intent");
    let intent = fields.take("intent");
    let intent_place = intent.place;
    let intent = match intent.value {
        Scalar::Text(file) => Given::File(file),
        Scalar::Map(_) => {
            let said = inline::part(intent, &path, Part::Intent)?;
            Given::Inline(inline::laid_over(common.defaults.clone(), said))
        }
        _ => {
            let what = format!("`{path}` must be a file's name or a mapping with `tool_name`");
            return Err(Fault::parse(intent_place, what));
        }
    };
    let path = fields.at("with");
    Ok(Case {
        intent,
        intent_place,
        with: inline::part(fields.take("with"), &path, Part::Intent)?,
        at: time(&mut fields)?.or(common.at),
        expect: expect(&mut fields)?,
    })
}

fn expect(fields: &mut Fields) -> Result<Expect, Fault> {
    let path = fields.at("expect");
    let node = fields.take("expect");
    if let Scalar::Text(word) = node.value {
        return Ok(Expect {
            verdict: verdict(&word, node.place)?,
            reason_codes: None,
            violations: None,
            matched_rule: None,
            min_approvals: None,
        });
    }
    let mut fields = Fields::open(node, path, &EXPECT)?;
    let (word, place) = fields.text("verdict")?;
    Ok(Expect {
        verdict: verdict(&word, place)?,
        reason_codes: set(&mut fields, "reason_codes")?,
        violations: set(&mut fields, "violations")?,
        matched_rule: if fields.has("matched_rule") {
            Some(fields.text("matched_rule")?.0)
        } else {
            None
        },
        min_approvals: if fields.has("min_approvals") { Some(count(&mut fields)?) } else { None },
    })
}

fn verdict(word: &str, place: Place) -> Result<Verdict, Fault> {
    Verdict::parse(word).ok_or_else(|| {
        let known = Verdict::ALL.map(Verdict::as_str).join(", ");
        let what = if word.is_empty() {
            format!("an expected verdict is required; write one of {known}")
        } else {
            format!("unknown verdict `{word}`; write one of {known}")
        };
        Fault::validate(place, what)
    })
}

/// A list as the decision has it: sorted, each once. Written empty, it says that there is none.
fn set(fields: &mut Fields, key: &str) -> Result<Option<Vec<String>>, Fault> {
    if !fields.has(key) {
        return Ok(None);
    }
    let items = fields.texts(key)?.into_iter().map(|(text, _)| text);
    Ok(Some(items.collect::<BTreeSet<_>>().into_iter().collect()))
}

fn count(fields: &mut Fields) -> Result<u64, Fault> {
    let (number, place) = fields.integer("min_approvals")?;
    u64::try_from(number)
        .map_err(|_| Fault::validate(place, "`min_approvals` must be 0 or more".to_owned()))
}

fn time(fields: &mut Fields) -> Result<Option<Time>, Fault> {
    let (text, place) = fields.text("at")?;
    if text.is_empty() {
        return Ok(None);
    }
    let fault = || {
        let what = format!("`{}` is `{text}`; write it like 2026-01-02T03:04:05Z", fields.at("at"));
        Fault::validate(place, what)
    };
    time::parse(&text).map(Some).ok_or_else(fault)
}

fn required(fields: &mut Fields, key: &str, mend: &str) -> Result<(String, Place), Fault> {
    let (text, place) = fields.text(key)?;
    if text.trim().is_empty() {
        let what = format!("`{}` is required; {mend}", fields.at(key));
        return Err(Fault::validate(place, what));
    }
    Ok((text, place))
}

/// A mapping that says nothing.
pub(super) fn nothing() -> Value {
    Value::Object(Map::new())
}
