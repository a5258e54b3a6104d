//! Rules that the compiler does not check, held against the source text.
//!
//! They say who may know whom and who may do what. Comments, strings and inline test modules are
//! taken out first, so that a rule speaks of code and not of words about it.
#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a file that cannot be read or cut must end the test, also inside a helper"
)]

mod readme;
mod source;

use source::{Source, imports, root, sources};
use std::collections::BTreeMap;

/// The rooms of the house, top floor first. A room may import only what stands below it.
const ROOMS: [&str; 38] = [
    "main",
    "cli",
    "replay",
    "app",
    "config",
    "proxy",
    "telemetry",
    "admin",
    "demo",
    "upstream",
    "egress",
    "gate",
    "case",
    "rollout",
    "audit",
    "evidence",
    "state",
    "store",
    "snapshot",
    "stage",
    "trace",
    "broker",
    "policy",
    "identity",
    "kill_switch",
    "approval",
    "delegation",
    "token",
    "intent",
    "tls",
    "call",
    "problem",
    "yaml",
    "json",
    "sign",
    "limits",
    "metrics",
    "clock",
];

/// Rooms that know neither clock nor file nor socket nor tokio; also single files.
const PURE: [&str; 12] = [
    "identity",
    "broker",
    "call",
    "intent",
    "token",
    "approval",
    "delegation",
    "kill_switch",
    "policy",
    "stage",
    "gate",
    "evidence/chain",
];

/// Words that no pure file may use, and why not.
const IMPURE: [(&str, &str); 8] = [
    ("tokio::", "runs on tokio"),
    ("std::fs", "reads files"),
    ("std::net::Tcp", "knows sockets"),
    ("ToSocketAddrs", "asks a resolver"),
    ("std::time::Instant", "knows the clock"),
    ("std::time::SystemTime", "knows the clock"),
    ("crate::clock", "reads time"),
    ("tracing::", "logs"),
];

/// What only some files may do: the words, the files (or folders) that may, and the rule's name.
const RESERVED: [(&str, &[&str], &str); 9] = [
    ("TcpStream::connect", &["upstream", "egress"], "only upstream dials tools"),
    ("client::conn", &["upstream", "egress"], "only upstream dials tools"),
    ("TcpListener", &["app", "demo"], "only app binds"),
    ("tokio::spawn", &["app"], "only app spawns"),
    ("thread::spawn", &["app"], "only app spawns"),
    ("thread::Builder", &["app"], "only app spawns"),
    ("Instant::now", &["clock"], "only clock reads time"),
    ("SystemTime::now", &["clock"], "only clock reads time"),
    ("Timestamp::now", &["clock"], "only clock reads time"),
];

/// Files and folders whose types may be read from outside.
const READERS: [&str; 8] =
    ["config", "policy/source", "rollout/overlay", "intent", "trace", "sign", "yaml", "cli"];

/// Panics with every complaint at once.
fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn imports_run_one_way() {
    let order: BTreeMap<&str, usize> =
        ROOMS.iter().enumerate().map(|(at, room)| (*room, at)).collect();
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| source.name != "lib") {
        let Some(own) = order.get(source.room()) else {
            complaints.push(format!("src/{}.rs stands in no room of the house", source.name));
            continue;
        };
        for import in imports(source) {
            match order.get(import.as_str()) {
                Some(at) if at < own => {
                    complaints.push(format!("src/{}.rs may not import `{import}`", source.name));
                }
                _ => {}
            }
        }
    }
    report(&complaints);
}

#[test]
fn the_ground_floor_imports_nothing_of_ours() {
    let ground = ["json", "sign", "limits", "metrics", "clock"];
    let complaints: Vec<_> = sources()
        .iter()
        .filter(|source| ground.contains(&source.room()))
        .flat_map(|source| {
            let own = source.room().to_owned();
            let foreign = imports(source)
                .into_iter()
                .filter(move |room| *room != own && ROOMS.contains(&room.as_str()));
            foreign
                .map(|room| format!("src/{}.rs imports `{room}`", source.name))
                .collect::<Vec<_>>()
        })
        .collect();
    report(&complaints);
}

#[test]
fn pure_rooms_stay_pure() {
    let mut complaints = Vec::new();
    let pure = |source: &&Source| {
        PURE.iter().any(|place| source.is_in(place)) && source.name != "policy/source"
    };
    for source in sources().iter().filter(pure) {
        for (word, why) in IMPURE {
            if source.code.contains(word) {
                complaints.push(format!("src/{}.rs {why}: `{word}`", source.name));
            }
        }
    }
    report(&complaints);
}

#[test]
fn some_things_are_done_in_one_place() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (word, places, rule) in RESERVED {
            if source.code.contains(word) && !places.iter().any(|place| source.is_in(place)) {
                complaints.push(format!("src/{}.rs has `{word}`: {rule}", source.name));
            }
        }
    }
    report(&complaints);
}

#[test]
fn only_readers_deserialise() {
    let derives = |code: &str| {
        let lists = code.split("derive(").skip(1).filter_map(|after| after.split(')').next());
        let mut words = lists.flat_map(|list| list.split([',', ':']));
        words.any(|word| word.trim() == "Deserialize") || code.contains("Deserialize<'de> for")
    };
    let complaints: Vec<_> = sources()
        .iter()
        .filter(|source| derives(&source.code))
        .filter(|source| !READERS.iter().any(|place| source.is_in(place)))
        .map(|source| format!("src/{}.rs can be read from outside", source.name))
        .collect();
    report(&complaints);
}

#[test]
fn the_gate_has_no_children() {
    // A child module would see the private fields of `Permit`.
    assert!(!root().join("src/gate").exists(), "src/gate/ must not exist");
    let gate = sources().into_iter().find(|source| source.name == "gate");
    let inline = gate.is_some_and(|gate| gate.code.lines().any(|line| line.starts_with("mod ")));
    assert!(!inline, "src/gate.rs must have no inline module but its tests");
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    let mut complaints = Vec::new();
    let mut lengths: Vec<usize> = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            complaints.push(format!("src/{}.rs starts without a module doc", source.name));
        }
        let lines = source.text.lines().count();
        lengths.push(lines);
        if lines > 400 {
            complaints.push(format!("src/{}.rs has {lines} lines; 400 at most", source.name));
        }
    }
    report(&complaints);
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 200, "the median file has {median} lines");
}

#[test]
fn nothing_is_left_for_later() {
    let complaints: Vec<_> = sources()
        .iter()
        .flat_map(|source| {
            let words = ["TODO", "FIXME", "XXX", "todo!", "unimplemented!", "dbg!"];
            let left = words.into_iter().filter(|word| source.text.contains(word));
            left.map(|word| format!("src/{}.rs has `{word}`", source.name)).collect::<Vec<_>>()
        })
        .collect();
    report(&complaints);
}

#[test]
fn the_crate_forbids_unsafe_code() {
    let lib = sources().into_iter().find(|source| source.name == "lib").unwrap();
    assert!(lib.code.contains("#![forbid(unsafe_code)]"));
}
