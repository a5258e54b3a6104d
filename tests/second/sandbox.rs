//! Sandboxes (E7).

use super::constraints::{Contained, block};
use super::decide::Answer;
use super::policy::sandbox_is_on;
use super::text::{integer, list, lowlist, paths, text};
use serde_json::Value;

pub(crate) fn apply(rule: &Value, shown: &Value, answer: &mut Answer) -> Contained {
    if !sandbox_is_on(rule) {
        return Contained::No;
    }
    if shown.is_null() {
        block(answer, &[("sandbox_metadata_missing", "sandbox_metadata_missing")]);
        return Contained::No;
    }
    let found = faults(rule, shown);
    for code in &found {
        block(answer, &[(code, code)]);
    }
    if found.is_empty() { Contained::Yes } else { Contained::No }
}

fn faults(rule: &Value, shown: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if text(&shown["evidence_ref"]).is_empty() || text(&shown["evidence_digest"]).is_empty() {
        found.push("sandbox_evidence_missing".to_owned());
    }
    for (name, allowed) in [
        ("network_mode", "allowed_network_modes"),
        ("env_exposure_mode", "allowed_env_exposure_modes"),
        ("filesystem_isolation", "allowed_filesystem_isolations"),
        ("user_mode", "allowed_user_modes"),
    ] {
        let (said, allowed) = (text(&shown[name]), lowlist(&rule[allowed]));
        if said.is_empty() {
            found.push(format!("sandbox_{name}_missing"));
        } else if !allowed.is_empty() && !allowed.contains(&said) {
            found.push(format!("sandbox_{name}_disallowed"));
        }
    }
    let timeout = integer(&shown["timeout_seconds"]).unwrap();
    let longest = integer(&rule["max_timeout_seconds"]).unwrap();
    if timeout <= 0 {
        found.push("sandbox_timeout_missing".to_owned());
    } else if longest > 0 && timeout > longest {
        found.push("sandbox_timeout_exceeded".to_owned());
    }
    let prefixes = paths(&rule["allowed_writable_path_prefixes"]);
    let is_below = |path: &String, prefix: &String| {
        path == prefix || prefix == "/" || path.starts_with(&format!("{prefix}/"))
    };
    let writable = list(&shown["writable_paths"]);
    let is_within = |path: &String| prefixes.iter().any(|prefix| is_below(path, prefix));
    if !prefixes.is_empty() && !writable.iter().all(is_within) {
        found.push("sandbox_writable_path_disallowed".to_owned());
    }
    let (roots, declared) =
        (paths(&rule["required_read_only_roots"]), list(&shown["read_only_roots"]));
    if !roots.is_empty() && !declared.iter().all(|root| roots.contains(root)) {
        found.push("sandbox_read_only_root_missing".to_owned());
    }
    found
}
