//! The run: a gait with every kind of secret, and callers with good and bad credentials.

use super::broken::SECRETS;
use super::forms::Needle;
use super::{Said, answer};
use crate::support::{
    Ask, Authority, Caller, Gait, Origin, Pair, Recorder, Response, Signer, listen, now, run_with,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Output;
use tempfile::TempDir;

/// What tools want to see; from the environment, and from files.
const BEARER: &str = "bank-b3arer+7c/41e9a2f==";
const PASSWORD: &str = "files pa55word:8d+20b7f1";
const HEADER: &str = "notes-h3ader/5e6c=93d04a";
/// Keys of callers: good, expired, nobody's.
const KEY: &str = "Gait-key-1c9d55e0b7a34f28";
const OLD_KEY: &str = "Gait-key-7f02ae81c6d94b35";
const NO_KEY: &str = "Gait-key-e4b8130f92a76dc5";
/// What a caller shows that is not for gait.
const BASIC: &str = "YWRhOm90aGVyLXNlY3JldC02NmFi";
/// The environment variable that holds [`BEARER`].
const VARIABLE: &str = "BANK_TOKEN_FOR_TESTS";

const CONFIG: &str = r#"
telemetry: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
state_dir: ./state
policy: ./policy.yaml
server: { listen: "127.0.0.1:0" }
listeners:
  - name: mesh
    listen: "127.0.0.1:0"
    tls:
      certificates: [ { cert: server.pem, key: server.key } ]
      client_certificates: optional
      client_ca: ca.pem
stage: enforce
log: { level: trace }
upstreams:
  bearer: { url: "http://UPSTREAM", credential: { bearer: { env: BANK_TOKEN_FOR_TESTS } } }
  basic: { url: "http://UPSTREAM", credential: { basic: { user: gait, password: { file: password } } } }
  header: { url: "http://UPSTREAM", credential: { header: { name: X-Notes-Key, value: { file: value } } } }
  tls: { url: "https://CLOSED", tls: { ca: ca.pem, client_cert: tool.pem, client_key: tool.key } }
  gone: { url: "http://CLOSED", credential: { bearer: { env: BANK_TOKEN_FOR_TESTS } } }
identity:
  sources:
    - name: sso
      jwt: { issuer: "https://id.test", audiences: [gait], algorithms: [ES256], jwks: { file: sso.json } }
    - name: keys
      api_key:
        keys:
          - { sha256: KEY, identity: bot }
          - { sha256: OLD, identity: bot, expires_at: 2020-01-01T00:00:00Z }
    - name: mesh
      certificate: { match: ["spiffe://prod.test/{agent_id}"] }
routes:
ROUTES
"#;

/// A running gait and who calls it.
pub(super) struct Scene {
    pub(super) gait: Gait,
    pub(super) tool: Recorder,
    authority: Authority,
    signer: Signer,
    stranger: Signer,
    bot: Pair,
    /// Credentials of this run: what they are, and their text.
    shown: Vec<(String, String)>,
}

/// A route to each upstream; that of a broken one, too.
fn routes() -> String {
    ["bearer", "basic", "header", "tls", "gone"]
        .map(|name| {
            format!(
                "  - name: {name}\n    match: {{ path: \"/{name}/{{rest*}}\" }}\n    \
                 upstream: {name}\n    capture: full\n    \
                 intent: {{ tool_name: {name}, risk_class: high }}\n"
            )
        })
        .concat()
}

fn digest(key: &str) -> String {
    let hex: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn claims(expires_in: i64) -> Value {
    json!({ "iss": "https://id.test", "aud": "gait", "sub": "ada", "exp": now() + expires_in })
}

impl Scene {
    pub(super) fn start() -> Scene {
        let (tool, authority, dir) =
            (Recorder::start(), Authority::new("ours"), TempDir::new().unwrap());
        let (signer, stranger) = (Signer::p256("ec-1"), Signer::p256("ec-1"));
        let closed = listen(|_, stream| drop(stream));
        let config = CONFIG
            .replace("UPSTREAM", &tool.address.to_string())
            .replace("CLOSED", &closed.to_string())
            .replace("sha256: KEY", &format!("sha256: {}", digest(KEY)))
            .replace("sha256: OLD", &format!("sha256: {}", digest(OLD_KEY)))
            .replace("ROUTES\n", &routes());
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("gait.yaml", &config);
        write("policy.yaml", "default_verdict: allow\n");
        write("sso.json", &json!({ "keys": [signer.jwk()] }).to_string());
        write("password", &format!("{PASSWORD}\n"));
        write("value", &format!("{HEADER}\n"));
        write("ca.pem", &authority.pem());
        authority.server(&["api.test"]).write(dir.path(), "server");
        authority.client(&[]).write(dir.path(), "tool");
        let bot = authority.client(&["spiffe://prod.test/bot"]);
        let gait = Gait::launch(dir, &["proxy", "--config", "gait.yaml"], &[(VARIABLE, BEARER)]);
        Scene { gait, tool, authority, signer, stranger, bot, shown: Vec::new() }
    }

    /// Good and bad calls to every tool, over both versions of HTTP.
    pub(super) fn calls(&mut self) -> Said {
        let mut said = Vec::new();
        for (name, field, value) in self.credentials() {
            for upstream in ["bearer", "basic", "header", "tls", "gone"] {
                let ask = Ask { fields: vec![(field.clone(), value.clone())], ..Ask::default() };
                let place = format!("{name} to {upstream}");
                for response in self.ask(&format!("/{upstream}/x"), &ask) {
                    said.push(answer(&place, &response));
                }
            }
        }
        self.reached();
        said
    }

    /// The same call in the clear, under TLS, and with a certificate.
    fn ask(&self, path: &str, ask: &Ask) -> [Response; 3] {
        let mesh = self.gait.listener("mesh").parse().unwrap();
        let origin = |tls| Origin { from: Ipv4Addr::LOCALHOST, tls };
        let caller = Caller::of(&self.authority.pem());
        let certified = Caller { shows: Some(self.bot.clone()), ..caller.clone() };
        [
            origin(None).h1(self.gait.server, &ask.bytes(path)),
            origin(Some(Caller { alpn: &["h2"], ..caller })).h2(mesh, path, ask),
            origin(Some(certified)).h1(mesh, &ask.bytes(path)),
        ]
        .map(|answer| answer.expect("an answer"))
    }

    /// Name, field and value of everything that a caller shows.
    fn credentials(&mut self) -> Vec<(String, String, String)> {
        let bearer = |name: &str, token: String| {
            (name.to_owned(), "Authorization".to_owned(), format!("Bearer {token}"))
        };
        let key = |name: &str, key: &str| (name.to_owned(), "X-Api-Key".to_owned(), key.to_owned());
        let good = self.signer.token(&claims(600));
        let made = vec![
            bearer("a cut token", good.chars().take(good.len() - 1).collect()),
            bearer("a good token", good),
            bearer("an expired token", self.signer.token(&claims(-600))),
            bearer("a stranger's token", self.stranger.token(&claims(600))),
            key("a good key", KEY),
            key("an expired key", OLD_KEY),
            key("nobody's key", NO_KEY),
            ("somebody's password".into(), "Authorization".into(), format!("Basic {BASIC}")),
        ];
        for (name, _, value) in &made {
            let bare = value.split(' ').next_back().unwrap_or_default();
            self.shown.push((name.clone(), bare.to_owned()));
        }
        made
    }

    /// The tools did get their secrets, and none of a caller's for gait.
    fn reached(&self) {
        let seen = self.tool.take();
        assert!(!seen.is_empty());
        let mut secrets = [0; 3];
        for one in &seen {
            let (own, name) = (one.all("authorization"), one.all("x-notes-key"));
            let basic = "Basic Z2FpdDpmaWxlcyBwYTU1d29yZDo4ZCsyMGI3ZjE=";
            secrets[0] += usize::from(own == [format!("Bearer {BEARER}")]);
            secrets[1] += usize::from(own == [basic]);
            secrets[2] += usize::from(name == [HEADER]);
            assert!(one.all("x-api-key").is_empty(), "{}", one.head);
            let foreign = own.iter().any(|value| value.starts_with("Bearer ey"));
            assert!(!foreign, "a token for gait reached the tool: {}", one.head);
        }
        assert!(secrets.iter().all(|count| *count > 3), "{secrets:?} of {}", seen.len());
    }

    /// What the command line says of the config, and of a request with a credential.
    pub(super) fn commands(&self) -> Said {
        let check: &[&str] = &["proxy", "--config", "gait.yaml", "--check"];
        let field = format!("Authorization: Bearer {}", self.signer.token(&claims(600)));
        let key = format!("X-Api-Key: {NO_KEY}");
        let rehearse = |field| {
            ["routes", "test", "GET", "/bearer/x", "--config", "gait.yaml", "--header", field]
        };
        let (good, bad) = (rehearse(&field), rehearse(&key));
        [check, &good, &bad, &[&good[..], &["--json"]].concat(), &[&bad[..], &["--json"]].concat()]
            .into_iter()
            .map(|arguments| {
                let output = self.run(arguments);
                let printed = [output.stdout, output.stderr].concat();
                (format!("{} {}", arguments[0], arguments[1]), printed)
            })
            .collect()
    }

    /// What is searched for.
    pub(super) fn needles(&self) -> Vec<Needle> {
        let fixed = [
            ("a bearer secret", BEARER),
            ("a password", PASSWORD),
            ("a header's secret", HEADER),
            ("a good key", KEY),
            ("an expired key", OLD_KEY),
            ("nobody's key", NO_KEY),
            ("somebody's password", BASIC),
        ];
        let mut needles: Vec<Needle> =
            fixed.iter().map(|(name, secret)| Needle::new(*name, secret)).collect();
        needles.extend(SECRETS.map(|secret| Needle::new("a misplaced secret", secret)));
        for (name, token) in &self.shown {
            // The header of a token says nothing of whose it is.
            let parts = token.split('.').skip(usize::from(token.contains('.')));
            needles.extend(parts.map(|part| Needle::new(name, part)));
        }
        for file in ["server.key", "tool.key"] {
            let text = fs::read_to_string(self.gait.dir().join(file)).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('-') && line.len() > 16);
            needles.extend(lines.map(|line| Needle::new(file, line)));
        }
        needles
    }

    /// Runs gait beside the one that runs, with the same secret in its environment.
    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        run_with(self.gait.dir(), &[(VARIABLE, BEARER)], arguments)
    }

    /// Where it listens in the clear.
    pub(super) fn server(&self) -> SocketAddr {
        self.gait.server
    }
}
