//! The wrappers for GitHub and GitLab. No runner is here: what they would run is run, with what they
//! would set.

use crate::checkout::Checkout;
use crate::{text, yaml};
use serde_json::{Map, Value};

/// What one job runs, and the variables of gait that it sets.
struct Job {
    name: String,
    line: String,
    variables: Map<String, Value>,
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The steps of GitHub's jobs that run a script of ours.
fn github() -> Vec<Job> {
    let wrapper = yaml("deploy/ci/github.yml");
    let of_job = |(name, job): (String, Value)| {
        let steps = job["steps"].as_array().expect("steps").clone();
        let ours = steps.into_iter().filter_map(|step| {
            let line = step["run"].as_str().filter(|line| line.starts_with("deploy/"))?.to_owned();
            Some((line, members(&step["env"])))
        });
        ours.map(move |(line, variables)| Job { name: name.clone(), line, variables })
            .collect::<Vec<_>>()
    };
    members(&wrapper["jobs"]).into_iter().flat_map(of_job).collect()
}

fn gitlab() -> Vec<Job> {
    let jobs = members(&yaml("deploy/ci/gitlab.yml")).into_iter();
    let ours = jobs.filter(|(_, job)| job["script"].is_array());
    let job = |(name, job): (String, Value)| {
        let line = job["script"][0].as_str().expect("a line").to_owned();
        Job { name, line, variables: members(&job["variables"]) }
    };
    ours.map(job).collect()
}

#[test]
fn each_wrapper_runs_each_script_with_variables_that_it_reads() {
    for (wrapper, jobs) in [("github", github()), ("gitlab", gitlab())] {
        let mut scripts: Vec<&str> = jobs.iter().map(|job| job.line.as_str()).collect();
        scripts.sort_unstable();
        let all = ["deploy-gate", "nightly", "pr"].map(|name| format!("deploy/ci/{name}.sh"));
        assert_eq!(scripts, all, "{wrapper}");
        for job in jobs {
            let script = text(&job.line);
            for name in job.variables.keys() {
                let read = format!("${{{name}");
                assert!(script.contains(&read), "{wrapper}, {}: no word of {name}", job.name);
            }
            let ran = Checkout::new().run(&job.line, &[]);
            assert_eq!(ran.exit, 0, "{wrapper}, {}: {}{}", job.name, ran.out, ran.log);
        }
    }
}

#[test]
fn github_may_read_and_runs_nothing_that_a_pull_request_could_write() {
    let wrapper = yaml("deploy/ci/github.yml");
    assert_eq!(wrapper["permissions"], serde_json::json!({ "contents": "read" }));
    let jobs = members(&wrapper["jobs"]);
    for step in jobs.values().flat_map(|job| job["steps"].as_array().expect("steps")) {
        let run = step["run"].as_str().unwrap_or_default();
        assert!(!run.contains("${{"), "`{run}` is put together from what a stranger wrote");
        let is_checkout = step["uses"].as_str().is_some_and(|uses| uses.contains("checkout"));
        assert!(!is_checkout || step["with"]["persist-credentials"] == false, "{step}");
    }
}
