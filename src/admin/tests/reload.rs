//! Asking for a reload.

use super::scene::{Ask, Scene};
use crate::admin::{Change, Loaded, Unread};

fn post() -> Ask {
    Ask::new("POST", "/v1/reload").by("local")
}

#[tokio::test]
async fn it_says_what_is_in_force_and_whether_that_is_new() {
    for (change, changed) in [(Change::Made, true), (Change::None, false)] {
        let scene = Scene::new(vec![]).reloads(Loaded::InForce { snapshot: "a-b".into(), change });
        let answer = scene.ask(post()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), serde_json::json!({"snapshot": "a-b", "changed": changed}));
    }
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong() {
    let scene = Scene::new(vec![]).reloads(Loaded::Refused("config gait.yaml:3:1: why".into()));
    let answer = scene.ask(post()).await;
    assert_eq!(answer.why(), (422, "reload_refused".to_owned()));
    assert_eq!(answer.json()["type"], "urn:gait:admin:reload-refused");
    assert_eq!(answer.json()["detail"], "config gait.yaml:3:1: why");
}

#[tokio::test]
async fn nothing_can_be_sent_along() {
    let scene = Scene::new(vec![]);
    assert_eq!(scene.ask(post().body("policy: mine.yaml")).await.status, 400);
    assert_eq!(scene.ask(Ask { body: Err(Unread::TooLarge), ..post() }).await.status, 400);
    let asked = Ask { path: "/v1/reload?policy=mine.yaml".to_owned(), ..post() };
    assert_eq!(scene.ask(asked).await.status, 400);
}

#[tokio::test]
async fn where_nobody_reloads_any_more_it_is_said() {
    let mut scene = Scene::new(vec![]);
    scene.lose_reloads();
    let answer = scene.ask(post()).await;
    assert_eq!((answer.status.as_u16(), answer.one("retry-after")), (503, "1"));
}
