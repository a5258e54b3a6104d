//! Who may say what of a request.

use super::problem::{Kind, Problem};
use crate::approval::{Approver, Roster, State, Subject, Unfit};
use crate::snapshot::{Login, Role};
use crate::store::approvals::{Entry, Word};
use jiff::Timestamp;
use serde::Serialize;

/// The code of a second yes of the same person.
pub(super) const ALREADY_GRANTED: &str = "already_granted";

/// What the asking login may say of a request now.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct May {
    grant: bool,
    deny: bool,
    /// Why it may not grant.
    why_not: Option<&'static str>,
}

/// The approver that a login is, if that one may say `word` of `entry`.
pub(super) fn approver<'r>(
    roster: &'r Roster,
    login: &Login,
    entry: &Entry,
    word: Word,
) -> Result<&'r Approver, Unfit> {
    let approver = roster.by_login(&login.name).ok_or(Unfit::NotAuthorized)?;
    let subject = Subject {
        tool_name: &entry.tool_name,
        risk_class: &entry.risk_class,
        route: &entry.route,
        requester: &entry.requester,
    };
    match word {
        Word::Grant => approver.may_approve(&subject)?,
        Word::Deny => approver.may_deny(&subject)?,
    }
    Ok(approver)
}

/// The refusal of somebody whose word does not count.
pub(super) fn refusal(unfit: Unfit, login: &Login) -> Problem {
    let detail = match unfit {
        Unfit::IsRequester => "nobody approves what they want themselves".to_owned(),
        Unfit::OutOfScope => {
            "this approver's `may` does not cover the tool, risk class and route".to_owned()
        }
        Unfit::NotAuthorized => format!(
            "the login `{}` belongs to no approver; `approvals.approvers[].logins` binds them",
            login.name
        ),
    };
    Problem::new(Kind::Forbidden, detail).because(unfit.as_str())
}

/// What `login` may say of `entry`.
pub(super) fn may(roster: &Roster, login: &Login, entry: &Entry, now: Timestamp) -> May {
    let why_not = |word| cannot(roster, login, entry, word, now).err();
    let grant = why_not(Word::Grant);
    May { grant: grant.is_none(), deny: why_not(Word::Deny).is_none(), why_not: grant }
}

fn cannot(
    roster: &Roster,
    login: &Login,
    entry: &Entry,
    word: Word,
    now: Timestamp,
) -> Result<(), &'static str> {
    // A further yes makes what is approved hold longer.
    if !matches!(entry.state, State::Pending | State::Approved) {
        return Err(entry.state.as_str());
    }
    if login.role < Role::Approver {
        return Err("role");
    }
    let approver = approver(roster, login, entry, word).map_err(Unfit::as_str)?;
    let has_granted = || granted_by(entry, now).any(|name| *name == *approver.name);
    match word == Word::Grant && has_granted() {
        true => Err(ALREADY_GRANTED),
        false => Ok(()),
    }
}

/// Those whose yes still holds.
pub(super) fn granted_by(entry: &Entry, now: Timestamp) -> impl Iterator<Item = &str> {
    let holds = move |until: Option<Timestamp>| until.is_none_or(|until| now < until);
    let grants = entry.voices.iter().filter(|voice| voice.word == Word::Grant);
    grants.filter(move |voice| holds(voice.expires_at)).map(|voice| &*voice.approver)
}
