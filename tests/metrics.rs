//! What `/metrics` promises: the catalogue, the law at every scrape, bounded series, valid text.

use gait::evidence::{Opinion, Via};
use gait::metrics::{
    BypassLabel, CATALOGUE, DispositionLabel, Limits, Metrics, OpinionLabel, PermitLabel,
    ProtocolLabel, RouteLabels, RouteMetrics, STAGES, SnapshotFace, VerdictLabel, ViaLabel,
};
use gait::policy::Verdict;
use gait::stage::{Disposition, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const REASONS: &[&str] = &["path", "framing"];

/// One line with a value.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// `None` for a line that is not `name{key="value",…} number`.
fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let pairs = labels.trim_end_matches('}').split("\",").filter(|pair| !pair.is_empty());
    let labels = pairs.map(|pair| {
        let (key, value) = pair.split_once("=\"")?;
        Some((key.to_owned(), value.trim_end_matches('"').to_owned()))
    });
    let labels = labels.collect::<Option<_>>()?;
    Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
}

fn samples(text: &str) -> Vec<Sample> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = lines.map(sample).collect::<Option<Vec<_>>>();
    assert!(read.is_some(), "a line is not in the text format");
    read.unwrap_or_default()
}

/// The sum of all series of `name` whose labels contain `labels`.
fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let fits = |sample: &&Sample| {
        sample.name == name
            && labels
                .iter()
                .all(|(key, value)| sample.labels.get(*key).is_some_and(|found| found == value))
    };
    samples(text).iter().filter(fits).map(|sample| sample.value).sum()
}

fn metrics(series_max: usize) -> Metrics {
    Metrics::new(Limits { series_max }, REASONS)
}

fn labels(route: &str) -> RouteLabels<'_> {
    RouteLabels { route, stage: "enforce", risk: "high" }
}

/// A snapshot with one certificate.
fn face<'a>(config: &'a str, stages: &'a [(&'a str, &'a str, f64)]) -> SnapshotFace<'a> {
    static CERTIFICATES: LazyLock<[(String, f64); 1]> =
        LazyLock::new(|| [("server/0".to_owned(), 5.0)]);
    SnapshotFace { config, policy: "p1", stages, lasting: stages, certificates: &*CERTIFICATES }
}

/// Metrics with one route and a snapshot, as after a start.
fn started() -> Metrics {
    let metrics = metrics(10_000);
    metrics.callers(&["sso".into()], &["credentials_missing"]);
    metrics.jwks(&"sso".into());
    metrics.approvals(&["approval_spent"]);
    metrics.webhook(&"chat".into());
    metrics.route(labels("files.delete"));
    metrics.candidate(&["files.delete".into()]);
    let _made = metrics.listener("server");
    metrics.snapshot(&face("c1", &[("files.delete", "enforce", 1.0)]));
    metrics
}

/// The family that a series belongs to: histograms show three names each.
fn family(name: &str) -> &str {
    ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| {
            let base = name.strip_suffix(suffix)?;
            CATALOGUE.iter().any(|row| row.name == base).then_some(base)
        })
        .unwrap_or(name)
}

#[test]
fn the_catalogue_is_what_metrics_shows() {
    let text = started().render();
    let mut shown: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    for sample in samples(&text) {
        let mut keys: Vec<String> = sample.labels.into_keys().collect();
        keys.retain(|key| key != "le");
        shown.entry(family(&sample.name).to_owned()).or_default().insert(keys);
    }
    for row in CATALOGUE {
        let mut keys: Vec<String> = row.labels.iter().map(|key| (*key).to_owned()).collect();
        keys.sort();
        assert_eq!(shown.remove(row.name), Some(BTreeSet::from([keys])), "{}", row.name);
        let head = format!(
            "# HELP {} {}\n# TYPE {} {}\n",
            row.name,
            row.help,
            row.name,
            row.kind.as_str()
        );
        assert_eq!(text.matches(&head).count(), 1, "{head}");
    }
    assert!(shown.is_empty(), "not in the catalogue: {shown:?}");
}

#[test]
fn every_reachable_series_of_a_route_exists_at_zero() {
    let text = started().render();
    let of_route = |name: &str| {
        let all = samples(&text);
        let all = all.into_iter().filter(|s| s.name == name);
        let all = all.filter(|s| s.labels.get("route").is_some_and(|r| r == "files.delete"));
        all.map(|s| s.value).collect::<Vec<_>>()
    };
    assert_eq!(of_route("gait_calls_total"), [0.0; 25]);
    assert_eq!(of_route("gait_permits_total"), [0.0; 3]);
    assert_eq!(of_route("gait_upstream_requests_total"), [0.0; 3]);
    assert_eq!(of_route("gait_stage_changes_total"), [0.0; 3]);
    assert_eq!(of_route("gait_call_seconds_count"), [0.0]);
    assert_eq!(of_route("gait_upstream_seconds_bucket"), [0.0; 13]);
}

#[test]
fn label_words_are_those_of_policy_and_stage() {
    let verdicts = Verdict::ALL.map(Verdict::as_str);
    assert_eq!(OpinionLabel::ALL.map(OpinionLabel::as_str), Opinion::ALL.map(Opinion::as_str));
    assert_eq!(ViaLabel::ALL.map(ViaLabel::as_str), Via::ALL.map(Via::as_str));
    assert_eq!(VerdictLabel::ALL.map(VerdictLabel::as_str).split_last().unwrap().1, verdicts);
    assert_eq!(
        DispositionLabel::ALL.map(DispositionLabel::as_str),
        Disposition::ALL.map(Disposition::as_str)
    );
    assert_eq!(STAGES, Stage::ALL.map(Stage::as_str));
}

#[test]
fn counters_show_what_was_counted() {
    let metrics = started();
    let route = metrics.route(labels("files.delete"));
    route.call(VerdictLabel::Block, DispositionLabel::Denied);
    route.call(VerdictLabel::None, DispositionLabel::Failed);
    route.call_took(Duration::from_millis(20));
    metrics.stage_changed("files.delete", ViaLabel::Demote);
    metrics.stage_changed("no such route", ViaLabel::Demote);
    metrics.bypass(BypassLabel::NotCommitted);
    metrics.rejected("path");
    metrics.rejected("made up");
    let listener = metrics.listener("server");
    let _connection = listener.connection();
    listener.speaks(ProtocolLabel::Http2);
    listener.handshake_failed();
    metrics.body_budget(64);
    metrics.reload_succeeded("2026-11-22T12:00:00.5Z".parse().unwrap());
    let text = metrics.render();
    let call = [("route", "files.delete"), ("verdict", "block"), ("disposition", "denied")];
    assert_eq!(sum(&text, "gait_calls_total", &call), 1.0);
    assert_eq!(sum(&text, "gait_calls_total", &[]), 2.0);
    let demoted = |route| sum(&text, "gait_stage_changes_total", &[("route", route)]);
    assert_eq!((demoted("files.delete"), demoted("_other")), (1.0, 1.0));
    assert_eq!(sum(&text, "gait_call_seconds_bucket", &[("le", "0.025")]), 1.0);
    assert_eq!(sum(&text, "gait_call_seconds_bucket", &[("le", "0.01")]), 0.0);
    assert_eq!(sum(&text, "gait_bypass_total", &[("cause", "not_committed")]), 1.0);
    assert_eq!(sum(&text, "gait_rejected_total", &[("reason", "path")]), 1.0);
    assert_eq!(sum(&text, "gait_rejected_total", &[("reason", "other")]), 1.0);
    assert_eq!(sum(&text, "gait_connections", &[("listener", "server")]), 1.0);
    assert_eq!(sum(&text, "gait_connections_total", &[("protocol", "http2")]), 1.0);
    assert_eq!(sum(&text, "gait_connections_total", &[("listener", "server")]), 1.0);
    assert_eq!(sum(&text, "gait_tls_handshake_failures_total", &[("listener", "server")]), 1.0);
    let not_after = "gait_tls_certificate_not_after_timestamp_seconds";
    assert_eq!(sum(&text, not_after, &[("name", "server/0")]), 5.0);
    assert_eq!(sum(&text, "gait_body_budget_bytes", &[]), 64.0);
    let stamp = "gait_config_last_reload_success_timestamp_seconds";
    assert_eq!(sum(&text, stamp, &[]), 1_795_348_800.5);
}

#[test]
fn a_reload_keeps_the_counters_and_drops_the_old_face() {
    let metrics = started();
    let before = metrics.route(labels("files.delete"));
    before.call(VerdictLabel::Allow, DispositionLabel::Forwarded);
    let after = metrics.route(labels("files.delete"));
    assert!(Arc::ptr_eq(&before, &after));
    let stages = [("files.delete", "observe", 0.25), ("files.delete", "enforce", 0.75)];
    let lasting = [("files.delete", "enforce", 1.0)];
    metrics.snapshot(&SnapshotFace { certificates: &[], lasting: &lasting, ..face("c2", &stages) });
    let text = metrics.render();
    assert_eq!(sum(&text, "gait_calls_total", &[]), 1.0);
    assert_eq!(sum(&text, "gait_snapshot_info", &[]), 1.0);
    assert_eq!(sum(&text, "gait_snapshot_info", &[("config", "c2")]), 1.0);
    assert_eq!(sum(&text, "gait_stage", &[("stage", "observe")]), 0.25);
    assert_eq!(sum(&text, "gait_stage", &[]), 1.0);
    assert_eq!(sum(&text, "gait_stage_lasting", &[("stage", "enforce")]), 1.0);
    assert_eq!(sum(&text, "gait_stage_lasting", &[]), 1.0);
}

#[test]
fn what_a_candidate_says_shows_only_while_there_is_one() {
    let metrics = started();
    let names: Vec<Arc<str>> = vec!["files.delete".into()];
    let diff = |text: &str| {
        let all = samples(text).into_iter().filter(|s| s.name == "gait_policy_diff_total");
        all.collect::<Vec<_>>().len()
    };
    assert_eq!(diff(&metrics.render()), 24, "12 pairs of the route, and of all that do not fit");
    metrics.policy_differs("files.delete", VerdictLabel::Allow, VerdictLabel::Block);
    metrics.policy_differs("no such route", VerdictLabel::Block, VerdictLabel::Allow);
    for (from, to) in [
        (VerdictLabel::Block, VerdictLabel::Block),
        (VerdictLabel::None, VerdictLabel::Allow),
        (VerdictLabel::Allow, VerdictLabel::None),
    ] {
        metrics.policy_differs("files.delete", from, to);
    }
    metrics.candidate(&names).failed("files.delete");
    let text = metrics.render();
    assert_eq!((diff(&text), sum(&text, "gait_policy_diff_total", &[])), (24, 2.0));
    let one = [("route", "files.delete"), ("from", "allow"), ("to", "block")];
    assert_eq!(sum(&text, "gait_policy_diff_total", &one), 1.0, "a reload keeps what was counted");
    assert_eq!(sum(&text, "gait_policy_diff_total", &[("route", "_other")]), 1.0);
    assert_eq!(sum(&text, "gait_candidate_errors_total", &[("route", "files.delete")]), 1.0);
    metrics.no_candidate();
    metrics.policy_differs("files.delete", VerdictLabel::Allow, VerdictLabel::Block);
    assert_eq!(diff(&metrics.render()), 0);
    let before = samples(&text).len();
    metrics.candidate(&names);
    let text = metrics.render();
    assert_eq!((samples(&text).len(), sum(&text, "gait_policy_diff_total", &[])), (before, 0.0));
}

#[test]
fn a_candidate_takes_no_more_series_than_there_are() {
    let metrics = metrics(900);
    let names: Vec<Arc<str>> = (0..100).map(|n| format!("route.{n}").into()).collect();
    for _ in 0..3 {
        names.iter().for_each(|name| drop(metrics.route(labels(name))));
        metrics.candidate(&names);
    }
    for name in &names {
        metrics.policy_differs(name, VerdictLabel::DryRun, VerdictLabel::Block);
    }
    let text = metrics.render();
    assert!(samples(&text).len() <= 900, "{}", samples(&text).len());
    assert_eq!(sum(&text, "gait_policy_diff_total", &[]), 100.0);
}

#[test]
fn a_stage_change_shares_the_permits_of_its_route() {
    let metrics = started();
    let enforce = metrics.route(labels("files.delete"));
    let observe = metrics.route(RouteLabels { stage: "observe", ..labels("files.delete") });
    enforce.mint(PermitLabel::Allow).unused();
    observe.mint(PermitLabel::Allow).unused();
    let text = metrics.render();
    assert_eq!(sum(&text, "gait_permits_total", &[("route", "files.delete")]), 2.0);
    assert_eq!(sum(&text, "gait_permits_unused_total", &[]), 2.0);
}

#[test]
fn series_stay_within_their_limit() {
    for series_max in [0, 400, 700] {
        let metrics = metrics(series_max);
        let floor = samples(&metrics.render()).len() + 9;
        let names: Vec<String> = (0..100).map(|n| format!("route.{n}")).collect();
        for name in &names {
            metrics.route(labels(name)).call(VerdictLabel::Allow, DispositionLabel::Forwarded);
        }
        let stages: Vec<_> = names.iter().map(|name| (name.as_str(), "enforce", 1.0)).collect();
        metrics.snapshot(&SnapshotFace { certificates: &[], ..face("c", &stages) });
        let text = metrics.render();
        assert!(samples(&text).len() <= series_max.max(floor), "{series_max}");
        assert_eq!(sum(&text, "gait_calls_total", &[]), 100.0);
        let other = [("route", "_other"), ("stage", "_other"), ("risk", "_other")];
        let counted = sum(&text, "gait_calls_total", &other);
        assert!(counted >= 90.0, "{counted}");
        assert_eq!(sum(&text, "gait_metric_series_overflow_total", &[]), counted);
        assert_eq!(sum(&text, "gait_stage", &[("route", "_other")]), 1.0);
    }
}

/// The law, for the whole and for each label, in one scrape.
fn assert_law(text: &str) -> [f64; 4] {
    let minted = sum(text, "gait_permits_total", &[]);
    let sent = sum(text, "gait_upstream_requests_total", &[]);
    let unused = sum(text, "gait_permits_unused_total", &[]);
    let open = sum(text, "gait_permits_open", &[]);
    assert_eq!(minted, sent + unused + open);
    for permit in PermitLabel::ALL {
        let of_kind = [("permit", permit.as_str())];
        let minted = sum(text, "gait_permits_total", &of_kind);
        assert!(sum(text, "gait_upstream_requests_total", &of_kind) <= minted);
    }
    [minted, sent, unused, open]
}

#[test]
fn sources_that_do_not_fit_are_counted_as_other() {
    let metrics = metrics(400);
    let names: Vec<Arc<str>> = (0..500).map(|n| format!("source.{n}").into()).collect();
    let callers = metrics.callers(&names, &["credentials_missing"]);
    names.iter().for_each(|name| {
        metrics.jwks(name).failed();
        callers.identified(name);
    });
    callers.identified("no such source");
    callers.refused("credentials_missing");
    callers.refused("no such reason");
    let text = metrics.render();
    assert!(samples(&text).len() <= 400, "{}", samples(&text).len());
    assert_eq!(sum(&text, "gait_identities_total", &[("source", "source.0")]), 1.0);
    assert_eq!(sum(&text, "gait_identities_total", &[]), 501.0);
    assert_eq!(sum(&text, "gait_jwks_failures_total", &[]), 500.0);
    assert!(sum(&text, "gait_jwks_failures_total", &[("source", "_other")]) > 300.0);
    assert_eq!(sum(&text, "gait_identity_refused_total", &[]), 1.0);
    // A reload pays for nothing twice.
    let before = samples(&text).len();
    metrics.callers(&names, &["credentials_missing"]);
    assert_eq!(samples(&metrics.render()).len(), before);
}

#[test]
fn a_permit_is_open_until_it_is_settled_once() {
    let metrics = started();
    let route = metrics.route(labels("files.delete"));
    let sent = route.mint(PermitLabel::Allow);
    let dropped = route.mint(PermitLabel::Approved);
    let open = route.mint(PermitLabel::Observed);
    assert_eq!(assert_law(&metrics.render()), [3.0, 0.0, 0.0, 3.0]);
    route.upstream_sent(PermitLabel::Allow);
    sent.sent();
    drop(dropped);
    assert_eq!(assert_law(&metrics.render()), [3.0, 1.0, 1.0, 1.0]);
    open.unused();
    assert_eq!(assert_law(&metrics.render()), [3.0, 1.0, 2.0, 0.0]);
}

#[test]
fn a_panic_leaves_its_permit_unused() {
    let metrics = started();
    let route = metrics.route(labels("files.delete"));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _open = route.mint(PermitLabel::Allow);
        panic!("the policy fell over");
    }));
    assert!(panicked.is_err());
    assert_eq!(assert_law(&metrics.render()), [1.0, 0.0, 1.0, 0.0]);
}

/// Mints and settles until told to stop; every fifth permit stays unused.
fn traffic(routes: &[Arc<RouteMetrics>], offset: usize, done: &AtomicBool) -> f64 {
    let mut minted = 0_usize;
    for (route, kind) in routes.iter().cycle().skip(offset).zip(PermitLabel::ALL.iter().cycle()) {
        if done.load(Ordering::Acquire) {
            break;
        }
        let open = route.mint(*kind);
        minted += 1;
        if !minted.is_multiple_of(5) {
            route.upstream_sent(*kind);
            open.sent();
        }
    }
    minted as f64
}

#[test]
fn the_law_holds_at_every_scrape() {
    let metrics = metrics(100_000);
    let names: Vec<String> = (0..20).map(|n| format!("route.{n}")).collect();
    let routes: Vec<_> = names.iter().map(|name| metrics.route(labels(name))).collect();
    let done = AtomicBool::new(false);
    let flown: f64 = std::thread::scope(|scope| {
        let fly = |offset| traffic(&routes, offset, &done);
        let workers = [0, 7].map(|offset| scope.spawn(move || fly(offset)));
        let scrapes: Vec<_> = (0..60).map(|_| metrics.render()).collect();
        done.store(true, Ordering::Release);
        for text in &scrapes {
            assert_law(text);
        }
        workers.map(|worker| worker.join().unwrap()).iter().sum()
    });
    let [minted, sent, unused, open] = assert_law(&metrics.render());
    assert_eq!([minted, sent + unused, open], [flown, flown, 0.0]);
}

/// promtool comes with Debian's `prometheus`; without it this test says so and passes.
#[test]
fn promtool_finds_nothing_to_mend() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let metrics = started();
    metrics.route(labels("files.delete")).mint(PermitLabel::Allow).unused();
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("skipped: promtool is not installed (Debian package `prometheus`)");
        return;
    };
    child.stdin.take().unwrap().write_all(metrics.render().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn webhooks_that_do_not_fit_are_counted_as_other() {
    let metrics = metrics(400);
    let names: Vec<Arc<str>> = (0..500).map(|n| format!("hook.{n}").into()).collect();
    names.iter().for_each(|name| metrics.webhook(name).taken());
    metrics.webhook(&names[0]).given_up();
    let text = metrics.render();
    assert!(samples(&text).len() <= 400, "{}", samples(&text).len());
    let count = |labels: &[(&str, &str)]| sum(&text, "gait_webhook_deliveries_total", labels);
    assert_eq!(count(&[]), 501.0);
    assert_eq!(count(&[("webhook", "hook.0")]), 2.0);
    assert_eq!(count(&[("webhook", "hook.0"), ("outcome", "failed")]), 0.0);
    assert!(count(&[("webhook", "_other")]) > 300.0);
}
