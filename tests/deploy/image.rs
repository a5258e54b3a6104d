//! The Dockerfiles and the compose file. There is no daemon where our tests run: what they say is held
//! against the files that are here, and gait is run as the image would run it.

use crate::scene::{is_installed, script};
use crate::{repository, text, yaml};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

const DOCKERFILES: [&str; 2] = ["deploy/Dockerfile", "deploy/compose/json-server.Dockerfile"];

/// The instructions of a Dockerfile, continued lines joined, comments left out.
fn instructions(file: &str) -> Vec<String> {
    let lines = text(file);
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    joined.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What an instruction copies out of the repository.
fn copied(instruction: &str) -> Vec<String> {
    let words = instruction.strip_prefix("COPY ").unwrap_or_default().split_whitespace();
    let words: Vec<_> = words.map(str::to_owned).collect();
    let is_ours = !words.iter().any(|word| word.starts_with("--from"));
    words.split_last().filter(|_| is_ours).map_or(Vec::new(), |(_, from)| from.to_vec())
}

#[test]
fn what_is_copied_is_there_and_passes_the_ignore_file() {
    for file in DOCKERFILES {
        let ignored = text(&format!("{file}.dockerignore"));
        let passed: BTreeSet<_> =
            ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
        assert_eq!(ignored.lines().next(), Some("*"), "{file}");
        let all: Vec<String> = instructions(file).iter().flat_map(|line| copied(line)).collect();
        assert!(!all.is_empty(), "{file}");
        for path in &all {
            assert!(repository(path).exists(), "{file}: no {path}");
        }
        assert_eq!(all.iter().map(String::as_str).collect::<BTreeSet<_>>(), passed, "{file}");
    }
}

#[test]
fn images_run_as_nobody_in_particular_and_fetch_nothing_by_address() {
    for file in DOCKERFILES {
        let instructions = instructions(file);
        let user = instructions.iter().rfind(|line| line.starts_with("USER "));
        assert_eq!(user.map(String::as_str), Some("USER 65532:65532"), "{file}");
        for line in &instructions {
            assert!(!line.starts_with("ADD "), "{file}: {line}");
            assert!(!line.contains("://") && !line.contains(":latest"), "{file}: {line}");
        }
    }
}

/// The files that the code takes in while it is built, but for tests.
fn included(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            included(&path, found);
            continue;
        }
        let is_test = path.components().any(|part| part == Component::Normal("tests".as_ref()));
        let code = fs::read_to_string(&path).unwrap_or_default();
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for after in code.split("include_str!(\"").skip(1).filter(|_| !is_test) {
            let named = after.split('"').next().unwrap();
            found.insert(path.with_file_name(named).canonicalize().unwrap());
        }
    }
}

#[test]
fn the_build_has_every_file_that_the_code_takes_in() {
    let mut taken = BTreeSet::new();
    included(&repository("src"), &mut taken);
    assert!(taken.len() >= 10, "{taken:?}");
    let copied: Vec<PathBuf> = instructions("deploy/Dockerfile")
        .iter()
        .flat_map(|line| copied(line))
        .map(|path| repository(&path).canonicalize().unwrap())
        .collect();
    for file in taken {
        assert!(
            copied.iter().any(|path| file.starts_with(path)),
            "{} is not copied",
            file.display()
        );
    }
}

/// What the image asks to know whether it is healthy.
fn healthcheck() -> String {
    let instructions = instructions("deploy/Dockerfile");
    let line = instructions.iter().find(|line| line.starts_with("HEALTHCHECK")).unwrap();
    let (_, words) = line.split_once("CMD ").unwrap();
    let words: Vec<String> = serde_json::from_str(words).expect("a list of words");
    assert_eq!(words.get(..2).unwrap(), ["bash", "-c"]);
    words.get(2).unwrap().clone()
}

#[test]
fn gait_runs_as_the_image_would_run_it() {
    if !["unshare", "setpriv", "mount", "bash"].into_iter().all(is_installed) {
        return;
    }
    let run = Command::new("timeout")
        .args(["60", "unshare", "--mount"])
        .arg(script("container.sh"))
        .args([Path::new(env!("CARGO_BIN_EXE_gait")), &repository("deploy/compose")])
        .arg(healthcheck())
        .output()
        .unwrap();
    let (out, log) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    if run.status.code() == Some(77) || log.contains("Operation not permitted") {
        println!("skipped: mounting is not permitted here");
        return;
    }
    assert!(run.status.success(), "{out}{log}");
    let said = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let expected = [
        "healthy while it runs",
        "Uid: 65532 65532 65532 65532",
        "CapEff: 0000000000000000",
        "CapBnd: 0000000000000000",
        "NoNewPrivs: 1",
        "approvals can be listed",
        "stopped well",
        "unhealthy when it is gone",
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected, "{log}");
}

// === compose ===

fn services() -> Vec<(String, Value)> {
    let compose = yaml("deploy/compose.yaml");
    let services = compose["services"].as_object().expect("services").clone();
    // What `<<` merges in; a member of the service itself outweighs it.
    let merged = services.into_iter().map(|(name, service)| {
        let mut whole = service["<<"].as_object().cloned().unwrap_or_default();
        whole.extend(service.as_object().cloned().expect("a mapping"));
        (name, Value::Object(whole))
    });
    merged.collect()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

#[test]
fn every_service_is_shut_in() {
    let services = services();
    assert_eq!(services.len(), 4);
    for (name, service) in services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        assert_eq!(
            service["security_opt"],
            serde_json::json!(["no-new-privileges:true"]),
            "{name}"
        );
        let user = service["user"].as_str().expect("a user");
        assert!(!user.starts_with('0') && !user.starts_with("root"), "{name}: {user}");
        for port in list(&service["ports"]) {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
        let is_pinned = service["image"].as_str().is_none_or(|image| image.contains(':'));
        assert!(is_pinned && service.get("privileged").is_none(), "{name}");
    }
}

#[test]
fn what_compose_builds_and_mounts_is_there() {
    let volumes = yaml("deploy/compose.yaml")["volumes"].clone();
    for (name, service) in services() {
        if let Some(file) = service["build"]["dockerfile"].as_str() {
            assert!(DOCKERFILES.contains(&file), "{name}: {file}");
        }
        for mount in list(&service["volumes"]) {
            let source = mount["source"].as_str().unwrap();
            match mount["type"].as_str() {
                Some("bind") => {
                    let there = repository("deploy").join(source).exists();
                    assert!(there && mount["read_only"] == true, "{name}: {mount}");
                }
                kind => assert!(kind == Some("volume") && volumes.get(source).is_some(), "{mount}"),
            }
        }
    }
}

#[test]
fn the_tool_can_be_reached_through_gait_alone() {
    let compose = yaml("deploy/compose.yaml");
    assert_eq!(compose["networks"]["tools"]["internal"], true);
    let networks = |service: &Value| list(&service["networks"]);
    for (name, service) in services() {
        let expected: &[&str] = match name.as_str() {
            "gait" => &["outside", "tools"],
            "json-server" => &["tools"],
            _ => &["outside"],
        };
        assert_eq!(networks(&service), expected, "{name}");
    }
}

#[test]
fn prometheus_and_grafana_find_each_other_and_gait() {
    let target = &yaml("deploy/prometheus.yaml")["scrape_configs"][0]["static_configs"][0];
    assert_eq!(target["targets"], serde_json::json!(["gait:9902"]));
    let source = yaml("deploy/grafana/provisioning/datasources/prometheus.yaml");
    let source = &source["datasources"][0];
    assert_eq!(source["url"], "http://prometheus:9090");
    let interval = &yaml("deploy/prometheus.yaml")["global"]["scrape_interval"];
    assert_eq!(&source["jsonData"]["timeInterval"], interval);
    let provider = yaml("deploy/grafana/provisioning/dashboards/gait.yaml");
    let folder = provider["providers"][0]["options"]["path"].as_str().unwrap().to_owned();
    let services = services();
    let (_, grafana) = services.iter().find(|(name, _)| name == "grafana").unwrap();
    let is_there = |mount: &Value| mount["target"] == format!("{folder}/gait.json");
    assert!(list(&grafana["volumes"]).iter().any(is_there), "{grafana}");
}
