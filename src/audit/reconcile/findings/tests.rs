//! Whole comparisons over small logs.

use super::super::{Format, Period, Reader};
use super::*;
use crate::audit::Entry;
use crate::json::Digest;
use std::collections::BTreeSet;

const START: i64 = 1_770_000_000;

fn parent(n: u32) -> String {
    format!("00-{n:032x}-{n:016x}-01")
}

fn time(second: f64) -> String {
    super::super::moment(START * 1_000_000 + (second * 1e6) as i64)
}

/// A line of the evidence about `GET path`; `more` are further members.
fn entry(kind: &str, second: f64, path: &str, more: &str) -> Entry {
    let digest = Digest::of(path.as_bytes());
    let line = format!(
        r#"{{"v":1,"seq":1,"kind":"{kind}","time":"{}","call_id":"c","method":"GET",
        "target_digest":"{digest}","upstream":"u"{more}}}"#,
        time(second)
    );
    Entry::read(line.as_bytes()).unwrap()
}

/// A call of a second that went through, with a name where `n` is none of 0.
fn call(permits: &mut Permits, end: f64, path: &str, n: u32) {
    let name = if n == 0 { String::new() } else { format!(r#","traceparent":"{}""#, parent(n)) };
    let more = format!(
        r#"{name},"permit":"allow","ending":"completed","status":200,"sent":true,"duration_ms":1000"#
    );
    permits.call(None, Some(&entry("call", end, path, &more))).unwrap();
}

fn permits() -> Permits {
    Permits::new(Period::default(), BTreeSet::new())
}

/// A log of `second path status name`; a name of 0 is empty, `-` is none.
fn arrivals(lines: &[(f64, &str, u16, &str)]) -> Arrivals {
    let line = |(second, path, status, name): &(f64, &str, u16, &str)| {
        let name = match *name {
            "-" => String::new(),
            "0" => r#","traceparent":"-""#.to_owned(),
            n => format!(r#","traceparent":"{}""#, parent(n.parse().unwrap())),
        };
        let time = time(*second);
        format!(
            "{{\"time\":\"{time}\",\"method\":\"GET\",\"path\":\"{path}\",\"status\":{status}{name}}}\n"
        )
    };
    let text: String = lines.iter().map(line).collect();
    let reader = Reader::new(Format::Json, &[]).unwrap();
    let mut arrivals = Arrivals::new(reader, Period::default(), None);
    arrivals.read("log", text.as_bytes()).unwrap();
    arrivals
}

fn compare(permits: &Permits, lines: &[(f64, &str, u16, &str)]) -> Findings {
    Findings::of(&arrivals(lines), permits, Skew::default())
}

fn bypasses(found: &Findings) -> Vec<(usize, Why)> {
    found.bypasses.iter().map(|bypass| (bypass.arrival, bypass.why)).collect()
}

#[test]
fn what_was_sent_and_arrived_is_clean() {
    let mut permits = permits();
    call(&mut permits, 1.0, "/a", 1);
    call(&mut permits, 2.0, "/b", 0);
    let found = compare(&permits, &[(1.0, "/a", 200, "-"), (2.0, "/b", 200, "-")]);
    assert_eq!((found.matched(), found.bypass_count(), found.missing.len()), (2, 0, 0));
    let found = compare(&permits, &[(1.0, "/a", 200, "1"), (2.0, "/b", 200, "0")]);
    assert_eq!((found.matched(), found.bypass_count(), found.missing.len()), (2, 0, 0));
}

#[test]
fn each_reason_has_its_word() {
    let mut permits = permits();
    for n in 1..=4 {
        call(&mut permits, f64::from(n), "/a", n);
    }
    let found = compare(
        &permits,
        &[
            (1.0, "/a", 200, "1"),
            (1.0, "/a", 200, "0"),
            (2.0, "/b", 200, "2"),
            (90.0, "/a", 200, "3"),
            (4.0, "/a", 200, "9"),
            (1.5, "/a", 200, "1"),
        ],
    );
    let want =
        [(1, Why::NoName), (2, Why::OtherRequest), (4, Why::UnknownName), (3, Why::OtherTime)];
    assert_eq!(bypasses(&found), want);
    assert_eq!(found.repeats, [Repeat { arrival: 5, first: 0, call: 0 }]);
    assert_eq!((found.missing.as_slice(), found.matched()), (&[1, 2, 3][..], 1));
    let found = compare(&permits, &[(90.0, "/a", 200, "-"), (1.0, "/c", 200, "-")]);
    assert_eq!(bypasses(&found), [(1, Why::NoCall), (0, Why::NotThen)]);
}

#[test]
fn of_one_name_the_arrival_that_fits_is_the_call() {
    let mut permits = permits();
    call(&mut permits, 5.0, "/a", 1);
    let found = compare(&permits, &[(4.5, "/a", 404, "1"), (5.0, "/a", 200, "1")]);
    assert_eq!(found.repeats, [Repeat { arrival: 0, first: 1, call: 0 }]);
    let found = compare(&permits, &[(5.0, "/a", 200, "1"), (5.0, "/b", 200, "1")]);
    assert_eq!((bypasses(&found), found.repeats.len()), (vec![(1, Why::OtherRequest)], 0));
    // Another status alone is no other call.
    let found = compare(&permits, &[(5.0, "/a", 502, "1")]);
    assert_eq!((found.matched(), found.bypass_count()), (1, 0));
}

#[test]
fn calls_without_a_name_explain_arrivals_that_have_one() {
    // The evidence of a gait that did not write names yet, before a tool that logs them.
    let mut permits = permits();
    call(&mut permits, 1.0, "/a", 0);
    let found = compare(&permits, &[(1.0, "/a", 200, "7"), (1.0, "/a", 200, "8")]);
    assert_eq!((found.matched(), found.crowds.len(), found.bypass_count()), (1, 1, 1));
}

#[test]
fn arrivals_that_cannot_be_told_apart_are_a_crowd() {
    let mut permits = permits();
    for _ in 0..3 {
        call(&mut permits, 1.0, "/a", 0);
    }
    call(&mut permits, 1.0, "/b", 0);
    let mut lines = vec![(1.0, "/a", 200, "-"); 5];
    lines.extend([(1.0, "/b", 200, "-"), (1.0, "/a", 500, "-")]);
    let found = compare(&permits, &lines);
    assert_eq!(found.crowds, [Crowd { arrivals: vec![0, 1, 2, 3, 4], excess: 2 }]);
    assert_eq!((bypasses(&found), found.bypass_count()), (vec![(6, Why::NotThen)], 3));
}

#[test]
fn a_call_of_unknown_outcome_may_explain_and_need_not() {
    let mut permits = permits();
    permits.line(&entry("start", 0.0, "/", ""));
    let decision = entry("decision", 1.0, "/a", r#","permit":"allow","protected":true"#);
    permits.call(Some(&decision), None).unwrap();
    permits.line(&decision);
    let ended =
        entry("call", 1.0, "/b", r#","permit":"allow","ending":"abandoned","duration_ms":1"#);
    permits.call(None, Some(&ended)).unwrap();
    permits.line(&entry("start", 20.0, "/", ""));
    let log = [(9.0, "/a", 200, "-"), (9.5, "/c", 200, "-")];
    let found = compare(&permits, &log);
    let want = [Uncertain { call: 0, arrival: Some(0) }, Uncertain { call: 1, arrival: None }];
    assert_eq!((found.uncertain.as_slice(), found.missing.len()), (&want[..], 0));
    assert_eq!(bypasses(&found), [(1, Why::NoCall)]);
    let near = |second: i64| found.died_near(&permits, (START + second) * 1_000_000);
    assert!(near(0) && near(9) && near(21) && !near(30));
}

#[test]
fn what_was_not_sent_explains_nothing() {
    let mut permits = permits();
    for ending in ["answered", "connect_failed"] {
        let more = format!(r#","ending":"{ending}","answered":403,"sent":false,"duration_ms":1"#);
        permits.call(None, Some(&entry("call", 1.0, "/a", &more))).unwrap();
    }
    let found = compare(&permits, &[(1.0, "/a", 200, "-")]);
    assert_eq!(bypasses(&found), [(0, Why::NoCall)]);
    assert_eq!(found.missing.len(), 0);
}

#[test]
fn a_closed_call_without_a_permit_never_went() {
    let mut permits = permits();
    let held = r#","disposition":"held","ending":"abandoned","duration_ms":1"#;
    permits.call(None, Some(&entry("call", 1.0, "/a", held))).unwrap();
    let found = compare(&permits, &[(1.0, "/a", 200, "-")]);
    assert_eq!(bypasses(&found), [(0, Why::NoCall)]);
    assert_eq!((found.uncertain.len(), permits.violations().len()), (0, 0));
}

#[test]
fn calls_at_the_edge_explain_and_are_not_missed() {
    let period = Period { since: Some((START + 1) * 1_000_000), until: None };
    let mut permits = Permits::new(period, BTreeSet::new());
    call(&mut permits, 1.5, "/a", 0);
    call(&mut permits, 1.7, "/a", 0);
    call(&mut permits, 0.5, "/a", 0);
    let found = compare(&permits, &[(1.0, "/a", 200, "-")]);
    assert_eq!((permits.list().len(), found.matched(), found.missing.len()), (2, 1, 0));
}

#[test]
fn other_upstreams_are_counted_and_left_out() {
    let mut permits = Permits::new(Period::default(), BTreeSet::from(["v".to_owned()]));
    call(&mut permits, 1.0, "/a", 0);
    assert_eq!((permits.list().len(), permits.upstreams()["u"]), (0, 1));
}

#[test]
fn broken_laws_are_found() {
    use super::super::Law;
    let mut permits = permits();
    for (kind, permit, protected) in [
        ("call", r#","permit":"allow""#, true),
        ("call", r#","permit":"observed""#, true),
        ("call", r#","permit":"allow""#, false),
        ("outcome", r#","permit":"approved""#, true),
        ("call", r#","permit":"approved""#, false),
        ("call", "", false),
    ] {
        let more = format!(
            r#"{permit},"protected":{protected},"ending":"completed","sent":true,"duration_ms":1"#
        );
        permits.call(None, Some(&entry(kind, 1.0, "/a", &more))).unwrap();
    }
    let laws: Vec<_> = permits.violations().iter().map(|violation| violation.law).collect();
    let uncommitted = [Law::Uncommitted; 3];
    assert_eq!(laws, [&uncommitted[..], &[Law::Unpermitted]].concat());
}

#[test]
fn a_decision_must_stand_before_what_was_committed() {
    let more = r#","permit":"approved","protected":true,"ending":"completed","sent":true"#;
    let (decision, outcome) =
        (entry("decision", 5.0, "/a", more), entry("outcome", 6.0, "/a", more));
    let broken = |decision, first: f64| {
        let mut permits = permits();
        permits.line(&entry("start", first, "/", ""));
        permits.call(decision, Some(&outcome)).unwrap();
        permits.violations().len()
    };
    assert_eq!((broken(None, 0.0), broken(Some(&decision), 0.0)), (1, 0));
    // The decision may stand in a segment that was removed.
    assert_eq!(broken(None, 6.0), 0);
}
