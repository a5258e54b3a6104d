//! Keys that are fetched: rotated, flooded with made-up ids, gone, slow, and over a reload.

use crate::support::{Gait, Recorder, Response, Setup, Then, send, wait_for};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const POLICY: &str = "default_verdict: allow\n";

/// What the issuer answers with; empty hangs up.
type Page = Arc<Mutex<String>>;

/// One key of the issuer.
struct Key {
    id: &'static str,
    key: SigningKey,
}

/// A gait with one source of tokens, its tool, and its issuer.
struct Scene {
    gait: Gait,
    tool: Recorder,
    issuer: Recorder,
    page: Page,
}

impl Key {
    fn new(id: &'static str, seed: u8) -> Key {
        Key { id, key: SigningKey::from_bytes(&[seed; 32]) }
    }

    fn public(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": x})
    }

    /// A token of `ada` with this key id.
    fn token(&self, kid: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({"iss": "https://id.test", "aud": "gait", "sub": "ada",
            "iat": now, "exp": now + 600});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": kid})), part(&claims));
        let signature = self.key.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn page(keys: &[&Key]) -> String {
    let body = json!({"keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>()}).to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

impl Scene {
    fn start(keys: &[&Key], jwks: &str) -> Scene {
        let page: Page = Arc::new(Mutex::new(page(keys)));
        let shown = page.clone();
        Scene::with(page, jwks, move |stream| {
            let answer = shown.lock().unwrap().clone();
            stream.write_all(answer.as_bytes())
        })
    }

    fn with(
        page: Page,
        jwks: &str,
        answer: impl Fn(&mut std::net::TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Scene {
        let tool = Recorder::start();
        let issuer = Recorder::answering(move |_, stream| {
            answer(stream)?;
            Ok(Then::Close)
        });
        let config = format!(
            "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
             identity: {{ sources: [ {{ name: sso, jwt: {{ issuer: \"https://id.test\", audiences: \
             [gait], algorithms: [EdDSA], jwks: {{ url: \"http://{}/keys\", {jwks} }}, claims: {{ \
             identity: sub }} }} }} ] }}\nupstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n  \
             - {{ name: r, match: {{ methods: [GET], path: \"/x\" }}, upstream: tool, intent: {{ \
             tool_name: t, risk_class: low }} }}\n",
            issuer.address, tool.address
        );
        let gait = Setup { config, policy: POLICY.to_owned() }.start();
        Scene { gait, tool, issuer, page }
    }

    fn call(&self, token: &str) -> Response {
        send(self.gait.server, request(token))
    }

    /// The call is refused with this status and code, and nobody calls the tool.
    fn refused(&self, token: &str, status: u16, code: &str) {
        let before = self.tool.count();
        let answer = self.call(token);
        let body = answer.json();
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(body["reason_codes"], json!([code]), "{body}");
        assert_eq!(self.tool.count(), before);
    }
}

fn request(token: &str) -> String {
    format!(
        "GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
}

#[test]
fn keys_are_there_before_the_first_call_and_rotate_with_the_first_token() {
    let (old, new) = (Key::new("old", 1), Key::new("new", 2));
    let scene = Scene::start(&[&old], "refresh: 1h");
    assert_eq!(scene.call(&old.token("old")).status, 200);
    assert_eq!(scene.issuer.count(), 1, "fetched at the start and not again");
    assert!(scene.gait.scrape().total("gait_jwks_last_success_timestamp_seconds") > 1e9);
    *scene.page.lock().unwrap() = page(&[&new]);
    assert_eq!(scene.call(&old.token("old")).status, 200, "a known key asks nobody");
    assert_eq!(scene.call(&new.token("new")).status, 200, "an unknown one does");
    assert_eq!(scene.issuer.count(), 2);
    scene.refused(&old.token("old"), 401, "jwt_key_unknown");
    scene.refused(&old.token("new"), 401, "jwt_signature_invalid");
    let scrape = scene.gait.scrape();
    assert_eq!(scrape.sum("gait_identities_total", &[("source", "sso")]), 3.0);
    assert_eq!(scrape.sum("gait_identities_total", &[("source", "anonymous")]), 0.0);
    let reason = [("reason", "jwt_key_unknown")];
    assert_eq!(scrape.sum("gait_identity_refused_total", &reason), 1.0);
    scene.gait.settled().assert_law();
}

#[test]
fn keys_that_were_on_their_way_before_a_rotation_are_not_the_last_word() {
    let (old, new) = (Key::new("old", 1), Key::new("new", 2));
    let shown: Page = Arc::new(Mutex::new(page(&[&old])));
    let (at_issuer, slow) = (shown.clone(), Arc::new(AtomicBool::new(false)));
    let fetching = Arc::new(AtomicBool::new(false));
    let (slowly, fetches) = (slow.clone(), fetching.clone());
    let scene = Scene::with(shown, "refresh: 1h", move |stream| {
        let answer = at_issuer.lock().unwrap().clone();
        if slowly.load(Ordering::Relaxed) {
            fetches.store(true, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(400));
        }
        stream.write_all(answer.as_bytes())
    });
    slow.store(true, Ordering::Relaxed);
    thread::scope(|scope| {
        scope.spawn(|| scene.call(&old.token("made-up")));
        wait_for("the old keys to be on their way", || {
            fetching.load(Ordering::Relaxed).then_some(())
        });
        *scene.page.lock().unwrap() = page(&[&new]);
        assert_eq!(scene.call(&new.token("new")).status, 200);
    });
    assert_eq!(scene.issuer.count(), 3);
}

#[test]
fn made_up_key_ids_do_not_flood_the_issuer() {
    let key = Key::new("a", 1);
    let scene = Scene::start(&[&key], "refresh: 1h");
    let began = Instant::now();
    thread::scope(|scope| {
        for worker in 0..8 {
            let (scene, key) = (&scene, &key);
            scope.spawn(move || {
                for number in 0..25 {
                    let token = key.token(&format!("made-up-{worker}-{number}"));
                    scene.refused(&token, 401, "jwt_key_unknown");
                }
            });
        }
    });
    let more = began.elapsed().as_secs() as usize;
    // One at the start, sixty at once, and one a second; 200 tokens asked for one.
    assert!((2..=62 + more).contains(&scene.issuer.count()), "{}", scene.issuer.count());
    assert_eq!(scene.call(&key.token("a")).status, 200);
}

#[test]
fn an_issuer_that_is_down_is_missed_once_its_keys_are_too_old() {
    let key = Key::new("a", 1);
    let scene = Scene::start(&[&key], "refresh: 1s, keep: 4s");
    scene.page.lock().unwrap().clear();
    let (began, token) = (Instant::now(), key.token("a"));
    assert_eq!(scene.call(&token).status, 200, "the keys that are held stay");
    wait_for("a failure to be counted", || {
        (scene.gait.scrape().total("gait_jwks_failures_total") > 0.0).then_some(())
    });
    wait_for("the keys to be too old", || (scene.call(&token).status == 503).then_some(()));
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
    scene.refused(&token, 503, "jwt_keys_unavailable");
    *scene.page.lock().unwrap() = page(&[&key]);
    wait_for("the keys to be back", || (scene.call(&token).status == 200).then_some(()));
    let log = scene.gait.log();
    assert!(log.contains("keys cannot be fetched") && !log.contains(&token), "{log}");
}

#[test]
fn a_slow_issuer_keeps_nothing_from_starting() {
    let key = Key::new("a", 1);
    let began = Instant::now();
    let scene = Scene::with(Page::default(), "timeout: 1s", |_| {
        thread::sleep(Duration::from_secs(30));
        Ok(())
    });
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    scene.refused(&key.token("a"), 503, "jwt_keys_unavailable");
    let anonymous = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(send(scene.gait.server, anonymous).status, 200);
}

#[test]
fn what_the_issuer_says_by_mistake_takes_no_key_away() {
    let key = Key::new("a", 1);
    let scene = Scene::start(&[&key], "refresh: 1h");
    let huge = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(2 << 20));
    for (made_up, page) in [
        ("r", "HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n".to_owned()),
        ("h", huge),
        ("n", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>".to_owned()),
        ("e", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}".to_owned()),
    ] {
        *scene.page.lock().unwrap() = page;
        scene.refused(&key.token(made_up), 401, "jwt_key_unknown");
        assert_eq!(scene.call(&key.token("a")).status, 200);
    }
    assert_eq!(scene.issuer.count(), 5);
    assert!(scene.issuer.seen().iter().all(|seen| seen.target() == "/keys"), "none is followed");
    assert!(scene.issuer.seen().iter().all(|seen| seen.all("authorization").is_empty()));
    assert_eq!(scene.gait.scrape().total("gait_jwks_failures_total"), 4.0);
}

#[test]
fn a_reload_takes_the_keys_along_and_fetches_those_of_a_new_issuer() {
    let (old, new) = (Key::new("a", 1), Key::new("b", 2));
    let scene = Scene::start(&[&old], "refresh: 1h");
    scene.page.lock().unwrap().clear();
    let reload = |scene: &Scene| {
        let before = scene.gait.scrape().total("gait_config_last_reload_success_timestamp_seconds");
        scene.gait.signal("HUP");
        wait_for("the reload", || {
            let name = "gait_config_last_reload_success_timestamp_seconds";
            (scene.gait.scrape().total(name) > before).then_some(())
        });
    };
    reload(&scene);
    assert_eq!(scene.call(&old.token("a")).status, 200);
    assert_eq!(scene.issuer.count(), 1);
    let other = Recorder::answering(move |_, stream| {
        stream.write_all(page(&[&new]).as_bytes())?;
        Ok(Then::Close)
    });
    let file = scene.gait.dir().join("gait.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(&scene.issuer.address.to_string(), &other.address.to_string());
    std::fs::write(&file, text).unwrap();
    reload(&scene);
    assert_eq!(other.count(), 1, "before the new snapshot came into force");
    assert_eq!(scene.call(&Key::new("b", 2).token("b")).status, 200);
    assert_eq!(other.count(), 1);
}
