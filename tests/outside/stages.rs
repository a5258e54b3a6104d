//! The stage table, cell by cell, over HTTP: what the caller is told, what the tool sees, what is
//! counted and what is recorded.

use crate::support::{Gait, Recorder, Response, Setup, send, wait_for};
use std::fmt::Write as _;

const STAGES: [&str; 4] = ["observe", "dry_run", "require_approval", "enforce"];

/// The four verdicts, and a call for which no decision is possible.
const VERDICTS: [&str; 5] = ["allow", "dry_run", "require_approval", "block", "none"];

/// Ways to be protected or not: by class, by a route's own word, not at all.
const RISKS: [(&str, &str); 3] =
    [("high", "risk_class: high"), ("marked", "risk_class: low"), ("low", "risk_class: low")];

/// The table, written by hand from the design: a row per stage, a letter per verdict.
/// F forward, S forward as simulated, A answer with the decision, D deny.
const PROTECTED: [&str; 4] = ["FSSSS", "FAAAD", "FADDD", "FADDD"];
const OPEN: [&str; 4] = ["FSSSS", "FSSSD", "FSSSD", "FADDD"];

/// One call of the table and the letter it must come to.
struct Cell {
    stage: &'static str,
    verdict: &'static str,
    risk: &'static str,
    letter: char,
}

impl Cell {
    /// Every cell of one stage.
    fn of_stage(index: usize) -> impl Iterator<Item = Cell> {
        RISKS.iter().flat_map(move |(risk, _)| {
            let letters = if *risk == "low" { OPEN[index] } else { PROTECTED[index] };
            VERDICTS.iter().zip(letters.chars()).map(move |(verdict, letter)| Cell {
                stage: STAGES[index],
                verdict,
                risk,
                letter,
            })
        })
    }

    /// A call that lands in this cell.
    fn request(&self, lines: &str) -> String {
        format!(
            "POST /{}/{} HTTP/1.1\r\nHost: h\r\n{lines}Content-Length: 0\r\n\r\n",
            self.verdict, self.risk
        )
    }

    /// The status and the disposition that the letter stands for.
    fn expected(&self) -> (u16, &'static str) {
        match (self.letter, self.verdict) {
            ('F' | 'S', _) => (200, "forwarded"),
            ('A', _) => (200, "dry_run"),
            (_, "require_approval") => (428, "denied"),
            (_, "none") => (400, "denied"),
            _ => (403, "denied"),
        }
    }

    fn name(&self) -> String {
        format!("{} {} {}", self.stage, self.verdict, self.risk)
    }
}

/// A route per verdict and risk; the tool's name tells the policy which verdict is wanted.
fn setup(stage: &str, recorder: &Recorder) -> Setup {
    let mut config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: {stage}\nunmapped: {{ action: deny }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n",
        recorder.address
    );
    let mut policy = String::from("default_verdict: block\nrules:\n");
    for verdict in VERDICTS {
        for (risk, class) in RISKS {
            let protected = if risk == "marked" { "    protected: true\n" } else { "" };
            // A required argument that no call of this test brings: there is no intent to judge.
            let args = if verdict == "none" { ", args: { wanted: header.x-wanted }" } else { "" };
            write!(
                config,
                "  - name: {verdict}.{risk}\n    match: {{ methods: [POST], path: \
                 \"/{verdict}/{risk}\" }}\n    upstream: tool\n{protected}    intent: \
                 {{ tool_name: tool.{verdict}, {class}{args} }}\n"
            )
            .unwrap();
        }
        if verdict != "none" {
            write!(
                policy,
                "  - name: {verdict}-it\n    effect: {verdict}\n    \
                 match: {{ tool_names: [tool.{verdict}] }}\n"
            )
            .unwrap();
        }
    }
    Setup { config, policy }
}

#[test]
fn every_cell() {
    for (index, stage) in STAGES.into_iter().enumerate() {
        let recorder = Recorder::start();
        let gait = setup(stage, &recorder).start();
        for cell in Cell::of_stage(index) {
            let answer = send(gait.server, cell.request(""));
            check(&cell, &answer, recorder.take().len());
        }
        counted(&gait, index);
        recorded(&gait, index);
    }
}

/// What the caller is told, and what the tool saw.
fn check(cell: &Cell, answer: &Response, seen: usize) {
    let name = cell.name();
    let (status, disposition) = cell.expected();
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    assert_eq!(answer.one("Gait-Verdict"), Some(cell.verdict), "{name}");
    assert_eq!(answer.one("Gait-Disposition"), Some(disposition), "{name}");
    let simulated = (cell.letter == 'S').then_some(cell.verdict);
    assert_eq!(answer.one("Gait-Simulated"), simulated, "{name}");
    assert!(answer.one("Gait-Call-Id").is_some(), "{name}");
    let forwarded = matches!(cell.letter, 'F' | 'S');
    assert_eq!(seen, usize::from(forwarded), "{name}: calls that reached the tool");
    if forwarded {
        assert_eq!(answer.text(), r#"{"ok":true}"#, "{name}");
    } else {
        explained(cell, answer);
    }
}

/// The members of an answer that is not the tool's.
fn explained(cell: &Cell, answer: &Response) {
    let (name, body) = (cell.name(), answer.json());
    let (_, disposition) = cell.expected();
    assert_eq!(body["executed"], false, "{name}");
    assert_eq!(body["disposition"], disposition, "{name}");
    assert_eq!(body["stage"], cell.stage, "{name}");
    assert_eq!(body["call_id"].as_str(), answer.one("Gait-Call-Id"), "{name}");
    assert!(!body["reason_codes"].as_array().unwrap().is_empty(), "{name}: {body}");
    assert_eq!(answer.one("Cache-Control"), Some("no-store"), "{name}");
    if cell.verdict == "none" {
        assert!(body["verdict"].is_null(), "{name}: there is no verdict to show");
    } else {
        assert_eq!(body["verdict"], cell.verdict, "{name}");
        assert_eq!(body["tool_name"], format!("tool.{}", cell.verdict), "{name}");
        assert_eq!(body["matched_rule"], format!("{}-it", cell.verdict), "{name}");
        for digest in ["intent_digest", "policy_digest"] {
            assert_eq!(body[digest].as_str().map(str::len), Some(64), "{name}: {digest}");
        }
        assert!(body["trace_id"].is_string(), "{name}");
    }
    let kind = answer.one("Content-Type");
    match (cell.letter, cell.verdict) {
        ('A', verdict) => {
            assert_eq!(kind, Some("application/json"), "{name}");
            let would = match verdict {
                "require_approval" => 428,
                "block" => 403,
                _ => 200,
            };
            assert_eq!(body["would_status"], would, "{name}");
        }
        (_, verdict) => {
            assert_eq!(kind, Some("application/problem+json"), "{name}");
            assert!(answer.one("Proxy-Status").is_some(), "{name}");
            if verdict == "require_approval" {
                assert_eq!(body["required_approvals"], 1, "{name}");
                assert_eq!(body["valid_approvals"], 0, "{name}");
            }
        }
    }
}

/// One call per cell in `gait_calls_total`, under its own labels; permits for what went out.
fn counted(gait: &Gait, index: usize) {
    // The evidence writer counts a call when its line is written, a little after the answer.
    let all = Cell::of_stage(index).count() as f64;
    let scrape = wait_for("every line to be counted", || {
        let scrape = gait.settled();
        (scrape.total("gait_calls_total") >= all).then_some(scrape)
    });
    scrape.assert_law();
    let mut forwarded = 0.0;
    for cell in Cell::of_stage(index) {
        let route = format!("{}.{}", cell.verdict, cell.risk);
        let (_, disposition) = cell.expected();
        let labels = [
            ("route", route.as_str()),
            ("stage", cell.stage),
            ("verdict", cell.verdict),
            ("disposition", disposition),
        ];
        let name = cell.name();
        assert_eq!(scrape.sum("gait_calls_total", &labels), 1.0, "{name}");
        assert_eq!(scrape.sum("gait_calls_total", &labels[..1]), 1.0, "{name}: other labels");
        let sent = f64::from(u8::from(disposition == "forwarded"));
        assert_eq!(scrape.sum("gait_permits_total", &labels[..1]), sent, "{name}");
        assert_eq!(scrape.sum("gait_upstream_requests_total", &labels[..1]), sent, "{name}");
        let stage = [("route", route.as_str()), ("stage", cell.stage)];
        assert_eq!(scrape.sum("gait_stage", &stage), 1.0, "{name}");
        assert_eq!(scrape.sum("gait_stage", &stage[..1]), 1.0, "{name}: other stages");
        forwarded += sent;
    }
    assert_eq!(scrape.total("gait_upstream_requests_total"), forwarded);
}

/// One closing line per call, and a decision line before each protected call that went by right.
fn recorded(gait: &Gait, index: usize) {
    let lines = gait.evidence();
    for cell in Cell::of_stage(index) {
        let (name, route) = (cell.name(), format!("{}.{}", cell.verdict, cell.risk));
        let of = |kind: &str| {
            lines.iter().filter(|line| line["route"] == *route && line["kind"] == kind).count()
        };
        let committed = cell.letter == 'F' && cell.risk != "low";
        if committed && cell.stage != "observe" {
            assert_eq!((of("decision"), of("outcome"), of("call")), (1, 1, 0), "{name}");
        } else {
            assert_eq!(of("call") + of("outcome"), 1, "{name}");
        }
    }
}

#[test]
fn a_caller_may_ask_for_a_dry_run_of_anything() {
    for (index, stage) in STAGES.into_iter().enumerate() {
        let recorder = Recorder::start();
        let gait = setup(stage, &recorder).start();
        for cell in Cell::of_stage(index).filter(|cell| cell.verdict != "none") {
            for word in ["true", "1", "yes", "False", "", "0"] {
                let answer = send(gait.server, cell.request(&format!("Gait-Dry-Run: {word}\r\n")));
                let name = format!("{} with `{word}`", cell.name());
                assert_eq!(answer.status, 200, "{name}: {answer:?}");
                assert_eq!(answer.one("Gait-Disposition"), Some("dry_run"), "{name}");
                let body = answer.json();
                assert_eq!(body["executed"], false, "{name}");
                assert_eq!(body["verdict"], cell.verdict, "{name}");
            }
            let answer = send(gait.server, cell.request("Gait-Dry-Run: false\r\n"));
            assert_eq!(answer.status, cell.expected().0, "{}: {answer:?}", cell.name());
        }
        let wanted = Cell::of_stage(index)
            .filter(|cell| cell.verdict != "none" && matches!(cell.letter, 'F' | 'S'))
            .count();
        assert_eq!(recorder.count(), wanted, "{stage}: only `false` lets a call through");
        gait.settled().assert_law();
    }
}

#[test]
fn a_route_may_dry_run_what_is_allowed() {
    let recorder = Recorder::start();
    let mut setup = setup("dry_run", &recorder);
    let route = "  - name: allow.high\n";
    setup.config = setup.config.replace(route, &format!("{route}    dry_run: all\n"));
    let gait = setup.start();
    let call = |path: &str| {
        send(gait.server, format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"))
    };
    let answer = call("/allow/high");
    assert_eq!(answer.one("Gait-Disposition"), Some("dry_run"), "{answer:?}");
    assert_eq!(answer.json()["executed"], false);
    assert_eq!(recorder.count(), 0);
    assert_eq!(call("/allow/low").one("Gait-Disposition"), Some("forwarded"));
}

#[test]
fn a_route_has_a_stage_of_its_own() {
    let recorder = Recorder::start();
    let mut setup = setup("enforce", &recorder);
    let route = "  - name: block.low\n";
    setup.config = setup.config.replace(route, &format!("{route}    stage: observe\n"));
    let gait = setup.start();
    let call = |path: &str| {
        send(gait.server, format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"))
    };
    let lower = call("/block/low");
    assert_eq!((lower.status, lower.one("Gait-Simulated")), (200, Some("block")), "{lower:?}");
    assert_eq!(call("/block/high").status, 403);
    assert_eq!(recorder.count(), 1);
}

#[test]
fn what_is_set_for_a_time_does_not_last() {
    let recorder = Recorder::start();
    let mut setup = setup("enforce", &recorder);
    setup.config += "stage_overrides: [ { route: block.low, stage: { from: observe, to: dry_run, \
                     percent: 25 }, until: \"2999-01-01T00:00:00Z\", reason: incident } ]\n";
    let scrape = setup.start().scrape();
    let share =
        |name: &str, stage: &str| scrape.sum(name, &[("route", "block.low"), ("stage", stage)]);
    assert_eq!(STAGES.map(|stage| share("gait_stage", stage)), [0.75, 0.25, 0.0, 0.0]);
    assert_eq!(STAGES.map(|stage| share("gait_stage_lasting", stage)), [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn the_most_specific_stage_wins() {
    let recorder = Recorder::start();
    let mut setup = setup("enforce", &recorder);
    setup.config = format!(
        "tool_stages: {{ \"tool.*\": dry_run, tool.block: observe }}\n{}",
        setup
            .config
            .replace("  - name: block.marked\n", "  - name: block.marked\n    stage: enforce\n")
    );
    let gait = setup.start();
    let stage = |route: &str| {
        let scrape = gait.scrape();
        let on =
            |stage: &&str| scrape.sum("gait_stage", &[("route", route), ("stage", stage)]) == 1.0;
        STAGES.into_iter().find(on)
    };
    assert_eq!(stage("block.high"), Some("observe"), "by its tool's whole name");
    assert_eq!(stage("block.marked"), Some("enforce"), "by its own word");
    assert_eq!(stage("dry_run.high"), Some("dry_run"), "by a pattern");
    let call = |path: &str| {
        send(gait.server, format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"))
    };
    assert_eq!(call("/block/high").one("Gait-Simulated"), Some("block"));
    assert_eq!(call("/block/marked").status, 403);
    assert_eq!(call("/require_approval/high").one("Gait-Disposition"), Some("dry_run"));
}

#[test]
fn unmapped_calls_are_refused_unless_everything_observes() {
    let recorder = Recorder::start();
    let unmapped = "GET /somewhere?x=1 HTTP/1.1\r\nHost: h\r\n\r\n";
    let gait = setup("observe", &recorder).start();
    let refused = send(gait.server, unmapped);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(refused.json()["executed"], false);
    assert_eq!(recorder.count(), 0, "`deny` is denied in every stage");

    let mut observing = setup("observe", &recorder);
    observing.config = observing.config.replace("unmapped: { action: deny }\n", "");
    let gait = observing.start();
    let passed = send(gait.server, unmapped);
    assert_eq!((passed.status, passed.one("Gait-Disposition")), (200, Some("forwarded")));
    assert_eq!(recorder.take()[0].target(), "/somewhere?x=1");
    // What strictness refuses has no route, and passes for the same reason.
    let odd = send(gait.server, "GET /a//b/..;/c HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(odd.status, 200, "{odd:?}");
    assert_eq!(recorder.take()[0].target(), "/a//b/..;/c");
    gait.settled().assert_law();

    let mut enforcing = setup("enforce", &recorder);
    enforcing.config = enforcing.config.replace("unmapped: { action: deny }\n", "");
    let gait = enforcing.start();
    assert_eq!(send(gait.server, unmapped).status, 403);
    assert_eq!(recorder.count(), 0);
}
