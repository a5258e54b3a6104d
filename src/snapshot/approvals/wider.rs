//! Whether somebody may approve what nobody could have them approve before.
//!
//! Names, keys, tokens of logins, exclusions and bounds are compared as they stand. Rejected:
//! asking for each tool and caller whether it could be approved now and not before, since there is
//! no end of tools and callers.

use super::Approvals;
use crate::approval::{Approver, May};
use crate::json::Digest;

impl Approvals {
    /// Whether somebody may approve something who could not under `old`: a new approver, key,
    /// login or token, a bound that covers more, or an approver who is fewer callers.
    pub fn are_wider_than(&self, old: &Approvals) -> bool {
        let before =
            |name: &str| old.roster.approvers().iter().find(|approver| *approver.name == *name);
        self.roster.approvers().iter().any(|approver| match before(&approver.name) {
            Some(before) => {
                wider(approver, before)
                    || approver.logins.iter().any(|login| self.token(login) != old.token(login))
            }
            None => true,
        })
    }

    /// The token of a login; `None` for that of the state directory.
    fn token(&self, login: &str) -> Option<Digest> {
        self.logins.iter().find(|known| *known.name == *login).map(|login| login.token)
    }
}

fn wider(new: &Approver, old: &Approver) -> bool {
    new.keys.iter().any(|key| !old.keys.contains(key))
        || new.logins.iter().any(|login| !old.logins.contains(login))
        || old.identities.iter().any(|identity| !new.identities.contains(identity))
        || wider_bounds(&new.may, &old.may)
}

fn wider_bounds(new: &May, old: &May) -> bool {
    let exceeds = |new: &[String], old: &[String]| {
        !old.is_empty() && (new.is_empty() || new.iter().any(|pattern| !covered(pattern, old)))
    };
    exceeds(&new.tools, &old.tools)
        || exceeds(&new.risk_classes, &old.risk_classes)
        || exceeds(&new.routes, &old.routes)
}

/// Whether one of `patterns` has every name that `pattern` has.
fn covered(pattern: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|other| match other.strip_suffix('*') {
        Some(front) => pattern.starts_with(front),
        None => pattern == other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::Roster;
    use crate::sign::PrivateKey;
    use crate::snapshot::{Login, Role};

    fn ada() -> Approver {
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Approver {
            name: "ada".into(),
            keys: Vec::new(),
            logins: vec!["ada@desk".into()],
            identities: vec!["sso:ada".into()],
            may: May {
                tools: text(&["files.*"]),
                risk_classes: text(&["high"]),
                routes: text(&[]),
            },
        }
    }

    fn approvals(approvers: Vec<Approver>, token: &str) -> Approvals {
        let token = Digest::of(token.as_bytes());
        let logins = vec![Login { name: "ada@desk".into(), role: Role::Approver, token }];
        Approvals { roster: Roster::new(approvers), logins, ..Approvals::default() }
    }

    #[test]
    fn more_is_told_from_less() {
        let key = PrivateKey::generate().unwrap().public();
        type Change = (fn(&mut Approver), bool);
        let changes: [Change; 10] = [
            (|_| {}, false),
            (|ada| ada.name = "bob".into(), true),
            (|ada| ada.logins.push("local".into()), true),
            (|ada| ada.logins.clear(), false),
            (|ada| ada.identities.clear(), true),
            (|ada| ada.identities.push("sso:ada2".into()), false),
            (|ada| ada.may.tools = vec!["files.delete".into(), "files.a*".into()], false),
            (|ada| ada.may.tools = vec!["file*".into()], true),
            (|ada| ada.may.risk_classes.clear(), true),
            (|ada| ada.may.routes.push("files.*".into()), false),
        ];
        let old = approvals(vec![ada()], "a");
        for (at, (change, wider)) in changes.into_iter().enumerate() {
            let mut changed = ada();
            change(&mut changed);
            let new = approvals(vec![changed], "a");
            assert_eq!(new.are_wider_than(&old), wider, "{at}");
        }
        let keyed = Approver { keys: vec![key], ..ada() };
        assert!(approvals(vec![keyed.clone()], "a").are_wider_than(&old));
        assert!(!old.are_wider_than(&approvals(vec![keyed], "a")));
    }

    #[test]
    fn another_token_is_another_person_and_one_approver_less_is_not() {
        let old = approvals(vec![ada(), Approver { name: "bob".into(), ..ada() }], "a");
        assert!(approvals(vec![ada()], "b").are_wider_than(&old));
        assert!(!approvals(vec![ada()], "a").are_wider_than(&old));
        assert!(Approvals::default().are_wider_than(&old), "whoever can read the state directory");
    }
}
