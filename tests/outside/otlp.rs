//! What the evidence says, told to a collector and on standard output: read by a library that none
//! of us wrote, and never at the cost of a call or of the log on the disk.

use crate::support::{
    Collector, Gait, Recorder, Response, Scrape, Setup, Then, attribute, get, id, listen,
    run_to_end, send, wait_for,
};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A config of one tool, with what tells others of it.
fn setup(tool: SocketAddr, exports: &str) -> Setup {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\n\
         upstreams: {{ files: {{ url: \"http://{tool}\" }} }}\nroutes:\n  \
         - name: files.read\n    match: {{ methods: [GET], path: \"/v1/{{path*}}\" }}\n    \
         upstream: files\n    capture: full\n    intent: {{ tool_name: files.read, \
         risk_class: low, args: {{ path: path.path }} }}\n  \
         - name: files.delete\n    match: {{ methods: [DELETE], path: \"/v1/{{path*}}\" }}\n    \
         upstream: files\n    intent: {{ tool_name: files.delete, risk_class: high }}\n{exports}"
    );
    let policy = "default_verdict: block\nrules:\n  - name: reads\n    effect: allow\n    \
                  match: { risk_classes: [low] }\n";
    Setup { config, policy: policy.to_owned() }
}

fn otlp(collector: SocketAddr, more: &str) -> String {
    format!("otlp: {{ endpoint: \"http://{collector}\"{more} }}\n")
}

fn read(gait: &Gait, trace: &str) -> Response {
    send(
        gait.server,
        get("/v1/secret-argument").replacen("\r\n\r\n", &format!("\r\n{trace}\r\n"), 1),
    )
}

fn delete(gait: &Gait) -> Response {
    let request = get("/v1/secret-argument").replacen("GET", "DELETE", 1);
    send(gait.server, request)
}

/// The closing lines, once there are so many.
fn closings(gait: &Gait, count: usize) -> Vec<Value> {
    wait_for("closing lines", || {
        let mut lines = gait.evidence();
        lines.retain(|line| ["call", "outcome"].contains(&line["kind"].as_str().unwrap()));
        (lines.len() >= count).then_some(lines)
    })
}

fn counted(scrape: &Scrape, exporter: &str, outcome: &str) -> f64 {
    scrape.sum("gait_export_records_total", &[("exporter", exporter), ("outcome", outcome)])
}

/// Waits until so many lines are counted as sent, and no more come.
fn sent(gait: &Gait, exporter: &str, lines: f64) {
    wait_for("the count", || {
        let scrape = gait.scrape();
        let waiting = scrape.sum("gait_export_queue_lines", &[("exporter", exporter)]);
        (waiting == 0.0 && counted(&scrape, exporter, "sent") == lines).then_some(())
    });
}

/// Lines of an exporter that have come to an end.
fn ended(scrape: &Scrape, exporter: &str) -> f64 {
    scrape.sum("gait_export_records_total", &[("exporter", exporter)])
}

#[test]
fn a_trace_goes_through_gait_to_the_tool_and_its_spans_to_the_collector() {
    let (tool, collector) = (Recorder::start(), Collector::start());
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("key"), "k-1\n").unwrap();
    let more = ", headers: { x-api-key: { file: key } }";
    let gait = setup(tool.address, &otlp(collector.address(), more)).start_in(dir);
    let caller = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n");
    assert_eq!(read(&gait, &caller).status, 200);
    assert_eq!(delete(&gait).status, 403);
    let unsampled = caller.replace("-01", "-00");
    assert_eq!(read(&gait, &unsampled).status, 200);
    let told = tool.seen()[0].all("traceparent").concat();
    let lines = closings(&gait, 3);
    assert_eq!(lines[0]["traceparent"], told);
    assert_eq!(lines[0]["parent_span_id"], CALLER);
    assert!(lines[1].get("traceparent").is_none(), "nothing went out");
    let spans = wait_for("three spans", || Some(collector.spans()).filter(|all| all.len() == 3));
    let [server, client] = ["SPAN_KIND_SERVER", "SPAN_KIND_CLIENT"].map(|kind| {
        let of = |span: &&Value| span["kind"] == kind && id(&span["traceId"]) == TRACE;
        spans.iter().find(of).expect(kind)
    });
    assert_eq!(id(&server["parentSpanId"]), CALLER);
    assert_eq!(id(&server["spanId"]), lines[0]["span_id"]);
    assert_eq!(id(&client["parentSpanId"]), lines[0]["span_id"]);
    assert_eq!(format!("00-{TRACE}-{}-01", id(&client["spanId"])), told);
    let denied = spans.iter().find(|span| span["name"] == "DELETE files.delete").unwrap();
    let call_id = lines[1]["call_id"].as_str().unwrap().replace('-', "");
    assert_eq!(id(&denied["traceId"]), call_id, "a trace that begins here is called as the call");
    assert_eq!(attribute(denied, "http.response.status_code"), "403");
    let records = collector.calls(3);
    let severities: Vec<_> = records.iter().map(|one| &one["severityText"]).collect();
    assert_eq!(severities, ["INFO", "WARN", "INFO"]);
    sent(&gait, "otlp_traces", 2.0); // One trace is not to be kept.
    assert_eq!(attribute(&records[0], "gait.call_id"), &lines[0]["call_id"]);
    let digest = &lines[0]["intent_digest"];
    assert_eq!(attribute(&records[0], "gait.intent_digest"), digest);
    for seen in collector.0.seen() {
        assert_eq!(seen.all("content-type"), ["application/x-protobuf"]);
        assert_eq!(seen.all("x-api-key"), ["k-1"]);
        let body = String::from_utf8_lossy(&seen.body);
        assert!(!body.contains("secret-argument"), "arguments never leave: {body}");
    }
    assert!(!gait.log().contains("k-1"));
}

#[test]
fn what_is_exported_later_is_what_was_told() {
    let (tool, collector) = (Recorder::start(), Collector::start());
    let gait = setup(tool.address, &otlp(collector.address(), "")).start();
    assert_eq!(read(&gait, "").status, 200);
    assert_eq!(delete(&gait).status, 403);
    closings(&gait, 2);
    let exported = |format: &str| {
        let arguments = ["trace", "export", "--evidence", "state", "--format", format];
        let ended = run_to_end(gait.dir(), &arguments);
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let text = String::from_utf8(ended.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let of = |message: &Value, path: [&str; 3]| {
        message[path[0]][0][path[1]][0][path[2]].as_array().unwrap().clone()
    };
    let spans: Vec<Value> = exported("otlp-json-spans")
        .iter()
        .flat_map(|message| of(message, ["resourceSpans", "scopeSpans", "spans"]))
        .collect();
    let told = wait_for("three spans", || Some(collector.spans()).filter(|all| all.len() == 3));
    for (span, told) in spans.iter().zip(&told) {
        assert_eq!(
            (&span["traceId"], &span["spanId"]),
            (&id(&told["traceId"]).into(), &id(&told["spanId"]).into())
        );
        assert_eq!(span["startTimeUnixNano"], told["startTimeUnixNano"]);
        assert_eq!(span["attributes"], told["attributes"]);
    }
    assert_eq!(spans.len(), 3);
    let records = exported("otlp-json")
        .iter()
        .flat_map(|message| of(message, ["resourceLogs", "scopeLogs", "logRecords"]))
        .collect::<Vec<_>>();
    let told = collector.calls(2);
    assert_eq!(records.len(), 2);
    for (record, told) in records.iter().zip(&told) {
        assert_eq!((&record["body"], &record["attributes"]), (&told["body"], &told["attributes"]));
    }
}

#[test]
fn a_collector_that_fails_costs_neither_calls_nor_evidence() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let kept = held.clone();
    let slow = listen(move |_, stream| kept.lock().unwrap().push(stream));
    let garbage = listen(|_, mut stream| drop(stream.write_all(b"garbage\r\n\r\n")));
    let refusing = listen(|_, mut stream| {
        // An answer that comes before its request would be garbage as well.
        drop(stream.read(&mut [0; 1]));
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
    });
    let down = SocketAddr::from(([127, 0, 0, 1], 9));
    for (what, collector) in
        [("slow", slow), ("garbage", garbage), ("refusing", refusing), ("down", down)]
    {
        let tool = Recorder::start();
        let gait = setup(tool.address, &otlp(collector, "")).start();
        (0..20).for_each(|_| assert_eq!(read(&gait, "").status, 200, "{what}"));
        assert_eq!(closings(&gait, 20).len(), 20, "{what}");
        let scrape = wait_for("all to be accounted for", || {
            let scrape = gait.scrape();
            let waiting = [("exporter", "otlp_traces")];
            let waiting = scrape.sum("gait_export_queue_lines", &waiting);
            (ended(&scrape, "otlp_traces") + waiting == 20.0).then_some(scrape)
        });
        assert_eq!(counted(&scrape, "otlp_traces", "sent"), 0.0, "{what}");
        if what == "refusing" {
            wait_for("the refusal", || {
                (counted(&gait.scrape(), "otlp_traces", "rejected") == 20.0).then_some(())
            });
        } else {
            wait_for("the lag", || {
                let lag =
                    gait.scrape().sum("gait_export_lag_seconds", &[("exporter", "otlp_logs")]);
                (lag > 0.0).then_some(())
            });
        }
        assert_eq!(gait.telemetry("/readyz").status, 200, "{what}");
        gait.scrape().assert_law();
    }
}

#[test]
fn what_finds_no_room_is_counted_to_the_line() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let kept = held.clone();
    let slow = listen(move |_, stream| kept.lock().unwrap().push(stream));
    let tool = Recorder::start();
    let mut gait = setup(tool.address, &otlp(slow, ", queue_lines: 2, timeout: 60s")).start();
    let dropped = |gait: &Gait| counted(&gait.scrape(), "otlp_traces", "dropped");
    let mut calls = 0;
    wait_for("an overflow", || {
        (0..10).for_each(|_| assert_eq!(read(&gait, "").status, 200));
        calls += 10;
        (dropped(&gait) >= 10.0).then_some(())
    });
    assert_eq!(closings(&gait, calls).len(), calls, "the log on the disk has all of them");
    wait_for("an account to the line", || {
        let scrape = gait.scrape();
        let waiting = scrape.sum("gait_export_queue_lines", &[("exporter", "otlp_traces")]);
        (ended(&scrape, "otlp_traces") + waiting == calls as f64).then_some(())
    });
    gait.signal("INT");
    assert!(gait.wait().success(), "a collector does not keep the process from ending");
    assert!(gait.log().contains("not told before the end"), "{}", gait.log());
    assert_eq!(gait.evidence().last().unwrap()["kind"], "seal");
}

#[test]
fn a_collector_that_comes_back_is_told_everything() {
    let works = Arc::new(AtomicBool::new(false));
    let shown = works.clone();
    let collector = Collector(Recorder::answering(move |_, stream| {
        let status = match shown.load(Ordering::SeqCst) {
            true => "200 OK",
            false => "503 Busy\r\nRetry-After: 1",
        };
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
        Ok(Then::Close)
    }));
    let tool = Recorder::start();
    let gait = setup(tool.address, &otlp(collector.address(), ", signals: [logs]")).start();
    (0..5).for_each(|_| assert_eq!(read(&gait, "").status, 200));
    wait_for("a try in vain", || (collector.0.count() > 0).then_some(()));
    collector.0.take();
    works.store(true, Ordering::SeqCst);
    assert_eq!(collector.calls(5).len(), 5);
    let scrape = wait_for("the count", || {
        let scrape = gait.scrape();
        (counted(&scrape, "otlp_logs", "sent") >= 5.0).then_some(scrape)
    });
    assert_eq!(counted(&scrape, "otlp_logs", "dropped"), 0.0);
    assert_eq!(ended(&scrape, "otlp_traces"), 0.0, "which was not asked for");
}

#[test]
fn what_waits_when_the_process_stops_is_told() {
    let (tool, collector) = (Recorder::start(), Collector::start());
    let mut gait = setup(tool.address, &otlp(collector.address(), "")).start();
    (0..3).for_each(|_| assert_eq!(read(&gait, "").status, 200));
    gait.signal("INT");
    assert!(gait.wait().success());
    assert_eq!(collector.calls(3).len(), 3);
    assert_eq!(collector.spans().len(), 6);
}

#[test]
fn a_reload_says_who_is_told_from_then_on() {
    let (tool, collector) = (Recorder::start(), Collector::start());
    let (off, on) = (setup(tool.address, ""), setup(tool.address, &otlp(collector.address(), "")));
    let gait = off.start();
    let reload = |setup: &Setup, count: usize| {
        // The ports are those that the process has: what it listens on needs a restart anyway.
        setup.write(gait.dir());
        gait.signal("HUP");
        wait_for("the reload", || {
            let reloads = gait.evidence().iter().filter(|line| line["kind"] == "reload").count();
            (reloads == count).then_some(())
        });
    };
    assert_eq!(read(&gait, "").status, 200);
    reload(&on, 1);
    assert_eq!(delete(&gait).status, 403);
    assert_eq!(collector.calls(1).len(), 1);
    reload(&off, 2);
    assert_eq!(delete(&gait).status, 403);
    closings(&gait, 3);
    sent(&gait, "otlp_traces", 1.0);
    let calls = collector.calls(1);
    assert_eq!(attribute(&calls[0], "gait.disposition"), "denied");
    assert_eq!(calls.len(), 1);
}

#[test]
fn the_access_log_is_all_that_standard_output_has() {
    let tool = Recorder::start();
    let dir = TempDir::new().unwrap();
    setup(tool.address, "access_log: { to: stdout }\n").write(dir.path());
    let arguments = ["proxy", "--config", "gait.yaml"];
    let (mut gait, out) = Gait::launch_heard(dir, &arguments);
    assert_eq!(read(&gait, "").status, 200);
    assert_eq!(delete(&gait).status, 403);
    gait.signal("INT");
    assert!(gait.wait().success());
    let lines: Vec<_> = BufReader::new(out).lines().map(Result::unwrap).collect();
    let objects: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let evidence = closings(&gait, 2);
    assert_eq!(objects.len(), 2, "{lines:?}");
    for (object, line) in objects.iter().zip(&evidence) {
        assert_eq!(object["call_id"], line["call_id"]);
        assert_eq!((&object["route"], &object["verdict"]), (&line["route"], &line["verdict"]));
    }
    assert_eq!((&objects[0]["status"], &objects[1]["status"]), (&200.into(), &403.into()));
    assert_eq!(objects[0]["traceparent"], tool.seen()[0].all("traceparent").concat());
    assert!(!lines.concat().contains("secret-argument"));
}

#[test]
fn nobody_waits_for_a_standard_output_that_nobody_reads() {
    const CALLS: usize = 400;
    let tool = Recorder::start();
    let dir = TempDir::new().unwrap();
    setup(tool.address, "access_log: { to: stdout }\n").write(dir.path());
    let arguments = ["proxy", "--config", "gait.yaml"];
    let (mut gait, out) = Gait::launch_heard(dir, &arguments);
    (0..CALLS).for_each(|_| assert_eq!(read(&gait, "").status, 200));
    assert_eq!(closings(&gait, CALLS).len(), CALLS);
    wait_for("what cannot be written", || {
        let scrape = gait.scrape();
        let waiting = scrape.sum("gait_export_queue_lines", &[("exporter", "access_log")]);
        let all = ended(&scrape, "access_log") + waiting == CALLS as f64;
        (all && waiting > 0.0).then_some(())
    });
    gait.signal("INT");
    assert!(gait.wait().success());
    drop(out);
}
