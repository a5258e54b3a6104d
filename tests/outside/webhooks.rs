//! Webhooks: told by the built binary, and taken by the very receivers that docs/webhooks.md shows,
//! one of which checks with a library that none of us wrote.

use crate::support::{
    Approver, Authority, Gait, Lasting, Recorder, Response, Security, Setup, Then, Tool,
    address_of, listen, modules, post, send, wait_for,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Version;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SECRET: [u8; 32] = [7; 32];

/// A gait whose one route needs an approval, and its tool.
struct Scene {
    gait: Gait,
    tool: Recorder,
}

impl Scene {
    /// `webhooks` are the rows of the config's list.
    fn start(webhooks: &str) -> Scene {
        Scene::with(Recorder::start(), TempDir::new().unwrap(), webhooks)
    }

    fn with(tool: Recorder, dir: TempDir, webhooks: &str) -> Scene {
        fs::write(dir.path().join("secret"), secret(&SECRET)).unwrap();
        let config = format!(
            "server: {{ listen: \"127.0.0.1:0\" }}\n\
             stage: enforce\napprovals:\n  webhooks:\n{webhooks}\
             upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n  - name: pay\n    match: {{ \
             methods: [POST], path: \"/pay/{{id}}\" }}\n    upstream: tool\n    intent: {{ \
             tool_name: pay, risk_class: high, args: {{ id: path.id }} }}\n",
            tool.address
        );
        let policy = "default_verdict: require_approval\n".to_owned();
        Scene { gait: Setup { config, policy }.start_in(dir), tool }
    }

    /// Kills gait and starts it again over the same state.
    fn restart(self, webhooks: &str) -> Scene {
        Scene::with(self.tool, self.gait.kill(), webhooks)
    }

    fn pay(&self, id: &str, more: &str) -> Response {
        let lines = format!("\r\n{more}\r\n");
        send(self.gait.server, post(&format!("/pay/{id}"), "").replacen("\r\n\r\n", &lines, 1))
    }

    /// Wants something that needs an approval, and says what the request is called.
    fn want(&self, id: &str) -> String {
        let answer = self.pay(id, "");
        assert_eq!(answer.status, 428, "{}", answer.text());
        answer.json()["approval_id"].as_str().unwrap().to_owned()
    }

    /// Grants it, and gives the line that the caller must send.
    fn grant(&self, request: &str) -> String {
        let token = Approver::local(&self.gait).grant(request);
        format!("Gait-Approval: {}\r\n", token.as_str().unwrap())
    }

    fn counted(&self, webhook: &str, outcome: &str) -> f64 {
        let wanted = [("webhook", webhook), ("outcome", outcome)];
        self.gait.scrape().sum("gait_webhook_deliveries_total", &wanted)
    }
}

fn secret(bytes: &[u8]) -> String {
    format!("whsec_{}\n", STANDARD.encode(bytes))
}

/// A row of the config's list.
fn row(name: &str, address: impl std::fmt::Display, more: &str) -> String {
    format!(
        "    - {{ name: {name}, url: \"http://{address}/hook\", allow_http: true, \
         secret: {{ file: secret }}{more} }}\n"
    )
}

/// A receiver that stands in docs/webhooks.md; killed when dropped.
struct Shown {
    child: Child,
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Shown {
    /// Runs the block of this language with this secret.
    fn start(language: &str, secret: &str) -> Shown {
        let page = include_str!("../../docs/webhooks.md");
        let mark = format!("```{language} runnable\n");
        let block = page.split_once(&mark).unwrap().1.split_once("```").unwrap().0;
        let (command, option) = if language == "js" { ("node", "-e") } else { ("python3", "-c") };
        let mut child = Command::new(command)
            .args([option, block])
            .env("NODE_PATH", modules())
            .env("PORT", "0")
            .env("WEBHOOK_SECRET", secret)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`{command}` starts: {error}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (kept, out) = (lines.clone(), BufReader::new(child.stdout.take().unwrap()));
        thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line));
        });
        let address = address_of(&mut child);
        Shown { child, address, lines }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn the_receivers_of_the_page_are_told_and_know_gait_from_others() {
    let receivers = ["js", "python"].map(|language| Shown::start(language, &secret(&SECRET)));
    let strangers = ["js", "python"].map(|language| Shown::start(language, &secret(&[8; 32])));
    let mut rows = String::new();
    for (name, shown) in ["a", "b", "c", "d"].iter().zip(receivers.iter().chain(&strangers)) {
        rows.push_str(&row(name, shown.address, ""));
    }
    let scene = Scene::start(&rows);
    let request = scene.want("1");
    let line = scene.grant(&request);
    assert_eq!(scene.pay("1", &line).status, 200);
    let want =
        ["requested", "granted", "executed"].map(|word| format!("approval.{word} {request}"));
    for receiver in &receivers {
        wait_for("three events", || (receiver.lines().len() == 3).then_some(()));
        assert_eq!(receiver.lines(), want, "in their order");
    }
    wait_for("strangers to refuse it", || {
        (scene.counted("c", "failed") >= 1.0 && scene.counted("d", "failed") >= 1.0).then_some(())
    });
    assert!(strangers.iter().all(|stranger| stranger.lines().is_empty()));
    // A receiver says its line before it answers, and gait counts the answer.
    wait_for("all to be counted", || {
        let taken = (scene.counted("a", "taken"), scene.counted("b", "taken"));
        (taken == (3.0, 3.0)).then_some(())
    });
    assert_eq!(scene.tool.count(), 1);
}

#[test]
fn what_is_told_is_told_again_by_the_next_process_under_the_same_id() {
    let (works, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (shown, told) = (works.clone(), refused.clone());
    let flaky = Recorder::answering(move |_, stream| {
        let status = if shown.load(Ordering::SeqCst) { "200 OK" } else { "500 Oops" };
        told.store(true, Ordering::SeqCst);
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes())?;
        Ok(Then::Close)
    });
    let hook = row("chat", flaky.address, ", events: [approval.requested]");
    let scene = Scene::start(&hook);
    let request = scene.want("1");
    wait_for("a try in vain", || refused.load(Ordering::SeqCst).then_some(()));
    works.store(true, Ordering::SeqCst);
    let scene = scene.restart(&hook);
    wait_for("a try that is taken", || (scene.counted("chat", "taken") == 1.0).then_some(()));
    let [first, second] = flaky.seen().try_into().expect("two tries");
    assert_eq!(first.all("webhook-id"), second.all("webhook-id"));
    assert_eq!(first.body, second.body);
    let told: Value = serde_json::from_slice(&second.body).unwrap();
    assert_eq!(told["type"], "approval.requested");
    assert_eq!(told["data"]["id"], *request);
    let log = scene.gait.log();
    assert!(!log.contains("/hook") && !log.contains(&STANDARD.encode(SECRET)), "{log}");
}

#[test]
fn one_that_never_answers_delays_neither_others_nor_calls() {
    let held = Mutex::new(Vec::new());
    let dead = listen(move |_, stream| held.lock().unwrap().push(stream));
    let live = Recorder::start();
    let scene = Scene::start(&(row("dead", dead, "") + &row("live", live.address, "")));
    let began = Instant::now();
    (0..20).for_each(|number| assert_eq!(scene.pay(&number.to_string(), "").status, 428));
    wait_for("all of it", || (scene.counted("live", "taken") == 20.0).then_some(()));
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(live.count(), 20);
    assert_eq!(scene.counted("dead", "failed"), 0.0, "it is still waited for");
}

#[test]
fn tls_believes_the_roots_of_the_config_and_nobody_else() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let security = Security::tls(&ours.server(&["127.0.0.1"]), None, &["http/1.1"]);
    let receiver = Tool::start(security, Version::HTTP_11, Lasting::Long);
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("ours.pem"), ours.pem()).unwrap();
    fs::write(dir.path().join("theirs.pem"), theirs.pem()).unwrap();
    let rows: String = ["ours", "theirs"]
        .map(|name| {
            format!(
                "    - {{ name: {name}, url: \"https://{}/hook\", ca: {name}.pem, \
                 secret: {{ file: secret }} }}\n",
                receiver.address
            )
        })
        .concat();
    let scene = Scene::with(Recorder::start(), dir, &rows);
    scene.want("1");
    wait_for("both to be tried", || {
        let tried = (scene.counted("ours", "taken"), scene.counted("theirs", "failed"));
        (tried == (1.0, 1.0)).then_some(())
    });
    assert_eq!(receiver.asked().len(), 1);
}
