//! Who is known to the tables' gait, and the twins of the attacks that get through.

use super::Row;
use super::Want::Known;
use crate::support::{Authority, Gait, Pair, Setup, Signer, b64, now};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;

/// A key that is good.
pub(super) const KEY: &str = "Gait-key-3f9a77c1d2e84b6091";
/// A key that was.
pub(super) const OLD_KEY: &str = "Gait-key-0d51b8a64c3f4e9a72";

const CONFIG: &str = r#"
server: { listen: "127.0.0.1:0" }
listeners:
  - name: mesh
    listen: "127.0.0.1:0"
    tls:
      certificates: [ { cert: server.pem, key: server.key } ]
      client_certificates: optional
      client_ca: ca.pem
stage: enforce
log: { level: debug }
upstreams: { api: { url: "http://UPSTREAM" } }
identity:
  sources:
    - name: sso
      jwt:
        issuer: https://id.test
        audiences: [gait]
        algorithms: [RS256, ES256]
        jwks: { file: sso.json }
        max_age: 24h
        claims: { identity: sub, workspace: org }
    - name: partner
      jwt:
        issuer: https://partner.test
        audiences: [gait]
        algorithms: [ES256]
        jwks: { file: partner.json }
        prefix: "partner:"
    - name: keys
      api_key:
        keys:
          - { sha256: KEY, identity: ada }
          - { sha256: OLD, identity: ada, expires_at: 2020-01-01T00:00:00Z }
    - name: mesh
      certificate:
        match: ["spiffe://prod.test/ns/{workspace}/sa/{agent_id}"]
    - name: edge
      header:
        name: X-Auth-Request-User
        from: { cidrs: [127.0.0.2/32], certificates: ["spiffe://prod.test/edge"] }
        fields: { workspace: X-Auth-Request-Org }
routes:
  - name: open
    match: { methods: [POST], path: "/open/{rest*}" }
    upstream: api
    intent: { tool_name: api.open, risk_class: high }
  - name: closed
    match: { methods: [POST], path: "/closed/{rest*}" }
    upstream: api
    anonymous: deny
    intent: { tool_name: api.closed, risk_class: high }
"#;

/// Keys and certificates of everybody.
pub(super) struct World {
    /// Issues the server's pair and the good clients'.
    pub(super) authority: Authority,
    /// Nobody knows it.
    pub(super) other_authority: Authority,
    /// Keys of the first issuer: the algorithms that are taken, and one that is not.
    pub(super) rsa: Signer,
    /// The same.
    pub(super) p256: Signer,
    /// The same.
    pub(super) ed25519: Signer,
    /// The second issuer's.
    pub(super) partner: Signer,
    /// Keys that nobody knows, by the names of known ones.
    pub(super) mallory_rsa: Signer,
    /// The same.
    pub(super) mallory_p256: Signer,
    /// A good client.
    pub(super) bot: Arc<Pair>,
    /// Another good client.
    pub(super) other_bot: Arc<Pair>,
    /// A proxy whose word is taken, by its certificate.
    pub(super) edge: Arc<Pair>,
}

impl World {
    pub(super) fn new() -> World {
        let authority = Authority::new("ours");
        let issued = |uri| Arc::new(authority.client(&[uri]));
        World {
            bot: issued("spiffe://prod.test/ns/pay/sa/bot"),
            other_bot: issued("spiffe://prod.test/ns/pay/sa/other"),
            edge: issued("spiffe://prod.test/edge"),
            authority,
            other_authority: Authority::new("theirs"),
            rsa: Signer::rsa("rsa-1"),
            p256: Signer::p256("ec-1"),
            ed25519: Signer::ed25519("ed-1"),
            partner: Signer::p256("partner-1"),
            mallory_rsa: Signer::rsa("rsa-1"),
            mallory_p256: Signer::p256("ec-1"),
        }
    }

    /// A gait that knows them.
    pub(super) fn gait(&self, tool: SocketAddr) -> Gait {
        let dir = TempDir::new().unwrap();
        let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
        let set = |keys: &[&Signer]| {
            json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
        };
        write("sso.json", set(&[&self.rsa, &self.p256, &self.ed25519]));
        write("partner.json", set(&[&self.partner]));
        write("ca.pem", self.authority.pem());
        self.authority.server(&["api.test"]).write(dir.path(), "server");
        let config = CONFIG
            .replace("UPSTREAM", &tool.to_string())
            .replace("sha256: KEY", &format!("sha256: \"{}\"", digest(KEY)))
            .replace("sha256: OLD", &format!("sha256: \"{}\"", digest(OLD_KEY)));
        Setup { config, policy: "default_verdict: allow\n".into() }.start_in(dir)
    }
}

/// Lower-case hex of the SHA-256 of a key.
fn digest(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Claims of a good token of the first issuer.
pub(super) fn claims() -> Value {
    let now = now();
    json!({ "iss": "https://id.test", "aud": "gait", "sub": "ada", "iat": now, "exp": now + 600 })
}

/// Good claims with one of them changed.
pub(super) fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

/// Good claims without one of them.
pub(super) fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// The thumbprint of a certificate, as tokens are bound to it (RFC 8705, section 3.1).
pub(super) fn bound_to(pair: &Pair) -> Value {
    with("cnf", json!({ "x5t#S256": b64(&Sha256::digest(pair.der())) }))
}

/// What gets through.
pub(super) fn twins(world: &World) -> Vec<Row> {
    let row = |name: &str, identity| Row::new(name, Known(identity));
    let now = now();
    let header = json!({ "alg": "ES256" }).to_string();
    let partner =
        json!({ "iss": "https://partner.test", "aud": "gait", "sub": "ada", "exp": now + 9 });
    let spiffe = "spiffe://prod.test/ns/pay/sa/bot";
    vec![
        row("an RSA token", "ada").bearer(world.rsa.token(&claims())),
        row("an EC token", "ada").bearer(world.p256.token(&claims())),
        row("a lower-case scheme", "ada")
            .field("Authorization", format!("bearer {}", world.p256.token(&claims()))),
        row("no kid, one key that fits", "ada")
            .bearer(world.p256.signed(&header, &claims().to_string())),
        row("several audiences", "ada")
            .bearer(world.p256.token(&with("aud", json!(["x", "gait"])))),
        row("expired within the leeway", "ada").bearer(world.p256.token(&with("exp", now - 10))),
        row("issued ahead within the leeway", "ada")
            .bearer(world.p256.token(&with("iat", now + 10))),
        row("a fraction of a second", "ada")
            .bearer(world.p256.token(&with("exp", json!(now as f64 + 60.5)))),
        row("a partner's token", "partner:ada").bearer(world.partner.token(&partner)),
        row("an API key", "ada").field("X-Api-Key", KEY),
        row("a token and a key of one caller", "ada")
            .bearer(world.p256.token(&claims()))
            .field("X-Api-Key", KEY),
        row("a token beside a spoofed header", "ada")
            .bearer(world.p256.token(&claims()))
            .field("X-Remote-User", "mallory-0d7c")
            .field("X_Client.Cert", "mallory-0d7c"),
        row("a certificate", spiffe).with(&world.bot),
        row("a token over a certificate", "ada")
            .bearer(world.p256.token(&claims()))
            .with(&world.bot),
        row("a token bound to the certificate", "ada")
            .bearer(world.p256.token(&bound_to(&world.bot)))
            .with(&world.bot),
        row("a trusted header by address", "grace")
            .field("X-Auth-Request-User", "grace")
            .field("X-Auth-Request-Org", "prod")
            .at_edge(),
        row("a trusted header by certificate", "grace")
            .field("X-Auth-Request-User", "grace")
            .with(&world.edge),
    ]
}
