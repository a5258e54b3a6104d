//! One approval lets one call run, however many ask at once, and gives back what was not used.

use super::*;
use crate::support::HeldPort;
use std::thread;

/// Sends the same call from so many connections at once; the statuses.
fn at_once(gait: &Gait, count: usize, bytes: &str) -> Vec<u16> {
    let server = gait.server;
    thread::scope(|scope| {
        let calls: Vec<_> =
            (0..count).map(|_| scope.spawn(move || send(server, bytes).status)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    })
}

#[test]
fn of_200_identical_calls_with_one_grant_one_reaches_the_tool() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 428);
    desk.grant(&desk.pending());
    let statuses = at_once(&gait, 200, &request("PUT", "ann", "/v1/files/a", "", "x"));
    let ran = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((ran, tool.count()), (1, 1), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 409, 428].contains(status)), "{statuses:?}");
    gait.settled().assert_law();
}

#[test]
fn of_200_identical_calls_with_one_token_one_reaches_the_tool() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "", "/v1/files/a", "", "x").status, 428);
    let token = shown(&desk.grant(&desk.pending()));
    let statuses = at_once(&gait, 200, &request("PUT", "", "/v1/files/a", &token, "x"));
    let ran = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((ran, tool.count()), (1, 1), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
}

#[test]
fn two_hundred_pending_calls_are_one_request() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    let statuses = at_once(&gait, 200, &request("PUT", "ann", "/v1/files/a", "", "x"));
    assert!(statuses.iter().all(|status| *status == 428), "{statuses:?}");
    assert_eq!(desk.show(&desk.pending())["asked"], 200);
}

#[test]
fn what_never_left_is_given_back() {
    // Nobody listens where the tool should be.
    let nobody = HeldPort::take();
    let gait = setup(nobody.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 428);
    let id = desk.pending();
    desk.grant(&id);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 502);
    assert_eq!(desk.show(&id)["state"], "approved");
    let tool = nobody.listen();
    let served = thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = tool.accept().unwrap();
        let _head = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 204);
    served.join().unwrap();
    assert_eq!(desk.show(&id)["state"], "executed");
}

#[test]
fn what_left_and_was_not_answered_is_unknown_and_not_run_again() {
    let tool = Recorder::answering(|_, _| Err(std::io::Error::other("hang up")));
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 428);
    let id = desk.pending();
    desk.grant(&id);
    let broken = put(&gait, "ann", "/v1/files/a", "", "x");
    assert_eq!((broken.status, &broken.json()["executed"]), (502, &"unknown".into()));
    assert_eq!(desk.show(&id)["state"], "unknown");
    let again = put(&gait, "ann", "/v1/files/a", "", "x");
    assert_eq!((again.status, tool.count()), (428, 1));
    assert!(says(&again, "approval_outcome_unknown"), "{}", again.text());
}

#[test]
fn a_restart_forgets_neither_grants_nor_what_was_spent() {
    let tool = Recorder::start();
    let setup = setup(tool.address);
    let gait = setup.start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "", "/v1/files/a", "", "x").status, 428);
    let spent = shown(&desk.grant(&desk.pending()));
    assert_eq!(put(&gait, "", "/v1/files/a", &spent, "x").status, 200);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 428);
    let id = desk.pending();
    desk.grant(&id);
    let gait = setup.start_in(gait.kill());
    let desk = Approver::local(&gait);
    assert_eq!(desk.show(&id)["state"], "approved");
    assert_eq!(put(&gait, "", "/v1/files/a", &spent, "x").status, 409);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 200);
    assert_eq!(tool.count(), 2);
}

#[test]
fn of_two_grants_for_one_request_that_needs_one_only_one_lets_a_call_run() {
    let tool = Recorder::start();
    let login = format!(
        "admin: {{ logins: [ {{ name: eve@desk, role: approver, sha256: {} }} ] }}\n\
         approvals: {{ approvers: [ {{ name: dan, logins: [local] }}, {{ name: eve, logins: [eve@desk] }} ] }}\n",
        sha256("eve")
    );
    let gait = setup(tool.address).with(&login).start();
    let dan = Approver::local(&gait);
    let eve = Approver { token: "key-of-eve".to_owned(), ..dan.clone() };
    assert_eq!(put(&gait, "", "/v1/files/a", "", "x").status, 428);
    let id = dan.pending();
    let tokens = [dan.grant(&id), eve.grant(&id)].map(|token| shown(&token));
    assert_eq!(put(&gait, "", "/v1/files/a", &tokens[0], "x").status, 200);
    let again = put(&gait, "", "/v1/files/a", &tokens[1], "x");
    assert_eq!((again.status, tool.count()), (409, 1), "{}", again.text());
    assert!(says(&again, "approval_spent"), "{}", again.text());
}
