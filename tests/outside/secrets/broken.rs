//! Files that a reload, and a check, must refuse without saying what stands in them.

use super::scene::Scene;
use super::{Said, probe};
use crate::support::wait_for;
use std::fs;

/// A secret in the wrong place: file, what is replaced in it, and by what.
const PLACES: [(&str, &str, &str); 12] = [
    // Into files of secrets: what no header can hold, and nothing.
    ("password", "", "wr0ng pa55word\nin two lines 41c7"),
    ("value", "", "wr0ng-va1ue-\u{7}-with-a-bell-52d8"),
    ("value", "", ""),
    // Keys that do not fit, are cut, or are none.
    ("tool.key", "", "-----BEGIN PRIVATE KEY-----\nd3r0ngKeyButASecretAllTheSame63e9\n"),
    ("server.key", "", "n0t a key at all but a secret 74fa"),
    ("server.key", "PRIVATE", "PUBLIC"),
    // A private key where public ones belong.
    ("sso.json", "\"kty\"", "\"d\":\"pr1vate-exponent-850b\",\"kty\""),
    ("sso.json", "{", "{ s3cret-but-n0-json-961c"),
    // Secrets in the config itself, where their places should be named.
    ("gait.yaml", "{ file: password }", "plain-pa55word-a72d"),
    ("gait.yaml", "bearer: { env: BANK_TOKEN_FOR_TESTS }", "bearer: plain-b3arer-b83e"),
    ("gait.yaml", "sha256: \"", "sha256: \"Plain-k3y-c94f"),
    ("gait.yaml", "http://", "http://ada:plain-passw0rd-da50@"),
];

/// Breaks each in turn, reloads and checks, and mends it.
pub(super) fn reloads(scene: &Scene) -> Said {
    let dir = scene.gait.dir();
    let mut said = Vec::new();
    for (file, from, to) in PLACES {
        let path = dir.join(file);
        let good = fs::read_to_string(&path).unwrap();
        let bad = if from.is_empty() { to.to_owned() } else { good.replacen(from, to, 1) };
        assert_ne!(good, bad, "{file} {from}");
        fs::write(&path, &bad).unwrap();
        scene.gait.signal("HUP");
        told(scene, 0.0);
        let output = scene.run(&["proxy", "--config", "gait.yaml", "--check"]);
        assert_eq!(output.status.code(), Some(6), "{file}: {output:?}");
        let printed = [output.stdout, output.stderr].concat();
        said.push((format!("--check of {file} with `{to:.12}`"), printed));
        fs::write(&path, good).unwrap();
        scene.gait.signal("HUP");
        told(scene, 1.0);
        said.push(probe(scene.server()));
    }
    said
}

/// Waits until the last reload is told as `value`.
fn told(scene: &Scene, value: f64) {
    wait_for("the reload's metric", || {
        let now = scene.gait.scrape().total("gait_config_last_reload_successful");
        (now == value).then_some(())
    });
}

/// The parts of the broken files that are nobody's business.
pub(super) const SECRETS: [&str; 11] = [
    "wr0ng pa55word",
    "in two lines 41c7",
    "wr0ng-va1ue-",
    "d3r0ngKeyButASecretAllTheSame63e9",
    "n0t a key at all but a secret 74fa",
    "pr1vate-exponent-850b",
    "s3cret-but-n0-json-961c",
    "plain-pa55word-a72d",
    "plain-b3arer-b83e",
    "Plain-k3y-c94f",
    "plain-passw0rd-da50",
];
