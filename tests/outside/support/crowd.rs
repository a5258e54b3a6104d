//! Callers of `tests/fixtures/evidence.yaml`, many at once. Each call has a target of its own, by
//! which the tool and the evidence tell it from all others.

use super::client::Conn;
use super::gait::Gait;
use super::recorder::Recorder;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a caller waits who was refused.
const PAUSE: Duration = Duration::from_millis(5);

/// The kinds of calls, as their targets begin: half of all are protected.
const KINDS: [&str; 4] = ["protected", "open", "protected", "watched"];

/// Callers at work.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    is_over: AtomicBool,
    answers: Mutex<Vec<Answered>>,
}

/// An answer that a caller got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// What it asked for.
    pub(crate) target: String,
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) text: String,
    /// When the answer was there.
    pub(crate) at: Instant,
}

// === impl Crowd ===

impl Crowd {
    /// Has `callers` call a gait while `meanwhile` runs. Gives all answers, oldest first.
    /// Targets hold `name`.
    pub(crate) fn call<T>(
        gait: &Gait,
        name: &str,
        callers: usize,
        meanwhile: impl FnOnce(&Crowd) -> T,
    ) -> (Vec<Answered>, T) {
        let (crowd, server) = (Crowd::default(), gait.server);
        let result = thread::scope(|scope| {
            let _over = Over(&crowd);
            for caller in 0..callers {
                let crowd = &crowd;
                scope.spawn(move || crowd.caller(server, &format!("{name}-{caller}"), caller));
            }
            meanwhile(&crowd)
        });
        (crowd.answers(), result)
    }

    /// The answers so far.
    pub(crate) fn answers(&self) -> Vec<Answered> {
        self.answers.lock().unwrap().clone()
    }

    /// One caller, until all are told to end or nobody answers any more.
    fn caller(&self, server: SocketAddr, name: &str, first: usize) {
        let Ok(mut conn) = Conn::try_open(server) else { return };
        for (call, kind) in KINDS.iter().cycle().skip(first % KINDS.len()).enumerate() {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let target = format!("/{kind}/{name}-{call}");
            let request = format!("DELETE {target} HTTP/1.1\r\nHost: api.test\r\n\r\n");
            let Ok(answer) = conn.write(request).try_read() else { return };
            let is_last = answer.all("connection").contains(&"close");
            let (status, text) = (answer.status, answer.text());
            let answered = Answered { target, status, text, at: Instant::now() };
            self.answers.lock().unwrap().push(answered);
            if is_last {
                let Ok(again) = Conn::try_open(server) else { return };
                conn = again;
            }
            if status != 200 {
                thread::sleep(PAUSE);
            }
        }
    }
}

// === impl Answered ===

impl Answered {
    /// Whether it asked for a call of this kind.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.target.split('/').nth(1) == Some(kind)
    }

    /// Whether it was refused for want of evidence. Any other refusal fails the test.
    pub(crate) fn is_refused(&self) -> bool {
        let is_refused = self.status == 503 && self.text.contains("evidence_unavailable");
        assert!(is_refused || self.status == 200, "{self:?}");
        is_refused
    }
}

// === impl Recorder ===

impl Recorder {
    /// The targets of the protected calls that it saw.
    pub(crate) fn protected(&self) -> Vec<String> {
        let targets = self.seen().into_iter().map(|seen| seen.target().to_owned());
        targets.filter(|target| target.starts_with("/protected/")).collect()
    }
}

/// Tells the callers to go however the test ends.
struct Over<'a>(&'a Crowd);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}
