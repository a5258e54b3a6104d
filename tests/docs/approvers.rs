//! `config/approvals` is an example of two people who approve: what it says, it does.

use super::{root, text};
use gait::approval::{Approver, Proof, Requester, Subject};
use gait::config::{Config, Environment, Source};
use gait::snapshot::Role;
use std::fs;
use std::time::Duration;

const FOLDER: &str = "config/approvals";

fn example() -> Config {
    let source = Source::File(root().join(FOLDER).join("gait.yaml"));
    source.load(&Environment::default()).unwrap()
}

fn may(approver: &Approver, route: &str, identity: &str) -> bool {
    let requester =
        Requester { identity: identity.into(), proof: Proof::Proven, behalf: Vec::new() };
    let subject = Subject { tool_name: route, risk_class: "high", route, requester: &requester };
    approver.may_approve(&subject).is_ok()
}

#[test]
fn two_people_have_a_key_and_a_login_each() {
    let approvals = example().plan.approvals;
    let [ada, bob] = approvals.roster.approvers() else { panic!("two approvers") };
    for approver in [ada, bob] {
        assert_eq!((approver.keys.len(), approver.logins.len()), (1, 1), "{}", approver.name);
        assert!(may(approver, "orders.refund", "sso:carl"));
        assert!(!may(approver, "orders.refund", &format!("sso:{}", approver.name)));
    }
    assert!(may(ada, "bank.transfer", "sso:bob") && !may(bob, "bank.transfer", "sso:ada"));
    assert!(approvals.logins.iter().all(|login| login.role == Role::Approver));
}

#[test]
fn a_refund_waits_for_one_and_a_deletion_for_two() {
    let config = example();
    let asked = config.policy.rules().iter().map(|rule| (&*rule.name, rule.min_approvals));
    let asked: Vec<_> = asked.filter(|(_, count)| *count > 0).collect();
    assert_eq!(asked, [("one-approves-refunds", 1), ("two-approve-deletions", 2)]);
    let held = config.plan.routes.iter().find(|route| !route.approval.hold.is_zero()).unwrap();
    assert_eq!((&*held.name, held.approval.hold), ("orders.refund", Duration::from_secs(30)));
    assert_eq!(*held.approval.masks, ["/iban"]);
}

/// With one approver fewer the deletions would wait for ever; the start says so.
#[test]
fn an_approver_too_few_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["policy.yaml", "ada_public.key", "bob_public.key"] {
        fs::copy(root().join(FOLDER).join(file), folder.path().join(file)).unwrap();
    }
    let narrow = text("config/approvals/gait.yaml").replace("orders.*", "orders.refund");
    fs::write(folder.path().join("gait.yaml"), narrow).unwrap();
    let source = Source::File(folder.path().join("gait.yaml"));
    let warnings = source.load(&Environment::default()).unwrap().warnings;
    let [warning] = warnings.as_slice() else { panic!("one warning: {warnings:?}") };
    assert!(warning.contains("`two-approve-deletions` wants 2 approvals"), "{warning}");
}

/// Who copies the example has a gate that nobody can open, and not one that everybody can.
#[test]
fn no_private_key_lies_beside_it() {
    for entry in fs::read_dir(root().join(FOLDER)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(["gait.yaml", "policy.yaml", "ada_public.key", "bob_public.key"].contains(&&*name));
    }
}
