//! Logins, people, and one listener to ask. Every JSON answer is held against the OpenAPI document.

use super::clerk::{self, Shelf};
use super::openapi;
use crate::admin::{
    self, Archive, Asked, Context, Helm, Loaded, Reloads, Rollout, Scheme, Stands, Unread,
    WAITS_MAX,
};
use crate::approval::{Approver, May, Roster};
use crate::evidence::{self, Ledger, Settings, Writer};
use crate::json::Digest;
use crate::rollout::{Counters, Facts, Life, Look, RouteFacts, Shelf as Overlay, Unmapped};
use crate::snapshot::{Approvals, Gates, Login, Role};
use crate::stage::{Course, Stage, Standing};
use crate::state::StateDir;
use crate::store::approvals::{Desk, Entry};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};

/// A request under way.
pub(super) struct Ask {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: Result<Bytes, Unread>,
}

/// An answer, read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// A listener with everything behind it.
pub(super) struct Scene {
    desk: Desk,
    pub(super) shelf: Shelf,
    pub(super) approvals: Approvals,
    ledger: Ledger,
    writer: Option<Writer>,
    local: Login,
    pub(super) address: Option<IpAddr>,
    pub(super) scheme: Scheme,
    pub(super) waits: Semaphore,
    reloads: Reloads,
    /// Who is asked for a reload.
    asked: Option<mpsc::Receiver<Asked>>,
    pub(super) archive: Archive,
    helm: Helm,
    pub(super) dir: tempfile::TempDir,
}

/// The token of a login is `token of NAME`, without blanks.
pub(super) fn token(name: &str) -> String {
    format!("token-of-{name}")
}

fn login(name: &str, role: Role) -> Login {
    Login { name: name.into(), role, token: Digest::of(token(name).as_bytes()) }
}

fn approver(name: &str, login: &str, identity: &str, may: May) -> Approver {
    let (logins, identities) = (vec![login.into()], vec![identity.into()]);
    Approver { name: name.into(), keys: Vec::new(), logins, identities, may }
}

/// Two routes, one in observe and one beyond.
fn facts() -> Facts {
    let gates = Gates::default();
    let (window, open_for) = (gates.window, gates.approval_p95);
    let (now, policy) = (crate::clock::now(), Digest::of(b"policy"));
    let look = Look { now, window, open_for, life: Life::Lives, policy };
    let route = |(name, stage): (&str, Stage)| RouteFacts {
        name: name.into(),
        standing: Standing::Whole(stage),
        observing: Vec::new(),
    };
    let routes = [("reads", Stage::Observe), ("deletes", Stage::DryRun)].map(route).to_vec();
    let counters = Counters { bypasses: Some(0), unrecorded: Some(0) };
    Facts { look, gates, counters, unmapped: Unmapped::Denied, routes }
}

/// The same two, where the config alone says so.
fn stands(route: &str) -> Option<Stands> {
    let facts = facts();
    let course = Course::of(facts.route(route)?.standing);
    Some(Stands { said: course.clone(), course })
}

impl Scene {
    /// With these requests, `viewer`, `ada@desk`, `lin@desk` (who is a caller as well), `kim@desk`
    /// (who may approve reads alone) and `stray` (an approver without a person).
    pub(super) fn new(entries: Vec<Entry>) -> Scene {
        let (desk, shelf) = clerk::desk(entries);
        let reads = May { tools: vec!["files.read".into()], ..May::default() };
        let approvals = Approvals {
            roster: Roster::new(vec![
                approver("ada", "ada@desk", "sso:ada", May::default()),
                approver("lin", "lin@desk", "sso:lin", May::default()),
                approver("kim", "kim@desk", "sso:kim", reads),
                approver("operator", "local", "operator", May::default()),
            ]),
            logins: vec![
                login("viewer", Role::Viewer),
                login("ada@desk", Role::Approver),
                login("lin@desk", Role::Approver),
                login("kim@desk", Role::Admin),
                login("stray", Role::Approver),
            ],
            hosts: vec!["gait.example.com".into(), "port.example.com:8443".into()],
            ..Approvals::default()
        };
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let (ledger, writer) = evidence::start(&state, Settings::default()).unwrap();
        let (reloads, asked) = Reloads::new();
        let overlay = Arc::new(Overlay::new(dir.path()));
        overlay.change(|_| ()).unwrap();
        Scene {
            desk,
            shelf,
            approvals,
            ledger,
            writer: Some(writer),
            local: login("local", Role::Admin),
            address: Some([192, 0, 2, 1].into()),
            scheme: Scheme::Http,
            waits: Semaphore::new(WAITS_MAX),
            reloads,
            asked: Some(asked),
            archive: Archive::new(dir.path().to_owned()),
            helm: Helm::new(dir.path(), overlay),
            dir,
        }
    }

    pub(super) fn context(&self) -> Context<'_> {
        Context {
            desk: &self.desk,
            approvals: &self.approvals,
            ledger: &self.ledger,
            local: &self.local,
            address: self.address,
            scheme: self.scheme,
            waits: &self.waits,
            reloads: &self.reloads,
            rollout: Rollout { archive: &self.archive, facts: &facts },
            helm: &self.helm,
            stands: &stands,
        }
    }

    /// Has whoever asks for a reload told this.
    pub(super) fn reloads(mut self, loaded: Loaded) -> Scene {
        let mut asked = self.asked.take().unwrap();
        // It ends with the scene.
        tokio::task::spawn_blocking(move || {
            while let Some(asked) = asked.blocking_recv() {
                let _ = asked.told.send(loaded.clone());
            }
        });
        self
    }

    /// Takes away who reloads.
    pub(super) fn lose_reloads(&mut self) {
        self.asked = None;
    }

    /// The answer; what is JSON in it fits its schema.
    pub(super) async fn ask(&self, ask: Ask) -> Answer {
        let mut request = Request::builder().method(ask.method).uri(&ask.path);
        for (name, value) in &ask.fields {
            request = request.header(*name, value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let answer = read(admin::answer(&head, ask.body, &self.context()).await).await;
        openapi::check(ask.method, &ask.path, &answer);
        answer
    }

    /// Makes the ledger refuse, as a full disk does.
    pub(super) fn close_ledger(&mut self) {
        self.writer = None;
    }

    /// Takes the clerk away.
    pub(super) fn lose_store(&mut self) {
        let (orders, _) = tokio::sync::mpsc::unbounded_channel();
        self.desk = Desk::new(orders, Arc::default(), self.desk.gateway().clone());
    }

    /// The evidence lines, once the writer has ended.
    pub(super) async fn evidence(mut self) -> Vec<Value> {
        let writer = self.writer.take().unwrap();
        let writing = tokio::task::spawn_blocking(move || writer.run(|_| {}));
        self.ledger.stop().await;
        writing.await.unwrap().unwrap();
        let mut segments: Vec<PathBuf> = std::fs::read_dir(self.dir.path().join("evidence"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        segments.sort();
        let text: String =
            segments.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

async fn read(response: Response<http_body_util::Full<Bytes>>) -> Answer {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, text }
}

impl Ask {
    pub(super) fn new(method: &'static str, path: impl Into<String>) -> Ask {
        let fields = vec![("host", "localhost:9901".to_owned())];
        Ask { method, path: path.into(), fields, body: Ok(Bytes::new()) }
    }

    pub(super) fn get(path: impl Into<String>) -> Ask {
        Ask::new("GET", path)
    }

    /// A grant or denial of request `n`, at version 3.
    pub(super) fn say(n: u8, word: &str, body: &str) -> Ask {
        Ask::new("POST", format!("/v1/approvals/{}/{word}", clerk::id(n)))
            .with("if-match", "\"3\"")
            .with("content-type", "application/json")
            .body(body)
    }

    pub(super) fn by(self, name: &str) -> Ask {
        let value = format!("Bearer {}", token(name));
        self.with("authorization", &value)
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Ask {
        self.fields.push((name, value.to_owned()));
        self
    }

    /// Without what was set so far for this field.
    pub(super) fn without(mut self, name: &'static str) -> Ask {
        self.fields.retain(|(field, _)| *field != name);
        self
    }

    pub(super) fn body(mut self, body: &str) -> Ask {
        self.body = Ok(Bytes::copy_from_slice(body.as_bytes()));
        self
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(super) fn one(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and `reason`, which is empty where there is none.
    pub(super) fn why(&self) -> (u16, String) {
        let reason = self.json()["reason"].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), reason)
    }
}
