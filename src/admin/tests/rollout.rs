//! How routes stand, asked by whoever may look.

use super::scene::{Answer, Ask, Scene};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

async fn ask(query: &str) -> Answer {
    let scene = Scene::new(Vec::new());
    scene.ask(Ask::get(format!("/v1/rollout{query}")).by("viewer")).await
}

#[tokio::test]
async fn all_routes_are_shown_or_one() {
    let all = ask("").await.json();
    let names: Vec<&str> = all["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["route"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["reads", "deletes"]);
    assert!(all.get("check").is_none());
    let one = ask("?route=deletes&to=enforce").await.json();
    assert_eq!(one["routes"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&one["check"]["from"], &one["check"]["to"]),
        (&"dry_run".into(), &"enforce".into())
    );
    assert_eq!(one["check"]["verdict"], "not_enough_data");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_the_mend() {
    for (query, status, part) in [
        ("?to=enforce", 400, "`to` needs `route`"),
        ("?route=reads&to=later", 400, "unknown stage `later`"),
        ("?route=deletes&to=observe", 400, "would not go forward"),
        ("?route=nobody", 404, "there is no route `nobody`"),
        ("?routes=reads", 400, "unknown parameter `routes`"),
        ("?route=reads&route=deletes", 400, "stands twice"),
    ] {
        let answer = ask(query).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
        assert!(answer.text.contains(part), "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn whoever_looks_waits_for_its_turn() {
    let scene = Scene::new(Vec::new());
    let reading = scene.archive.desk.clone().try_lock_owned().unwrap();
    let read = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(reading);
    };
    let (answer, ()) = tokio::join!(scene.ask(Ask::get("/v1/rollout").by("viewer")), read);
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn the_log_is_read_by_one_at_a_time() {
    let scene = Scene::new(Vec::new());
    let _reading = scene.archive.desk.clone().try_lock_owned().unwrap();
    let answer = scene.ask(Ask::get("/v1/rollout").by("viewer")).await;
    assert_eq!((answer.status.as_u16(), answer.one("retry-after")), (503, "1"));
    assert_eq!(answer.json()["type"], "urn:gait:admin:busy");
}

#[tokio::test]
async fn what_several_wait_for_is_read_once() {
    let scene = Scene::new(Vec::new());
    let reading = scene.archive.desk.clone().try_lock_owned().unwrap();
    let ask = || async { scene.archive.summary(Timestamp::UNIX_EPOCH, PATIENCE).await.ok() };
    let read = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        drop(reading);
    };
    let (one, other, ()) = tokio::join!(ask(), ask(), read);
    let one = one.unwrap();
    assert!(Arc::ptr_eq(&one, &other.unwrap()));
    // Whoever asks later wants to know what came since.
    assert!(!Arc::ptr_eq(&one, &ask().await.unwrap()));
}
