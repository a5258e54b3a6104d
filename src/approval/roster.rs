//! Who may approve what: the people of the config, and what their word is good for.
//!
//! A key or a login belongs to one person, so that two of them are two people. Rejected: believing
//! the name that a token says of itself, and roles without a person behind them.

use super::Requester;
use crate::intent::words::words;
use crate::sign::PublicKey;
use std::sync::Arc;

/// All who may approve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    approvers: Vec<Approver>,
}

/// One who may approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// The name: `approver_identity` of the tokens.
    pub name: Arc<str>,
    /// The keys that sign as this person, and nobody else.
    pub keys: Vec<PublicKey>,
    /// The logins of the admin API that are this person, and nobody else.
    pub logins: Vec<Arc<str>>,
    /// The callers that are this person; what they want, this person may not approve.
    pub identities: Vec<Arc<str>>,
    /// What the word is good for.
    pub may: May,
}

/// What an approver may approve. An empty list is no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct May {
    /// Names of tools; a `*` at the end stands for the rest of a name.
    pub tools: Vec<String>,
    /// Risk classes.
    pub risk_classes: Vec<String>,
    /// Names of routes; a `*` at the end stands for the rest of a name.
    pub routes: Vec<String>,
}

/// What is to be approved, as far as it decides who may.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The tool's name.
    pub tool_name: &'a str,
    /// The risk class.
    pub risk_class: &'a str,
    /// The route.
    pub route: &'a str,
    /// Who wants it.
    pub requester: &'a Requester,
}

words! {
    /// Why somebody's word does not count, as reason code.
    pub enum Unfit {
        IsRequester = "approver_is_requester",
        NotAuthorized = "approver_not_authorized",
        OutOfScope = "approver_out_of_scope",
    }
}

// === impl Roster ===

impl Roster {
    /// Those who may approve; whoever reads the config has seen to it that no key, login or name
    /// is there twice.
    pub fn new(approvers: Vec<Approver>) -> Roster {
        Roster { approvers }
    }

    /// All of them.
    pub fn approvers(&self) -> &[Approver] {
        &self.approvers
    }

    /// Whose login it is.
    pub fn by_login(&self, login: &str) -> Option<&Approver> {
        self.approvers.iter().find(|one| one.logins.iter().any(|own| **own == *login))
    }

    /// The approver `name`, if it still has that login.
    pub fn standing(&self, name: &str, login: &str) -> Option<&Approver> {
        self.by_login(login).filter(|approver| *approver.name == *name)
    }

    /// Every key with its owner.
    pub fn keys(&self) -> impl Iterator<Item = (&PublicKey, &Approver)> {
        self.approvers.iter().flat_map(|one| one.keys.iter().map(move |key| (key, one)))
    }
}

// === impl Approver ===

impl Approver {
    /// Whether this person may approve it.
    ///
    /// # Errors
    /// Why not.
    pub fn may_approve(&self, subject: &Subject<'_>) -> Result<(), Unfit> {
        let requester = subject.requester;
        if requester.includes(&self.name)
            || self.identities.iter().any(|one| requester.includes(one))
        {
            return Err(Unfit::IsRequester);
        }
        self.may_deny(subject)
    }

    /// Whether this person may say no to it; whoever wants it may also give it up.
    ///
    /// # Errors
    /// Why not.
    pub fn may_deny(&self, subject: &Subject<'_>) -> Result<(), Unfit> {
        match self.may.covers(subject) {
            true => Ok(()),
            false => Err(Unfit::OutOfScope),
        }
    }
}

// === impl May ===

impl May {
    fn covers(&self, subject: &Subject<'_>) -> bool {
        let risk = |word: &String| word == subject.risk_class;
        names(&self.tools, subject.tool_name)
            && names(&self.routes, subject.route)
            && (self.risk_classes.is_empty() || self.risk_classes.iter().any(risk))
    }
}

fn names(patterns: &[String], name: &str) -> bool {
    let fits = |pattern: &String| match pattern.strip_suffix('*') {
        Some(front) => name.starts_with(front),
        None => pattern == name,
    };
    patterns.is_empty() || patterns.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::super::Proof;
    use super::*;

    fn approver(may: May) -> Approver {
        Approver {
            name: "ada".into(),
            keys: Vec::new(),
            logins: vec!["ada@desk".into()],
            identities: vec!["sso:ada".into()],
            may,
        }
    }

    fn ask(approver: &Approver, identity: &str, behalf: &[&str]) -> Result<(), Unfit> {
        let behalf = behalf.iter().map(|name| (*name).to_owned()).collect();
        let requester = Requester { identity: identity.into(), proof: Proof::Proven, behalf };
        approver.may_approve(&Subject {
            tool_name: "files.delete",
            risk_class: "high",
            route: "files.delete",
            requester: &requester,
        })
    }

    #[test]
    fn nobody_approves_what_they_want_themselves() {
        let ada = approver(May::default());
        assert_eq!(ask(&ada, "bot", &[]), Ok(()));
        for (identity, behalf) in [
            ("ada", vec![]),
            ("sso:ada", vec![]),
            ("SSO:Ada", vec![]),
            ("bot", vec!["sso:ada"]),
            ("bot", vec!["x", "ada"]),
            ("SSO:Ada", vec![]),
            ("bot", vec!["sso:ＡＤＡ "]),
        ] {
            assert_eq!(ask(&ada, identity, &behalf), Err(Unfit::IsRequester), "{identity}");
        }
    }

    #[test]
    fn a_word_is_good_only_for_what_every_list_names() {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        type Words = &'static [&'static str];
        let rows: [(Words, Words, Words, bool); 7] = [
            (&["files.*"], &[], &[], true),
            (&["files.delete"], &["high"], &["files.*"], true),
            (&["files"], &[], &[], false),
            (&["*"], &[], &[], true),
            (&[], &["low", "critical"], &[], false),
            (&[], &[], &["files.write"], false),
            (&["files.*"], &["high"], &["bank.*"], false),
        ];
        for (tools, risks, routes, want) in rows {
            let may =
                May { tools: words(tools), risk_classes: words(risks), routes: words(routes) };
            assert_eq!(ask(&approver(may.clone()), "bot", &[]).is_ok(), want, "{may:?}");
        }
    }

    #[test]
    fn a_login_that_was_given_to_somebody_else_stands_for_nobody() {
        let roster = Roster::new(vec![approver(May::default())]);
        assert!(roster.standing("ada", "ada@desk").is_some());
        assert!(roster.standing("bob", "ada@desk").is_none());
        assert!(roster.standing("ada", "gone").is_none());
    }
}
