//! The log in its text form, at its loudest, and others who write into it what would be lines.

use crate::support::{Gait, Recorder, Setup, get, listen, post, send, wait_for};
use std::fs;
use std::io::{Read as _, Write as _};
use std::time::Duration;
use tempfile::TempDir;

/// What a forged line would look like; `BREAK` is each way to begin one.
const FORGED: &str = "2026-01-02T03:04:05.000000Z ERROR gait: forged";
const BREAKS: [&str; 6] = ["%0a", "%0d%0a", "%e2%80%a8", "%c2%85", "%0b", "%00%0a"];

/// A tool whose answers are no HTTP, and say what looks like a line of the log.
fn liar() -> std::net::SocketAddr {
    listen(|_, mut stream| {
        let mut bytes = [0; 4096];
        let _request = stream.read(&mut bytes);
        let _gone = stream.write_all(format!("\n{FORGED}\r\n{FORGED}\n\n").as_bytes());
    })
}

fn start(tool: &Recorder) -> Gait {
    let route = |name: &str, upstream: &str| {
        format!(
            "  - {{ name: {name}, match: {{ path: \"/{name}/{{rest*}}\" }}, upstream: {upstream}, \
             capture: full, intent: {{ tool_name: {name}, risk_class: low, args: {{ rest: path.rest, \
             agent: \"header.user-agent?\", id: \"header.x-user?\" }} }} }}\n"
        )
    };
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
         identity: {{ sources: [ {{ name: edge, header: {{ name: X-User, from: {{ cidrs: [127.0.0.0/8] }} \
         }} }} ] }}\nlog: {{ level: trace }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }}, liar: {{ url: \"http://{}\" }} }}\nroutes:\n{}{}",
        tool.address,
        liar(),
        route("said", "tool"),
        route("lied", "liar"),
    );
    let dir = TempDir::new().unwrap();
    Setup { config, policy: "default_verdict: allow\n".to_owned() }.write(dir.path());
    let text = [("GAIT__LOG__FORMAT", "text")];
    Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &text)
}

#[test]
fn nobody_forges_a_line_of_the_log() {
    let tool = Recorder::start();
    let gait = start(&tool);
    let forged = FORGED.replace(' ', "%20");
    for line_break in BREAKS {
        let hostile = format!("x{line_break}{forged}");
        for route in ["said", "lied", "nowhere"] {
            // Paths with control characters are refused; the refusal must not repeat them.
            let _refused = send(gait.server, get(&format!("/{route}/{hostile}?{hostile}")));
            let fields = format!(
                "User-Agent: \u{1b}[2K\\n{hostile}\u{85}\u{2028}{FORGED}\r\nX-User: a\\n{hostile}\r\n\
                 Content-Type"
            );
            let body = format!("{{\"a\\n{FORGED}\": \"\\u2028{FORGED}\\u001b[2J\"}}");
            let call = post(&format!("/{route}/x"), &body).replace("Content-Type", &fields);
            let _answer = send(gait.server, call);
        }
    }
    // No HTTP at all, in the clear where lines are read.
    let mut bare = std::net::TcpStream::connect(gait.server).unwrap();
    bare.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let _sent = bare.write_all(format!("\n{FORGED}\n{FORGED}\r\n\r\n").as_bytes());
    let _read = bare.read(&mut [0; 1024]);
    gait.settled();
    // Somebody else's text in an error that is logged: a key of a config that is refused.
    let path = gait.dir().join("gait.yaml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("\"x\\n{FORGED}\\u2028{FORGED}\": 1\n{config}")).unwrap();
    gait.signal("HUP");
    wait_for("the refusal", || gait.log().contains("unknown field").then_some(()));
    let log = gait.log();
    let is_time =
        |line: &str| line.len() > 27 && line.starts_with("20") && line.as_bytes()[10] == b'T';
    for line in log.lines() {
        assert!(is_time(line), "no line of ours: {line}");
        assert!(!line.starts_with(FORGED), "{line}");
        assert!(!line.contains(['\u{1b}', '\u{85}', '\u{2028}', '\r']), "{line:?}");
    }
}
