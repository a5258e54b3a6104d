//! Settings out of bounds, and approvals that nobody could give or wait for.

use super::{UPSTREAM, folder, plan, refused};
use crate::config::{Environment, Source};
use std::fs;
use std::time::Duration;

#[test]
fn what_is_out_of_bounds_is_refused() {
    let of = |text: &str| format!("approvals: {{ {text} }}");
    let route = |text: &str| {
        format!(
            "routes: [{{ name: r, upstream: a, {text}, intent: {{ tool_name: t, risk_class: low }} }}]"
        )
    };
    refused(
        folder().path(),
        &[
            (of("open_for: 5s"), "`approvals.open_for`: `5s` is not a duration from 10s to 720h"),
            (of("open_for: 721h"), "`approvals.open_for`: `721h` is not a duration"),
            (
                of("grant_holds: 169h"),
                "`approvals.grant_holds`: `169h` is not a duration from 10s to 168h",
            ),
            (
                of("retry_after: 0s"),
                "`approvals.retry_after`: `0s` is not a duration from 1s to 1h",
            ),
            (
                of("retention: 90d"),
                "`approvals.retention`: `90d` is not a duration from 1h to 87600h",
            ),
            (
                of("status: 200"),
                "`approvals.status`: `200` says something else to callers; write 428",
            ),
            (of("status: \"428\""), "`approvals.status` must be a whole number"),
            (
                of("public_url: \"gait.example\""),
                "`approvals.public_url`: `gait.example` is not a URL of http",
            ),
            (
                of("public_url: \"https://a/?x\""),
                "`approvals.public_url`: `https://a/?x` holds a query",
            ),
            (
                of("public_url: \"https://a/#x\""),
                "`approvals.public_url`: `https://a/#x` holds a query",
            ),
            (of("public_url: \"https://u:pw@a\""), "`approvals.public_url`: the URL holds a user"),
            (route("hold: 0s"), "`routes[0].hold`: `0s` is not a duration from 1s to 10m"),
            (route("hold: 11m"), "`routes[0].hold`: `11m` is not a duration"),
            (route("mask: []"), "`routes[0].mask` is empty"),
            (route("mask: [password]"), "`routes[0].mask`: `password` is not a JSON Pointer"),
            (route("mask: [\"\"]"), "`routes[0].mask`: `` is not a JSON Pointer"),
            (
                route("mask: [\"/a~b\"]"),
                "`routes[0].mask`: `/a~b`: in a JSON Pointer `~` is written",
            ),
            (
                "limits: { holds: 0 }".to_owned(),
                "`limits.holds`: must be a whole number from 1 to 100000",
            ),
        ],
    );
    let text = of("public_url: \"https://a/gait/\", status: 409, retention: 2h");
    let plan = plan(folder().path(), &format!("{text}\n{}", route("hold: 30s, mask: [\"/a~1b\"]")))
        .unwrap();
    assert_eq!(plan.approvals.public_url.as_deref(), Some("https://a/gait"));
    assert_eq!(plan.approvals.status.as_u16(), 409);
    let approval = plan.routes.first().unwrap().approval.clone();
    assert_eq!(
        (approval.hold, &*approval.masks),
        (Duration::from_secs(30), &["/a~1b".to_owned()][..])
    );
}

#[test]
fn approvals_that_nobody_can_give_or_wait_for_are_warned_of() {
    let folder = folder();
    let warnings = |stage: &str, hold: &str, may: &str, policy: &str| {
        let text = format!(
            "{UPSTREAM}stage: {stage}\nunmapped: {{ action: deny }}\napprovals: {{ approvers: [{{ name: ada, \
             logins: [local]{may} }}] }}\nroutes: [{{ name: r, upstream: a{hold}, \
             intent: {{ tool_name: t, risk_class: high }} }}]\n"
        );
        fs::write(folder.path().join("c.yaml"), text).unwrap();
        fs::write(folder.path().join("p.yaml"), policy).unwrap();
        let source = Source::File(folder.path().join("c.yaml"));
        source.load(&Environment::default()).unwrap().warnings.join("\n")
    };
    let wants = |count: u64| {
        format!(
            "rules: [{{ name: x, effect: require_approval, min_approvals: {count}, match: {{ tool_names: [t] }} }}]"
        )
    };
    let narrow = ", may: { tools: [u] }";
    let second = |name: &str, identity: &str| {
        format!(
            ", identities: [ada-laptop] }}, {{ name: {name}, keys: [ada.key], identities: [{identity}]"
        )
    };
    assert_eq!(warnings("enforce", "", &second("bob", "bob-laptop"), &wants(2)), "");
    for (who, want) in [
        (second("bob", "ada-laptop"), "approvers `ada` and `bob` are both the caller `ada-laptop`"),
        (
            second("ada-laptop", "b"),
            "approvers `ada` and `ada-laptop` are both the caller `ada-laptop`",
        ),
    ] {
        let said = warnings("enforce", "", &who, &wants(2));
        assert!(said.starts_with(want), "{said}");
    }
    assert_eq!(warnings("enforce", ", hold: 5s", "", &wants(1)), "");
    assert_eq!(warnings("observe", "", narrow, &wants(1)), "");
    assert_eq!(warnings("enforce", "", narrow, "rules: [{ name: x, effect: allow }]"), "");
    for (said, want) in [
        (
            warnings("dry_run", ", hold: 5s", "", ""),
            "`hold` of route `r` has no effect: in stage dry_run",
        ),
        (
            warnings("enforce", "", narrow, &wants(1)),
            "rule `x` wants 1 approval for calls of route `r`, and no approver may",
        ),
        (
            warnings("enforce", "", "", &wants(2)),
            "rule `x` wants 2 approvals from different approvers for calls of route `r`, and only 1 may",
        ),
        (
            warnings("enforce", "", narrow, "default_verdict: require_approval"),
            "the policy's default wants 1 approval",
        ),
    ] {
        assert!(said.starts_with(want), "{said}");
    }
}
