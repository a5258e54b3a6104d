//! The tool's own secret: it arrives at the tool, and nowhere else.

use crate::support::{
    Authority, Gait, Lasting, Recorder, Security, Setup, Tool, get, post, run_to_end, send,
};
use crate::upstream_tls::{config, folder};
use http::Version;
use std::fs;
use std::path::{Path, PathBuf};

const SECRET: &str = "s3cr3t-of-the-bank";
/// `gait:s3cr3t-of-the-bank` in base64, and the part of it that the secret alone decides.
const CODED: &str = "Z2FpdDpzM2NyM3Qtb2YtdGhlLWJhbms=";
const CODED_PART: &str = "zM2NyM3Qtb2YtdGhlLWJhbms";

/// Every file below `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn assert_clean(text: &str, whence: &str) {
    for secret in [SECRET, CODED_PART] {
        assert!(!text.contains(secret), "{whence} holds the secret");
    }
}

/// What `credential` says, and what the tool must then get in which field.
const FORMS: [(&str, &str, &str); 4] = [
    ("bearer: { file: secret }", "authorization", "Bearer s3cr3t-of-the-bank"),
    ("basic: { user: gait, password: { file: secret } }", "authorization", "Basic CODED"),
    ("header: { name: X-Api-Key, value: { file: secret } }", "x-api-key", SECRET),
    ("header: { name: X-Api-Key, value: { env: BANK_KEY } }", "x-api-key", SECRET),
];

#[test]
fn it_is_found_at_the_tool_and_nowhere_else() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for (form, field, want) in FORMS {
            let tool = Tool::start(Security::default(), version, Lasting::Long);
            let http2 = if version == Version::HTTP_2 { "prior_knowledge" } else { "off" };
            let more = format!("    credential: {{ {form} }}\n    http2: {http2}");
            let dir = folder(&[("secret", &format!("{SECRET}\n"))]);
            let setup = config(&format!("http://{}", tool.address), &more);
            // The most that anyone can have logged.
            setup.with("log: { format: json, level: trace }\n").write(dir.path());
            let environment = [("BANK_KEY", SECRET), ("GAIT__LOG__LEVEL", "trace")];
            let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &environment);
            let answers = calls(&gait);
            let asked = tool.asked();
            assert_eq!(asked.len(), 3, "{form}");
            for asked in &asked {
                let values: Vec<_> = asked.fields.get_all(field).iter().collect();
                assert_eq!(values, [&want.replace("CODED", CODED)], "{form}");
                assert!(!asked.fields.contains_key("x_api_key") || field != "x-api-key");
            }
            answers.iter().for_each(|answer| assert_clean(answer, "an answer"));
            assert_clean(&gait.telemetry("/metrics").text(), "/metrics");
            assert_clean(&gait.telemetry("/readyz?verbose").text(), "/readyz");
            gait.settled().assert_law();
            gait.signal("HUP");
            let dir = gait.kill();
            for file in files(dir.path()).iter().filter(|file| !file.ends_with("secret")) {
                let text = fs::read(file).unwrap();
                assert_clean(&String::from_utf8_lossy(&text), &file.display().to_string());
            }
        }
    }
}

/// Calls that end in every way, with the caller's own idea of the secret.
fn calls(gait: &Gait) -> Vec<String> {
    let own = "\r\nAuthorization: Bearer mine\r\nX-Api-Key: mine\r\nX_Api_Key: mine\r\n\r\n";
    let with_own = |text: String| text.replacen("\r\n\r\n", own, 1);
    let requests = [
        (with_own(get("/v1/a")), 200),
        (with_own(post("/v1/pay", "{}")), 200),
        (with_own(post("/v1/echo", "x")), 200),
        (with_own(get("/v1/a").replacen("GET", "DELETE", 1)), 403),
        (get("/elsewhere"), 403),
    ];
    let answer = |(request, want): &(String, u16)| {
        let answer = send(gait.server, request);
        assert_eq!(answer.status, *want, "{request}");
        format!("{:?} {}", answer.fields, String::from_utf8_lossy(&answer.body))
    };
    requests.iter().map(answer).collect()
}

#[test]
fn no_failure_tells_it() {
    let authority = Authority::new("ca");
    let issued = Authority::new("other").server(&["127.0.0.1"]);
    let tool = Tool::start(Security::tls(&issued, None, &[]), Version::HTTP_11, Lasting::Long);
    let dir = folder(&[("secret", SECRET), ("ca.pem", &authority.pem())]);
    let more = "    tls: { ca: ca.pem }\n    credential: { bearer: { file: secret } }";
    let gait = config(&format!("https://{}", tool.address), more).start_in(dir);
    let answer = send(gait.server, get("/v1/a"));
    assert_eq!(answer.status, 502);
    assert_clean(&answer.text(), "the answer");
    assert_clean(&gait.log(), "the log");
    fs::write(gait.dir().join("secret"), format!("{SECRET}\nsecond line")).unwrap();
    let refused = run_to_end(gait.dir(), &["proxy", "--check", "--config", "gait.yaml"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(6), "{said}");
    assert!(said.contains("upstreams.bank.credential.bearer"), "{said}");
    assert_clean(&said, "the refusal");
    assert!(!said.contains("second line"), "{said}");
}

#[test]
fn a_reload_reads_it_anew() {
    let tool = Tool::start(Security::default(), Version::HTTP_11, Lasting::Long);
    let more = "    credential: { bearer: { file: secret } }";
    let dir = folder(&[("secret", "first\n")]);
    let gait = config(&format!("http://{}", tool.address), more).start_in(dir);
    assert_eq!(send(gait.server, get("/v1/a")).status, 200);
    fs::write(gait.dir().join("secret"), "second\r\n").unwrap();
    gait.signal("HUP");
    crate::support::wait_for("the new secret", || {
        assert_eq!(send(gait.server, get("/v1/a")).status, 200);
        let asked = tool.asked();
        (asked.last().unwrap().fields["authorization"] == "Bearer second").then_some(())
    });
    assert_eq!(tool.asked()[0].fields["authorization"], "Bearer first");
    gait.settled().assert_law();
}

#[test]
fn a_connection_that_a_tool_may_know_a_caller_by_serves_nobody_else() {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    let mut conns = Vec::new();
    for scheme in ["Basic YTpi", "Basic YTpi", "NTLM TlRM", "negotiate YII=", "Basic YTpi"] {
        let request = format!(
            "GET /health HTTP/1.1\r\nHost: api.test\r\nAuthorization: {scheme}\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(send(gait.server, request).status, 200);
        conns.extend(tool.take().iter().map(|seen| seen.conn));
    }
    let [basic, again, ntlm, negotiate, last] = conns[..] else { panic!("{conns:?}") };
    assert_eq!((basic, again), (ntlm, ntlm), "others share: {conns:?}");
    assert!(negotiate > ntlm && last > negotiate, "{conns:?}");
}
