//! Who gets in where: every route, every method, every kind of credential.

use super::clerk::{executed, id, pending};
use super::scene::{Answer, Ask, Scene, token};
use crate::admin::route::{Access, ROUTES, Route, Verb, allow};
use crate::admin::{Change, Loaded};
use crate::snapshot::Role;

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

fn scene() -> Scene {
    let in_force = Loaded::InForce { snapshot: "a-b".into(), change: Change::Made };
    Scene::new(vec![executed(1), pending(2)]).reloads(in_force)
}

fn ask(route: &Route, method: &'static str) -> Ask {
    let path = route.path.replace("{id}", id(2).as_str()).replace("{route}", "nowhere");
    let asked = Ask::new(method, path);
    let body = match route.path {
        "/v1/labels" if route.verb == Verb::Post => r#"{"call_id":"0199c0de","label":"correct"}"#,
        "/v1/rollout/{route}/promote" => r#"{"to":"enforce"}"#,
        "/v1/rollout/{route}/demote" => r#"{"to":"observe","reason":"because"}"#,
        path if path.contains("{id}") => r#"{"reason":"because"}"#,
        _ => return asked,
    };
    asked.with("content-type", "application/json").with("if-match", "\"3\"").body(body)
}

/// What those get who may: there is no such call and no such route.
fn granted(route: &Route) -> u16 {
    let is_label = route.path == "/v1/labels" && route.verb == Verb::Post;
    if is_label || route.path.contains("{route}") { 404 } else { 200 }
}

fn own(route: &Route) -> &'static str {
    match route.verb {
        Verb::Read => "GET",
        Verb::Post => "POST",
    }
}

#[tokio::test]
async fn only_those_get_in_who_may() {
    let roles = [("viewer", Role::Viewer), ("ada@desk", Role::Approver), ("local", Role::Admin)];
    let anybody = [None, Some("viewer"), Some("ada@desk"), Some("local"), Some("nobody")];
    for route in &ROUTES {
        for name in anybody {
            let asked = ask(route, own(route));
            let asked = match name {
                Some(name) => asked.by(name),
                None => asked,
            };
            let answer = scene().ask(asked).await;
            let want = match (route.access, name) {
                (Access::Open, _) => 200,
                (Access::From(_), None | Some("nobody")) => 401,
                (Access::From(wanted), Some(name)) => {
                    let (_, role) = roles.iter().find(|(own, _)| *own == name).unwrap();
                    if *role >= wanted { granted(route) } else { 403 }
                }
            };
            assert_eq!(answer.status, want, "{} {name:?}: {}", route.path, answer.text);
            let challenged = answer.headers.contains_key("www-authenticate");
            assert_eq!(challenged, want == 401, "{}", route.path);
        }
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_the_right_ones_named() {
    let scene = scene();
    for route in &ROUTES {
        for method in METHODS {
            let allowed = allow(route.path);
            if allowed.split(", ").any(|own| own == method) {
                continue;
            }
            for asked in [ask(route, method), ask(route, method).by("local")] {
                let answer = scene.ask(asked).await;
                assert_eq!(answer.status, 405, "{method} {}", route.path);
                assert_eq!(answer.one("allow"), allowed, "{method} {}", route.path);
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_there_for_anybody() {
    let scene = scene();
    let own = id(2);
    for path in [
        "/x",
        "/v1",
        "/v1/",
        "/v1/session/",
        "/V1/session",
        "//v1/session",
        "/v1/approvals/",
        "/v1/approvals/x",
        "/v1/approvals/../session",
        "/v1/%61pprovals",
        "/index.html",
        &format!("/v1/approvals/{own}/"),
        &format!("/v1/approvals/{own}/run"),
        &format!("/v1/approvals/{own}/grant/"),
        &format!("/v1/approvals/{}", own.as_str().to_uppercase()),
    ] {
        assert_eq!(scene.ask(Ask::get(path).by("local")).await.status, 404, "{path}");
    }
    let unknown = format!("/v1/approvals/{}", id(9));
    assert_eq!(scene.ask(Ask::get(unknown).by("local")).await.status, 404);
}

#[tokio::test]
async fn a_credential_is_one_bearer_token_and_nothing_else() {
    let scene = scene();
    let good = token("viewer");
    let status = async |values: &[String]| {
        let asked = Ask::get("/v1/session");
        let asked = values.iter().fold(asked, |ask, value| ask.with("authorization", value));
        scene.ask(asked).await.status.as_u16()
    };
    for right in [format!("Bearer {good}"), format!("bearer {good}"), format!("BEARER {good}")] {
        assert_eq!(status(std::slice::from_ref(&right)).await, 200, "{right}");
    }
    let bearer = format!("Bearer {good}");
    for wrong in [
        vec![good.clone()],
        vec!["Bearer ".into()],
        vec![format!("Bearer  {good}")],
        vec![format!("Bearer {good} ")],
        vec![format!("Bearer {good},x")],
        vec![format!("Basic {good}")],
        vec![format!("Bearer {}", good.to_uppercase())],
        vec![format!("Bearer {}", "x".repeat(600))],
        vec![bearer.clone(), bearer.clone()],
        vec![bearer, "Bearer other".into()],
    ] {
        assert_eq!(status(&wrong).await, 401, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_session_says_who_is_there() {
    let scene = scene();
    let session = async |name| scene.ask(Ask::get("/v1/session").by(name)).await.json();
    let ada = session("ada@desk").await;
    assert_eq!((&ada["login"], &ada["role"]), (&"ada@desk".into(), &"approver".into()));
    assert_eq!(ada["approver"], "ada");
    assert!(session("viewer").await["approver"].is_null());
    assert_eq!(session("local").await["role"], "admin");
}

#[tokio::test]
async fn every_answer_tells_browsers_to_keep_off() {
    let scene = scene();
    let bad_host = Ask::get("/").without("host").with("host", "evil.test");
    let asks = [Ask::get("/"), Ask::get("/v1/session"), Ask::get("/nothing"), bad_host];
    for asked in
        asks.into_iter().chain(ROUTES.iter().map(|route| ask(route, own(route)).by("local")))
    {
        let answer: Answer = scene.ask(asked).await;
        assert!(answer.one("content-security-policy").starts_with("default-src 'none'; "));
        assert_eq!(answer.one("x-content-type-options"), "nosniff");
        assert_eq!(answer.one("cache-control"), "no-store");
        assert_eq!(answer.one("referrer-policy"), "no-referrer");
        assert_eq!(answer.one("cross-origin-resource-policy"), "same-origin");
        assert_eq!(answer.one("cross-origin-opener-policy"), "same-origin");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
}
