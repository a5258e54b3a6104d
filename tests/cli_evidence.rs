//! `gait trace show`, `tail`, `query` and `export` over logs that a real writer wrote, with words
//! in them that callers chose to do harm, and over what is left when somebody spoilt them.
#![expect(clippy::unwrap_used, reason = "a helper may stop the test")]

mod command;
#[path = "command/refused.rs"]
mod refused;
#[path = "command/taken.rs"]
mod taken;

use command::{Place, Run};
use gait::clock;
use gait::evidence::{self, CallId, Ending, Exchange, Judgement, Kept, Ledger, Opening, Settings};
use gait::intent::{self, Draft};
use gait::json::Digest;
use gait::policy::Verdict;
use gait::stage::{Disposition, Protection, Stage};
use http::{Method, StatusCode};
use refused::refused;
use serde_json::{Value, json, value::RawValue};
use std::fs;
use std::sync::Arc;
use taken::taken;

/// What a caller may call itself to forge a line, a colour or a direction of writing.
const HOSTILE: &str =
    "ada  200\r\n2026  call\t\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\u{200b}\u{e0041}=1";

const INTENT: &str = r#"{"created_at":"2026-01-02T03:04:05Z","tool_name":"files.write","args":{},
    "context":{"identity":"ada","workspace":"/srv","risk_class":"low"}}"#;

fn run(place: &Place, line: &str) -> Run {
    place.gait(&line.split_whitespace().collect::<Vec<_>>(), &[])
}

/// Writes a log of one process into `state`, and stops it in order.
fn log(place: &Place, write: impl FnOnce(&Ledger)) {
    let state = taken(place);
    let (ledger, writer) = evidence::start(&state, Settings::default()).unwrap();
    let writer = std::thread::Builder::new().spawn(move || writer.run(|_| {})).unwrap();
    write(&ledger);
    block_on(ledger.stop());
    writer.join().unwrap().unwrap();
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn kept() -> (intent::Intent, Arc<RawValue>) {
    let draft: Draft = intent::read::from_json(INTENT.as_bytes()).unwrap();
    let raw = RawValue::from_string(INTENT.replace('\n', "")).unwrap();
    (draft.normalise().unwrap(), Arc::from(raw))
}

/// What a policy made of a call; its intent is kept where the verdict is `allow`.
fn judged(verdict: Verdict, tool: &str, identity: &str) -> Judgement {
    let (intent, raw) = kept();
    let policy = Digest::of(b"policy");
    let is_allowed = verdict == Verdict::Allow;
    Judgement {
        upstream: Some("files".into()),
        route: Some(tool.into()),
        stage: Some(Stage::Enforce),
        tool_name: Some(tool.into()),
        risk_class: Some("high".into()),
        protection: Some(Protection::Protected),
        identity: Some(identity.into()),
        verdict: Some(verdict),
        disposition: Some(if is_allowed { Disposition::Forwarded } else { Disposition::Denied }),
        reason_codes: vec!["matched".to_owned(), format!("{}_why", verdict.as_str())],
        trace_id: Some(gait::trace::trace_id(policy, intent.digest(), verdict)),
        policy_digest: Some(policy),
        intent_digest: Some(intent.digest()),
        args_digest: Some(intent.args_digest()),
        kept: is_allowed.then(|| Kept::Intent { text: raw, masked: Arc::default() }),
        snapshot: Some("s1".into()),
        ..Judgement::default()
    }
}

/// One call; a call that may go leaves two lines.
fn call(ledger: &Ledger, judgement: Judgement) -> String {
    let call_id = CallId::fresh(clock::now());
    let target_digest = Digest::of(b"/v1/files/a");
    let received = clock::instant();
    let opening = Opening { call_id, method: Method::DELETE, target_digest, spans: None, received };
    let mut record = ledger.open(opening).unwrap();
    let goes = judgement.verdict == Some(Verdict::Allow);
    record.judged(judgement);
    if goes {
        let _durable = block_on(record.commit()).unwrap();
        let status = StatusCode::OK;
        record.close(Ending::Completed(Exchange { status, request_bytes: 3, response_bytes: 4 }));
    } else {
        record.close(Ending::Answered { answered: StatusCode::FORBIDDEN });
    }
    call_id.to_string()
}

/// A log of three calls, the last of a caller with a hostile name.
fn three() -> (Place, [String; 3]) {
    let place = Place::new();
    assert_eq!(run(&place, "keys init --out-dir keys --prefix k").exit, 0);
    let mut ids = [const { String::new() }; 3];
    log(&place, |ledger| {
        ids = [
            call(ledger, judged(Verdict::Allow, "files.write", "ada")),
            call(ledger, judged(Verdict::Block, "files.delete", "bob")),
            call(ledger, judged(Verdict::Block, HOSTILE, HOSTILE)),
        ];
    });
    (place, ids)
}

/// The objects of a run that prints one a line.
fn objects(run: &Run) -> Vec<Value> {
    run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Nothing but lines of what can be seen.
fn is_tame(text: &str) -> bool {
    let is_unseen = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{e0000}'..='\u{e007f}');
    !text.chars().any(|c| (c.is_control() && c != '\n') || is_unseen(c))
}

#[test]
fn calls_are_found_by_what_is_known_of_them() {
    let (place, ids) = three();
    for (flags, found) in [
        ("", vec![0, 1, 2]),
        ("--tool files.*", vec![0, 1]),
        ("--tool files.write", vec![0]),
        ("--verdict block", vec![1, 2]),
        ("--verdict block --verdict allow", vec![0, 1, 2]),
        ("--disposition forwarded", vec![0]),
        ("--identity bob --identity ada", vec![0, 1]),
        ("--route files.delete --identity ada", vec![]),
        ("--stage enforce --risk high", vec![0, 1, 2]),
        ("--reason allow_why", vec![0]),
        ("--since 1h", vec![0, 1, 2]),
        ("--until 2020-01-01", vec![]),
        ("--limit 2", vec![1, 2]),
    ] {
        let ran = run(&place, &format!("trace query --json {flags}"));
        let mut rows = objects(&ran);
        let last = rows.pop().unwrap();
        assert_eq!((ran.exit, &last["ok"]), (0, &json!(true)), "{flags}: {ran:?}");
        let calls: Vec<&str> = rows.iter().map(|row| row["call_id"].as_str().unwrap()).collect();
        let wanted: Vec<&str> = found.iter().map(|at: &usize| ids[*at].as_str()).collect();
        assert_eq!(calls, wanted, "{flags}");
    }
    let count = run(&place, "trace query --verdict block --count");
    assert_eq!(count.out, "2\n");
    let one = run(&place, &format!("trace query --call-id {} --json", ids[0]));
    assert_eq!(
        (&objects(&one)[0]["kind"], &objects(&one)[0]["status"]),
        (&json!("outcome"), &json!(200))
    );
    let starts = run(&place, "trace query --kind start --json");
    assert_eq!((objects(&starts)[0]["kind"].as_str(), objects(&starts).len()), (Some("start"), 2));
    let text = run(&place, "trace query --limit 1");
    assert!(text.out.starts_with("TIME") && text.out.lines().count() == 2, "{text:?}");
    assert!(text.log.contains("2 older calls are not shown"), "{text:?}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (place, _) = three();
    for (line, part) in [
        ("query --verdict deny", "`deny` is no verdict; use allow"),
        ("query --kind calls", "`calls` is no kind; use decision"),
        ("query --since yesterday", "invalid --since: `yesterday`; write it like"),
        ("query --since 1h --until 2h", "is before --since"),
        ("tail --filter tol=x", "nothing can be filtered by `tol`; use tool, verdict"),
        ("tail --filter tool", "write it as NAME=VALUE"),
        ("tail --evidence nowhere", "cannot read evidence in `nowhere`"),
        ("query --evidence keys", "no evidence in `keys`; name a state directory"),
        ("show x", "`x` is no id"),
        ("show seq:x", "`seq:x` is no id"),
        ("show ffffffff", "nothing in the evidence has the id `ffffffff`"),
        ("show seq:99999", "nothing in the evidence has the id `seq:99999`"),
        ("export", "required"),
        ("export --format xml", "xml"),
        ("export --format csv", "name a file with --out"),
        ("export seq:1 --tool x", "filters go with --format"),
    ] {
        refused(&run(&place, &format!("trace {line} --json")), part);
    }
    let empty = Place::new();
    refused(&run(&empty, "trace query --json"), "name it with --evidence");
}

#[test]
fn the_last_lines_are_shown_as_they_stand() {
    let (place, ids) = three();
    let ran = run(&place, "trace tail -n 2 --filter verdict=block --json");
    let rows = objects(&ran);
    assert_eq!((rows.len(), &rows[2]["ok"]), (3, &json!(true)), "{ran:?}");
    assert_eq!((&rows[0]["call_id"], &rows[1]["call_id"]), (&json!(ids[1]), &json!(ids[2])));
    assert!(ran.out.starts_with("{\"v\":1,\"seq\":"), "{ran:?}");
    let text = run(&place, "trace tail");
    for part in ["start", "allow/forwarded", "block/denied", "files.write", "403", &ids[0]] {
        assert!(text.out.contains(part), "{part}: {text:?}");
    }
    assert!(!text.out.contains(" batch "), "{text:?}");
    assert_eq!(run(&place, "trace tail -n 0").out, "");
}

#[test]
fn a_call_is_shown_with_all_that_there_is() {
    let (place, ids) = three();
    let by_id = run(&place, &format!("trace show {} --json", ids[0]));
    let shown = by_id.json();
    let lines = shown["calls"][0]["lines"].as_array().unwrap();
    assert_eq!((by_id.exit, lines.len()), (0, 2), "{by_id:?}");
    assert_eq!(shown["calls"][0]["under"]["kind"], "start");
    assert!(lines.iter().all(|line| line["covered"].is_string()), "{shown}");
    let seq = lines[1]["line"]["seq"].as_u64().unwrap();
    let trace = lines[0]["line"]["trace_id"].as_str().unwrap();
    for id in [format!("seq:{seq}"), trace.to_owned(), ids[0].to_uppercase()] {
        let ran = run(&place, &format!("trace show {id} --json"));
        assert_eq!(ran.json()["calls"], shown["calls"], "{id}");
    }
    let text = run(&place, &format!("trace show {}", ids[0])).out;
    for part in [
        "asked for",
        "decided",
        "came of it",
        "recorded",
        "allow/forwarded",
        "in force since",
        "files.write",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // All three calls came in the same minutes, so their ids begin alike.
    let several = run(&place, &format!("trace show {} --json", ids[0].get(..4).unwrap()));
    refused(&several, "begins the ids of several calls");
    assert_eq!(several.json()["calls"].as_array().unwrap().len(), 3);
    // Two blocked calls of one intent share their decision.
    let blocked = run(&place, &format!("trace query --call-id {} --json", ids[1]));
    let trace = objects(&blocked)[0]["trace_id"].as_str().unwrap().to_owned();
    let both = run(&place, &format!("trace show {trace} --json"));
    assert_eq!(both.json()["calls"].as_array().unwrap().len(), 2, "{both:?}");
}

#[test]
fn one_call_becomes_a_record_that_verifies_by_itself() {
    let (place, ids) = three();
    let other =
        run(&place, &format!("trace export {} --private-key keys/k_private.key --json", ids[0]));
    let error = other.json()["error"].as_str().unwrap_or_default().to_owned();
    assert!(other.exit == 2 && error.contains("--public-key"), "{other:?}");
    let log = fs::read_to_string(place.path("state/evidence/000001.jsonl")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let public = lines.filter_map(|line| line["public_key"].as_str().map(str::to_owned)).next();
    fs::write(place.path("log.key"), public.unwrap()).unwrap();
    let key = "--private-key keys/k_private.key --public-key log.key";
    for (at, kept) in [(0, json!(true)), (1, Value::Null)] {
        let ran = run(&place, &format!("trace export {} {key} --out r.json --json", ids[at]));
        assert_eq!((ran.exit, &ran.json()["intent_kept"]), (0, &kept), "{ran:?}");
        let verified = run(&place, "trace verify r.json --public-key keys/k_public.key --json");
        let (exit, answer) = (verified.exit, verified.json());
        assert_eq!((exit, &answer["signature_status"]), (0, &json!("verified")), "{verified:?}");
        assert_eq!(place.json("r.json")["correlation_id"], ids[at]);
    }
    let record = run(&place, &format!("trace export {} {key}", ids[0]));
    let record: Value = serde_json::from_str(&record.out).unwrap();
    assert_eq!(
        (&record["schema_id"], &record["verdict"]),
        (&json!("gait.gate.trace"), &json!("allow"))
    );
    refused(&run(&place, &format!("trace export {} --private-key none --json", ids[0])), "none");
    refused(&run(&place, &format!("trace export seq:1 {key} --json")), "the id names no call");
}

#[test]
fn many_calls_become_a_sheet_or_events() {
    let (place, ids) = three();
    let sheet = run(&place, "trace export --format csv");
    let rows: Vec<&str> = sheet.out.split_terminator("\r\n").collect();
    assert_eq!((sheet.exit, rows.len()), (0, 4), "{sheet:?}");
    assert!(rows[0].starts_with("time,call_id,") && rows[1].contains(&ids[0]));
    assert!(sheet.out.split("\r\n").all(is_tame), "{}", sheet.out);
    let events = objects(&run(&place, "trace export --format ocsf --verdict block"));
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event["class_uid"] == 6003 && event["action_id"] == 2));
    let ran = run(&place, "trace export --format csv --identity bob --out new/bob.csv --json");
    assert_eq!((ran.exit, &ran.json()["count"]), (0, &json!(1)), "{ran:?}");
    let text = fs::read_to_string(place.path("new/bob.csv")).unwrap();
    assert!(text.lines().count() == 2 && text.contains("files.delete"), "{text}");
}

#[test]
fn words_of_callers_steer_no_terminal() {
    let (place, ids) = three();
    let trace = format!("trace show {}", ids[2]);
    for line in ["trace tail", "trace query", &trace, "trace export --format ocsf"] {
        for more in ["", " --json", " --color always"] {
            if line.ends_with("ocsf") && more == " --json" {
                continue;
            }
            let ran = run(&place, &format!("{line}{more}"));
            // Our own colours are the only escapes.
            let ours = ["0", "1", "2", "31", "32", "33", "36"];
            let out = ours.iter().fold(ran.out.clone(), |out, code| {
                if more.contains("always") {
                    out.replace(&format!("\u{1b}[{code}m"), "")
                } else {
                    out
                }
            });
            assert!(ran.exit == 0 && is_tame(&out), "{line}{more}: {out:?}");
        }
    }
}

#[test]
fn a_spoilt_log_is_read_as_far_as_it_can_be() {
    let (place, ids) = three();
    const SEGMENT: &str = "state/evidence/000001.jsonl";
    let whole = fs::read(place.path(SEGMENT)).unwrap();
    let mut spoilt = b"\0\0\0\n{\"v\":1\n\xff\xfe\n".to_vec();
    spoilt.extend_from_slice(&whole);
    spoilt.extend_from_slice(b"{\"v\":1,\"seq\":");
    place.put(SEGMENT, &spoilt);
    let ran = run(&place, "trace query --json");
    let rows = objects(&ran);
    assert_eq!((ran.exit, rows.len()), (0, 4), "{ran:?}");
    let warnings = rows[3]["warnings"].to_string();
    assert!(
        warnings.contains("000001.jsonl, line 1") && warnings.contains("13 bytes"),
        "{warnings}"
    );
    assert_eq!(run(&place, "trace tail").log.matches("warning:").count(), 4);
    assert_eq!(run(&place, &format!("trace show {}", ids[0])).exit, 0);
    // What cannot be read at all may hide calls: that is no success.
    fs::create_dir(place.path("state/evidence/000007.jsonl")).unwrap();
    let ran = run(&place, "trace query --json");
    assert_eq!((ran.exit, objects(&ran).len()), (1, 4), "{ran:?}");
    // Whatever is done to the bytes, every command ends as it should.
    fs::remove_dir(place.path("state/evidence/000007.jsonl")).unwrap();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..24 {
        let mut bytes = whole.clone();
        for _ in 0..12 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
            let at = (random >> 16) as usize % bytes.len();
            bytes[at] = [b'"', b'\\', b'\n', b'{', 0, 0xff, b'9', b','][(random >> 8) as usize % 8];
        }
        place.put(SEGMENT, &bytes);
        let show = format!("trace show {}", ids[0]);
        let line =
            ["trace tail", "trace query", &show, "trace export --format csv"][round as usize % 4];
        let ran = run(&place, line);
        assert!(
            [0, 6].contains(&ran.exit) && is_tame(&ran.out.replace('\r', "")),
            "{line}: {ran:?}"
        );
    }
}
