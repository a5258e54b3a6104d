//! A whole run with every kind of secret, at the loudest log level, and a search for each of them
//! in everything that gait has said and written.
//!
//! Searched are the log, the answers, the metrics, what the command line printed, and every file
//! of the state directory; for each secret as it is, in base64, percent-encoded, in hex, and as
//! the list of numbers that a careless debug line makes of bytes.

mod broken;
mod captured;
mod forms;
mod scene;

use crate::support::{get, send};
use forms::Needle;
use scene::Scene;
use std::fs;
use std::path::Path;

/// What was said, and where.
type Said = Vec<(String, Vec<u8>)>;

#[test]
fn no_secret_shows_up_anywhere() {
    let mut scene = Scene::start();
    let mut said = scene.calls();
    said.extend(broken::reloads(&scene));
    said.extend(scene.calls());
    said.extend(scene.commands());
    said.push(("metrics".into(), scene.gait.telemetry("/metrics").body));
    for path in ["/readyz?verbose", "/version"] {
        said.push((path.into(), scene.gait.telemetry(path).body));
    }
    scene.gait.signal("TERM");
    assert!(scene.gait.wait().success(), "an orderly stop");
    said.push(("log".into(), scene.gait.log().into_bytes()));
    files(&scene.gait.dir().join("state"), &mut said);
    assert!(!scene.gait.log().contains("panicked"), "a panic");
    assert!(scene.gait.log().contains("\"TRACE\""), "the log is as loud as it can be");
    let found = search(&scene.needles(), &said);
    assert!(found.is_empty(), "{} times:\n{}", found.len(), found.join("\n"));
}

/// The search itself finds what it should; else the test above could not fail.
#[test]
fn the_search_finds_each_form() {
    let secret = "a+s3cret/of:many=forms~9";
    let needle = Needle::new("it", secret);
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
    for said in [
        format!("x{secret}y"),
        percent,
        hex,
        "a%2Bs3cret%2Fof%3Amany%3Dforms~9".into(),
        format!("{:?}", secret.as_bytes()),
        "dXNlcjphK3MzY3JldC9vZjptYW55PWZvcm1zfjk=".into(),
        crate::support::b64(format!("?{secret}?").as_bytes()),
        crate::support::b64(format!("??{secret}").as_bytes()),
    ] {
        let said = vec![("here".to_owned(), said.clone().into_bytes())];
        assert_eq!(search(&[Needle::new("it", secret)], &said).len(), 1, "{said:?}");
    }
    assert!(
        search(&[needle], &vec![("there".into(), b"a s3cret of many forms".to_vec())]).is_empty()
    );
}

/// Where which secret was found.
fn search(needles: &[Needle], said: &Said) -> Vec<String> {
    let mut found = Vec::new();
    for (place, bytes) in said {
        let text = String::from_utf8_lossy(bytes);
        for needle in needles {
            if let Some(context) = needle.find(&text) {
                found.push(format!("{} in {place}: …{context}…", needle.name));
            }
        }
    }
    found
}

/// Every file below `dir`.
fn files(dir: &Path, said: &mut Said) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, said);
        } else {
            said.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

/// An answer with its head, to be searched.
fn answer(place: &str, answer: &crate::support::Response) -> (String, Vec<u8>) {
    let body = String::from_utf8_lossy(&answer.body);
    (format!("answer to {place}"), format!("{:?}\n{body}", answer.fields).into_bytes())
}

/// Asks until gait answers after a reload, and keeps what it says.
fn probe(address: std::net::SocketAddr) -> (String, Vec<u8>) {
    answer("a probe", &send(address, get("/bearer/x")))
}
