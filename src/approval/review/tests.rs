//! Whose words count, for what, and until when.

use super::super::{Grant, May, Proof, Requester};
use super::*;
use crate::sign::PrivateKey;

struct Scene {
    ada: PrivateKey,
    bob: PrivateKey,
    gateway: PrivateKey,
    roster: Roster,
    wanted: Wanted,
}

fn time(text: &str) -> Time {
    Time::from_timestamp(text.parse().unwrap())
}

fn approver(name: &str, key: &PrivateKey) -> Approver {
    Approver {
        name: name.into(),
        keys: vec![key.public()],
        logins: vec![format!("{name}@desk").into()],
        identities: vec![format!("sso:{name}").into()],
        may: May { tools: vec!["files.*".to_owned()], ..May::default() },
    }
}

impl Scene {
    fn new() -> Scene {
        let key = || PrivateKey::generate().unwrap();
        let (ada, bob, gateway) = (key(), key(), key());
        let roster = Roster::new(vec![approver("ada", &ada), approver("bob", &bob)]);
        let wanted = Wanted {
            intent_digest: Digest::of(b"intent"),
            policy_digest: Digest::of(b"policy"),
            delegation_digest: None,
            scope: vec!["tool:files.delete".to_owned()],
            targets: 1,
            operations: 1,
        };
        Scene { ada, bob, gateway, roster, wanted }
    }

    fn grant(&self, approver: &str) -> Grant {
        Grant {
            intent_digest: self.wanted.intent_digest.to_string(),
            policy_digest: self.wanted.policy_digest.to_string(),
            delegation_binding_digest: String::new(),
            approver_identity: approver.to_owned(),
            reason_code: "looked_ok".to_owned(),
            scope: self.wanted.scope.clone(),
            max_targets: 0,
            max_ops: 0,
            created_at: time("2026-01-01T00:00:00Z"),
            expires_at: time("2026-01-01T01:00:00Z"),
        }
    }

    fn token(&self, approver: &str, key: &PrivateKey) -> Token {
        self.grant(approver).mint(key).unwrap()
    }

    fn review(&self, words: &[Word], min_approvals: u64, requester: &str, now: &str) -> Review {
        let requester =
            Requester { identity: requester.into(), proof: Proof::Proven, behalf: Vec::new() };
        let demand = Demand { min_approvals, approvers: Approvers::Distinct };
        let bench = Bench {
            roster: &self.roster,
            gateway: &self.gateway.public(),
            wanted: &self.wanted,
            subject: Subject {
                tool_name: "files.delete",
                risk_class: "high",
                route: "r",
                requester: &requester,
            },
            demand: &demand,
            now: time(now),
        };
        bench.review(words)
    }
}

const NOW: &str = "2026-01-01T00:30:00Z";

fn signed(token: Token) -> Word {
    Word { token, origin: Origin::Signed }
}

fn recorded(token: Token, login: &str) -> Word {
    Word { token, origin: Origin::Recorded { login: login.into() } }
}

#[test]
fn a_word_counts_only_from_its_owner_and_only_while_it_stands() {
    let scene = Scene::new();
    let (ada, gateway) = (&scene.ada, &scene.gateway);
    let stranger = PrivateKey::generate().unwrap();
    let rows: [(Word, &str, &str, &[&str]); 11] = [
        (signed(scene.token("ada", ada)), "bot", NOW, &["approval_granted"]),
        (recorded(scene.token("ada", gateway), "ada@desk"), "bot", NOW, &["approval_granted"]),
        (signed(scene.token("bob", ada)), "bot", NOW, &["approver_not_authorized"]),
        (signed(scene.token("ada", &stranger)), "bot", NOW, &["approval_token_signature_invalid"]),
        // The gateway's key is nobody's own.
        (signed(scene.token("ada", gateway)), "bot", NOW, &["approval_token_signature_invalid"]),
        (signed(scene.token("ada", ada)), "ada", NOW, &["approver_is_requester"]),
        (signed(scene.token("ada", ada)), "sso:ada", NOW, &["approver_is_requester"]),
        (
            signed(scene.token("ada", ada)),
            "bot",
            "2026-01-01T01:00:00Z",
            &["approval_token_expired"],
        ),
        (recorded(scene.token("ada", gateway), "gone"), "bot", NOW, &["approver_not_authorized"]),
        (
            recorded(scene.token("ada", ada), "ada@desk"),
            "bot",
            NOW,
            &["approval_token_signature_invalid"],
        ),
        (
            Word { token: scene.token("ada", ada), origin: Origin::Spent },
            "bot",
            NOW,
            &["approval_spent"],
        ),
    ];
    for (at, (word, requester, now, want)) in rows.into_iter().enumerate() {
        let review = scene.review(&[word], 1, requester, now);
        let is_enough = *want == ["approval_granted"];
        let lacks: &[&str] = if is_enough { &[] } else { &["approval_chain_insufficient"] };
        let mut codes: Vec<&str> = want.iter().chain(lacks).copied().collect();
        codes.sort_unstable();
        assert_eq!(review.reason_codes(), codes, "row {at}");
        assert_eq!(review.sanction.is_some(), is_enough, "row {at}");
    }
}

#[test]
fn what_the_gateway_signed_is_nobodys_own_word() {
    let scene = Scene::new();
    let mut ada = approver("ada", &scene.ada);
    ada.keys.push(scene.gateway.public());
    let token = scene.token("ada", &scene.gateway);
    let scene = Scene { roster: Roster::new(vec![ada]), ..scene };
    let review =
        scene.review(&[Word { token, origin: Origin::Signed }], 1, "bot", "2026-01-01T00:30:00Z");
    assert_eq!(review.refused, ["approval_token_signature_invalid"]);
}

#[test]
fn a_token_that_names_no_key_is_held_against_all() {
    let scene = Scene::new();
    let mut value = serde_json::to_value(scene.token("bob", &scene.bob)).unwrap();
    value["signature"]["key_id"] = "".into();
    let token = Token::read(value.to_string().as_bytes()).unwrap();
    assert!(scene.review(&[signed(token)], 1, "bot", NOW).sanction.is_some());
}

#[test]
fn two_approvals_are_two_tokens_of_two_people() {
    let scene = Scene::new();
    let (ada, bob) = (scene.token("ada", &scene.ada), scene.token("bob", &scene.bob));
    let later = Grant { expires_at: time("2026-01-01T02:00:00Z"), ..scene.grant("ada") };
    let desk = recorded(later.mint(&scene.gateway).unwrap(), "ada@desk");
    let review = |words: &[Word]| scene.review(words, 2, "bot", NOW);
    let both = review(&[signed(ada.clone()), signed(bob.clone())]);
    let sanction = both.sanction.unwrap();
    assert_eq!(sanction.approvers(), ["ada".into(), "bob".into()]);
    assert_eq!(sanction.tokens().len(), 2);
    assert!(sanction.covers(scene.wanted.intent_digest, scene.wanted.policy_digest));
    assert!(!sanction.covers(scene.wanted.policy_digest, scene.wanted.intent_digest));
    // The same token twice is one, and one person with two keys is one.
    let twice = review(&[signed(ada.clone()), signed(ada.clone())]);
    assert_eq!((twice.valid, twice.sanction.is_some()), (1, false));
    let one_person = review(&[signed(ada), desk]);
    assert_eq!(one_person.lacks, ["approval_distinct_approvers_required"]);
    assert_eq!(review(&[]).reason_codes(), ["approval_token_missing"]);
}
