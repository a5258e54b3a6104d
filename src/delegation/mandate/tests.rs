//! Which tokens make a chain, what of them goes into an intent, and what they prove of it.

use super::super::{Grant, NOT_GRANTED};
use super::*;
use crate::intent::time;
use crate::intent::{ContextDraft, Draft};
use crate::sign::PrivateKey;

fn at(text: &str) -> Time {
    time::parse(text).unwrap()
}

fn now() -> Time {
    at("2026-03-01T12:00:00Z")
}

fn grant(delegator: &str, delegate: &str) -> Grant {
    Grant {
        delegator_identity: delegator.to_owned(),
        delegate_identity: delegate.to_owned(),
        scope: vec!["Write".to_owned()],
        scope_class: "Ops".to_owned(),
        intent_digest: String::new(),
        policy_digest: String::new(),
        created_at: at("2026-03-01T11:00:00Z"),
        expires_at: at("2026-03-01T12:30:00Z"),
    }
}

/// Two keys that count and one that does not.
struct Scene {
    keys: Vec<PrivateKey>,
    stranger: PrivateKey,
}

impl Scene {
    fn new() -> Scene {
        let key = || PrivateKey::generate().unwrap();
        Scene { keys: vec![key(), key()], stranger: key() }
    }

    fn text(&self, key: usize, grant: Grant) -> Vec<u8> {
        let key = self.keys.get(key).unwrap_or(&self.stranger);
        serde_json::to_vec(&grant.mint(key).unwrap()).unwrap()
    }

    fn texts(&self, links: &[(&str, &str)]) -> Vec<Vec<u8>> {
        let text =
            |(number, (from, to)): (usize, &(&str, &str))| self.text(number % 2, grant(from, to));
        links.iter().enumerate().map(text).collect()
    }

    fn read(&self, texts: &[Vec<u8>], caller: Option<&str>) -> Result<Mandate, Code> {
        let keys = Keys::new(self.keys.iter().map(PrivateKey::public));
        Mandate::read(texts, &keys, caller, now())
    }
}

fn intent(mandate: &Mandate) -> Intent {
    let context = ContextDraft {
        identity: "ada".into(),
        workspace: "/w".into(),
        risk_class: "low".into(),
        ..ContextDraft::default()
    };
    let delegation = Some(mandate.draft());
    Draft { tool_name: "t".into(), context, delegation, ..Draft::default() }.normalise().unwrap()
}

fn question<'a>(intent: &'a Intent, scopes: &'a [String]) -> Question<'a> {
    Question { intent, policy: Digest::of(b"policy"), scopes, now: now() }
}

#[test]
fn tokens_in_any_order_make_one_chain_that_ends_at_the_caller() {
    let scene = Scene::new();
    let links = [("boss", "lead"), ("lead", "ci"), ("ci", "ada")];
    let straight = scene.texts(&links);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let texts: Vec<_> = order.map(|place: usize| straight[place].clone()).into();
        let draft = scene.read(&texts, Some(" ada ")).unwrap().draft();
        assert_eq!(draft.requester_identity, "ada");
        assert_eq!(draft.scope_class, "ops");
        let chain: Vec<_> = draft
            .chain
            .iter()
            .map(|link| (&*link.delegator_identity, &*link.delegate_identity))
            .collect();
        assert_eq!(chain, links);
    }
}

/// Links, the caller, and what is wrong.
type Row = (&'static [(&'static str, &'static str)], Option<&'static str>, Code);

#[test]
fn what_is_no_chain_to_the_caller_is_refused() {
    let scene = Scene::new();
    let rows: [Row; 8] = [
        (&[("lead", "ada")], Some("eve"), Code::DelegateMismatch),
        (&[("lead", "ada")], Some("Ada"), Code::DelegateMismatch),
        (&[("lead", "ada")], None, Code::DelegateMismatch),
        (&[("ada", "lead")], Some("ada"), Code::DelegateMismatch),
        (&[("boss", "lead"), ("ci", "ada")], Some("ada"), Code::ChainMismatch),
        (&[("boss", "ada"), ("lead", "ada")], Some("ada"), Code::ChainMismatch),
        (&[("lead", "ada"), ("lead", "ada")], Some("ada"), Code::ChainMismatch),
        (&[("lead", "ada"), ("ada", "eve")], Some("ada"), Code::ChainMismatch),
    ];
    for (links, caller, code) in rows {
        let texts = scene.texts(links);
        assert_eq!(scene.read(&texts, caller).unwrap_err(), code, "{links:?}");
    }
    // A ring has one order and ends.
    assert!(scene.read(&scene.texts(&[("lead", "ada"), ("ada", "lead")]), Some("ada")).is_ok());
}

#[test]
fn every_token_is_proven_first() {
    let scene = Scene::new();
    let sound = scene.text(0, grant("boss", "lead"));
    let stale = Grant { expires_at: now(), ..grant("lead", "ada") };
    let unsigned = |change: fn(&mut serde_json::Value)| {
        let mut value: serde_json::Value =
            serde_json::from_slice(&scene.text(0, grant("lead", "ada"))).unwrap();
        change(&mut value);
        value.to_string().into_bytes()
    };
    let rows = [
        (b"{".to_vec(), Code::Invalid),
        (b"null".to_vec(), Code::Invalid),
        (scene.text(0, stale), Code::Expired),
        (scene.text(2, grant("lead", "ada")), Code::SignatureInvalid),
        (unsigned(|token| token["signature"] = serde_json::Value::Null), Code::SignatureMissing),
        (unsigned(|token| token["signature"]["key_id"] = "".into()), Code::SignatureInvalid),
        (unsigned(|token| token["delegator_identity"] = "eve".into()), Code::SignatureInvalid),
        (unsigned(|token| token["token_id"] = "".into()), Code::Invalid),
    ];
    for (text, code) in rows {
        let refused = scene.read(&[sound.clone(), text], Some("ada"));
        assert_eq!(refused.unwrap_err(), code);
    }
}

#[test]
fn a_renewed_token_leaves_the_intent_as_it_was() {
    let scene = Scene::new();
    let before = scene.read(&[scene.text(0, grant("lead", "ada"))], Some("ada")).unwrap();
    let renewed = Grant { expires_at: at("2026-03-02T12:30:00Z"), ..grant("lead", "ada") };
    let after = scene.read(&[scene.text(1, renewed)], Some("ada")).unwrap();
    assert_eq!(intent(&before).digest(), intent(&after).digest());
    assert_ne!(before.token_ids(), after.token_ids());
    // So that a token can name the intent that it is for.
    let bound = intent(&before).digest().to_string();
    let bound = Grant { intent_digest: bound, ..grant("lead", "ada") };
    let bound = scene.read(&[scene.text(0, bound)], Some("ada")).unwrap();
    assert_eq!(bound.misfit(&question(&intent(&bound), &[])), None);
}

#[test]
fn proof_is_of_one_intent_one_policy_and_these_scopes() {
    let scene = Scene::new();
    let mandate = scene.read(&scene.texts(&[("boss", "lead"), ("lead", "ada")]), Some("ada"));
    let mandate = mandate.unwrap();
    let (intent, scopes) = (intent(&mandate), ["write".to_owned()]);
    let question = question(&intent, &scopes);
    let (outcome, delegated) = mandate.answer(&question);
    assert_eq!((outcome.reason_codes, outcome.valid), (vec!["delegation_granted"], 2));
    let delegated = delegated.unwrap();
    assert!(delegated.covers(&intent, question.policy, &scopes));
    assert!(!delegated.covers(&intent, Digest::of(b"other"), &scopes));
    assert!(!delegated.covers(&intent, question.policy, &[]));
    let other = Draft { tool_name: "u".into(), ..Draft::default() };
    let context = intent.context();
    let context = ContextDraft {
        identity: context.identity.clone(),
        workspace: context.workspace.clone(),
        risk_class: context.risk_class.clone(),
        ..ContextDraft::default()
    };
    let other = Draft { context, ..other }.normalise().unwrap();
    assert!(!delegated.covers(&other, question.policy, &scopes));
}

#[test]
fn what_is_not_proven_says_why() {
    let scene = Scene::new();
    let read = |grant: Grant| scene.read(&[scene.text(0, grant)], Some("ada")).unwrap();
    let other = Digest::of(b"other").to_string();
    let rows = [
        (read(grant("lead", "ada")), vec!["admin".to_owned()], Code::ScopeMismatch, None),
        (
            read(Grant { intent_digest: other.clone(), ..grant("lead", "ada") }),
            vec![],
            Code::IntentMismatch,
            Some(Code::IntentMismatch),
        ),
        (
            read(Grant { policy_digest: other, ..grant("lead", "ada") }),
            vec![],
            Code::PolicyMismatch,
            Some(Code::PolicyMismatch),
        ),
    ];
    for (mandate, scopes, code, misfit) in rows {
        let intent = intent(&mandate);
        let question = question(&intent, &scopes);
        let (outcome, delegated) = mandate.answer(&question);
        assert!(delegated.is_none());
        assert_eq!(outcome.violation, Some(NOT_GRANTED));
        assert!(outcome.reason_codes.contains(&code.as_str()), "{:?}", outcome.reason_codes);
        assert_eq!(mandate.misfit(&question), misfit);
    }
}

#[test]
fn a_token_that_runs_out_while_the_body_comes_proves_nothing() {
    let scene = Scene::new();
    let mandate = scene.read(&scene.texts(&[("lead", "ada")]), Some("ada")).unwrap();
    let intent = intent(&mandate);
    let late = Question { now: at("2026-03-01T12:30:00Z"), ..question(&intent, &[]) };
    let (outcome, delegated) = mandate.answer(&late);
    assert!(delegated.is_none());
    assert_eq!(mandate.misfit(&late), Some(Code::Expired), "rules match on it without a proof");
    assert!(outcome.reason_codes.contains(&Code::Expired.as_str()));
}
