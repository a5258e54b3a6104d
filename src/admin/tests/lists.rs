//! Lists, waiting for changes, and single requests.

use super::clerk::{executed, exhibit, id, pending};
use super::scene::{Ask, Scene};
use crate::approval::State;
use serde_json::{Value, json};
use std::time::Duration;

fn scene() -> Scene {
    Scene::new(vec![executed(1), pending(2), pending(3)])
}

fn list(query: &str) -> Ask {
    Ask::get(format!("/v1/approvals{query}")).by("viewer")
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_pages() {
    let scene = scene();
    let ids = async |query: &str| {
        let list = scene.ask(list(query)).await.json();
        let ids = list["approvals"].as_array().unwrap().iter();
        (ids.map(|one| one["id"].clone()).collect::<Vec<_>>(), list["next"].clone())
    };
    let [one, two, three] = [1, 2, 3].map(|n| Value::from(id(n).as_str()));
    assert_eq!(ids("").await, (vec![three.clone(), two.clone(), one.clone()], Value::Null));
    assert_eq!(ids("?").await.0.len(), 3);
    assert_eq!(ids("?state=executed").await.0, std::slice::from_ref(&one));
    assert_eq!(
        ids("?state=executed,pending&limit=2").await,
        (vec![three.clone(), two.clone()], two)
    );
    let before = format!("?limit=1&before={}", id(2));
    assert_eq!(ids(&before).await, (vec![one], Value::Null));
    assert_eq!(ids("?tool=Files.Delete").await.0.len(), 3);
    assert_eq!(ids("?tool=files.read").await.0.len(), 0);
}

#[tokio::test]
async fn a_query_has_one_reading() {
    let scene = scene();
    for query in [
        "?x=1",
        "?state=",
        "?state=open",
        "?state=pending,",
        "?state=pending&state=denied",
        "?limit=0",
        "?limit=201",
        "?limit=+1",
        "?limit=-1",
        "?limit",
        "?before=x",
        "?tool=",
        "?tool=%ff",
        "?since=x",
        "?since=1&wait=61",
        "?wait=1",
        "?since=1&since=2",
        "?State=pending",
    ] {
        assert_eq!(scene.ask(list(query)).await.status, 400, "{query}");
    }
    let one = format!("/v1/approvals/{}?x=1", id(2));
    for path in ["/v1/session?x=1", &one] {
        assert_eq!(scene.ask(Ask::get(path).by("viewer")).await.status, 400, "{path}");
    }
    assert_eq!(scene.ask(Ask::get("/?id=x")).await.status, 200, "links to the page may have one");
}

#[tokio::test]
async fn a_summary_says_what_is_asked_and_by_whom() {
    let list = scene().ask(list("?state=pending&limit=1")).await.json();
    let one = &list["approvals"][0];
    assert_eq!(list["revision"], 9);
    assert_eq!(one["state"], "pending");
    assert_eq!(one["version"], 3);
    assert_eq!((&one["method"], &one["path"]), (&"DELETE".into(), &"/files/1".into()));
    let requester = json!({"identity": "bot", "proven": true, "on_behalf_of": ["sso:lin"]});
    assert_eq!(one["requester"], requester);
    assert_eq!(one["required_approvals"], 2);
    assert!((90..95).contains(&one["age_seconds"].as_i64().unwrap()), "{one}");
}

#[tokio::test]
async fn who_waits_is_answered_at_once_on_news_and_else_in_time() {
    let scene = scene();
    let begun = crate::clock::instant();
    assert_eq!(scene.ask(list("?since=8&wait=60")).await.json()["revision"], 9);
    assert_eq!(scene.ask(list("?since=9")).await.json()["revision"], 9);
    assert_eq!(scene.ask(list("?since=9&wait=0")).await.json()["revision"], 9);
    assert!(begun.elapsed() < Duration::from_secs(1));
    let shelf = scene.shelf.clone();
    let change = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        shelf.lock().unwrap()[1].version += 1;
    };
    let (answer, ()) = tokio::join!(scene.ask(list("?since=9&wait=60")), change);
    assert_eq!(answer.json()["revision"], 10);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn few_may_wait() {
    let scene = scene();
    let _taken = scene.waits.try_acquire_many(crate::admin::WAITS_MAX as u32).unwrap();
    let answer = scene.ask(list("?since=9&wait=60")).await;
    assert_eq!((answer.status.as_u16(), answer.one("retry-after")), (503, "5"));
    assert_eq!(scene.ask(list("")).await.status, 200);
}

#[tokio::test]
async fn a_request_is_shown_with_what_ran_before_it() {
    let scene = scene();
    let path = format!("/v1/approvals/{}", id(2));
    let answer = scene.ask(Ask::get(&path).by("ada@desk")).await;
    assert_eq!(answer.one("etag"), "\"3\"");
    let shown = answer.json();
    assert_eq!(shown["may"], json!({"grant": true, "deny": true, "why_not": null}));
    assert_eq!(shown["precedent"]["approvers"], json!(["ada"]));
    let changes = json!([{"at": "/args/n", "before": 0, "after": 1}]);
    assert_eq!(shown["precedent"]["changes"], changes);
    assert!(shown["run"].is_null() && shown["delegation_digest"].is_null());
    let done = scene.ask(Ask::get(format!("/v1/approvals/{}", id(1))).by("viewer")).await.json();
    assert_eq!(
        (&done["run"]["status"], &done["voices"][0]["word"]),
        (&204.into(), &"grant".into())
    );
    assert_eq!(done["granted_by"], json!(["ada"]), "its yes held when the call took it");
    assert_eq!(done["delegation_digest"], "3".repeat(64));
}

#[tokio::test]
async fn what_may_be_said_depends_on_who_asks() {
    let scene = scene();
    let may = async |name: &str, n: u8| {
        let path = format!("/v1/approvals/{}", id(n));
        scene.ask(Ask::get(path).by(name)).await.json()["may"].clone()
    };
    let may_not = |deny: bool, why: &str| json!({"grant": false, "deny": deny, "why_not": why});
    assert_eq!(may("viewer", 2).await, may_not(false, "role"));
    assert_eq!(may("stray", 2).await, may_not(false, "approver_not_authorized"));
    assert_eq!(may("kim@desk", 2).await, may_not(false, "approver_out_of_scope"));
    assert_eq!(may("lin@desk", 2).await, may_not(true, "approver_is_requester"));
    scene.shelf.lock().unwrap()[1].state = State::Approved;
    assert_eq!(may("ada@desk", 2).await["grant"], true);
    assert_eq!(may("ada@desk", 1).await, may_not(false, "executed"));
}

#[tokio::test]
async fn hostile_text_stays_json() {
    let evil = "</script><script>alert(1)</script>\u{202e}\u{2028}\r\nSet-Cookie: a=b\0\"";
    let call = json!({"method": evil, "path": evil, "args": {evil: [evil]}, "body": evil});
    let mut entry = pending(2);
    entry.exhibit = exhibit(&call);
    (entry.tool_name, entry.requester.identity) = (evil.into(), evil.into());
    let scene = Scene::new(vec![executed(1), entry]);
    let path = format!("/v1/approvals/{}", id(2));
    for path in ["/v1/approvals", &path] {
        let answer = scene.ask(Ask::get(path).by("viewer")).await;
        assert_eq!(answer.one("content-type"), "application/json");
        assert!(!answer.text.contains(['\0', '\r', '\n']), "{}", answer.text);
    }
    let shown = scene.ask(Ask::get(&path).by("viewer")).await.json();
    assert_eq!((&shown["call"], &shown["method"]), (&call, &evil.into()));
    assert_eq!(shown["precedent"]["changes"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn large_numbers_are_shown_as_they_are() {
    let mut entry = pending(2);
    let text = r#"{"args":{"n":123456789012345678901234567890}}"#;
    entry.exhibit = serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
    let scene = Scene::new(vec![entry]);
    let answer = scene.ask(Ask::get(format!("/v1/approvals/{}", id(2))).by("viewer")).await;
    assert!(answer.text.contains("123456789012345678901234567890"), "{}", answer.text);
}
