//! An OpenID provider that none of us wrote: its tokens are taken, and its keys are followed while
//! they change.

use crate::support::{Authority, Gait, Oidc, Recorder, Setup, get, send, wait_for};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use tempfile::TempDir;

/// How often the keys are exchanged while calls go on.
const ROTATIONS: usize = 20;
/// Callers that go on meanwhile.
const CALLERS: usize = 4;

/// A gait that believes this provider and nobody else; `more` stands with `jwks`.
fn behind(provider: &Oidc, tool: SocketAddr, dir: TempDir, more: &str) -> Gait {
    let issuer = provider.issuer();
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\n\
         upstreams: {{ api: {{ url: \"http://{tool}\" }} }}\n\
         identity:\n  sources:\n    - name: sso\n      jwt:\n        issuer: {issuer}\n        \
         audiences: [gait]\n        algorithms: [ES256]\n        \
         jwks: {{ url: \"{issuer}/jwks\", {more} }}\n\
         routes:\n  - name: read\n    match: {{ methods: [GET], path: \"/v1/{{rest*}}\" }}\n    \
         upstream: api\n    anonymous: deny\n    intent: {{ tool_name: api.read, risk_class: low }}\n"
    );
    Setup { config, policy: "default_verdict: allow\n".into() }.start_in(dir)
}

/// The same without TLS.
fn before(tool: &Recorder) -> (Oidc, Gait) {
    let provider = Oidc::start(None);
    let dir = TempDir::new().unwrap();
    let gait = behind(&provider, tool.address, dir, "allow_http: true");
    (provider, gait)
}

fn claims() -> Value {
    json!({ "sub": "ada", "aud": "gait" })
}

/// The status of one call with this token, and the reason where it is refused.
fn call(gait: &Gait, token: &str) -> (u16, String) {
    let lines = format!("\r\nAuthorization: Bearer {token}\r\n\r\n");
    let answer = send(gait.server, get("/v1/a").replacen("\r\n\r\n", &lines, 1));
    let reason =
        if answer.status == 200 { Value::Null } else { answer.json()["reason_codes"][0].clone() };
    (answer.status, reason.as_str().unwrap_or_default().to_owned())
}

fn taken() -> (u16, String) {
    (200, String::new())
}

fn unknown() -> (u16, String) {
    (401, "jwt_key_unknown".to_owned())
}

#[test]
fn its_tokens_name_the_caller() {
    let tool = Recorder::start();
    let (provider, gait) = before(&tool);
    assert_eq!(call(&gait, &provider.token(&claims())), taken());
    let other = provider.token(&json!({ "sub": "ada", "aud": "other" }));
    assert_eq!(call(&gait, &other), (401, "jwt_audience_refused".to_owned()));
    let calls = wait_for("the line", || {
        let lines = gait.evidence();
        lines.into_iter().find(|line| line["disposition"] == "forwarded")
    });
    assert_eq!(calls["identity"], "ada");
    assert_eq!(tool.count(), 1);
}

#[test]
fn keys_come_over_tls_from_whom_our_roots_vouch_for() {
    let (tool, authority) = (Recorder::start(), Authority::new("ours"));
    let dir = TempDir::new().unwrap();
    authority.server(&["127.0.0.1"]).write(dir.path(), "provider");
    std::fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
    let provider = Oidc::start(Some(&dir.path().join("provider")));
    let gait = behind(&provider, tool.address, dir, "ca: ca.pem");
    assert_eq!(call(&gait, &provider.token(&claims())), taken());

    let stranger = TempDir::new().unwrap();
    std::fs::write(stranger.path().join("ca.pem"), Authority::new("theirs").pem()).unwrap();
    let gait = behind(&provider, tool.address, stranger, "ca: ca.pem");
    let refused = (503, "jwt_keys_unavailable".to_owned());
    assert_eq!(call(&gait, &provider.token(&claims())), refused);
}

#[test]
fn an_added_key_counts_beside_the_others_and_keys_outlive_their_provider() {
    let tool = Recorder::start();
    let (provider, gait) = before(&tool);
    let old = provider.token(&claims());
    provider.add_key();
    let fresh = provider.token(&claims());
    assert_eq!([call(&gait, &fresh), call(&gait, &old)], [taken(), taken()]);
    drop(provider);
    assert_eq!([call(&gait, &fresh), call(&gait, &old)], [taken(), taken()]);
}

/// What the callers under load have seen.
#[derive(Debug, Default)]
struct Seen {
    done: AtomicBool,
    /// Odd while the keys are being exchanged.
    generation: AtomicUsize,
    taken: AtomicU64,
    refused: AtomicU64,
}

/// Calls with fresh tokens. A refusal is right only where the keys were exchanged between the
/// making of the token and the answer.
fn keep_calling(provider: &Oidc, gait: &Gait, seen: &Seen) {
    while !seen.done.load(Ordering::SeqCst) {
        let before = seen.generation.load(Ordering::SeqCst);
        let answer = call(gait, &provider.token(&claims()));
        let settled = before.is_multiple_of(2) && seen.generation.load(Ordering::SeqCst) == before;
        if answer == taken() {
            seen.taken.fetch_add(1, Ordering::SeqCst);
        } else {
            assert!(!settled, "a good token was refused: {answer:?}");
            assert_eq!(answer, unknown());
            seen.refused.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[test]
fn twenty_rotations_refuse_nobody_and_accept_nobody_wrongly() {
    let tool = Recorder::start();
    let (provider, gait) = before(&tool);
    let seen = Seen::default();
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| keep_calling(&provider, &gait, &seen));
        }
        let _done = Done(&seen.done);
        for round in 0..ROTATIONS {
            let old = provider.token(&claims());
            assert_eq!(call(&gait, &old), taken(), "before rotation {round}");
            seen.generation.fetch_add(1, Ordering::SeqCst);
            provider.rotate();
            seen.generation.fetch_add(1, Ordering::SeqCst);
            assert_eq!(call(&gait, &provider.token(&claims())), taken(), "rotation {round}");
            // The fetch for the fresh key has shown that the old one is gone.
            assert_eq!(call(&gait, &old), unknown(), "after rotation {round}");
        }
    });
    let (taken, refused) = (seen.taken.into_inner(), seen.refused.into_inner());
    assert!(taken > ROTATIONS as u64, "{taken} calls, {refused} between two keys");
    let scrape = gait.settled();
    assert_eq!(scrape.total("gait_jwks_failures_total"), 0.0);
    scrape.assert_law();
}

/// Ends the callers, also where the test fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_flood_of_unknown_keys_does_not_become_a_flood_of_fetches() {
    let tool = Recorder::start();
    let (provider, gait) = before(&tool);
    let token = provider.token(&claims());
    let before = provider.fetched();
    for number in 0..200 {
        let head = format!("{{\"alg\":\"ES256\",\"kid\":\"{number}\"}}");
        let rest = token.split_once('.').expect("a token").1;
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(head));
        assert_eq!(call(&gait, &forged), unknown());
    }
    let fetched = provider.fetched() - before;
    assert!(fetched < 100, "{fetched} fetches");
    assert_eq!(call(&gait, &token), taken(), "who has a good one is not troubled");
    // Whoever comes with a fresh key is troubled for seconds, not until the next refresh.
    provider.rotate();
    let fresh = provider.token(&claims());
    wait_for("the fresh key", || (call(&gait, &fresh) == taken()).then_some(()));
}
