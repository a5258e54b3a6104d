//! A gait that has only an admin API: follows its contract over a list of requests in memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper may stop the test")]
#![expect(
    clippy::disallowed_methods,
    reason = "a server of a test needs threads, sockets and time"
)]

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The token that it knows.
pub(crate) const TOKEN: &str = "gait_admin_t0ken";

/// What stands in a list of requests.
const SUMMARY: [&str; 16] = [
    "id",
    "state",
    "version",
    "route",
    "tool_name",
    "risk_class",
    "requester",
    "required_approvals",
    "granted_by",
    "created_at",
    "expires_at",
    "asked_at",
    "asked",
    "age_seconds",
    "method",
    "path",
];

#[derive(Default)]
struct State {
    requests: Vec<Value>,
    revision: u64,
    /// Method, target, `If-Match` and body of all that was asked.
    asked: Vec<(String, String, String, Value)>,
    /// What the next POST is answered with, if it is to be refused.
    refusal: Option<(u16, Value)>,
}

/// The server; it ends with the test's process, or when it is stopped.
pub(crate) struct Fake {
    pub(crate) at: SocketAddr,
    state: Arc<Mutex<State>>,
    stopped: Arc<Mutex<bool>>,
}

/// A request whose requester is nobody in particular.
pub(crate) fn request(id: &str, state: &str, age: u64) -> Value {
    let call = json!({
        "method": "POST", "host": "files.example.com", "path": "/publish", "query": "a=1",
        "content_type": "application/json", "body_digest": "33".repeat(32), "body_bytes": 20,
        "tool_name": "files.publish", "risk_class": "high", "route": "files", "stage": "enforce",
        "args": {"password": "***", "to": "all"}, "masked": ["/password"],
        "targets": [{"kind": "path", "value": "/srv/a", "operation": "write"}],
        "reason_codes": ["publish_needs_approval"], "violations": [], "matched_rule": "publish",
    });
    json!({
        "id": id, "state": state, "version": 1, "route": "files", "tool_name": "files.publish",
        "risk_class": "high", "requester": {"identity": "anonymous", "proven": false, "on_behalf_of": []},
        "required_approvals": 1, "granted_by": [], "created_at": format!("2026-01-02T03:{:02}:00Z", 59 - age / 60),
        "expires_at": "2026-01-02T05:00:00Z", "asked_at": "2026-01-02T04:00:00Z", "asked": 2,
        "age_seconds": age, "method": "POST", "path": "/publish", "changed_at": "2026-01-02T04:00:00Z",
        "intent_digest": "11".repeat(32), "policy_digest": "22".repeat(32), "delegation_digest": null,
        "scope": ["tool:files.publish"], "voices": [], "run": null, "precedent": null,
        "call": call,
        "may": {"grant": true, "deny": true, "why_not": null},
    })
}

impl Fake {
    /// Serves these.
    pub(crate) fn serve(requests: Vec<Value>) -> Fake {
        Fake::serve_at("127.0.0.1:0".parse().unwrap(), requests, 1)
    }

    /// The same somewhere, from some revision on.
    pub(crate) fn serve_at(at: SocketAddr, requests: Vec<Value>, revision: u64) -> Fake {
        let bound = (0..100).find_map(|_| {
            TcpListener::bind(at).map_err(|_| thread::sleep(Duration::from_millis(20))).ok()
        });
        let listener = bound.unwrap();
        let at = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { requests, revision, ..State::default() }));
        let fake = Fake { at, state, stopped: Arc::default() };
        let (state, stopped) = (fake.state.clone(), fake.stopped.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                if *stopped.lock().unwrap() {
                    return;
                }
                let (state, stopped) = (state.clone(), stopped.clone());
                thread::spawn(move || exchange(stream.unwrap(), &state, &stopped));
            }
        });
        fake
    }

    /// Accepts nothing any more.
    pub(crate) fn stop(&self) {
        *self.stopped.lock().unwrap() = true;
        drop(TcpStream::connect(self.at));
    }

    /// The next word is refused like this.
    pub(crate) fn refuse(&self, status: u16, problem: Value) {
        self.state.lock().unwrap().refusal = Some((status, problem));
    }

    /// Puts a request into the list, or another one of the same id into its place.
    pub(crate) fn put(&self, request: Value) {
        let mut state = self.state.lock().unwrap();
        state.revision += 1;
        state.requests.retain(|one| one["id"] != request["id"]);
        state.requests.push(request);
    }

    /// All that was asked with this method.
    pub(crate) fn asked(&self, method: &str) -> Vec<(String, String, Value)> {
        let state = self.state.lock().unwrap();
        let asked = state.asked.iter().filter(|one| one.0 == method);
        asked.map(|(_, target, tag, body)| (target.clone(), tag.clone(), body.clone())).collect()
    }
}

fn exchange(stream: TcpStream, state: &Mutex<State>, stopped: &Mutex<bool>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let Some(first) = head.first() else { return };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let field = |name: &str| {
        let lines = head.iter().skip(1).filter_map(|line| line.split_once(": "));
        let mut named = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let mut body = vec![0; field("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = match field("authorization") == format!("Bearer {TOKEN}") {
        false => (401, json!({"type": "urn:gait:admin:unauthenticated", "detail": "no token"})),
        true => answer(&method, &target, &field("if-match"), body, state),
    };
    if *stopped.lock().unwrap() {
        return;
    }
    let text = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    let mut stream = stream;
    let _gone = stream.write_all((head + &text).as_bytes());
}

fn answer(
    method: &str,
    target: &str,
    tag: &str,
    body: Value,
    state: &Mutex<State>,
) -> (u16, Value) {
    let asked = (method.to_owned(), target.to_owned(), tag.to_owned(), body);
    state.lock().unwrap().asked.push(asked.clone());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["v1", "approvals"]) => list(query, state),
        ("GET", ["v1", "approvals", id]) => {
            let state = state.lock().unwrap();
            let found = state.requests.iter().find(|one| one["id"] == *id);
            found.map_or((404, json!({"detail": "no such request"})), |one| (200, one.clone()))
        }
        ("POST", ["v1", "approvals", id, word]) => resolve(id, word, &asked.2, state),
        _ => (404, json!({"detail": "no such resource"})),
    }
}

/// Pages of three at most, so that lists have several.
fn list(query: &str, state: &Mutex<State>) -> (u16, Value) {
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(other, _)| *other == name).map(|(_, value)| value.to_owned())
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<u64>().ok());
    if let (Some(since), Some(wait)) = (number("since"), number("wait")) {
        let end = Instant::now() + Duration::from_secs(wait);
        while state.lock().unwrap().revision <= since && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
    }
    let state = state.lock().unwrap();
    let mut all: Vec<&Value> = state.requests.iter().collect();
    all.sort_by_key(|one| std::cmp::Reverse(one["created_at"].as_str().unwrap()));
    let after = value("before")
        .map_or(0, |before| all.iter().position(|one| one["id"] == before.as_str()).unwrap() + 1);
    let wanted = |one: &&&Value| {
        value("state").is_none_or(|states| states.split(',').any(|state| one["state"] == state))
            && value("tool").is_none_or(|tool| one["tool_name"] == tool.as_str())
    };
    let rest: Vec<&&Value> = all.iter().skip(after).filter(wanted).collect();
    let page: Vec<Value> = rest.iter().take(3).map(|one| summary(one)).collect();
    let next = if rest.len() > 3 { page[2]["id"].clone() } else { Value::Null };
    (200, json!({"revision": state.revision, "next": next, "approvals": page}))
}

fn summary(request: &Value) -> Value {
    let members = SUMMARY.iter().map(|name| ((*name).to_owned(), request[*name].clone()));
    Value::Object(members.collect())
}

fn resolve(id: &str, word: &str, tag: &str, state: &Mutex<State>) -> (u16, Value) {
    let mut state = state.lock().unwrap();
    if let Some((status, problem)) = state.refusal.take() {
        return (status, problem);
    }
    state.revision += 1;
    let found = state.requests.iter_mut().find(|one| one["id"] == id);
    let request = found.unwrap();
    if tag != format!("\"{}\"", request["version"]) {
        return (412, json!({"detail": "changed"}));
    }
    request["version"] = json!(request["version"].as_u64().unwrap() + 1);
    if word == "deny" {
        request["state"] = json!("denied");
        return (200, json!({"approval": request}));
    }
    request["state"] = json!("approved");
    request["granted_by"] = json!(["operator"]);
    let token = match request["requester"]["proven"].as_bool() {
        Some(true) => Value::Null,
        _ => json!({"gait_approval": "dG9rZW4=", "expires_at": "2026-01-02T04:15:00Z"}),
    };
    (200, json!({"approval": request, "token": token}))
}
