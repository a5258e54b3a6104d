//! Saying yes or no.
//!
//! Room in the evidence log comes first, then the store, then the line: what cannot be recorded is
//! not approved. Whoever serves this must let it run to its end also when the client has left;
//! a word that the store took would else have no line.

use super::json::{Request, time};
use super::problem::{Kind, Problem};
use super::rights::{self, ALREADY_GRANTED};
use super::said::{self, Said};
use super::{Context, Unread, condition, reply, show};
use crate::approval::RequestId;
use crate::evidence::{Approval, Room};
use crate::snapshot::Login;
use crate::store::approvals::{Conflict, Entry, Resolve, Resolved, Voice, Word};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use serde::Serialize;

/// Who says what of which request.
pub(super) struct Asked<'a> {
    pub(super) head: &'a Parts,
    pub(super) body: Result<Bytes, Unread>,
    pub(super) id: RequestId,
    pub(super) word: Word,
    pub(super) login: &'a Login,
}

#[derive(Serialize)]
struct Granted<'a> {
    approval: Request<'a>,
    token: Option<Handed>,
}

#[derive(Serialize)]
struct Denied<'a> {
    approval: Request<'a>,
}

/// A token for a caller that must show one.
#[derive(Serialize)]
struct Handed {
    gait_approval: String,
    expires_at: Option<String>,
}

pub(super) async fn answer(
    asked: &Asked<'_>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let version = condition::version(&asked.head.headers)?;
    let holds = context.approvals.grant_holds;
    let said = said::read(&asked.head.headers, &asked.body, asked.word, holds)?;
    let absent = || show::absent(&asked.id);
    let entry = context.desk.show(&asked.id).await?.ok_or_else(absent)?;
    let resolve = asked.resolve(&entry, version, said, context)?;
    let room = room(context)?;
    let resolved = match context.desk.resolve(resolve.clone()).await? {
        Ok(resolved) => resolved,
        Err(conflict) => return Err(asked.refusal(&conflict)),
    };
    record(room, &resolve, &resolved);
    let before = context.desk.precedent(&asked.id).await.ok().flatten();
    let version = resolved.entry.version;
    let approval = show::request(&resolved.entry, before.as_ref(), asked.login, context);
    let answer = match asked.word {
        Word::Grant => {
            let token = handed(&resolved, &resolve);
            reply::json(StatusCode::OK, &Granted { approval, token })
        }
        Word::Deny => reply::json(StatusCode::OK, &Denied { approval }),
    };
    Ok(reply::tagged(answer, version))
}

impl Asked<'_> {
    /// What the store is told, if the roster lets this login say it.
    fn resolve(
        &self,
        entry: &Entry,
        version: u64,
        said: Said,
        context: &Context<'_>,
    ) -> Result<Resolve, Problem> {
        let roster = &context.approvals.roster;
        let approver = rights::approver(roster, self.login, entry, self.word)
            .map_err(|unfit| rights::refusal(unfit, self.login))?;
        Ok(Resolve {
            id: self.id.clone(),
            version,
            word: self.word,
            approver: approver.name.clone(),
            login: self.login.name.clone(),
            reason: said.reason,
            holds: said.holds,
        })
    }

    fn refusal(&self, conflict: &Conflict) -> Problem {
        let over = |reason| Problem::new(Kind::Conflict, conflict.to_string()).because(reason);
        match conflict {
            Conflict::NoSuch => show::absent(&self.id),
            Conflict::Changed(_) => condition::changed(),
            Conflict::Over(state) => over(state.as_str()),
            Conflict::Twice => over(ALREADY_GRANTED),
        }
    }
}

fn room(context: &Context<'_>) -> Result<Room, Problem> {
    context.ledger.room().map_err(|refused| {
        let detail = format!("{refused}, and what is said must be recorded; try again later");
        Problem::new(Kind::Unavailable, detail).because("evidence_unavailable")
    })
}

fn record(room: Room, resolve: &Resolve, resolved: &Resolved) {
    let Resolve { id, word, approver, login, reason, .. } = resolve;
    let entry = &resolved.entry;
    let voice = own(entry, resolve);
    tracing::info!(request = %id, action = word.as_str(), %approver, %login, "an approver spoke");
    room.approval(Approval {
        action: *word,
        request: id.clone(),
        state: entry.state,
        approver: approver.clone(),
        login: login.clone(),
        reason: reason.clone(),
        tool_name: entry.tool_name.clone(),
        intent_digest: entry.intent_digest.clone(),
        policy_digest: entry.policy_digest.clone(),
        token_id: voice.and_then(|voice| voice.token_id.clone()),
    });
}

/// The voice that has just been added.
fn own<'e>(entry: &'e Entry, resolve: &Resolve) -> Option<&'e Voice> {
    let is_own = |voice: &&Voice| voice.word == resolve.word && voice.approver == resolve.approver;
    entry.voices.iter().rev().find(is_own)
}

fn handed(resolved: &Resolved, resolve: &Resolve) -> Option<Handed> {
    let token = resolved.token.as_ref()?;
    let expires_at = own(&resolved.entry, resolve).and_then(|voice| voice.expires_at);
    Some(Handed { gait_approval: STANDARD.encode(token), expires_at: expires_at.map(time) })
}
