//! Durable before the act, as the kernel saw it: before the first byte of a protected call leaves
//! for its tool, the decision line was written, a signature behind it, and the sync of both had
//! returned.
//!
//! gait runs under strace and is called by one caller, then by many. What the kernel was asked is
//! read from the trace alone; that it is complete is checked against what the tool saw.

use crate::support::strace::{self, Syscall};
use crate::support::{Crowd, Recorder, Setup, digest_of, wait_for};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// Every call that can write to a file or a socket, or sync; whole buffers.
const OPTIONS: [&str; 4] = [
    "-s",
    "4194304",
    "-e",
    "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,splice,fsync,\
     fdatasync",
];

/// How a signature looks in a trace.
const SIGNATURE: &str = r#"\"sig\":\""#;

/// Calls that need no decision line in whatever mode.
const OBSERVED: &str = "/watched/";

#[test]
fn no_byte_of_a_protected_call_leaves_before_its_decision_is_synced() {
    leaves_in_order("protected", |target| target.starts_with("/protected/"));
}

#[test]
fn calls_that_gather_wait_as_well() {
    leaves_in_order("batched, batch_interval: 10ms", |target| target.starts_with("/protected/"));
}

#[test]
fn where_all_calls_wait_no_byte_of_any_leaves_before() {
    leaves_in_order("all", |target| !target.starts_with(OBSERVED));
}

/// Calls gait with this `evidence.durability`, and looks at what left of the calls that must wait.
fn leaves_in_order(durability: &str, waits: fn(&str) -> bool) {
    if !strace::can_trace() {
        return;
    }
    let tool = Recorder::start();
    let setup = Setup::fixture("evidence", tool.address)
        .with(&format!("evidence: {{ durability: {durability} }}\n"));
    let dir = TempDir::new().unwrap();
    setup.write(dir.path());
    let gait = strace::traced(dir, &OPTIONS).unwrap_or_else(|ended| panic!("{ended:?}"));
    for (callers, calls) in [(1, 30), (12, 240)] {
        let enough = tool.count() + calls;
        Crowd::call(&gait, &format!("by-{callers}"), callers, |_| {
            wait_for("the calls", || (tool.count() >= enough).then_some(()));
        });
    }
    let pid = gait.pid();
    let dir = gait.kill();
    let trace = strace::syscalls_of(pid, dir.path());
    let requests = requests(&trace);
    let seen = tool.seen();
    let untraced = seen.iter().find(|seen| !requests.contains_key(seen.target()));
    assert!(untraced.is_none(), "the trace shows not how it left: {untraced:?}");
    let mut waited = early(&trace);
    waited.retain(|target| waits(target));
    assert_eq!(waited, Vec::<&str>::new(), "left before their decisions were synced");
    assert!(!early(&trace).is_empty(), "what needs not wait does not");
}

/// The calls that left, by target: where the trace says so first.
fn requests(trace: &[Syscall]) -> BTreeMap<&str, &Syscall> {
    let mut found = BTreeMap::new();
    for call in trace.iter().filter(|call| file(call).is_none()) {
        for rest in call.arguments.split("\"DELETE ").skip(1) {
            found.entry(rest.split(' ').next().unwrap_or_default()).or_insert(call);
        }
    }
    found
}

/// The targets of calls that left too early.
fn early(trace: &[Syscall]) -> Vec<&str> {
    let written: Vec<_> =
        trace.iter().filter(|call| file(call).is_some() && call.name == "write").collect();
    let is_sync = |call: &&Syscall| ["fsync", "fdatasync"].contains(&&*call.name);
    let synced: Vec<_> = trace.iter().filter(is_sync).filter(|sync| sync.result == "0").collect();
    let is_durable = |target: &str, request: &Syscall| {
        let Some(signed) = signed_by(&written, &digest_of(target)) else { return false };
        synced
            .iter()
            .filter(|sync| file(sync) == file(signed))
            .any(|sync| signed.left < sync.entered && sync.left < request.entered)
    };
    let requests = requests(trace).into_iter();
    requests.filter(|(target, call)| !is_durable(target, call)).map(|(target, _)| target).collect()
}

/// The write that holds the first signature behind the decision about the target of this digest,
/// in the same file.
fn signed_by<'a>(written: &[&'a Syscall], digest: &str) -> Option<&'a Syscall> {
    let (at, is_signed) = written.iter().enumerate().find_map(|(at, write)| {
        let mut lines = write.arguments.split(r#"{\"v\":1,"#);
        lines.find(|line| line.contains(r#"\"kind\":\"decision\""#) && line.contains(digest))?;
        Some((at, lines.any(|line| line.contains(SIGNATURE))))
    })?;
    let decision = written[at];
    let mut after = written[at + 1..].iter().filter(|write| file(write) == file(decision));
    if is_signed {
        return Some(decision);
    }
    after.find(|write| write.arguments.contains(SIGNATURE)).copied()
}

/// The segment of the log that a call is about.
fn file(call: &Syscall) -> Option<&str> {
    let (_, file) = call.arguments.split('>').next()?.split_once('<')?;
    (file.contains("/state/evidence/") && file.ends_with(".jsonl")).then_some(file)
}

/// What the tests above look for, in traces written by hand.
#[test]
fn a_call_that_leaves_too_early_is_seen() {
    let decision = |target: &str| {
        format!(
            r#"{{\"v\":1,\"kind\":\"decision\",\"target_digest\":\"{}\"}}\n"#,
            digest_of(target)
        )
    };
    let batch = r#"{\"v\":1,\"kind\":\"batch\",\"sig\":\"AA==\"}\n"#;
    let write =
        |text: &str| format!("7 write(9</d/state/evidence/000001.jsonl>, \"{text}\", 9) = 9");
    let [sync, failed, begun, returned] = [
        "7 fdatasync(9</d/state/evidence/000001.jsonl>) = 0",
        "7 fdatasync(9</d/state/evidence/000001.jsonl>) = -1 EIO (Input/output error) (INJECTED)",
        "7 fdatasync(9</d/state/evidence/000001.jsonl> <unfinished ...>",
        "7 <... fdatasync resumed>)  = 0",
    ]
    .map(str::to_owned);
    let request = r#"8 writev(5<socket:[1]>, [{iov_base="DELETE /protected/a HTTP/1.1\r\n", iov_len=30}], 1) = 30"#;
    let request = request.to_owned();
    let (one, other) = (decision("/protected/a"), decision("/protected/b"));
    let signed = write(&format!("{one}{batch}"));
    let good = [vec![&signed, &sync, &request], vec![&signed, &begun, &returned, &request]];
    let (unsigned, late) = (write(&one), write(batch));
    let elsewhere = sync.replace("000001", "000002");
    let (wrong, before) = (write(&format!("{other}{batch}")), write(&format!("{batch}{one}")));
    let bad = [
        vec![&request],
        vec![&signed, &request, &sync],
        vec![&signed, &failed, &request],
        vec![&signed, &begun, &request, &returned],
        vec![&sync, &signed, &request],
        vec![&signed, &elsewhere, &request],
        vec![&unsigned, &sync, &request],
        vec![&unsigned, &sync, &late, &request],
        vec![&wrong, &sync, &request],
        vec![&before, &sync, &request],
    ];
    let is_early = |lines: &Vec<&String>| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        !early(&strace::read(&text)).is_empty()
    };
    assert!(good.iter().all(|lines| !is_early(lines)));
    for lines in &bad {
        assert!(is_early(lines), "{lines:#?}");
    }
    let both = [&unsigned, &late, &sync, &request];
    assert!(!is_early(&both.to_vec()), "a signature of its own write");
}
