//! The plain evaluator against the recorded answers of `policy test`.

use super::decide::{Answer, decide};
use super::{intent, policy, text};
use base64::Engine as _;
use serde_json::{Value, json};

const ROWS: [&str; 2] = [
    include_str!("../vectors/decisions_core.jsonl"),
    include_str!("../vectors/decisions_extended.jsonl"),
];

/// Rows in which the time decides; `gate eval` was told it.
const TIMED: [&str; 4] = [
    "ext:agent_identity",
    "ext:freeze_window",
    "extra:agent_boundary_times",
    "extra:freeze_window_edges",
];

fn bytes(row: &Value, name: &str) -> Vec<u8> {
    match row[name].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => base64::engine::general_purpose::STANDARD
            .decode(row[format!("{name}_b64")].as_str().unwrap())
            .unwrap(),
    }
}

/// YAML as a JSON value; a document without a node has every default.
fn yaml(bytes: &[u8]) -> Result<Value, text::Refused> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    if text.starts_with('\u{feff}') {
        return Err("a byte order mark".to_owned());
    }
    if has_no_node(text) {
        return Ok(json!({}));
    }
    let mut documents =
        serde_saphyr::from_multiple::<Value>(text).map_err(|error| error.to_string())?;
    match documents.is_empty() || !documents[0].is_object() {
        true => Err("a mapping is wanted".to_owned()),
        false => Ok(documents.swap_remove(0)),
    }
}

/// Whether the first document has comments and directives alone.
fn has_no_node(text: &str) -> bool {
    let mut lines =
        text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(['#', '%']));
    match lines.next() {
        Some("---") => lines.next().is_none_or(|line| line == "---"),
        first => first.is_none_or(|line| line.trim().starts_with('#')) && lines.next().is_none(),
    }
}

/// The policy, the intent as given and as normalised, or why one was refused.
fn read(row: &Value) -> Result<(Value, Value, Value), text::Refused> {
    let policy = yaml(&bytes(row, "policy"))?;
    policy::check(&policy)?;
    let given = serde_json::from_slice(&bytes(row, "intent")).map_err(|error| error.to_string())?;
    let intent = intent::normalise(&given)?;
    Ok((policy, given, intent))
}

fn check(row: &Value) -> Result<(), String> {
    let want = &row["policy_test"];
    let (policy, given, intent) = match (read(row), want["exit"] == 6) {
        (Err(_), true) => return Ok(()),
        (Err(refusal), false) => return Err(format!("refused: {refusal}")),
        (Ok(_), true) => return Err(format!("should be refused: {}", want["json"]["error"])),
        (Ok(read), false) => read,
    };
    same("created_at", json!(intent::created_at(&given)), &want["json"]["created_at"])?;
    same("intent_digest", json!(text::digest(&intent)), &want["json"]["intent_digest"])?;
    // `policy test` looked at the clock, which then stood in November.
    let answer = decide(&policy, &intent, "2026-11-01T12:00:00Z".parse().unwrap());
    same_answer(&answer, &want["json"])?;
    let eval = &row["gate_eval"]["json"];
    let has = |tag: &str| row["feature"].as_array().unwrap().contains(&tag.into());
    if has("core") {
        same("min_approvals", json!(answer.min_approvals), &eval["required_approvals"])?;
    }
    if !TIMED.iter().any(|tag| has(tag)) || eval["verdict"].is_null() {
        return Ok(());
    }
    same_answer(&decide(&policy, &intent, "2026-03-01T12:00:00Z".parse().unwrap()), eval)
}

fn same_answer(ours: &Answer, want: &Value) -> Result<(), String> {
    // What `gate eval` adds where no token was given.
    let decided = |name: &str| {
        let mut codes = want[name].as_array().cloned().unwrap_or_default();
        codes.retain(|code| code != "approval_token_missing" && code != "approval_not_granted");
        json!(codes)
    };
    same("verdict", json!(ours.verdict), &want["verdict"])?;
    same("reason_codes", json!(ours.reason_codes), &decided("reason_codes"))?;
    same("violations", json!(ours.violations), &decided("violations"))?;
    same("matched_rule", json!(ours.matched_rule), &want["matched_rule"])
}

fn same(name: &str, ours: Value, want: &Value) -> Result<(), String> {
    match ours == *want || (want.is_null() && ours == 0) {
        true => Ok(()),
        false => Err(format!("{name}: {ours}\n  recorded {want}")),
    }
}

fn is_accident(row: &Value) -> bool {
    let tags = row["feature"].as_array().unwrap().iter().filter_map(Value::as_str);
    tags.into_iter().any(|tag| tag.starts_with("quirk:") || tag == "non_utf8")
}

#[test]
fn the_plain_evaluator_gives_the_recorded_answers() {
    let rows = ROWS.iter().flat_map(|file| file.lines());
    let rows: Vec<Value> = rows.map(|line| serde_json::from_str(line).unwrap()).collect();
    let judged: Vec<&Value> = rows.iter().filter(|row| !is_accident(row)).collect();
    assert_eq!((rows.len(), judged.len()), (774, 744));
    let failures: Vec<String> = judged
        .iter()
        .filter_map(|row| Some(format!("{} {}: {}", row["id"], row["feature"], check(row).err()?)))
        .collect();
    assert!(failures.is_empty(), "{} rows fail:\n{}", failures.len(), failures.join("\n"));
}
