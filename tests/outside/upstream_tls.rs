//! TLS to tools: who is believed, what is shown, and what a caller is told where it fails.

use crate::support::{
    Authority, Gait, Lasting, Nginx, Pair, Security, Setup, Tool, get, post, send, wait_for,
};
use http::Version;
use rcgen::ExtendedKeyUsagePurpose::{self, ClientAuth, ServerAuth};
use rcgen::{CertificateParams, date_time_ymd};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use tempfile::TempDir;

const POLICY: &str = "default_verdict: block\nrules:\n  - name: go\n    effect: allow\n    \
                      match: { tool_names: [bank.look, bank.note, bank.pay] }\n";

/// A config with one upstream: its URL, and the lines below it.
pub(crate) fn config(url: &str, more: &str) -> Setup {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}
stage: enforce
unmapped: {{ action: deny }}
timeouts: {{ connect: 2s, drain_delay: 0s }}
upstreams:
  bank:
    url: \"{url}\"
{more}
routes:
  - name: look
    match: {{ methods: [GET], path: \"/v1/{{path*}}\" }}
    upstream: bank
    intent: {{ tool_name: bank.look, risk_class: low }}
  - name: note
    match: {{ methods: [POST], path: \"/v1/echo\" }}
    upstream: bank
    intent: {{ tool_name: bank.note, risk_class: low }}
  - name: pay
    match: {{ methods: [POST], path: \"/v1/pay\" }}
    upstream: bank
    intent: {{ tool_name: bank.pay, risk_class: high, args: body }}
  - name: burn
    match: {{ methods: [DELETE], path: \"/v1/{{path*}}\" }}
    upstream: bank
    intent: {{ tool_name: bank.burn, risk_class: high }}
"
    );
    Setup { config, policy: POLICY.to_owned() }
}

/// A directory that holds these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// The URL of a tool at `address`.
fn url(address: SocketAddr) -> String {
    format!("https://{address}")
}

/// The answer to one call: its status, and the reason where gait gives one.
fn asked(gait: &Gait) -> (u16, String) {
    let answer = send(gait.server, get("/v1/a"));
    let reason = match answer.one("gait-disposition") {
        Some("forwarded") if answer.status == 200 => String::new(),
        _ => answer.json()["reason_codes"][0].as_str().unwrap().to_owned(),
    };
    (answer.status, reason)
}

/// A certificate that has expired long ago.
fn expired(authority: &Authority, names: &[&str], usage: ExtendedKeyUsagePurpose) -> Pair {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
    authority.sign(params, usage)
}

fn distrusted() -> (u16, String) {
    (502, "upstream_tls_failed".to_owned())
}

#[test]
fn a_tool_is_called_over_tls_with_addresses_and_names() {
    let authority = Authority::new("ca");
    let issued = authority.server(&["127.0.0.1", "bank.test"]);
    let tool = Tool::start(Security::tls(&issued, None, &[]), Version::HTTP_11, Lasting::Long);
    for more in [
        "    tls: { ca: ca.pem }",
        "    tls: { ca: ca.pem, server_name: bank.test }",
        "    tls: { ca: ca.pem }\n    http2: alpn",
    ] {
        let dir = folder(&[("ca.pem", &authority.pem())]);
        let gait = config(&url(tool.address), more).start_in(dir);
        let connections = tool.connections();
        for _ in 0..3 {
            assert_eq!(asked(&gait), (200, String::new()), "{more}");
        }
        assert_eq!(send(gait.server, post("/v1/pay", "{}")).status, 200);
        assert_eq!(tool.connections(), connections + 1, "the connection is kept");
        assert_eq!(tool.asked().last().unwrap().version, Version::HTTP_11);
        assert_eq!(tool.asked().last().unwrap().fields["host"], tool.address.to_string());
        gait.settled().assert_law();
    }
}

#[test]
fn nobody_else_is_believed_and_nothing_is_sent() {
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let names = ["127.0.0.1"];
    for (issued, ca, more, cause) in [
        (authority.server(&names), &other, "", "UnknownIssuer"),
        (other.server(&names), &authority, "", "UnknownIssuer"),
        (authority.server(&["10.0.0.1", "x.test"]), &authority, "", "not valid for name"),
        (authority.server(&names), &authority, ", server_name: bank.test", "not valid for name"),
        (expired(&authority, &names, ServerAuth), &authority, "", "expired"),
    ] {
        let tool = Tool::start(Security::tls(&issued, None, &[]), Version::HTTP_11, Lasting::Long);
        let dir = folder(&[("ca.pem", &ca.pem())]);
        let gait =
            config(&url(tool.address), &format!("    tls: {{ ca: ca.pem{more} }}")).start_in(dir);
        for _ in 0..3 {
            assert_eq!(asked(&gait), distrusted(), "{cause}");
        }
        let paid = send(gait.server, post("/v1/pay", "{}"));
        assert_eq!((paid.status, &paid.json()["executed"]), (502, &false.into()));
        assert!(tool.asked().is_empty());
        let log = gait.log();
        assert!(log.contains(cause), "{cause} is not in {log}");
        assert_eq!(log.matches("TLS with the upstream failed").count(), 1, "told once: {log}");
        let scrape = gait.settled();
        scrape.assert_law();
        assert_eq!(scrape.total("gait_upstream_requests_total"), 0.0);
    }
}

#[test]
fn a_tool_without_tls_is_no_tool_and_one_that_says_nothing_is_late() {
    let authority = Authority::new("ca");
    let tool = Tool::start(Security::default(), Version::HTTP_11, Lasting::Long);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let late = (504, "upstream_connect_timeout".to_owned());
    for (address, want) in [(tool.address, distrusted()), (silent.local_addr().unwrap(), late)] {
        let dir = folder(&[("ca.pem", &authority.pem())]);
        let gait = config(&url(address), "    tls: { ca: ca.pem }").start_in(dir);
        assert_eq!(asked(&gait), want);
    }
    assert!(tool.asked().is_empty());
}

#[test]
fn the_system_s_roots_are_believed_where_no_others_are_named() {
    let authority = Authority::new("ca");
    let issued = authority.server(&["127.0.0.1"]);
    let tool = Tool::start(Security::tls(&issued, None, &[]), Version::HTTP_11, Lasting::Long);
    let start = |roots: &str| {
        let dir = folder(&[("roots.pem", roots)]);
        config(&url(tool.address), "").write(dir.path());
        let roots = dir.path().join("roots.pem");
        let environment = [("SSL_CERT_FILE", roots.to_str().unwrap())];
        let arguments = ["proxy", "--config", "gait.yaml"];
        Gait::launch(dir, &arguments, &environment)
    };
    assert_eq!(asked(&start(&authority.pem())), (200, String::new()));
    assert_eq!(asked(&start(&Authority::new("other").pem())), distrusted());
    let dir = folder(&[("empty.pem", "")]);
    config(&url(tool.address), "").write(dir.path());
    let run = Command::new(env!("CARGO_BIN_EXE_gait"))
        .args(["proxy", "--check", "--config", "gait.yaml"])
        .current_dir(dir.path())
        .env("SSL_CERT_FILE", "empty.pem")
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(6), "{said}");
    assert!(said.contains("the system has no root certificates"), "{said}");
    assert!(said.contains("name a file in `ca`"), "{said}");
}

#[test]
fn a_client_certificate_is_shown_where_one_is_demanded() {
    let (authority, clients) = (Authority::new("ca"), Authority::new("other"));
    let issued = authority.server(&["127.0.0.1"]);
    let own = clients.client(&["spiffe://gait.test/gait"]);
    let stranger = Authority::new("stranger").client(&["spiffe://gait.test/gait"]);
    let old = expired(&clients, &["gait.test"], ClientAuth);
    for version in ["", "\n    http2: alpn"] {
        let security = Security::tls(&issued, Some(&clients), &["h2", "http/1.1"]);
        let tool = Tool::start(security, Version::HTTP_11, Lasting::Long);
        let pair = ", client_cert: own.pem, client_key: own.key";
        for (pair, shown, want) in [
            (pair, &own, (200, String::new())),
            ("", &own, distrusted()),
            (pair, &stranger, distrusted()),
            (pair, &old, distrusted()),
        ] {
            let dir = folder(&[("ca.pem", &authority.pem())]);
            shown.write(dir.path(), "own");
            let more = format!("    tls: {{ ca: ca.pem{pair} }}{version}");
            let gait = config(&url(tool.address), &more).start_in(dir);
            assert_eq!(asked(&gait), want, "{pair} {version}");
            assert!(!gait.log().contains("PRIVATE KEY"));
            gait.settled().assert_law();
        }
        assert_eq!(tool.asked().len(), 1);
    }
}

#[test]
fn another_authority_under_load_drops_no_call() {
    let (old, new) = (Authority::new("ca"), Authority::new("other"));
    let names = ["127.0.0.1"];
    let security =
        |authority: &Authority| Security::tls(&authority.server(&names), None, &["h2", "http/1.1"]);
    for http2 in ["off", "alpn"] {
        let tool = Tool::start(security(&old), Version::HTTP_11, Lasting::Long);
        let dir = folder(&[("ca.pem", &old.pem())]);
        let more = format!("    tls: {{ ca: ca.pem }}\n    http2: {http2}");
        let gait = config(&url(tool.address), &more).start_in(dir);
        let stop = AtomicBool::new(false);
        let counts = [const { AtomicUsize::new(0) }; 4];
        let seen = thread::scope(|scope| {
            let caller = |count: &AtomicUsize| {
                let mut seen = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    seen.push(send(gait.server, get("/v1/a")).status);
                    seen.push(send(gait.server, post("/v1/pay", "{}")).status);
                    count.fetch_add(1, Ordering::Relaxed);
                }
                seen
            };
            let callers = counts.each_ref().map(|count| scope.spawn(move || caller(count)));
            // What was judged before a reload goes out with the roots of before.
            let let_pass = || {
                for count in &counts {
                    let before = count.load(Ordering::Relaxed);
                    wait_for("calls", || {
                        (count.load(Ordering::Relaxed) > before + 1).then_some(())
                    });
                }
            };
            for round in 0..5 {
                let (from, to) = if round % 2 == 0 { (&old, &new) } else { (&new, &old) };
                believe(&gait, &format!("{}{}", from.pem(), to.pem()));
                let_pass();
                tool.secure(security(to));
                believe(&gait, &to.pem());
                let_pass();
            }
            stop.store(true, Ordering::Relaxed);
            callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(seen.len() > 20 && seen.iter().all(|status| *status == 200), "{seen:?}");
        gait.settled().assert_law();
        fs::write(gait.dir().join("ca.pem"), "none").unwrap();
        gait.signal("HUP");
        wait_for("the refusal", || {
            (gait.scrape().total("gait_config_last_reload_successful") == 0.0).then_some(())
        });
        assert_eq!(asked(&gait), (200, String::new()), "the old roots stay in force");
    }
}

/// Writes other roots and waits until they are in force.
fn believe(gait: &Gait, roots: &str) {
    let before = gait.log().matches("\"reloaded\"").count();
    fs::write(gait.dir().join("ca.pem"), roots).unwrap();
    gait.signal("HUP");
    wait_for("the reload", || (gait.log().matches("\"reloaded\"").count() > before).then_some(()));
}

/// nginx with TLS, which tells how it was spoken to.
fn nginx(files: &[(&str, &str)]) -> Nginx {
    Nginx::start(folder(files), |address| {
        format!(
            "access_log off;
            server {{
              listen {address} ssl http2;
              ssl_certificate own.pem; ssl_certificate_key own.key;
              ssl_client_certificate clients.pem; ssl_verify_client on;
              location / {{
                return 200 \"$server_protocol $host $ssl_client_verify $http_authorization\";
              }}
            }}"
        )
    })
}

#[test]
fn nginx_is_a_tool_in_either_version() {
    let (authority, clients) = (Authority::new("ca"), Authority::new("other"));
    let (issued, own) =
        (authority.server(&["nginx.test"]), clients.client(&["spiffe://gait.test/gait"]));
    let nginx = nginx(&[
        ("own.pem", &issued.cert),
        ("own.key", &issued.key),
        ("clients.pem", &clients.pem()),
    ]);
    for (http2, want) in [
        ("off", "HTTP/1.1 127.0.0.1 SUCCESS Bearer t0ken"),
        ("alpn", "HTTP/2.0 127.0.0.1 SUCCESS Bearer t0ken"),
    ] {
        let dir = folder(&[
            ("ca.pem", &authority.pem()),
            ("own.pem", &own.cert),
            ("own.key", &own.key),
            ("token", "t0ken\n"),
        ]);
        let more = format!(
            "    http2: {http2}\n    credential: {{ bearer: {{ file: token }} }}\n    tls: {{ ca: \
             ca.pem, server_name: nginx.test, client_cert: own.pem, client_key: own.key }}"
        );
        let gait = config(&url(nginx.address), &more).start_in(dir);
        for _ in 0..5 {
            let answer = send(gait.server, get("/v1/a"));
            assert_eq!((answer.status, answer.text().as_str()), (200, want));
        }
        gait.settled().assert_law();
    }
}
