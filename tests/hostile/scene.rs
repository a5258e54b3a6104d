//! A tool that keeps every byte, gait in front of it, and a caller without manners.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const POLICY: &str = "schema_id: gait.gate.policy\nschema_version: 1.0.0\ndefault_verdict: block\n\
    rules:\n  - { name: low, effect: allow, match: { tool_names: [low] }, reason_codes: [low] }\n";

/// What gait serves and what its tool saw; ends with the test.
pub(crate) struct Scene {
    gait: Child,
    address: String,
    seen: Arc<Mutex<Vec<u8>>>,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// Starts everything in one stage, with a tool that answers `ok`.
    pub(crate) fn start(stage: &str) -> Scene {
        Scene::start_with(stage, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "")
    }

    /// The same with another answer, and with more config.
    pub(crate) fn start_with(stage: &str, answer: &str, config: &str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let tool = TcpListener::bind("127.0.0.1:0").unwrap();
        let text = configured(stage, tool.local_addr().unwrap().port()) + config;
        fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
        fs::write(folder.path().join("gait.yaml"), text).unwrap();
        let seen = Arc::default();
        let (answer, kept) = (answer.to_owned(), Arc::clone(&seen));
        thread::spawn(move || serve(&tool, &answer, &kept));
        let gait = Command::new(env!("CARGO_BIN_EXE_gait"))
            .args(["proxy", "--config", "gait.yaml"])
            .current_dir(folder.path())
            .env("GAIT__ADMIN__LISTEN", "127.0.0.1:0")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let addresses = folder.path().join("state/addresses.json");
        let address = (0..800).find_map(|_| {
            thread::sleep(Duration::from_millis(25));
            let text = fs::read_to_string(&addresses).ok()?;
            let read: serde_json::Value = serde_json::from_str(&text).ok()?;
            Some(read.get("server")?.as_str()?.to_owned())
        });
        Scene { gait, address: address.unwrap(), seen, _folder: folder }
    }

    /// Sends the pieces with pauses between them, ends, and reads what comes back.
    pub(crate) fn send_and_end(&self, pieces: &[&str]) -> String {
        let mut stream = self.connect();
        for piece in pieces {
            // Refused early, the rest has nowhere to go.
            let _ = stream.write_all(piece.as_bytes());
            thread::sleep(Duration::from_millis(100));
        }
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A connection to gait that does not wait for ever.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Every byte that reached the tool.
    pub(crate) fn seen(&self) -> String {
        thread::sleep(Duration::from_millis(200));
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.gait.kill();
        let _ = self.gait.wait();
    }
}

fn configured(stage: &str, port: u16) -> String {
    let mut text = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\ntelemetry: {{ listen: \"127.0.0.1:0\" }}\n\
         admin: {{ listen: \"127.0.0.1:0\" }}\n\
         policy: policy.yaml\nstage: {stage}\nunmapped: {{ action: deny }}\n\
         upstreams: {{ t: {{ url: \"http://127.0.0.1:{port}\" }} }}\nroutes:\n"
    );
    let rows = [
        ("note", "methods: [GET, POST], path: \"/note\"", "low"),
        ("small", "path: \"/small\", body: { \"/amount\": { max: 100 } }", "low"),
        ("large", "path: \"/small\"", "high"),
    ];
    for (name, matches, risk) in rows {
        let intent = format!("intent: {{ tool_name: {risk}, risk_class: {risk} }}");
        writeln!(text, "  - {{ name: {name}, match: {{ {matches} }}, upstream: t, {intent} }}")
            .unwrap();
    }
    text
}

/// Answers each piece that ends a request; good enough for one request a time.
fn serve(tool: &TcpListener, answer: &str, seen: &Arc<Mutex<Vec<u8>>>) {
    for stream in tool.incoming() {
        let (mut stream, answer, seen) = (stream.unwrap(), answer.to_owned(), Arc::clone(seen));
        thread::spawn(move || {
            let mut piece = [0; 65_536];
            while let Ok(length) = stream.read(&mut piece)
                && length > 0
            {
                let bytes = piece.get(..length).unwrap_or_default();
                seen.lock().unwrap().extend_from_slice(bytes);
                let chunked = bytes.windows(7).any(|w| w.eq_ignore_ascii_case(b"chunked"));
                let ended = !chunked && bytes.windows(4).any(|w| w == b"\r\n\r\n");
                if (ended || bytes.ends_with(b"0\r\n\r\n"))
                    && stream.write_all(answer.as_bytes()).is_err()
                {
                    return;
                }
            }
        });
    }
}
