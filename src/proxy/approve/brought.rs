//! What a call brings to the desk: the tokens that it shows, what is to be approved, and which words
//! count for it.

use super::super::exhibit;
use super::super::tokens::{self, NoTokens};
use super::{HEADER, SPELLING, TOO_MUCH};
use crate::approval::{
    Approvers, Code, Demand, Origin, Petition, Proof, Requester, Shape, Token, Wanted, Word,
};
use crate::case::{Case, Judged};
use crate::snapshot::Snapshot;
use crate::store::approvals::{Known, Standing};
use http::request::Parts;

/// The tokens that a caller shows.
pub(super) fn shown(parts: &Parts) -> Result<Vec<Token>, &'static str> {
    let texts = tokens::texts(&parts.headers, HEADER).map_err(|why| match why {
        NoTokens::Spelling => SPELLING,
        NoTokens::TooMuch => TOO_MUCH,
        NoTokens::Undecodable => Code::Invalid.as_str(),
    })?;
    let read = |text: &Vec<u8>| Token::read(text).map_err(|_| Code::Invalid.as_str());
    texts.iter().flatten().map(read).collect()
}

/// Whether the caller's name is proven.
pub(super) fn proof(case: &Case) -> Proof {
    let source = case.caller.as_ref().and_then(|caller| caller.source.as_ref());
    if source.is_some() { Proof::Proven } else { Proof::Unproven }
}

/// What is to be approved.
pub(super) fn petition(
    snapshot: &Snapshot,
    case: &Case,
    judged: &Judged,
    proof: Proof,
) -> Petition {
    let Judged { intent, decision, .. } = judged;
    let identity = &intent.context().identity;
    Petition {
        wanted: Wanted::of(intent, judged.policy_digest),
        demand: Demand {
            min_approvals: decision.min_approvals,
            approvers: match decision.distinct_approvers {
                true => Approvers::Distinct,
                false => Approvers::Any,
            },
        },
        route: case.lane.name.clone(),
        tool_name: intent.tool_name().into(),
        risk_class: intent.context().risk_class.as_str().into(),
        requester: Requester::of(intent, proof),
        shape: Shape::of(&case.call, identity),
        exhibit: exhibit::of(&case.call, &case.lane, judged, case.caller.as_ref()),
        open_for: snapshot.plan.approvals.open_for,
    }
}

/// The tokens that a caller shows, each with what is known of it.
pub(super) fn words(shown: &[Token], known: &[(String, Known)]) -> Vec<Word> {
    let origin = |token: &Token| {
        let known = known.iter().find(|(id, _)| id == token.token_id());
        match known.map(|(_, known)| known) {
            Some(Known::Spent) => Origin::Spent,
            Some(Known::Recorded(login)) => Origin::Recorded { login: login.clone() },
            None => Origin::Signed,
        }
    };
    shown.iter().map(|token| Word { token: token.clone(), origin: origin(token) }).collect()
}

/// Grants that were recorded for the call: they count where its caller is who it says.
pub(super) fn recorded(standing: &Standing, proof: Proof) -> impl Iterator<Item = Word> {
    let grants = standing.grants.iter().filter(move |_| proof == Proof::Proven);
    grants.filter_map(|grant| {
        let token = Token::read(grant.token.as_bytes()).ok()?;
        Some(Word { token, origin: Origin::Recorded { login: grant.login.clone() } })
    })
}
