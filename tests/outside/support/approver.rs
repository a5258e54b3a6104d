//! Somebody who looks after approvals, over the admin API with literal requests.

use super::client::send;
use super::message::Response;
use super::{Gait, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;

/// A login of the admin API.
#[derive(Clone, Debug)]
pub(crate) struct Approver {
    /// The admin listener.
    pub(crate) address: SocketAddr,
    /// The bearer token.
    pub(crate) token: String,
}

impl Approver {
    /// The login `local`, by the token in the state directory.
    pub(crate) fn local(gait: &Gait) -> Approver {
        let address = gait.listener("admin").parse().unwrap();
        let token = fs::read_to_string(gait.dir().join("state/admin.token")).unwrap();
        Approver { address, token: token.trim().to_owned() }
    }

    /// Sends one request; `lines` are further header fields.
    pub(crate) fn send(&self, method: &str, path: &str, lines: &str, body: &str) -> Response {
        let Approver { address, token } = self;
        send(
            *address,
            format!(
                "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/json\r\n{lines}Content-Length: {}\r\nConnection: \
                 close\r\n\r\n{body}",
                body.len()
            ),
        )
    }

    /// One GET that is answered.
    pub(crate) fn get(&self, path: &str) -> Value {
        let response = self.send("GET", path, "", "");
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        response.json()
    }

    /// Requests in these states, newest first.
    pub(crate) fn list(&self, states: &str) -> Vec<Value> {
        self.get(&format!("/v1/approvals?state={states}"))["approvals"].as_array().unwrap().clone()
    }

    /// Waits for the one request that is pending.
    pub(crate) fn pending(&self) -> String {
        wait_for("one pending request", || match self.list("pending").as_slice() {
            [only] => Some(only["id"].as_str().unwrap().to_owned()),
            _ => None,
        })
    }

    /// One request, whole.
    pub(crate) fn show(&self, id: &str) -> Value {
        self.get(&format!("/v1/approvals/{id}"))
    }

    /// Says yes or no to a request as it stands.
    pub(crate) fn say(&self, word: &str, id: &str, body: &Value) -> Response {
        let version = &self.show(id)["version"];
        let lines = format!("If-Match: \"{version}\"\r\n");
        self.send("POST", &format!("/v1/approvals/{id}/{word}"), &lines, &body.to_string())
    }

    /// Grants it; the header value for a caller that must show a token, else `null`.
    pub(crate) fn grant(&self, id: &str) -> Value {
        let answer = self.say("grant", id, &json!({"reason": "looked at it"}));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["token"]["gait_approval"].clone()
    }

    /// Denies it.
    pub(crate) fn deny(&self, id: &str) {
        let answer = self.say("deny", id, &json!({"reason": "not today"}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
