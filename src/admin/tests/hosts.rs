//! Requests that a page of somebody else makes a browser send.

use super::clerk::pending;
use super::scene::{Ask, Scene};
use crate::admin::Scheme;

fn at(path: &str, host: &str) -> Ask {
    Ask::get(path).without("host").with("host", host).by("viewer")
}

#[tokio::test]
async fn only_own_names_are_served() {
    let scene = Scene::new(Vec::new());
    for host in [
        "localhost",
        "localhost:9901",
        "LOCALHOST:1",
        "127.0.0.1:9901",
        "[::1]:9901",
        "192.0.2.1",
        "192.0.2.1:9901",
        "gait.example.com",
        "Gait.Example.com:443",
        "port.example.com:8443",
    ] {
        assert_eq!(scene.ask(at("/v1/session", host)).await.status, 200, "{host}");
    }
    for host in [
        "evil.test",
        "evil.test:9901",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "192.0.2.2",
        "port.example.com",
        "port.example.com:1",
        "localhost.",
        "127.1",
        "[::2]:9901",
        "0.0.0.0",
    ] {
        for path in ["/", "/openapi.json", "/v1/session", "/nothing"] {
            assert_eq!(scene.ask(at(path, host)).await.status, 421, "{host} {path}");
        }
    }
    for host in ["", "a b", "localhost@evil.test", "localhost:", "localhost:x", "localhost/x"] {
        assert_eq!(scene.ask(at("/v1/session", host)).await.status, 400, "{host}");
    }
}

#[tokio::test]
async fn there_is_one_host() {
    let scene = Scene::new(Vec::new());
    let none = Ask::get("/v1/session").without("host").by("viewer");
    let two = at("/v1/session", "localhost").with("host", "localhost");
    let other = at("http://evil.test/v1/session", "localhost");
    for ask in [none, two, other] {
        assert_eq!(scene.ask(ask).await.status, 400);
    }
    let same = at("http://localhost:9901/v1/session", "localhost:9901");
    assert_eq!(scene.ask(same).await.status, 200);
}

#[tokio::test]
async fn pages_of_other_sites_get_nothing() {
    let scene = Scene::new(vec![pending(1)]);
    let asked = |origin: &str| at("/v1/session", "localhost:9901").with("origin", origin);
    for origin in ["http://localhost:9901", "https://localhost:9901", "http://LOCALHOST:9901"] {
        assert_eq!(scene.ask(asked(origin)).await.status, 200, "{origin}");
    }
    for origin in [
        "null",
        "",
        "http://evil.test",
        "http://localhost",
        "http://localhost:3000",
        "http://127.0.0.1:9901",
        "file://",
        "ftp://localhost:9901",
        "http://localhost:9901/",
        "localhost:9901",
        "http://x@localhost:9901",
    ] {
        assert_eq!(scene.ask(asked(origin)).await.status, 403, "{origin}");
        let word = Ask::say(1, "grant", r#"{"reason":"r"}"#).by("ada@desk").with("origin", origin);
        assert_eq!(scene.ask(word).await.status, 403, "{origin}");
    }
    let twice = asked("http://localhost:9901").with("origin", "http://localhost:9901");
    assert_eq!(scene.ask(twice).await.status, 403);
}

#[tokio::test]
async fn a_default_port_may_be_left_out_and_tls_is_not_gone_around() {
    let mut scene = Scene::new(Vec::new());
    let asked = |host: &str, origin: &str| at("/v1/session", host).with("origin", origin);
    let named = |origin: &str| asked("gait.example.com", origin);
    assert_eq!(scene.ask(named("https://gait.example.com")).await.status, 200);
    assert_eq!(scene.ask(named("http://gait.example.com:80")).await.status, 200);
    assert_eq!(scene.ask(named("https://gait.example.com:80")).await.status, 403);
    assert_eq!(
        scene.ask(asked("gait.example.com:443", "https://gait.example.com")).await.status,
        200
    );
    scene.scheme = Scheme::Https;
    assert_eq!(scene.ask(named("https://gait.example.com")).await.status, 200);
    assert_eq!(scene.ask(named("http://gait.example.com")).await.status, 403);
}

#[tokio::test]
async fn a_link_from_a_chat_leads_to_the_page_and_to_no_data() {
    let scene = Scene::new(Vec::new());
    for (site, status) in
        [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)]
    {
        let asked = |path: &str| at(path, "localhost").with("sec-fetch-site", site);
        assert_eq!(scene.ask(asked("/v1/approvals")).await.status, status, "{site}");
        assert_eq!(scene.ask(asked("/")).await.status, 200, "{site}");
    }
}

#[tokio::test]
async fn a_unix_socket_has_no_address_of_its_own() {
    let mut scene = Scene::new(Vec::new());
    scene.address = None;
    assert_eq!(scene.ask(at("/v1/session", "localhost")).await.status, 200);
    assert_eq!(scene.ask(at("/v1/session", "192.0.2.1")).await.status, 421);
}
