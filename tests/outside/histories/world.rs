//! One gait, its tools, and those who call and approve; killed and started again over one state.

use super::book::{Answered, Book};
use crate::support::{
    Authority, Conn, Dice, Gait, Recorder, Response, Setup, Then, listen, run_to_end,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Approvers, and the logins that are theirs.
pub(super) const APPROVERS: [&str; 2] = ["ada", "bob"];

/// How long a request is open that nobody answers; as short as gait lets it be.
const OPEN_FOR: Duration = Duration::from_secs(10);

/// The status of a call that gait refused for want of an approval.
pub(super) const REFUSED: u16 = 428;

/// A call that the tool executed.
#[derive(Clone, Debug)]
pub(super) struct Executed {
    pub(super) path: String,
    /// Which try of its caller.
    pub(super) attempt: usize,
    /// When the tool had read it.
    pub(super) at: Timestamp,
}

/// All that a history needs.
pub(super) struct World {
    gait: RwLock<Option<Gait>>,
    setup: Setup,
    pid: AtomicU32,
    executed: Arc<Mutex<Vec<Executed>>>,
    book: Mutex<Book>,
    files: AtomicUsize,
    attempts: AtomicUsize,
    keys: TempDir,
    began: Instant,
    /// Wishes for a kill, each after so long.
    wishes: Sender<Duration>,
    wished: Mutex<Receiver<Duration>>,
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Nobody,
    Agent,
    /// One who is `ada` as well, and so may not be approved by her.
    Ada,
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let keys = TempDir::new().unwrap();
        let made = run_to_end(keys.path(), &["keys", "init", "--out-dir", ".", "--prefix", "ada"]);
        assert!(made.status.success(), "{made:?}");
        let executed = Arc::new(Mutex::new(Vec::new()));
        let (tool, stalled) = (tool(executed.clone()), stalled());
        let dir = TempDir::new().unwrap();
        fs::copy(keys.path().join("ada_public.key"), dir.path().join("ada_public.key")).unwrap();
        fs::write(dir.path().join("ca.pem"), Authority::new("nobody").pem()).unwrap();
        let setup = Setup { config: config(tool, stalled), policy: POLICY.to_owned() };
        let gait = setup.start_in(dir);
        let (wishes, wished) = channel();
        eprintln!("world {seed}: tool at {tool}");
        World {
            pid: AtomicU32::new(gait.pid()),
            gait: RwLock::new(Some(gait)),
            setup,
            executed,
            book: Mutex::default(),
            files: AtomicUsize::new(0),
            attempts: AtomicUsize::new(0),
            keys,
            began: Instant::now(),
            wishes,
            wished: Mutex::new(wished),
        }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the tool did so far.
    pub(super) fn executed(&self) -> Vec<Executed> {
        self.executed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wants gait to be killed after so long.
    pub(super) fn wish(&self, after: Duration) {
        self.wishes.send(after).expect("somebody kills");
    }

    /// Waits until there were enough calls since the last kill, or until one more is wished for;
    /// counted in calls, so that a slow machine does not see more kills than calls.
    pub(super) fn wait_to_kill(&self, dice: &mut Dice, is_over: impl Fn() -> bool) {
        let calls = || self.attempts.load(Ordering::SeqCst);
        let (few, enough) = (calls() + 8, calls() + 20 + dice.below(60) as usize);
        let wished = self.wished.lock().unwrap();
        while calls() < enough && !is_over() {
            match wished.recv_timeout(Duration::from_millis(5)) {
                // At once after a start, a kill would find nobody at work.
                Ok(after) if calls() >= few => return thread::sleep(after),
                _ => {}
            }
        }
    }

    /// Waits until the first requests have expired, however quick the machine was.
    pub(super) fn grow_old(&self) {
        thread::sleep((OPEN_FOR + Duration::from_secs(1)).saturating_sub(self.began.elapsed()));
    }

    /// Kills gait, starts it again, and checks what it remembers.
    pub(super) fn crash(&self) {
        let given_back = [("outcome", "released")];
        let scrape = self.gait.read().unwrap().as_ref().expect("a gait").scrape();
        self.book().given_back += scrape.sum("gait_approvals_total", &given_back) as usize;
        let pid = self.pid.load(Ordering::SeqCst).to_string();
        let killed = Command::new("kill").args(["-KILL", &pid]).status().expect("kill");
        assert!(killed.success(), "gait died by itself");
        // Everybody's step ends with the process.
        let mut gait = self.gait.write().unwrap();
        let dir = gait.take().expect("a gait").kill();
        let again = self.setup.start_in(dir);
        self.pid.store(again.pid(), Ordering::SeqCst);
        super::audit::restarted(self, &again);
        *gait = Some(again);
    }

    /// One call; `None` where no whole answer came.
    pub(super) fn call(&self, caller: Caller, path: &str, tokens: &[String]) -> Option<Response> {
        let gait = self.gait.read().unwrap();
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst);
        // The host is a part of the call: it stays over a restart, the port does not.
        let mut lines =
            format!("Host: api.test\r\nX-Attempt: {attempt}\r\n{}", caller.credential());
        if !tokens.is_empty() {
            lines.push_str(&format!("Gait-Approval: {}\r\n", tokens.join(", ")));
        }
        let answer = exchange(gait.as_ref()?.server, &format!("POST {path}"), &lines, "")?;
        let call_id = answer.one("gait-call-id").expect("a call id").to_owned();
        let (path, status) = (path.to_owned(), answer.status);
        self.book().answered.push(Answered { path, attempt, status, call_id });
        Some(answer)
    }

    /// One request to the admin API.
    pub(super) fn admin(
        &self,
        who: &str,
        request: &str,
        more: &str,
        body: &str,
    ) -> Option<Response> {
        let gait = self.gait.read().unwrap();
        ask(gait.as_ref()?, who, request, more, body)
    }

    /// A token that `ada` signs with her own key for this request, in the form of its header.
    pub(super) fn sign(&self, request: &Value, ttl: &str) -> Option<String> {
        let name = format!("token-{}.json", self.files.fetch_add(1, Ordering::SeqCst));
        let digest = |name: &str| request[name].as_str().expect("a digest").to_owned();
        let scopes = request["scope"].as_array().expect("a scope").iter();
        let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
        let made = run_to_end(
            self.keys.path(),
            &[
                "approve",
                "--intent-digest",
                &digest("intent_digest"),
                "--policy-digest",
                &digest("policy_digest"),
                "--scope",
                &scopes.join(","),
                "--ttl",
                ttl,
                "--approver",
                "ada",
                "--reason-code",
                "signed_elsewhere",
                "--key-mode",
                "prod",
                "--private-key",
                "ada_private.key",
                "--out",
                &name,
            ],
        );
        assert!(made.status.success(), "{made:?}");
        let path: PathBuf = self.keys.path().join(name);
        Some(STANDARD.encode(fs::read(path).expect("the token")))
    }
}

impl Caller {
    fn credential(self) -> String {
        match self {
            Caller::Nobody => String::new(),
            Caller::Agent => "X-Api-Key: key-of-agent\r\n".to_owned(),
            Caller::Ada => "X-Api-Key: key-of-ada\r\n".to_owned(),
        }
    }
}

/// One request to the admin API of this gait.
pub(super) fn ask(
    gait: &Gait,
    who: &str,
    request: &str,
    more: &str,
    body: &str,
) -> Option<Response> {
    let address: SocketAddr = gait.listener("admin").parse().expect("an address");
    let lines = format!("Host: {address}\r\nAuthorization: Bearer token-of-{who}\r\n{more}");
    exchange(address, request, &lines, body)
}

fn exchange(address: SocketAddr, request: &str, lines: &str, body: &str) -> Option<Response> {
    let bytes = format!(
        "{request} HTTP/1.1\r\n{lines}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Conn::try_open(address).ok()?.write(bytes).try_read().ok()
}

/// A tool that keeps what it read before it does anything else. The path says what comes then.
fn tool(executed: Arc<Mutex<Vec<Executed>>>) -> SocketAddr {
    let recorder = Recorder::answering(move |seen, stream| {
        let attempt = seen.all("x-attempt")[0].parse().expect("a number");
        let done = Executed { path: seen.target().to_owned(), attempt, at: Timestamp::now() };
        executed.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        let status = match seen.target().rsplit('-').next() {
            Some("cut") => return Ok(Then::Close),
            Some("fail") => "500 Oops",
            _ => "200 OK",
        };
        if seen.target().ends_with("-slow") {
            thread::sleep(Duration::from_millis(80));
        }
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok").as_bytes())?;
        Ok(Then::Keep)
    });
    recorder.address
}

/// A tool with which nobody ever gets through the handshake: between a claim and its first byte
/// there is time to die.
fn stalled() -> SocketAddr {
    listen(|_, stream| {
        thread::sleep(Duration::from_millis(150));
        drop(stream);
    })
}

const POLICY: &str = "
default_verdict: block
rules:
  - name: one
    effect: require_approval
    match: { tool_names: [once, held, stalled] }
  - name: two
    effect: require_approval
    min_approvals: 2
    match: { tool_names: [twice] }
";

fn config(tool: SocketAddr, stalled: SocketAddr) -> String {
    let hash = |text: String| -> String {
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let login = |who: &str| hash(format!("token-of-{who}"));
    let key = |whose: &str| hash(format!("key-of-{whose}"));
    let routes: String = [("once", ""), ("twice", ""), ("held", "hold: 1s, "), ("stalled", "")]
        .map(|(name, more)| {
            let upstream = if name == "stalled" { "stalled" } else { "tool" };
            format!(
                "  - {{ name: {name}, match: {{ methods: [POST], path: \"/{name}/{{id}}\" }}, \
                 upstream: {upstream}, {more}intent: {{ tool_name: {name}, risk_class: high, \
                 args: {{ id: path.id }} }} }}\n"
            )
        })
        .concat();
    format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
         admin:\n  listen: \"127.0.0.1:0\"\n  logins:\n    \
         - {{ name: ada@desk, role: approver, sha256: {} }}\n    \
         - {{ name: bob@desk, role: approver, sha256: {} }}\n\
         approvals:\n  open_for: {}s\n  approvers:\n    \
         - {{ name: ada, logins: [ada@desk], keys: [ada_public.key], identities: [agent.ada] }}\n    \
         - {{ name: bob, logins: [bob@desk] }}\n\
         identity:\n  sources:\n    - name: keys\n      api_key:\n        keys:\n          \
         - {{ sha256: {}, identity: agent.one }}\n          \
         - {{ sha256: {}, identity: agent.ada }}\n\
         upstreams:\n  tool: {{ url: \"http://{tool}\" }}\n  \
         stalled: {{ url: \"https://{stalled}\", tls: {{ ca: ca.pem }} }}\nroutes:\n{routes}",
        login("ada"),
        login("bob"),
        OPEN_FOR.as_secs(),
        key("agent"),
        key("ada"),
    )
}
