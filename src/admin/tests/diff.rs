//! What the candidate would have changed, asked of the log.

use super::scene::{Answer, Ask, Scene};
use serde_json::{Value, json};

const NEXT: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A closing line, `minute` minutes past three.
fn call(minute: u64, route: &str, more: &Value) -> String {
    let mut line = json!({
        "v": 1, "seq": 100 + minute, "kind": "call",
        "time": format!("2026-01-02T03:{minute:02}:00.000000Z"), "call_id": format!("c{minute}"),
        "route": route, "tool_name": "t", "identity": "ada", "verdict": "allow",
        "snapshot": format!("0123456789abcdef-0123456789abcdef-{NEXT:.16}"),
    });
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{line}\n")
}

fn blocked() -> Value {
    json!({"candidate_verdict": "block", "candidate_against": "allow",
        "candidate_policy_digest": NEXT})
}

/// Three calls, of which two would be blocked.
fn scene() -> Scene {
    let scene = Scene::new(Vec::new());
    let lines = [
        call(1, "reads", &json!({})),
        call(2, "deletes", &blocked()),
        call(5, "deletes", &blocked()),
    ];
    let path = scene.dir.path().join("evidence/000009.jsonl");
    std::fs::write(path, lines.concat()).unwrap();
    scene
}

async fn ask(scene: &Scene, query: &str) -> Answer {
    scene.ask(Ask::get(format!("/v1/rollout/diff{query}")).by("viewer")).await
}

#[tokio::test]
async fn what_would_change_is_told_by_route_and_time() {
    let scene = scene();
    for (query, compared, differing, examples) in [
        ("", 3, 2, vec!["c2", "c5"]),
        ("?route=deletes&examples=1", 2, 2, vec!["c5"]),
        ("?since=2026-01-02T03:02:30Z", 1, 1, vec!["c5"]),
        ("?route=reads", 1, 0, vec![]),
        ("?candidate=aaaaaaaa", 3, 2, vec!["c2", "c5"]),
        ("?candidate=bbbbbbbb", 0, 0, vec![]),
        ("?since=1s", 0, 0, vec![]),
    ] {
        let answer = ask(&scene, query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        let told = answer.json();
        assert_eq!(told["complete"], true, "{query}");
        let diff = &told["diff"];
        if query == "?since=1s" {
            assert_eq!(diff, &Value::Null, "nothing as new names a candidate");
            continue;
        }
        assert_eq!((&diff["compared"], &diff["differing"]), (&compared.into(), &differing.into()));
        let found = diff["groups"].get(0).map_or(json!([]), |group| group["examples"].clone());
        assert_eq!(found, json!(examples), "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_the_mend() {
    let scene = scene();
    for (query, status, part) in [
        ("?routes=reads", 400, "unknown parameter `routes`; write route, since, candidate or"),
        ("?route=reads&route=reads", 400, "stands twice"),
        ("?route=nobody", 404, "there is no route `nobody`"),
        ("?since=soon", 400, "`since` is no time: `soon`; write RFC 3339"),
        ("?candidate=AAAAAAAA", 400, "`candidate` is no digest"),
        ("?examples=0", 400, "from 1 to 100"),
        ("?examples=101", 400, "from 1 to 100"),
    ] {
        let answer = ask(&scene, query).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
        assert!(answer.text.contains(part), "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn one_compares_at_a_time_and_keeps_nobody_from_the_stages() {
    let scene = scene();
    let comparing = scene.archive.comparing.clone().try_lock_owned().unwrap();
    let busy = ask(&scene, "").await;
    assert_eq!((busy.status.as_u16(), busy.one("retry-after")), (503, "1"));
    assert_eq!(busy.json()["type"], "urn:gait:admin:busy");
    assert_eq!(scene.ask(Ask::get("/v1/rollout").by("viewer")).await.status, 200);
    drop(comparing);
    assert_eq!(ask(&scene, "").await.status, 200);
}
