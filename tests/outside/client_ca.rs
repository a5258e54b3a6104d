//! Connections that outlive the authority of their caller's certificate.

use crate::support::{Authority, Caller, Gait, Recorder, Setup, get, wait_for};
use std::fs;
use tempfile::TempDir;

const ID: &str = "spiffe://prod.test/bot";

/// Puts these roots into force.
fn trust(gait: &Gait, roots: &str) {
    rewrite(gait, "clients.pem", roots);
}

/// Writes a file anew and reloads.
fn rewrite(gait: &Gait, name: &str, text: &str) {
    let success = "gait_config_last_reload_success_timestamp_seconds";
    let before = gait.scrape().total(success);
    fs::write(gait.dir().join(name), text).unwrap();
    gait.signal("HUP");
    wait_for("the reload", || (gait.scrape().total(success) > before).then_some(()));
}

#[test]
fn a_kept_connection_proves_nothing_once_its_authority_is_gone() {
    let (own, old, new) = (Authority::new("own"), Authority::new("old"), Authority::new("new"));
    let (tool, dir) = (Recorder::start(), TempDir::new().unwrap());
    own.server(&["api.test"]).write(dir.path(), "a");
    fs::write(dir.path().join("clients.pem"), old.pem()).unwrap();
    let server = "{ listen: \"127.0.0.1:0\", tls: { certificates: [ { cert: a.pem, key: a.key } ], \
                  client_certificates: optional, client_ca: clients.pem } }";
    let mesh = "identity: { sources: [ { name: mesh, certificate: { match: [\"spiffe://prod.test/*\"] } } ] }\n";
    let gait = Setup::fixture("security", tool.address).listening(server).with(mesh).start_in(dir);
    let caller = Caller { shows: Some(old.client(&[ID])), ..Caller::of(&own.pem()) };
    let mut conn = caller.open(gait.server);
    let mut status = |wanted: u16| {
        let answer = conn.write(get("/health")).read();
        assert_eq!(answer.status, wanted, "{answer:?}");
        answer
    };
    status(200);
    trust(&gait, &format!("{}{}", new.pem(), old.pem()));
    status(200);
    trust(&gait, &new.pem());
    let refused = status(401).json();
    assert_eq!(refused["reason_codes"][0], "certificate_withdrawn", "{refused}");
    trust(&gait, &old.pem());
    status(200);
}

#[test]
fn a_kept_connection_without_a_certificate_ends_where_one_is_wanted() {
    let (own, tool, dir) = (Authority::new("own"), Recorder::start(), TempDir::new().unwrap());
    own.server(&["api.test"]).write(dir.path(), "a");
    fs::write(dir.path().join("own.pem"), own.pem()).unwrap();
    let server = "{ listen: \"127.0.0.1:0\", tls: { certificates: [ { cert: a.pem, key: a.key } ], \
                  client_certificates: optional, client_ca: own.pem } }";
    let gait = Setup::fixture("security", tool.address).listening(server).start_in(dir);
    let mut conn = Caller::of(&own.pem()).open(gait.server);
    assert_eq!(conn.write(get("/health")).read().status, 200);
    let config = fs::read_to_string(gait.dir().join("gait.yaml")).unwrap();
    rewrite(&gait, "gait.yaml", &config.replace("optional", "required"));
    let refused = conn.write(get("/health")).read();
    assert_eq!(refused.status, 401);
    assert_eq!(refused.json()["reason_codes"][0], "certificate_withdrawn");
    rewrite(&gait, "gait.yaml", &config);
    assert_eq!(conn.write(get("/health")).read().status, 200);
}
