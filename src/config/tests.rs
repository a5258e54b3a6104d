//! Configs that look right and would open a gate, and what they must be refused for.

mod overlay;
mod stages;

use super::site::Site;
use super::{Environment, read};
use crate::snapshot::Plan;
use crate::stage::Stage;
use std::path::Path;

/// A config of one tool under two names, with what follows.
fn plan(rest: &str) -> Result<Plan, String> {
    let text = format!(
        "policy: p.yaml\nupstreams:\n  a: {{ url: \"http://127.0.0.1:9000\" }}\n  \
         b: {{ url: \"http://127.0.0.1:9000\" }}\n{rest}"
    );
    let environment = Environment::default();
    let loaded = read(&text, &Site::new(Path::new(""), &environment));
    loaded.map(|read| read.plan).map_err(|fault| fault.what)
}

fn route(name: &str, matches: &str, rest: &str, risk: &str) -> String {
    format!(
        "  - {{ name: {name}, match: {{ {matches} }}, upstream: b, {rest}intent: {{ tool_name: \
         tool.{name}, risk_class: {risk} }} }}\n"
    )
}

#[test]
fn a_second_name_for_a_tool_does_not_open_it() {
    let enforced = route("del", "methods: [DELETE]", "stage: enforce, ", "high");
    let refusal =
        plan(&format!("routes:\n{enforced}unmapped: {{ action: observe, upstream: a }}\n"));
    assert!(refusal.unwrap_err().contains("is refused"));
}

#[test]
fn what_narrows_a_route_is_never_empty() {
    for matches in [
        "methods: [], path: \"/a\"",
        "methods: [GET], path: \"\"",
        "methods: , path: \"/a\"",
        "path: \"/a\", body: {}",
        "",
    ] {
        let refusal = plan(&format!("routes:\n{}", route("x", matches, "", "low")));
        assert!(refusal.unwrap_err().contains("is empty"), "{matches}");
    }
    for top in ["stage:\n", "stage: \"\"\n", "server: { hosts: [] }\n", "candidate_policy:\n"] {
        assert!(plan(top).unwrap_err().contains("is empty"), "{top}");
    }
}

#[test]
fn a_condition_of_the_wrong_type_is_not_ignored() {
    for test in ["{ one_of: x, exists: true }", "{ equals: x, exists: maybe }", "{ one_of: [] }"] {
        let matches = format!("path: \"/a\", body: {{ \"/t\": {test} }}");
        assert!(plan(&format!("routes:\n{}", route("x", &matches, "", "low"))).is_err(), "{test}");
    }
}

#[test]
fn a_lower_catch_all_is_found_however_its_path_is_written() {
    let high =
        route("hi", "methods: [POST], path: \"/v1/{x}\", body: { \"/a\": { min: 5 } }", "", "high");
    for path in ["path: \"/v1/{x}\"", "path: \"/v1/{y}\"", "path: \"/{z*}\"", "methods: [POST]"] {
        let low = route("lo", path, "", "low");
        let refusal = plan(&format!("routes:\n{high}{low}"));
        assert!(refusal.unwrap_err().contains("allow_lower"), "{path}");
        let allowed = route("lo", path, "allow_lower: true, ", "low");
        assert!(plan(&format!("routes:\n{high}{allowed}")).is_ok(), "{path}");
    }
    let elsewhere = route("lo", "path: \"/v2/{y}\"", "", "low");
    assert!(plan(&format!("routes:\n{high}{elsewhere}")).is_ok());
}

#[test]
fn a_tool_s_own_stage_beats_every_prefix() {
    let stage_of = |stages: &str| {
        let one = route("del", "path: \"/a\"", "", "high");
        let plan = plan(&format!("tool_stages: {stages}\nroutes:\n{one}")).unwrap();
        plan.routes.first().map(|route| route.course.strictest())
    };
    assert_eq!(stage_of("{ tool.del: enforce, \"tool.del*\": observe }"), Some(Stage::Enforce));
    assert_eq!(stage_of("{ \"tool.*\": enforce, \"TOOL.*\": observe }"), Some(Stage::Enforce));
    assert_eq!(stage_of("{ \"tool.*\": enforce, \"tool.d*\": dry_run }"), Some(Stage::DryRun));
}
