//! What a real Prometheus makes of the rules and the dashboard, over a real gait with traffic.

use crate::prometheus::Prometheus;
use crate::scene::{Scene, is_installed};
use crate::{text, wait_for, yaml};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Two scrapes, and the traffic between them, take a third of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Metrics that a gait has only with what the config of compose does not have.
const ELSEWHERE: [&str; 6] = [
    "gait_candidate_errors_total",
    "gait_export_lag_seconds",
    "gait_export_records_total",
    "gait_jwks_failures_total",
    "gait_tls_certificate_not_after_timestamp_seconds",
    "gait_webhook_deliveries_total",
];

fn dashboard() -> Value {
    serde_json::from_str(&text("deploy/grafana/gait.json")).expect("JSON")
}

/// The queries of the panels, with what Grafana would put in for the variables: title and query.
fn queries() -> Vec<(String, String)> {
    let panels = dashboard()["panels"].as_array().expect("panels").clone();
    let of_panel = |panel: Value| {
        let title = panel["title"].as_str().expect("a title").to_owned();
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        assert!(panel["type"] == "row" || !targets.is_empty(), "{title} asks nothing");
        let query =
            move |target: Value| (title.clone(), put_in(target["expr"].as_str().expect("a query")));
        targets.into_iter().map(query)
    };
    panels.into_iter().flat_map(of_panel).collect()
}

fn put_in(query: &str) -> String {
    let query = query.replace("$__rate_interval", "20s").replace("$__range", "5m");
    let query = query.replace("$instance", ".*").replace("$route", ".*");
    assert!(!query.contains('$'), "a variable that nobody knows: {query}");
    query
}

/// The selectors of a query: each metric with its labels.
fn selectors(query: &str) -> Vec<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(at) = rest.find(|c: char| is_word(c)) {
        let (_, from) = rest.split_at(at);
        let end = from.find(|c: char| !is_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        let labels = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let labels = labels.map_or(String::new(), |(inner, _)| format!("{{{inner}}}"));
        rest = after.strip_prefix(labels.as_str()).unwrap_or(after);
        if word.starts_with("gait_") || word.starts_with("process_") || word == "up" {
            found.push(format!("{word}{labels}"));
        }
    }
    found
}

fn alerts() -> Vec<(String, String)> {
    let groups = yaml("deploy/alerts.yaml")["groups"].as_array().expect("groups").clone();
    let rules = groups.into_iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
    let named = rules.map(|rule| {
        let name = rule["alert"].as_str().or(rule["record"].as_str()).expect("a name").to_owned();
        (name, rule["expr"].as_str().expect("a query").to_owned())
    });
    named.collect()
}

/// What of these gives no number, until everything does or time is up.
fn silent(prometheus: &Prometheus, queries: Vec<(String, String)>) -> Vec<(String, String)> {
    let deadline = Instant::now() + PATIENCE;
    let mut left = queries;
    while !left.is_empty() && Instant::now() < deadline {
        left.retain(|(title, query)| {
            let samples = prometheus.query(query).unwrap_or_else(|why| panic!("{title}: {why}"));
            samples.iter().all(|(_, value)| value.is_nan())
        });
        thread::sleep(Duration::from_millis(500));
    }
    left
}

#[test]
fn every_panel_shows_something_and_every_rule_asks_for_what_is_there() {
    if !is_installed("prometheus") {
        return;
    }
    let gait = Scene::start();
    let prometheus = Prometheus::scraping(gait.telemetry);
    // What happened before the first scrape is no increase.
    wait_for("a scrape", || {
        (!prometheus.query("gait_build_info").unwrap().is_empty()).then_some(())
    });
    gait.approve_one();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                gait.traffic();
                thread::sleep(Duration::from_millis(200));
            }
        });
        let _ended = Ends(&done);
        look(&prometheus);
    });
}

/// Ends the traffic, also when what is looked at is not as expected.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn look(prometheus: &Prometheus) {
    let queries = queries();
    assert!(queries.len() >= 30, "{}", queries.len());
    assert_eq!(silent(prometheus, queries), [], "panels that show nothing");
    let alerts = alerts();
    assert!(alerts.len() >= 30, "{}", alerts.len());
    for (name, query) in &alerts {
        prometheus.query(query).unwrap_or_else(|why| panic!("{name}: {why}"));
        for selector in selectors(query) {
            let elsewhere = ELSEWHERE.iter().any(|metric| selector.starts_with(metric));
            let found = !prometheus.query(&selector).unwrap().is_empty();
            assert!(found || elsewhere, "{name}: nothing is {selector}");
        }
    }
    let rules = prometheus.rules();
    assert_eq!(rules.len(), alerts.len());
    for rule in rules {
        assert_eq!((&rule["health"], &rule["lastError"]), (&"ok".into(), &Value::Null), "{rule}");
        assert_ne!(rule["state"], "firing", "all is well, and {rule}");
    }
}

#[test]
fn the_dashboard_names_what_gait_has() {
    let dashboard = dashboard();
    let known = |query: &str| {
        let named = selectors(query);
        assert!(!named.is_empty(), "{query}");
        for selector in named {
            let name = selector.split('{').next().unwrap().trim_end_matches("_bucket");
            assert!(gait::metrics::CATALOGUE.iter().any(|row| row.name == name), "{query}");
        }
    };
    for (_, query) in queries() {
        if !query.contains("ALERTS") {
            known(&query);
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        match variable["type"].as_str() {
            Some("query") => known(variable["query"]["query"].as_str().unwrap()),
            kind => assert_eq!(kind, Some("datasource")),
        }
    }
    for mark in dashboard["annotations"]["list"].as_array().unwrap() {
        known(mark["expr"].as_str().unwrap());
    }
}

#[test]
fn selectors_are_found_with_their_labels() {
    let query =
        "sum by (a) (rate(gait_x_total{a=~\"b|c\",d!=\"e\"}[5m])) > 0 and up{job=\"gait\"} == 0";
    assert_eq!(selectors(query), ["gait_x_total{a=~\"b|c\",d!=\"e\"}", "up{job=\"gait\"}"]);
}

#[test]
fn the_panels_stand_side_by_side() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut taken = std::collections::BTreeSet::new();
    let mut ids = std::collections::BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        let at = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        let (x, y) = (at("x"), at("y"));
        assert!(x + at("w") <= 24, "{}", panel["title"]);
        for cell in (y..y + at("h")).flat_map(|y| (x..x + at("w")).map(move |x| (x, y))) {
            assert!(taken.insert(cell), "{} lies over another", panel["title"]);
        }
    }
}
