//! Literal bytes at a running gait, and the bytes that its tool saw.
//!
//! Each test is a way round gait that was once open.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "a test dials gait and runs a tool")]

mod scene;

use scene::Scene;
use std::io::{Read as _, Write as _};
use std::time::Duration;

const JSON: &str = "Host: h\r\nContent-Type: application/json\r\n";

#[test]
fn a_body_that_broke_off_is_not_completed_for_the_tool() {
    let scene = Scene::start("observe");
    let head = format!("POST /small HTTP/1.1\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n");
    let answer = scene.send_and_end(&[&head, "c\r\n{\"amount\":5}\r\n"]);
    assert!(answer.contains(" 400 "), "{answer}");
    assert_eq!(scene.seen(), "");
}

#[test]
fn a_post_does_not_become_another_method_by_its_body() {
    let scene = Scene::start("enforce");
    let body = "a=1&_method=DELETE";
    let short = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let answer = scene.send_and_end(&[&format!("POST /note HTTP/1.1\r\nHost: h\r\n{short}")]);
    assert!(answer.contains(" 400 ") && answer.contains("method_override"), "{answer}");
    assert_eq!(scene.seen(), "");
    let chunked = "POST /note HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n";
    scene.send_and_end(&[chunked, "a=1&_met\r\n", "a\r\nhod=DELETE\r\n0\r\n\r\n"]);
    let seen = scene.seen();
    assert!(!seen.contains("hod=DELETE") && !seen.contains("0\r\n\r\n"), "{seen}");
    let plain = format!("POST /note HTTP/1.1\r\n{JSON}Content-Length: 22\r\n\r\n");
    let answer = scene.send_and_end(&[&plain, "{\"payment_method\":\"x\"}"]);
    assert!(answer.contains(" 200 "), "{answer}");
}

#[test]
fn what_follows_a_doubtful_body_is_no_request() {
    let scene = Scene::start("enforce");
    let next = "GET /note HTTP/1.1\r\nHost: h\r\n\r\n";
    for first in [
        "GET /note HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n",
        "POST /note HTTP/1.1\r\nHost: h\r\nContent_Length: 0\r\n\r\n",
    ] {
        let answer = scene.send_and_end(&[&format!("{first}{next}")]);
        assert!(answer.contains("connection: close"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
    assert_eq!(scene.seen(), "");
}

#[test]
fn a_tool_cannot_speak_for_gait_in_trailers() {
    let answer = "HTTP/1.1 200 OK\r\nTrailer: Gait-Verdict, X-T\r\nTransfer-Encoding: chunked\r\n\r\n\
                  2\r\nok\r\n0\r\nGait-Verdict: block\r\nX-T: 1\r\n\r\n";
    let scene = Scene::start_with("enforce", answer, "");
    let call = "GET /note HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nConnection: TE\r\n\r\n";
    let answer = scene.send_and_end(&[call]);
    assert!(answer.to_lowercase().contains("x-t: 1"), "{answer}");
    assert!(!answer.contains("block"), "{answer}");
}

#[test]
fn an_answer_in_another_coding_is_no_answer() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let scene = Scene::start_with("enforce", answer, "");
    let answer = scene.send_and_end(&["GET /note HTTP/1.1\r\nHost: h\r\n\r\n"]);
    assert!(answer.contains(" 502 "), "{answer}");
}

#[test]
fn announced_bodies_do_not_take_the_budget() {
    let limits = "limits: { judged_body_bytes: 1024, body_budget_bytes: 1024 }\n";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let scene = Scene::start_with("enforce", answer, limits);
    let head = format!("POST /small HTTP/1.1\r\n{JSON}Content-Length: ");
    let mut idle = scene.connect();
    idle.write_all(format!("{head}1024\r\n\r\n").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let answer = scene.send_and_end(&[&format!("{head}12\r\n\r\n{{\"amount\":5}}")]);
    assert!(answer.contains(" 200 "), "{answer}");
}

#[test]
fn a_caller_who_does_not_read_does_not_hold_the_tool() {
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: 64000000\r\n\r\n{}", "x".repeat(64_000_000));
    let config = "limits: { upstream_connections: 1 }\ntimeouts: { idle: 3s }\n";
    let scene = Scene::start_with("enforce", &answer, config);
    let mut stuck = scene.connect();
    stuck.write_all(b"GET /note HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let call = b"GET /note HTTP/1.1\r\nHost: h\r\n\r\n";
    let status = || {
        let (mut stream, mut start) = (scene.connect(), [0; 12]);
        stream.write_all(call).unwrap();
        stream.read_exact(&mut start).unwrap();
        String::from_utf8_lossy(&start).into_owned()
    };
    let becomes = |wanted: &str| {
        let mut looks = (0..200).inspect(|_| std::thread::sleep(Duration::from_millis(50)));
        assert!(looks.any(|_| status() == wanted), "waited in vain for {wanted}");
    };
    becomes("HTTP/1.1 503");
    becomes("HTTP/1.1 200");
}

#[test]
fn an_idle_connection_that_a_call_may_not_use_makes_room() {
    let config = "limits: { upstream_connections: 1 }\ntimeouts: { protected_reuse_idle: 1ms }\n";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let scene = Scene::start_with("observe", answer, config);
    let call =
        format!("POST /small HTTP/1.1\r\n{JSON}Content-Length: 14\r\n\r\n{{\"amount\":500}}");
    for _ in 0..3 {
        let answer = scene.send_and_end(&[&call]);
        assert!(answer.contains(" 200 "), "{answer}");
    }
}
