//! A store with three approvers, and what is asked of it.

use super::super::*;
use crate::approval::{
    Approver, Approvers, Bench, Demand, Grant, May, Origin, Proof, Requester, Roster, Sanction,
    Subject, Token, Wanted, Word as Said,
};
use crate::json::Digest;
use crate::metrics::{Limits, Metrics};
use crate::sign::{PrivateKey, PublicKey};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub(in super::super) const HOUR: Duration = Duration::from_secs(3600);

/// A running store.
pub(in super::super) struct Store {
    pub(in super::super) desk: Desk,
    pub(in super::super) metrics: Metrics,
    clerk: JoinHandle<()>,
}

pub(in super::super) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

impl Store {
    pub(in super::super) fn open(folder: &Path, past: Past) -> Store {
        let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]);
        let (desk, clerk) = open(folder, past, &metrics).unwrap();
        let clerk = tokio::task::spawn_blocking(|| clerk.run());
        Store { desk, metrics, clerk }
    }

    /// Ends it and opens it again, as a restart does.
    pub(in super::super) async fn restarted(self, folder: &Path) -> Store {
        self.desk.close();
        self.clerk.await.unwrap();
        Store::open(folder, Past::Evidence)
    }

    pub(in super::super) async fn ask(&self, petition: &Petition) -> Standing {
        self.desk.ask(asking(petition)).await.unwrap()
    }

    pub(in super::super) async fn entry(&self, id: &RequestId) -> Entry {
        self.desk.show(id).await.unwrap().unwrap()
    }

    pub(in super::super) async fn says(
        &self,
        word: Word,
        who: &str,
        id: &RequestId,
    ) -> Result<Resolved, Conflict> {
        let version = self.entry(id).await.version;
        self.desk.resolve(saying(word, who, id, version)).await.unwrap()
    }

    /// Claims what stands for a petition, for a call.
    pub(in super::super) async fn claim(
        &self,
        petition: &Petition,
        call_id: &str,
    ) -> Result<Claim, Unclaimed> {
        let standing = self.ask(petition).await;
        let sanction = sanction(petition, &words(&standing), self.desk.gateway()).unwrap();
        let claiming = Claiming { id: standing.id, call_id: call_id.into(), sanction };
        self.desk.claim(claiming).await
    }

    /// What `/metrics` shows under this name and labels.
    pub(in super::super) fn shown(&self, series: &str) -> f64 {
        let text = self.metrics.render();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or(f64::NAN)
    }
}

pub(in super::super) fn asking(petition: &Petition) -> Ask {
    Ask { petition: Arc::new(petition.clone()), tokens: Vec::new() }
}

pub(in super::super) fn saying(word: Word, who: &str, id: &RequestId, version: u64) -> Resolve {
    Resolve {
        id: id.clone(),
        version,
        word,
        approver: who.into(),
        login: format!("{who}@desk").into(),
        reason: "looked at it".into(),
        holds: HOUR / 4,
    }
}

/// Somebody wants something, by name; `required` people must say yes.
pub(in super::super) fn petition(name: &str, identity: &str, required: u64) -> Petition {
    Petition {
        wanted: Wanted {
            intent_digest: Digest::of(name.as_bytes()),
            policy_digest: Digest::of(b"policy"),
            delegation_digest: None,
            scope: vec!["tool:files.delete".to_owned()],
            targets: 1,
            operations: 1,
        },
        demand: Demand { min_approvals: required, approvers: Approvers::Distinct },
        route: "files".into(),
        tool_name: "files.delete".into(),
        risk_class: "high".into(),
        requester: Requester {
            identity: identity.into(),
            proof: Proof::Proven,
            behalf: Vec::new(),
        },
        shape: Shape { path: format!("/{name}"), ..Shape::default() },
        exhibit: serde_json::value::RawValue::from_string(format!(
            r#"{{"method":"DELETE","path":"/{name}"}}"#
        ))
        .unwrap()
        .into(),
        open_for: HOUR,
    }
}

fn roster(keys: &[(&str, PublicKey)]) -> Roster {
    let approver = |name: &str| Approver {
        name: name.into(),
        keys: keys.iter().filter(|(who, _)| *who == name).map(|(_, key)| key.clone()).collect(),
        logins: vec![format!("{name}@desk").into()],
        identities: Vec::new(),
        may: May::default(),
    };
    Roster::new(["ada", "bob", "cyd"].map(approver).into())
}

/// The words that stand recorded.
pub(in super::super) fn words(standing: &Standing) -> Vec<Said> {
    let said = |grant: &Recorded| Said {
        token: Token::read(grant.token.as_bytes()).unwrap(),
        origin: Origin::Recorded { login: grant.login.clone() },
    };
    standing.grants.iter().map(said).collect()
}

/// What a review says of them.
pub(in super::super) fn sanction(
    petition: &Petition,
    words: &[Said],
    gateway: &PublicKey,
) -> Option<Sanction> {
    sanction_at(petition, words, gateway, crate::clock::now())
}

/// The same, at a time.
pub(in super::super) fn sanction_at(
    petition: &Petition,
    words: &[Said],
    gateway: &PublicKey,
    now: Timestamp,
) -> Option<Sanction> {
    review(petition, words, gateway, &roster(&[]), now)
}

fn review(
    petition: &Petition,
    words: &[Said],
    gateway: &PublicKey,
    roster: &Roster,
    now: Timestamp,
) -> Option<Sanction> {
    let bench = Bench {
        roster,
        gateway,
        wanted: &petition.wanted,
        subject: Subject {
            tool_name: &petition.tool_name,
            risk_class: &petition.risk_class,
            route: &petition.route,
            requester: &petition.requester,
        },
        demand: &petition.demand,
        now: Time::from_timestamp(now),
    };
    bench.review(words).sanction
}

/// A token that ada signed with a key of her own, and what it is good for.
pub(in super::super) fn signed(petition: &Petition, now: Timestamp) -> (Token, Sanction) {
    let key = PrivateKey::generate().unwrap();
    let grant = Grant {
        intent_digest: petition.wanted.intent_digest.to_string(),
        policy_digest: petition.wanted.policy_digest.to_string(),
        delegation_binding_digest: String::new(),
        approver_identity: "ada".to_owned(),
        reason_code: "looked_ok".to_owned(),
        scope: petition.wanted.scope.clone(),
        max_targets: 0,
        max_ops: 0,
        created_at: Time::from_timestamp(now),
        expires_at: Time::from_timestamp(now + HOUR),
    };
    let token = grant.mint(&key).unwrap();
    let word = Said { token: token.clone(), origin: Origin::Signed };
    let roster = roster(&[("ada", key.public())]);
    let gateway = PrivateKey::generate().unwrap().public();
    let sanction = review(petition, &[word], &gateway, &roster, now).unwrap();
    (token, sanction)
}
