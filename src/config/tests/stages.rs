//! Shares and overrides, as people write and mistype them, and what they close.

use super::super::{Environment, Source};
use super::{plan, route};
use crate::snapshot::{Plan, PlannedRoute};
use crate::stage::Stage;

const UNTIL: &str = "until: \"2026-12-01T00:00:00Z\", reason: incident";

fn courses(plan: &Plan) -> Vec<String> {
    plan.routes.iter().map(|route| route.course.to_string()).collect()
}

/// One route of the tool `tool.del`.
fn with(head: &str) -> Result<Plan, String> {
    plan(&format!("{head}\nroutes:\n{}", route("del", "path: \"/a\"", "", "high")))
}

#[test]
fn a_share_stands_wherever_a_stage_can() {
    let share = "{ from: observe, to: dry_run, percent: 25 }";
    let want = ["dry_run for 25 %, else observe"];
    assert_eq!(courses(&with(&format!("stage: {share}")).unwrap()), want);
    let by_tool = format!("stage: enforce\ntool_stages: {{ \"tool.*\": {share} }}");
    assert_eq!(courses(&with(&by_tool).unwrap()), want);
    let own = route("del", "path: \"/a\"", &format!("stage: {share}, "), "high");
    assert_eq!(courses(&plan(&format!("stage: enforce\nroutes:\n{own}")).unwrap()), want);
    for percent in [0, 100] {
        let whole = share.replace("25", &percent.to_string());
        assert!(with(&format!("stage: {whole}")).is_ok());
    }
}

#[test]
fn the_most_specific_override_that_fits_is_over_everything() {
    let head = format!(
        "stage: enforce\nstage_overrides:\n  - {{ tool: \"TOOL.*\", stage: observe, {UNTIL} }}\n  \
         - {{ route: del, stage: {{ from: observe, to: dry_run, percent: 5 }}, {UNTIL} }}"
    );
    let plan = with(&head).unwrap();
    let want = "enforce; dry_run for 5 %, else observe until 2026-12-01T00:00:00Z; observe until \
                2026-12-01T00:00:00Z";
    assert_eq!(courses(&plan), [want]);
    let course = &plan.routes.first().unwrap().course;
    assert_eq!(course.at("2026-11-01T00:00:00Z".parse().unwrap()).strictest(), Stage::DryRun);
    assert_eq!(course.at("2026-12-01T00:00:00Z".parse().unwrap()).strictest(), Stage::Enforce);
}

#[test]
fn of_overrides_that_fit_alike_the_stricter_holds_and_one_that_never_acts_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let route = |name: &str, tool: &str| {
        format!("{{ name: {name}, upstream: a, intent: {{ tool_name: {tool}, risk_class: low }} }}")
    };
    let load = |overrides: &[(&str, &str, &str)]| {
        let one = |(of, stage, until): &(&str, &str, &str)| {
            format!("  - {{ {of}, stage: {stage}, until: \"{until}\", reason: x }}\n")
        };
        let overrides: String = overrides.iter().map(one).collect();
        let text = format!(
            "policy: p.yaml\nupstreams: {{ a: {{ url: \"http://127.0.0.1:9\" }} }}\n\
             routes: [{}, {}]\nstage_overrides:\n{overrides}",
            route("one", "tool.one"),
            route("two", "tool.two")
        );
        std::fs::write(dir.path().join("gait.yaml"), text).unwrap();
        std::fs::write(dir.path().join("p.yaml"), "").unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        let config = source.load(&Environment::default()).unwrap();
        let now = "2098-01-01T00:00:00Z".parse().unwrap();
        let stage = |route: &PlannedRoute| route.course.at(now).to_string();
        let idle = config.warnings.iter().filter(|warning| warning.contains("never acts"));
        let idle: Vec<String> =
            idle.map(|warning| warning.split('`').nth(1).unwrap().to_owned()).collect();
        (config.plan.routes.iter().map(stage).collect::<Vec<_>>(), idle)
    };
    let (early, late) = ("2099-01-01T00:00:00Z", "2099-02-01T00:00:00Z");
    let (all, tools) = ("tool: \"*\"", "tool: \"tool.*\"");
    let said = load(&[(all, "observe", late), (all, "enforce", early)]);
    assert_eq!(said, (vec!["enforce".to_owned(); 2], vec![]), "it acts once the other is over");
    let said = load(&[(tools, "observe", early), ("tool: tool.one", "enforce", late)]);
    assert_eq!(said, (vec!["enforce".to_owned(), "observe".to_owned()], vec![]));
    let said = load(&[("route: two", "dry_run", late), (tools, "enforce", early)]);
    assert_eq!(said, (vec!["enforce".to_owned(), "dry_run".to_owned()], vec![]));
    let said = load(&[(all, "enforce", early), (tools, "observe", late)]);
    assert_eq!(
        said,
        (vec!["observe".to_owned(); 2], vec!["stage_overrides[0]".to_owned()]),
        "the longer prefix goes first, whatever it says"
    );
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_mend() {
    let over = |what: &str| format!("stage_overrides: [{{ {what} }}]");
    let rows = [
        ("stage: [observe]".to_owned(), "`stage` must be a stage, as in `dry_run`, or a share"),
        ("stage: { from: observe, to: dry_run }".to_owned(), "`stage.percent` must be a whole"),
        (
            "stage: { from: observe, to: dry_run, percent: 101 }".to_owned(),
            "`stage.percent` must be a whole number from 0 to 100",
        ),
        ("stage: { from: observe, to: dry_run, percent: -1 }".to_owned(), "from 0 to 100"),
        ("stage: { from: observe, to: dry_run, percent: \"5\" }".to_owned(), "`stage.percent`"),
        ("stage: { from: observe, percent: 5 }".to_owned(), "`stage.to`: unknown stage ``"),
        (
            "stage: { from: observe, to: observe, percent: 5 }".to_owned(),
            "`stage.to` is the stage that `from` is; write the stage alone",
        ),
        ("stage: { from: observe, until: x }".to_owned(), "unknown field `until` in stage"),
        ("tool_stages: { \"a*b\": observe }".to_owned(), "one `*`, at the end"),
        ("tool_stages: { a: { to: observe } }".to_owned(), "`tool_stages.a.from`: unknown stage"),
        (over(&format!("stage: observe, {UNTIL}")), "is for a `route` or for a `tool`"),
        (over(&format!("route: del, tool: a, stage: observe, {UNTIL}")), "write one of both"),
        (over(&format!("route: dle, stage: observe, {UNTIL}")), "there is no route `dle`; name"),
        (over(&format!("tool: \"x.*\", stage: observe, {UNTIL}")), "no route has a tool `x.*`"),
        (over(&format!("route: del, {UNTIL}")), "`stage_overrides[0].stage` is missing"),
        (
            over("route: del, stage: observe, reason: x"),
            "`stage_overrides[0].until` is missing; an override ends, as in",
        ),
        (
            over("route: del, stage: observe, reason: x, until: tomorrow"),
            "`stage_overrides[0].until`: `tomorrow` is no time; write it like",
        ),
        (
            over("route: del, stage: observe, until: \"2026-12-01T00:00:00Z\""),
            "`stage_overrides[0].reason` is missing; say why",
        ),
        (
            over("route: del, stage: observe, until: \"2026-12-01T00:00:00Z\", reason: \" \""),
            "`stage_overrides[0].reason` is missing",
        ),
        (
            over(&format!("route: del, stage: off, {UNTIL}")),
            "`stage_overrides[0].stage`: unknown stage `off`",
        ),
        (over("route: del, stages: observe"), "did you mean `stage`?"),
    ];
    for (head, want) in rows {
        let refusal = with(&head).unwrap_err();
        assert!(refusal.contains(want), "{head}\n{refusal}");
    }
}

/// A config of one upstream.
fn alone(head: &str) -> Plan {
    use super::super::{Environment, read, site::Site};
    let text = format!(
        "policy: p.yaml\nupstreams: {{ b: {{ url: \"http://127.0.0.1:9000\" }} }}\n{head}\n\
         routes:\n{}{}",
        route("del", "path: \"/a\"", "", "high"),
        route("get", "path: \"/b\"", "stage: observe, ", "low"),
    );
    let environment = Environment::default();
    let loaded = read(&text, &Site::new(std::path::Path::new(""), &environment));
    loaded.map(|read| read.plan).map_err(|fault| fault.what).unwrap()
}

#[test]
fn side_lanes_are_closed_where_anybody_can_ever_stand_beyond_observe() {
    let open = |head: &str| {
        let plan = alone(head);
        (plan.unmapped.is_some(), plan.refused.is_some())
    };
    assert_eq!(open(""), (true, true));
    for head in [
        "stage: { from: observe, to: dry_run, percent: 0 }",
        "stage: { from: enforce, to: observe, percent: 100 }",
        "tool_stages: { tool.del: { from: observe, to: dry_run, percent: 1 } }",
        &format!("stage_overrides: [{{ route: del, stage: dry_run, {UNTIL} }}]"),
        // One that has ended as well: what is open must not hang on when it was looked at.
        "stage_overrides: [{ route: del, stage: dry_run, until: \"2020-01-01T00:00:00Z\", reason: x }]",
    ] {
        assert_eq!(open(head), (false, false), "{head}");
    }
    // A stage that is over for a time does not open what the one under it closes.
    let lowered = format!(
        "tool_stages: {{ tool.del: enforce }}\n\
         stage_overrides: [{{ route: del, stage: observe, {UNTIL} }}]"
    );
    assert_eq!(open(&lowered), (false, false));
}

#[test]
fn an_unmapped_observe_is_refused_beside_a_share_or_an_override() {
    for rest in [
        "stage: { from: observe, to: dry_run, percent: 0 }",
        &format!("stage_overrides: [{{ route: del, stage: dry_run, {UNTIL} }}]"),
    ] {
        let refusal = with(&format!("{rest}\nunmapped: {{ action: observe, upstream: a }}"));
        assert!(refusal.unwrap_err().contains("is beyond observe, if only for some"), "{rest}");
    }
}
