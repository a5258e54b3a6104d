//! Configs of approvals that look right and would let the wrong people say yes, or tell the wrong
//! people of it.

mod bounds;

use crate::config::site::Site;
use crate::config::{Config, Environment, Source, read};
use crate::sign::PrivateKey;
use crate::snapshot::{Plan, Role, WebhookTransport};
use std::fs;
use std::path::Path;

const UPSTREAM: &str = "policy: p.yaml\nupstreams: { a: { url: \"http://127.0.0.1:9000\" } }\n";
const HOOK: &str = "name: w, url: \"https://hooks.example/x\", secret: { file: hook }";

/// A folder with what configs name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let key = PrivateKey::generate().unwrap().public().to_text();
    put("ada.key", &key);
    put("copy.key", &key);
    put("bob.key", &PrivateKey::generate().unwrap().public().to_text());
    put("hook", &format!("whsec_{}\n", "A".repeat(32)));
    put("short", &"A".repeat(28));
    put("no64", "not base64, whatever it is, whatever");
    put("p.yaml", "");
    let pair = rcgen::generate_simple_self_signed(["gait.example".to_owned()]).unwrap();
    put("a.pem", &pair.cert.pem());
    put("a.pem.key", &pair.signing_key.serialize_pem());
    folder
}

fn plan(folder: &Path, text: &str) -> Result<Plan, String> {
    let environment = Environment::default();
    let loaded = read(&format!("{UPSTREAM}{text}"), &Site::new(folder, &environment));
    loaded.map(|read| read.plan).map_err(|fault| {
        assert!(fault.place.line > 2, "{text}: {}", fault.what);
        fault.what
    })
}

fn refused(folder: &Path, rows: &[(String, &str)]) {
    for (text, want) in rows {
        let what = plan(folder, text).unwrap_err();
        assert!(what.starts_with(want), "{text}\n{what}");
    }
}

fn login(name: &str, role: &str, digit: &str) -> String {
    format!("{{ name: {name}, role: {role}, sha256: \"{}\" }}", digit.repeat(64))
}

#[test]
fn logins_that_would_let_strangers_in_are_refused() {
    let empty = crate::json::Digest::of(b"").to_string();
    let logins = |list: &[String]| format!("admin: {{ logins: [{}] }}", list.join(", "));
    let one = |name: &str, role: &str, digit: &str| logins(&[login(name, role, digit)]);
    let twice = |a: &str, b: &str, digit: &str| {
        logins(&[login(a, "viewer", "a"), login(b, "viewer", digit)])
    };
    let said =
        |sha256: &str| logins(&[format!("{{ name: a, role: admin, sha256: \"{sha256}\" }}")]);
    refused(
        folder().path(),
        &[
            (
                one("local", "admin", "a"),
                "`admin.logins[0].name`: `local` is who can read the state",
            ),
            (one("\"\"", "admin", "a"), "`admin.logins[0].name`: a login has a name of plain text"),
            (
                one("\" a\"", "admin", "a"),
                "`admin.logins[0].name`: a login has a name of plain text",
            ),
            (
                one("a", "root", "a"),
                "`admin.logins[0].role`: unknown role `root`; write one of viewer",
            ),
            (one("a", "\"\"", "a"), "`admin.logins[0].role`: unknown role ``"),
            (one("a", "admin", "A"), "`admin.logins[0].sha256`: must be the SHA-256 of the token"),
            (said("secret"), "`admin.logins[0].sha256`: must be the SHA-256 of the token, 64"),
            (said(&empty), "`admin.logins[0].sha256`: is the digest of an empty text"),
            (twice("a", "a", "b"), "`admin.logins[1].name`: another login is called `a`"),
            (twice("a", "b", "a"), "`admin.logins[1].sha256`: login `a` has the same token"),
        ],
    );
    let what = plan(folder().path(), &said("secret")).unwrap_err();
    assert!(!what.contains("secret"), "{what}");
}

#[test]
fn tokens_travel_in_the_clear_nowhere() {
    let folder = folder();
    let tls = "tls: { cert: a.pem, key: a.pem.key }";
    let admin = |text: &str| format!("admin: {{ {text} }}");
    refused(
        folder.path(),
        &[
            (
                admin("listen: \"0.0.0.0:1\""),
                "`admin.listen`: other machines reach `0.0.0.0:1`, and",
            ),
            (
                admin("listen: \"[::]:1\""),
                "`admin.listen`: other machines reach `[::]:1`, and without",
            ),
            (admin("listen: \"host:1\""), "`admin.listen`: `host:1` is not an address"),
            (
                admin(&format!("listen: \"unix:s\", {tls}")),
                "`admin.listen`: a Unix socket does not",
            ),
            (admin("unix_mode: \"0600\""), "`admin.unix_mode`: only a Unix socket has a mode"),
            (admin("tls: {}"), "`admin.tls` is empty; fill it or remove it"),
            (admin("tls: { cert: a.pem }"), "`admin.tls.key` is missing; name a PEM file"),
            (admin("tls: { cert: gone, key: a.pem.key }"), "cannot read "),
            (admin("hosts: [\"*\"]"), "`admin.hosts`: a served host is a name or an address"),
        ],
    );
    for text in ["listen: \"[::1]:0\"", "listen: \"unix:s\", unix_mode: \"0660\""] {
        assert!(plan(folder.path(), &admin(text)).is_ok(), "{text}");
    }
    let far = plan(folder.path(), &admin(&format!("listen: \"0.0.0.0:1\", {tls}"))).unwrap();
    assert!(far.admin.tls.is_some());
}

#[test]
fn a_variable_moves_the_admin_listener_but_not_into_the_open() {
    let folder = folder();
    let load = |address: &str| -> Result<Config, String> {
        let variable = ("GAIT__ADMIN__LISTEN".to_owned(), address.to_owned());
        fs::write(folder.path().join("c.yaml"), UPSTREAM).unwrap();
        let source = Source::File(folder.path().join("c.yaml"));
        source.load(&Environment::new([variable]).unwrap()).map_err(|error| error.to_string())
    };
    let at = |config: Config| config.fixed.admin.at.to_string();
    assert_eq!(load("127.0.0.1:7").map(at), Ok("127.0.0.1:7".to_owned()));
    assert!(load("10.0.0.1:7").unwrap_err().contains("other machines reach `10.0.0.1:7`"));
    assert!(load("there").unwrap_err().contains("(from GAIT__ADMIN__LISTEN)"));
}

/// Approvers, beside a login that may approve and one that may look.
fn approvers(list: &str) -> String {
    format!(
        "admin: {{ logins: [{}, {}] }}\napprovals: {{ approvers: [{list}] }}",
        login("ada@desk", "approver", "a"),
        login("eve@desk", "viewer", "b")
    )
}

fn pair(a: &str, b: &str) -> String {
    approvers(&format!("{{ {a} }}, {{ {b} }}"))
}

#[test]
fn approvers_that_are_nobody_are_refused() {
    let of = approvers;
    refused(
        folder().path(),
        &[
            (of(""), "`approvals.approvers` is empty; fill it or remove it"),
            (
                of("{ keys: [ada.key] }"),
                "`approvals.approvers[0].name`: an approver has a name of plain",
            ),
            (
                of("{ name: ada }"),
                "`approvals.approvers[0]`: `ada` has neither `keys` nor `logins`",
            ),
            (of("{ name: ada, keys: [] }"), "`approvals.approvers[0].keys` is empty"),
            (of("{ name: ada, keys: [gone] }"), "`approvals.approvers[0].keys`: cannot read"),
            (of("{ name: ada, keys: [a.pem] }"), "`approvals.approvers[0].keys`: a.pem: decode"),
            (
                of("{ name: ada, keys: [ada.key, copy.key] }"),
                "`approvals.approvers[0].keys`: copy.key is",
            ),
            (
                of("{ name: ada, logins: [bob] }"),
                "`approvals.approvers[0].logins`: there is no login `bob`",
            ),
            (
                of("{ name: ada, logins: [eve@desk] }"),
                "`approvals.approvers[0].logins`: `eve@desk` has the role viewer",
            ),
            (
                of("{ name: ada, logins: [local], identities: [\"\"] }"),
                "`approvals.approvers[0].identities`: write",
            ),
            (
                of("{ name: ada, logins: [local], may: {} }"),
                "`approvals.approvers[0].may` is empty",
            ),
            (
                of("{ name: ada, logins: [local], may: { tools: [] } }"),
                "`approvals.approvers[0].may.tools` is empty",
            ),
            (
                of("{ name: ada, logins: [local], may: { tools: [\"a*b\"] } }"),
                "`approvals.approvers[0].may.tools`: `a*b` is",
            ),
            (
                of("{ name: ada, logins: [local], may: { routes: [\"**\"] } }"),
                "`approvals.approvers[0].may.routes`: `**` is",
            ),
            (
                of("{ name: ada, logins: [local], may: { risk_classes: [hihg] } }"),
                "`approvals.approvers[0].may.risk_classes`: unknown risk class `hihg`",
            ),
        ],
    );
}

#[test]
fn approvers_that_could_be_taken_for_each_other_are_refused() {
    let two = pair;
    refused(
        folder().path(),
        &[
            (
                two("name: a, logins: [local]", "name: a, keys: [ada.key]"),
                "`approvals.approvers[1].name`: another approver is called `a`",
            ),
            (
                two("name: a, keys: [ada.key]", "name: b, keys: [copy.key]"),
                "`approvals.approvers[1].keys`: copy.key is a key of approver `a`",
            ),
            (
                two("name: a, logins: [ada@desk]", "name: b, logins: [ada@desk]"),
                "`approvals.approvers[1].logins`: `ada@desk` is a login of approver `a`",
            ),
        ],
    );
}

#[test]
fn approvers_are_read_as_they_are_written() {
    let read = plan(
        folder().path(),
        &pair(
            "name: ada, keys: [ada.key], logins: [ada@desk], identities: [\"sso:ada\"], \
             may: { tools: [\"Files.*\"], risk_classes: [high], routes: [\"x*\"] }",
            "name: bob, keys: [bob.key], logins: [local]",
        ),
    );
    let approvals = read.unwrap().approvals;
    let [ada, bob] = approvals.roster.approvers() else { panic!("two approvers") };
    assert_eq!((ada.keys.len(), &*ada.identities), (1, &["sso:ada".into()][..]));
    assert_eq!(ada.may.tools, ["files.*"]);
    assert_eq!((bob.keys.len(), &*bob.logins), (1, &["local".into()][..]));
    assert_eq!(approvals.logins.first().map(|login| login.role), Some(Role::Approver));
}

#[test]
fn without_a_word_the_operator_approves_everything_by_the_local_login() {
    let plan = plan(folder().path(), "").unwrap();
    let [operator] = plan.approvals.roster.approvers() else { panic!("one approver") };
    assert_eq!((&*operator.name, &*operator.logins), ("operator", &["local".into()][..]));
    assert_eq!(operator.may, crate::approval::May::default());
}

#[test]
fn webhooks_that_anybody_could_read_or_forge_are_refused() {
    let of = |text: &str| format!("approvals: {{ webhooks: [{{ {text} }}] }}");
    let but = |key: &str, value: &str| {
        let mut parts: Vec<String> = HOOK.split(", ").map(str::to_owned).collect();
        parts.retain(|part| !part.starts_with(&format!("{key}:")));
        parts.extend((!value.is_empty()).then(|| format!("{key}: {value}")));
        of(&parts.join(", "))
    };
    refused(
        folder().path(),
        &[
            (but("name", ""), "`approvals.webhooks[0].name`: `` is not a name"),
            (but("name", "_x"), "`approvals.webhooks[0].name`: `_x` is not a name"),
            (but("url", ""), "`approvals.webhooks[0].url`: `` is not a URL"),
            (
                but("url", "\"http://hooks.example\""),
                "`approvals.webhooks[0].url`: what is told without TLS can",
            ),
            (
                but("url", "\"http://127.0.0.1:1\""),
                "`approvals.webhooks[0].url`: what is told without TLS can",
            ),
            (
                but("url", "\"https://me:pw@hooks.example\""),
                "`approvals.webhooks[0].url`: the URL holds a user",
            ),
            (
                but("url", "\"http://127.0.0.1:9000/x\", allow_http: true"),
                "`approvals.webhooks[0].url`: 127.0.0.1:9000 is the upstream `a`",
            ),
            (but("secret", ""), "`approvals.webhooks[0].secret`: write `{ env: NAME }`"),
            (but("secret", "QUFB"), "`approvals.webhooks[0].secret`: write `{ env: NAME }`"),
            (
                but("secret", "{ file: short }"),
                "`approvals.webhooks[0].secret`: must hold 24 to 64 random bytes",
            ),
            (
                but("secret", "{ file: no64 }"),
                "`approvals.webhooks[0].secret`: must hold 24 to 64 random bytes",
            ),
            (
                but("secret", "{ env: GONE }"),
                "`approvals.webhooks[0].secret.env`: the environment variable `GONE`",
            ),
            (but("events", "[]"), "`approvals.webhooks[0].events` is empty"),
            (
                but("events", "[granted]"),
                "`approvals.webhooks[0].events`: unknown event `granted`; write some",
            ),
            (but("ca", "p.yaml"), "`approvals.webhooks[0].ca`: p.yaml holds no certificate"),
            (
                but("timeout", "10ms"),
                "`approvals.webhooks[0].timeout`: `10ms` is not a duration from 100ms to 1m",
            ),
            (
                format!("approvals: {{ webhooks: [{{ {HOOK} }}, {{ {HOOK} }}] }}"),
                "`approvals.webhooks[1].name`: another webhook is called `w`",
            ),
        ],
    );
    let plain =
        but("url", "\"http://hooks.example/x\", allow_http: true, events: [approval.denied]");
    let plan = plan(folder().path(), &plain).unwrap();
    let hook = plan.approvals.webhooks.first().unwrap();
    assert_eq!((hook.secret.len(), hook.timeout.as_secs()), (24, 10));
    assert_eq!(
        (&hook.events[..], hook.transport),
        (&["approval.denied".to_owned()][..], WebhookTransport::Plain)
    );
}
