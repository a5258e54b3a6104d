//! Evidence that keeps whole intents, and callers that put credentials everywhere: none is in it.
//!
//! Searched is the evidence alone, for each credential in all its forms; and each call must have
//! left a line that names what was taken away.

use super::forms::Needle;
use super::{files, search};
use crate::support::{Approver, Gait, Recorder, Setup, b64, post, send, wait_for};
use serde_json::{Value, json};

/// Credentials by what they are, each in a form that shows it.
const SHOWN: [(&str, &str); 9] = [
    ("a GitHub token", "ghp_Zx81kQ0aB7cD3eF5gH2iJ4kL6mN8oP0qR2sT"),
    ("a fine-grained one", "github_pat_11Qk81ZxAB0c3eF5gH2iJ4kL6"),
    ("an API key", "sk-proj-Vw73pL1mN5oP9qR2sT4uV6wX8yZ0"),
    ("a live key", "sk_live_51Hq8ZxTbK0c3eF5"),
    ("a chat token", "xoxb-2718281828-3141592653-ZyXwVu"),
    ("a cloud key", "AKIAZ7QK81XVTB0C3EF5"),
    ("a maps key", "AIzaSyZ81kQ0aB7cD3eF5gH2iJ4kL6mN8oP0q"),
    ("a JWT", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmVkLWJ5LW5vYm9keQ"),
    ("a GitLab token", "glpat-Zx81kQ0aB7cD3eF5gH2i"),
];
/// What only its name gives away.
const PASSWORD: &str = "hunter2-horse";
const USER_INFO: &str = "ada:battery-staple-pw";
const KEY_LINE: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKc";

fn setup(tool: &Recorder) -> Setup {
    let routes = ["full", "masked"].map(|capture| {
        let mask = if capture == "masked" { "mask: [\"/body/note\"], " } else { "" };
        format!(
            "  - {{ name: {capture}, match: {{ methods: [POST], path: \"/{capture}/{{rest*}}\" }}, \
             upstream: tool, capture: {capture}, {mask}intent: {{ tool_name: {capture}, risk_class: \
             low, args: {{ body: \"body:/b?\", rest: path.rest, auth: \"header.x-auth?\" }}, targets: \
             [ {{ kind: url, value: \"{{url}}\", operation: write }} ] }} }}\n"
        )
    });
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n{}\
         \x20 - {{ name: asked, match: {{ path: \"/asked\" }}, upstream: tool, capture: full, intent: \
         {{ tool_name: asked, risk_class: high }} }}\n",
        tool.address,
        routes.concat()
    );
    let policy = "default_verdict: allow\nrules:\n  - { name: ask, effect: require_approval, \
                  match: { tool_names: [asked] } }\n";
    Setup { config, policy: policy.to_owned() }
}

/// Bodies with a credential in each place that there is.
fn bodies() -> Vec<Value> {
    let mut bodies = vec![
        json!({ "password": PASSWORD, "again": PASSWORD, "deep": [{ "client_secret": [PASSWORD] }] }),
        json!({ "says": format!("login with password={PASSWORD}, please") }),
        json!({ "says": format!("{{\"password\": \"{PASSWORD}\"}}") }),
        json!({ "url": format!("https://{USER_INFO}@db.test/x") }),
        json!({ "says": format!("Basic {}", b64(USER_INFO.as_bytes())) }),
        json!({ "file": format!("-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n-----END PRIVATE KEY-----") }),
    ];
    for (_, shown) in SHOWN {
        bodies.push(json!({ "a": shown, "list": ["x", { "b": format!("use {shown} for it") }] }));
        bodies.push(json!({ "note": shown, "also": format!("({shown})"), shown: "as a name" }));
        bodies.push(json!({ "says": format!("Authorization: Bearer {shown}") }));
    }
    bodies
}

/// Sends every body to both routes; how many calls were let through.
fn calls(gait: &Gait) -> usize {
    let mut count = 0;
    let mut ask = |bytes: String| {
        let answer = send(gait.server, &bytes);
        assert_eq!(answer.status, 200, "{bytes}\n{}", answer.text());
        count += 1;
    };
    for route in ["full", "masked"] {
        for body in bodies() {
            ask(post(&format!("/{route}/x"), &json!({ "b": body }).to_string()));
        }
        for (_, shown) in SHOWN {
            ask(post(&format!("/{route}/of/{shown}/x"), "{}"));
            ask(post(&format!("/{route}/x?access_token={shown}&n=1"), "{}"));
            let field = format!("X-Auth: Bearer {shown}\r\nContent-Type");
            ask(post(&format!("/{route}/x"), "{}").replace("Content-Type", &field));
        }
        ask(post(&format!("/{route}/reset/{PASSWORD}?password={PASSWORD}"), "{}"));
    }
    count
}

#[test]
fn evidence_that_keeps_intents_keeps_no_credential() {
    let tool = Recorder::start();
    let gait = setup(&tool).start();
    let count = calls(&gait);
    assert_eq!(tool.count(), count);
    let desk = Approver::local(&gait);
    assert_eq!(send(gait.server, post("/asked", "{}")).status, 428);
    let shown = SHOWN.map(|(_, shown)| shown).join(" or ");
    let reason = format!("she told me the password: {PASSWORD} and {shown}, so no");
    let said = desk.say("deny", &desk.pending(), &json!({ "reason": reason }));
    assert_eq!(said.status, 200, "{}", said.text());
    let lines = wait_for("the lines", || {
        let lines = gait.evidence();
        let ended = lines.iter().filter(|line| line["ending"].is_string()).count();
        (ended == count + 1 && lines.iter().any(|line| line["kind"] == "approval")).then_some(lines)
    });
    for line in lines.iter().filter(|line| line["intent"].is_object() && line["route"] != "asked") {
        let masked = line["masked"].as_array().unwrap_or_else(|| panic!("nothing masked: {line}"));
        for at in masked.iter().map(|at| at.as_str().unwrap()) {
            let value = line["intent"].pointer(at);
            assert_eq!(value, Some(&"***".into()), "{at} of {line}");
        }
    }
    let kept = lines.iter().filter(|line| line["intent"].is_object()).count();
    assert_eq!(kept, count + 1);
    let approval = lines.iter().find(|line| line["kind"] == "approval").unwrap();
    assert_eq!(approval["masked"], json!(["/reason"]));
    let masks = ["***"; SHOWN.len()].join(" or ");
    assert_eq!(approval["reason"], format!("she told me the password: *** and {masks}, so no"));

    let mut said = Vec::new();
    files(&gait.dir().join("state/evidence"), &mut said);
    let needles = SHOWN.iter().map(|(name, shown)| {
        // The head of a JWT says nothing of whose it is.
        Needle::new(*name, shown.rsplit('.').next().unwrap())
    });
    let others = [("a password", PASSWORD), ("a user's", USER_INFO), ("a private key", KEY_LINE)];
    let others = others.iter().map(|(name, secret)| Needle::new(*name, secret));
    let found = search(&needles.chain(others).collect::<Vec<_>>(), &said);
    assert!(found.is_empty(), "{} times:\n{}", found.len(), found.join("\n"));
}
