//! The approvals page in a real browser: against a stand-in for every state that there is, and as
//! gait serves it, with a tool as the judge of what ran. The scenes stand in `tests/page`.

use crate::support::{Browser, Recorder, Setup};

/// Payments wait for an approval; `ci-key` is a caller that is known.
const CONFIG: &str = "server: { listen: \"127.0.0.1:0\" }\nadmin: { listen: \"127.0.0.1:0\" }\n\
    stage: enforce\nunmapped: { action: deny }\nidentity:\n  sources: [ { name: keys, api_key: \
    { keys: [ { sha256: 21974faad09c41084fe7e836c08fe39d0a0f09ad32a03d21de2ea760ad72715f, \
    identity: ci-bot } ] } } ]\nupstreams: { tool: { url: \"http://UPSTREAM\" } }\nroutes:\n  \
    - { name: pay, match: { methods: [POST], path: \"/v1/payments\" }, upstream: tool, \
    mask: [\"/note\"], intent: { tool_name: pay, risk_class: high, args: body } }\n";
const POLICY: &str = "default_verdict: block\nrules:\n  - { name: ask, effect: \
    require_approval, match: { tool_names: [pay] } }\n";

#[test]
fn it_shows_every_state_and_says_what_to_do_about_every_refusal() {
    let Some(browser) = Browser::find() else { return };
    let scenes = browser.run("states", &[]);
    assert!(scenes.status.success(), "{}", String::from_utf8_lossy(&scenes.stderr));
}

#[test]
fn what_is_granted_in_it_runs_once_and_what_is_denied_never() {
    let Some(browser) = Browser::find() else { return };
    let tool = Recorder::start();
    let config = CONFIG.replace("UPSTREAM", &tool.address.to_string());
    let gait = Setup { config, policy: POLICY.to_owned() }.start();
    let page = format!("http://{}", gait.listener("admin"));
    let data = format!("http://{}", gait.server);
    let token = gait.dir().join("state/admin.token");
    let scenes = browser.run("gateway", &[page.as_ref(), data.as_ref(), token.as_ref()]);
    assert!(scenes.status.success(), "{}", String::from_utf8_lossy(&scenes.stderr));
    assert_eq!(tool.count(), 2);
}
