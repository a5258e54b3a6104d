//! What is left of an intent, and what is told of the rest.

use super::*;
use crate::intent::read;
use serde_json::json;

/// An intent with these arguments and one target.
fn intent(args: Value, target: &str) -> Intent {
    let document = json!({
        "tool_name": "t", "args": args, "targets": [{"kind": "url", "value": target}],
        "context": {"identity": "ada", "workspace": "/w", "risk_class": "low",
            "auth_context": {"claim": "Bearer abcdefgh1", "request": "x"}},
    });
    read::from_json(document.to_string().as_bytes()).unwrap().normalise().unwrap()
}

fn concealed(args: Value, target: &str, masks: &[&str]) -> Concealed {
    let mut concealing = Concealing::of(&intent(args, target)).unwrap();
    let masks: Vec<String> = masks.iter().map(|mask| (*mask).to_owned()).collect();
    concealing.mask(&masks);
    concealing.finish()
}

#[test]
fn what_a_route_masks_is_said_nowhere() {
    let args = json!({
        "user": "ada", "pin": 987_654, "note": "pin 987654 of Ada", "a/b": {"~": ["S3CRET-CODE"]},
        "code": "s3cret-code",
    });
    let masks = ["/pin", "/code", "/missing"];
    let found = concealed(args, "https://h.test/s3%63ret-code?p=1", &masks);
    let args = json!({
        "user": "ada", "pin": "***", "note": "***", "a/b": {"~": ["***"]}, "code": "***",
    });
    assert_eq!(found.document["args"], args);
    assert_eq!(found.document["targets"][0]["value"], "***");
    let mut masked = found.masked;
    masked.sort_unstable();
    let wanted = [
        "/args/a~1b/~0/0",
        "/args/code",
        "/args/note",
        "/args/pin",
        "/context/auth_context/claim",
        "/targets/0/value",
    ];
    assert_eq!(masked, wanted);
}

#[test]
fn what_looks_like_a_credential_is_masked_with_whatever_says_it() {
    let args = json!({
        "password": "hunter2", "path": "/reset/hunter2", "n": 2, "token_count": 7, "token": 8_812,
        "secret": {"a": [1, "x-y-z"]}, "list": ["see", "x-y-z", "xoxb-1234-5678-abcdef"],
        "xoxb-9999-5678-abcdef": true, "tokens": ["abcd1234efgh5678"], "cookie": null,
        "password_ref": "vault", "credentials": [], "of": 8_812,
    });
    let found = concealed(args, "https://ada:pw@h.test/", &[]);
    let args = json!({
        "password": "***", "path": "***", "n": 2, "token_count": 7, "token": "***",
        "secret": "***", "list": ["see", "***", "***"], "***": "***", "tokens": ["***"],
        "cookie": null, "password_ref": "vault", "credentials": [], "of": "***",
    });
    assert_eq!(found.document["args"], args);
    let mut masked = found.masked;
    masked.sort_unstable();
    let wanted = [
        "/args/***",
        "/args/list/1",
        "/args/list/2",
        "/args/of",
        "/args/password",
        "/args/path",
        "/args/secret",
        "/args/token",
        "/args/tokens/0",
        "/context/auth_context/claim",
        "/targets/0/value",
    ];
    assert_eq!(masked, wanted);
}

#[test]
fn what_is_secret_in_one_text_is_not_said_alone_in_another() {
    let args = json!({"path": "reset/hunter2", "again": "of hunter 2", "as": "S3%43RET-code"});
    let target = "https://h.test/x?password=hunter2&token=s3cret%2Dcode";
    let found = concealed(args, target, &[]);
    let args = json!({"path": "***", "again": "of hunter 2", "as": "***"});
    assert_eq!(found.document["args"], args);
}

#[test]
fn names_of_the_format_stay_whatever_is_hidden() {
    let found = concealed(json!({"a": "args", "tool_name": 1}), "https://h.test/", &["/a"]);
    assert_eq!(found.document["args"], json!({"a": "***", "tool_name": 1}));
    assert_eq!(found.document["tool_name"], "t");
}

#[test]
fn nothing_is_told_of_an_intent_that_holds_nothing() {
    let document = json!({"tool_name": "t", "args": {"a": "b"},
        "context": {"identity": "ada", "workspace": "/w", "risk_class": "low"}});
    let intent = read::from_json(document.to_string().as_bytes()).unwrap().normalise().unwrap();
    let concealing = Concealing::of(&intent).unwrap();
    assert_eq!(concealing.document(), &serde_json::to_value(&intent).unwrap());
    let found = concealing.finish();
    assert_eq!(found.document, serde_json::to_value(&intent).unwrap());
    assert!(found.masked.is_empty());
}

#[test]
fn what_is_not_shown_itself_still_hides_what_the_rest_must_not_say() {
    let mut concealing = Concealing::of(&intent(
        json!({"password": "hunter2", "pin": 987_654, "a": "b"}),
        "https://h.test/?token=s3cret-code",
    ))
    .unwrap();
    concealing.mask(&["/pin".to_owned()]);
    let Concealed { document, masked, hidden, .. } = concealing.omit();
    assert_eq!((document, masked), (Value::Null, vec!["/args/pin".to_owned()]));
    assert_eq!(hidden.path("/hunter2/987654/s3cret-code/b"), "/***/***/***/b");
}

/// Long names above many masks would make the list of them the square of the document.
#[test]
fn the_places_of_masks_are_bounded_and_their_length_is_told() {
    let name = "n".repeat(1 << 10);
    let secrets: Vec<String> = (0..1_000).map(|n| format!("ghp_0123456789abcdef{n}")).collect();
    let found = concealed(json!({ name.as_str(): secrets }), "https://h.test/", &[]);
    assert!(found.document["args"][&name].as_array().unwrap().iter().all(|one| one == "***"));
    let told: usize = found.masked.iter().map(String::len).sum();
    assert!((60 << 10..=64 << 10).contains(&told), "{told}");
    assert!(found.pointer_bytes > 1_000 << 10, "{}", found.pointer_bytes);
}
