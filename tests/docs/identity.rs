//! `docs/identity.md` names what the code refuses and strips, all of it and nothing else.

use super::{coded, paths, rows, schema, section, text};
use gait::identity::Refusal;
use std::collections::BTreeSet;

const PAGE: &str = "docs/identity.md";

#[test]
fn what_the_page_shows_of_configs_stands_in_them() {
    let page = text(PAGE);
    for file in ["gait", "mesh", "delegation", "tool"] {
        let file = format!("config/identity/{file}.yaml");
        let (tag, config) = (format!("yaml {file}\n"), text(&file));
        let shown: Vec<_> = page.split("```").skip(1).step_by(2).collect();
        let shown: Vec<_> = shown.iter().filter_map(|block| block.strip_prefix(&*tag)).collect();
        assert!(!shown.is_empty(), "nothing of {file}");
        for block in shown {
            assert!(config.contains(block), "no such lines in {file}:\n{block}");
        }
    }
}

#[test]
fn the_refusals_are_those_of_the_code_with_their_status() {
    let page = section(&text(PAGE), "## Refusals");
    let mut tabled = Vec::new();
    for row in rows(&page) {
        let [status, codes, ..] = row.as_slice() else { continue };
        tabled.extend(coded(codes).into_iter().map(|code| format!("{status} {code}")));
    }
    let known = |refusal: &Refusal| format!("{} {}", refusal.status().as_u16(), refusal.code());
    let known: BTreeSet<_> = Refusal::ALL.iter().map(known).collect();
    assert_eq!(tabled.len(), known.len(), "a code stands twice, or one is missing");
    assert_eq!(tabled.into_iter().collect::<BTreeSet<_>>(), known);
}

/// The names in a list of the source.
fn listed(source: &str, list: &str) -> Vec<String> {
    let (_, from) = source.split_once(&format!("\nconst {list}: [&str;")).unwrap();
    let (names, _) = from.split_once("];").unwrap();
    names.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_stripped_fields_are_those_of_the_code() {
    let page = section(&text(PAGE), "## Fields that are stripped").to_lowercase();
    let (_, lists) = page.split_once("\n- ").unwrap();
    let (credential, headers) = (text("src/call/credential.rs"), text("src/call/headers.rs"));
    let known = [
        listed(&credential, "CLAIMS"),
        listed(&credential, "CLAIM_PREFIXES"),
        listed(&headers, "OWNED"),
        listed(&headers, "OWNED_PREFIXES"),
    ];
    let known = known.concat().into_iter().collect::<BTreeSet<_>>();
    let named = coded(lists).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(named, known);
}

/// What many keys take; the page names them once.
const FACTS: [&str; 6] = ["agent_id", "environment", "job_id", "run_id", "session_id", "workspace"];

#[test]
fn the_table_of_keys_is_that_of_the_schema() {
    let page = section(&text(PAGE), "## All keys");
    let rows = rows(&page);
    let tabled = rows.iter().filter_map(|row| row.first()).flat_map(|key| coded(key));
    let tabled: BTreeSet<_> = tabled.map(str::to_owned).collect();
    let config = schema("config");
    let source = &config["properties"]["identity"]["properties"]["sources"]["items"];
    let collapsed = |path: String| match path.rsplit_once('.') {
        Some((group, fact)) if FACTS.contains(&fact) => group.to_owned(),
        _ => path,
    };
    let all: BTreeSet<_> = paths(&config, source, "").into_iter().map(collapsed).collect();
    let is_group = |path: &String| all.iter().any(|other| other.starts_with(&format!("{path}.")));
    let leaves: BTreeSet<_> = all.iter().filter(|path| !is_group(path)).cloned().collect();
    let groups = ["jwt.claims", "api_key.keys"].map(str::to_owned);
    assert_eq!(tabled, leaves.into_iter().chain(groups).collect());
}
