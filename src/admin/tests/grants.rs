//! Saying yes and no.

use super::clerk::{executed, id, pending};
use super::scene::{Ask, Scene};
use crate::admin::Unread;
use crate::approval::Proof;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const BODY: &str = r#"{"reason":" asked in #ops "}"#;

fn scene() -> Scene {
    Scene::new(vec![executed(1), pending(2)])
}

#[tokio::test]
async fn a_grant_is_recorded_with_who_and_why() {
    let scene = scene();
    let answer = scene.ask(Ask::say(2, "grant", BODY).by("ada@desk")).await;
    assert_eq!((answer.status.as_u16(), answer.one("etag")), (200, "\"4\""), "{}", answer.text);
    let granted = answer.json();
    assert_eq!(granted["approval"]["granted_by"], json!(["ada"]));
    assert!(granted["token"].is_null(), "its caller is known without one");
    let lines = scene.evidence().await;
    let line = lines.iter().find(|line| line["kind"] == "approval").unwrap();
    let expected = json!({"action": "grant", "request": id(2).as_str(), "approver": "ada",
        "state": "approved", "login": "ada@desk", "reason": "asked in #ops", "tool_name": "files.delete",
        "token_id": "t1", "intent_digest": "1".repeat(64), "policy_digest": "2".repeat(64)});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_denial_is_recorded_too_and_ends_it() {
    let scene = scene();
    let answer = scene.ask(Ask::say(2, "deny", BODY).by("local")).await;
    assert_eq!(answer.json()["approval"]["state"], "denied");
    let again =
        Ask::say(2, "grant", BODY).by("ada@desk").without("if-match").with("if-match", "\"4\"");
    assert_eq!(scene.ask(again).await.why(), (409, "denied".to_owned()));
    let lines = scene.evidence().await;
    let lines: Vec<_> = lines.iter().filter(|line| line["kind"] == "approval").collect();
    assert_eq!((lines.len(), &lines[0]["action"]), (1, &"deny".into()), "{lines:?}");
    assert!(lines[0].get("token_id").is_none());
}

#[tokio::test]
async fn a_token_is_handed_over_only_for_callers_that_must_show_it() {
    let mut entry = pending(2);
    entry.requester.proof = Proof::Unproven;
    let granted =
        Scene::new(vec![entry]).ask(Ask::say(2, "grant", BODY).by("ada@desk")).await.json();
    let value = granted["token"]["gait_approval"].as_str().unwrap();
    assert_eq!(STANDARD.decode(value).unwrap(), br#"{"token_id":"t1"}"#);
    assert_eq!(granted["token"]["expires_at"], granted["approval"]["voices"][0]["expires_at"]);
}

#[tokio::test]
async fn the_roster_decides_whose_word_counts() {
    for (name, grant, deny) in [
        ("ada@desk", (200, ""), (200, "")),
        ("local", (200, ""), (200, "")),
        ("lin@desk", (403, "approver_is_requester"), (200, "")),
        ("kim@desk", (403, "approver_out_of_scope"), (403, "approver_out_of_scope")),
        ("stray", (403, "approver_not_authorized"), (403, "approver_not_authorized")),
        ("viewer", (403, "role"), (403, "role")),
    ] {
        for (word, want) in [("grant", grant), ("deny", deny)] {
            let scene = scene();
            let answer = scene.ask(Ask::say(2, word, BODY).by(name)).await;
            assert_eq!(answer.why(), (want.0, want.1.to_owned()), "{name} {word}");
            let recorded = scene.evidence().await.iter().any(|line| line["kind"] == "approval");
            assert_eq!(recorded, want.0 == 200, "{name} {word}");
        }
    }
}

#[tokio::test]
async fn a_word_is_of_the_version_that_was_seen() {
    let scene = scene();
    let asked = |tag: &str| {
        Ask::say(2, "grant", BODY).by("ada@desk").without("if-match").with("if-match", tag)
    };
    let missing = Ask::say(2, "grant", BODY).by("ada@desk").without("if-match");
    assert_eq!(scene.ask(missing).await.status, 428);
    for tag in ["*", "3", "W/\"3\"", "\"3\", \"4\"", "\"3", "", "\"3\"x"] {
        assert_eq!(scene.ask(asked(tag)).await.status, 400, "{tag}");
    }
    assert_eq!(scene.ask(asked("\"3\"").with("if-match", "\"3\"")).await.status, 400);
    for tag in ["\"2\"", "\"4\"", "\"03\"", "\"+3\"", "\"\"", "\"x\"", "\"99999999999999999999\""] {
        assert_eq!(scene.ask(asked(tag)).await.status, 412, "{tag}");
    }
    assert_eq!(scene.ask(asked("\"3\"")).await.status, 200);
    assert_eq!(scene.ask(asked("\"4\"")).await.why(), (409, "already_granted".to_owned()));
}

#[tokio::test]
async fn a_body_is_read_strictly() {
    let scene = scene();
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(501));
    for body in [
        "",
        "[]",
        "null",
        "{}",
        "{",
        "{}{}",
        r#"{"reason":""}"#,
        r#"{"reason":"  "}"#,
        &long,
        r#"{"reason":1}"#,
        r#"{"reason":"a\nb"}"#,
        r#"{"reason":"a\u0000"}"#,
        r#"{"reason":"a\u009b"}"#,
        r#"{"reason":"a","reason":"a"}"#,
        r#"{"reason":"a","x":1}"#,
        r#"{"Reason":"a"}"#,
        r#"{"reason":"a","ttl":15}"#,
        r#"{"reason":"a","ttl":""}"#,
        r#"{"reason":"a","ttl":"0s"}"#,
        r#"{"reason":"a","ttl":"-5m"}"#,
        r#"{"reason":"a","ttl":"15m1s"}"#,
        r#"{"reason":"a","ttl":null}"#,
    ] {
        let answer = scene.ask(Ask::say(2, "grant", body).by("ada@desk")).await;
        assert_eq!(answer.status, 400, "{body}");
    }
    let ttl = r#"{"reason":"a","ttl":"5m"}"#;
    assert_eq!(scene.ask(Ask::say(2, "deny", ttl).by("ada@desk")).await.status, 400);
    let exact = format!(r#"{{"reason":"{}","ttl":"15m"}}"#, "é".repeat(500));
    assert_eq!(scene.ask(Ask::say(2, "grant", &exact).by("ada@desk")).await.status, 200);
}

#[tokio::test]
async fn only_json_is_taken_and_not_too_much_of_it() {
    let scene = scene();
    let typed = |media: &str| {
        Ask::say(2, "grant", BODY)
            .by("ada@desk")
            .without("content-type")
            .with("content-type", media)
    };
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
        "application/json; charset=utf-16",
        "application/problem+json",
    ] {
        assert_eq!(scene.ask(typed(media)).await.status, 415, "{media}");
    }
    let none = Ask::say(2, "grant", BODY).by("ada@desk").without("content-type");
    assert_eq!(scene.ask(none).await.status, 415);
    let coded = typed("application/json").with("content-encoding", "gzip");
    assert_eq!(scene.ask(coded).await.status, 415);
    for (unread, status) in [(Unread::TooLarge, 413), (Unread::Broken, 400)] {
        let mut ask = typed("application/json");
        ask.body = Err(unread);
        assert_eq!(scene.ask(ask).await.status, status);
    }
    assert_eq!(scene.ask(typed("Application/JSON; charset=UTF-8")).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_approved() {
    let mut scene = scene();
    scene.close_ledger();
    for word in ["grant", "deny"] {
        let answer = scene.ask(Ask::say(2, word, BODY).by("ada@desk")).await;
        assert_eq!(answer.why(), (503, "evidence_unavailable".to_owned()));
    }
    let entries = scene.shelf.lock().unwrap();
    assert!(entries.iter().all(|entry| entry.version == 3), "nothing was said");
}

#[tokio::test]
async fn without_a_store_nothing_is_said() {
    let mut scene = scene();
    scene.lose_store();
    let list = Ask::get("/v1/approvals").by("viewer");
    for ask in [list, Ask::say(2, "grant", BODY).by("ada@desk")] {
        assert_eq!(scene.ask(ask).await.why(), (503, "approval_store_unavailable".to_owned()));
    }
    assert_eq!(scene.ask(Ask::get("/v1/session").by("viewer")).await.status, 200);
}

#[tokio::test]
async fn an_unknown_request_is_not_there() {
    for word in ["grant", "deny"] {
        assert_eq!(scene().ask(Ask::say(9, word, BODY).by("ada@desk")).await.status, 404);
    }
}
