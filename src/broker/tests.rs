//! What the stub issues, against recorded answers, and what a receipt may not say.

use super::*;
use crate::intent::read;
use serde_json::{Value, json};

fn intent(context: Value) -> Intent {
    let mut all = json!({"identity": "team:blue", "workspace": "/opt/mint", "risk_class": "low"});
    all.as_object_mut().unwrap().extend(context.as_object().unwrap().clone());
    let intent = json!({
        "tool_name": "cart.close",
        "targets": [{"kind": "path", "value": "/opt/mint/f90.txt", "operation": "read"}],
        "context": all,
    });
    read::from_json(intent.to_string().as_bytes()).unwrap().normalise().unwrap()
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

/// A request of a run, and what the stub issues for it.
fn issued(own_scopes: &[&str]) -> (Request, Receipt) {
    let labels =
        json!({"session_id": "s-wester", "request_id": "q1", "run_id": "r1", "job_id": "j1"});
    let own_scopes = strings(own_scopes);
    let wanted = Wanted { reference: "ref-centre", own_scopes: &own_scopes, ..Wanted::default() };
    let request = Request::of(&intent(labels), &wanted).unwrap();
    let receipt = Broker::Stub.issue(&request).unwrap();
    (request, receipt)
}

#[test]
fn the_stub_names_credentials_as_the_public_tool_does() {
    let (request, receipt) = issued(&["zeta", "Alpha"]);
    assert_eq!(receipt.credential_ref, "stub:4d11b0be2f31eebed0b06bb3");
    assert_eq!(
        receipt.request_digest.unwrap().to_string(),
        "6d07884d494b1aeb9d3cb58d939e67a868322a63ed46c89d91dbdae3c2d41ff8"
    );
    assert_eq!(
        receipt.target_binding.to_string(),
        "116db49faa410c52273e14c2e8162611a5e648b7a0b7bbd7ced909e1ab609a75"
    );
    assert_eq!((receipt.run_binding.as_str(), receipt.job_binding.as_str()), ("r1", "j1"));
    assert_eq!((receipt.issuer.as_str(), receipt.ttl_seconds), ("stub", 300));
    assert_eq!(receipt.scope, ["alpha", "zeta"]);
    assert_eq!(receipt.faults(&request, &[]), ["broker_scope_mismatch"]);
}

#[test]
fn what_the_stub_issues_is_what_was_asked_for() {
    let (request, receipt) = issued(&["zeta"]);
    let issuers = strings(&["stub"]);
    let strict = Terms {
        jit: true,
        no_standing: true,
        max_ttl_seconds: 300,
        sources: &[CredentialSource::Stub],
        issuers: &issuers,
        access_types: &[AccessType::Jit],
    };
    assert!(receipt.faults(&request, &[strict, Terms::default()]).is_empty());
}

#[test]
fn the_caller_s_reference_wins_and_scopes_are_joined() {
    let (rules, own) = (strings(&["read", "write"]), strings(&["admin", "read"]));
    let wanted =
        Wanted { reference: "of-rule", scopes: &rules, own_reference: " own ", own_scopes: &own };
    let request = Request::of(&intent(json!({})), &wanted).unwrap();
    assert_eq!(
        (request.reference.as_str(), request.scope.join(",")),
        ("own", "admin,read,write".to_owned())
    );
    let blank = Wanted { own_reference: "  ", ..wanted };
    assert_eq!(Request::of(&intent(json!({})), &blank).unwrap().reference, "of-rule");
}

#[test]
fn every_departure_has_its_code() {
    let (request, good) = issued(&["zeta"]);
    let other = Digest::of(b"other");
    for (code, receipt) in [
        ("broker_request_digest_missing", Receipt { request_digest: None, ..good.clone() }),
        ("broker_request_digest_mismatch", Receipt { request_digest: Some(other), ..good.clone() }),
        ("broker_scope_mismatch", Receipt { scope: strings(&["Zeta"]), ..good.clone() }),
        ("broker_target_binding_mismatch", Receipt { target_binding: other, ..good.clone() }),
        ("broker_run_binding_mismatch", Receipt { run_binding: String::new(), ..good.clone() }),
        ("broker_job_binding_mismatch", Receipt { job_binding: "j2".to_owned(), ..good.clone() }),
    ] {
        assert_eq!(receipt.faults(&request, &[]), [code]);
    }
    let claimed = Request { claimed_ref: good.credential_ref.clone(), ..request.clone() };
    assert!(good.faults(&claimed, &[]).is_empty());
    let claimed = Request { claimed_ref: good.credential_ref.to_uppercase(), ..request };
    assert_eq!(good.faults(&claimed, &[]), ["broker_credential_ref_mismatch"]);
}

#[test]
fn every_rule_has_its_say() {
    let (request, jit) = issued(&[]);
    let static_one = Receipt { access_type: AccessType::Static, ..jit.clone() };
    let issuers = strings(&["Stub"]);
    for (code, receipt, terms) in [
        ("broker_ttl_exceeded", &jit, Terms { max_ttl_seconds: 299, ..Terms::default() }),
        ("credential_not_jit", &static_one, Terms { jit: true, ..Terms::default() }),
        (
            "standing_credential_disallowed",
            &static_one,
            Terms { no_standing: true, ..Terms::default() },
        ),
        (
            "credential_source_disallowed",
            &jit,
            Terms { sources: &[CredentialSource::Env], ..Terms::default() },
        ),
        ("credential_issuer_disallowed", &jit, Terms { issuers: &issuers, ..Terms::default() }),
        (
            "credential_access_type_disallowed",
            &jit,
            Terms { access_types: &[AccessType::Static], ..Terms::default() },
        ),
    ] {
        assert_eq!(receipt.faults(&request, &[Terms::default(), terms, terms]), [code]);
    }
}

#[test]
fn only_the_stub_is_there() {
    assert_eq!(Broker::parse(" STUB "), Ok(Some(Broker::Stub)));
    for off in ["", " ", "off", "None"] {
        assert_eq!(Broker::parse(off), Ok(None), "{off:?}");
    }
    let said = |name: &str| Broker::parse(name).unwrap_err().to_string();
    assert_eq!(said(" Nope "), "unsupported credential broker: nope");
    assert!(said("env").contains("not supported") && said("COMMAND").contains("not supported"));
}
