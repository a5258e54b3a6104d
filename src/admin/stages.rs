//! Stages that people set: on, where the evidence says that a route may, and back, always.
//!
//! The line that says who does what, and why, is durable before anything of it is written
//! elsewhere; then the overlay is written, then laid over what is in force. Done is what is in force.
//! Whatever breaks off in between, nothing executes more than before without a line that says who
//! wanted it. Rejected: to answer once the overlay is written, which says nothing of what calls meet.

mod looked;
mod unified;
mod wish;

use super::helm::{Stands, TURN_MAX, Turn};
use super::json::time;
use super::labels::unrecorded;
use super::problem::{Kind, Problem};
use super::{Context, Loaded, Unread, Want, reply};
use crate::clock;
use crate::evidence::{Event, GateFact, Head, LedgerRefused, StageChange, Via};
use crate::rollout::{Entry, IfLost, Overlay, ShelfError, Status};
use crate::snapshot::Login;
use crate::stage::Standing;
use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use jiff::Timestamp;
use looked::Looked;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use wish::{Act, Gates, Wish};

/// How long the line may take to be durable. Whoever waits holds up all others who set a stage.
const RECORD_MAX: Duration = Duration::from_secs(10);

/// The file of the overlay, as a diff names it.
const OVERLAY: &str = "rollout.json";

/// Who wants something of which route.
pub(super) struct Asked<'a> {
    pub(super) head: &'a Parts,
    pub(super) body: Result<Bytes, Unread>,
    pub(super) route: String,
    pub(super) login: &'a Login,
}

/// A stage that is to be set.
struct Change {
    route: Arc<str>,
    from: Standing,
    /// Why, in the words of who sets it.
    reason: Option<String>,
    entry: Entry,
    /// Whoever goes back is in a hurry, and need not know first what a lost overlay said.
    if_lost: IfLost,
    /// Where the route stands then, if the config says of it what it said.
    then: Stands,
    via: Via,
    gates: Vec<GateFact>,
    /// Why no gate was asked, where somebody went on without.
    unread: Option<String>,
    head: Head,
}

#[derive(Serialize)]
struct Answer {
    change: Told,
    diff: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

/// A stage that was set, or would be.
#[derive(Serialize)]
struct Told {
    route: String,
    from: String,
    to: String,
    until: Option<String>,
    /// Where the route stands after that.
    after: Option<String>,
    via: &'static str,
    by: String,
    reason: Option<String>,
    gates: Vec<GateFact>,
    /// The `seq` of its line in the evidence; none where nothing was done.
    seq: Option<u64>,
}

/// Brings a route on.
pub(super) async fn promote(
    asked: &Asked<'_>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let wish = Wish::to_promote(asked)?;
    stands(context, &asked.route)?;
    let head = context.ledger.health().head();
    let summary = context.rollout.summary(TURN_MAX).await;
    // Only now: nobody waits for the reading of a log, least of all a demotion.
    let turn = context.helm.turn().await?;
    let (stands, now) = (stands(context, &asked.route)?, now(context));
    let looked = Looked::at(summary, asked, &wish, context).await?;
    let set = set(context, &turn, asked, IfLost::Refuse).await?;
    let mut change = change(asked, &wish, &stands, now, (set, IfLost::Refuse))?;
    if change.then.course.is_below(&stands.course, now) {
        let detail = "somebody would be held to less than now; `gait rollout demote` does that";
        return Err(Problem::new(Kind::Unfit, detail).because("would_lower"));
    }
    (change.gates, change.unread) = looked.facts(wish.gates)?;
    (change.via, change.head) = (via(wish.gates), head);
    let mut answer = match wish.act {
        Act::Tell => tell(change, context, &turn).await?,
        Act::Do => carry_out(change, context, &turn).await?,
    };
    answer.status = looked.status(asked, context).await?;
    Ok(reply::json(StatusCode::OK, &answer))
}

/// Brings a route back. Asks nothing of the evidence: it is always possible.
pub(super) async fn demote(
    asked: &Asked<'_>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let now = now(context);
    let wish = Wish::to_demote(asked, now)?;
    let turn = context.helm.turn().await?;
    let stands = stands(context, &asked.route)?;
    let set = set(context, &turn, asked, IfLost::Mend).await?;
    let mut change = change(asked, &wish, &stands, now, (set, IfLost::Mend))?;
    if stands.course.is_below(&change.then.course, now) {
        let detail = "somebody would be held to more than now; `gait rollout promote` does that";
        return Err(Problem::new(Kind::Unfit, detail).because("would_raise"));
    }
    change.head = context.ledger.health().head();
    let answer = carry_out(change, context, &turn).await?;
    Ok(reply::json(StatusCode::OK, &answer))
}

fn stands(context: &Context<'_>, route: &str) -> Result<Stands, Problem> {
    let absent = || Problem::new(Kind::NotFound, format!("there is no route `{route}`"));
    (context.stands)(route).ok_or_else(absent)
}

/// What stages are picked by.
fn now(context: &Context<'_>) -> Timestamp {
    context.ledger.health().time(clock::now(), clock::instant())
}

/// What a command set before, whether it is in force by now or not.
async fn set(
    context: &Context<'_>,
    turn: &Turn,
    asked: &Asked<'_>,
    if_lost: IfLost,
) -> Result<Option<Entry>, Problem> {
    let overlay = context.helm.overlay.clone();
    let read = turn.work(move || overlay.kept(if_lost)).await;
    Ok(read.map_err(|why| unavailable(context, &why))?.get(&asked.route).cloned())
}

fn unavailable(context: &Context<'_>, why: &str) -> Problem {
    let path = context.helm.overlay.path().display();
    Problem::new(Kind::Unavailable, format!("{path}: {why}")).because("overlay_unavailable")
}

/// What is wanted, as a demotion that nothing was asked for, in the place of what was set.
fn change(
    asked: &Asked<'_>,
    wish: &Wish,
    stands: &Stands,
    now: Timestamp,
    (set, if_lost): (Option<Entry>, IfLost),
) -> Result<Change, Problem> {
    let from = stands.course.at(now);
    let set = set.filter(|set| set.stands_over(&stands.said));
    let standing = wish.standing(from)?;
    let entry = Entry {
        standing,
        over: stands.said.to_string(),
        by: asked.login.name.as_ref().to_owned(),
        at: now,
        reason: match &wish.reason {
            Some(reason) => Some(reason.clone()),
            None => reason_to_stay(standing, stands, set.as_ref())?,
        },
        until: wish.until,
        then: wish.until.and_then(|_| set?.lasting()),
    };
    let then = Stands { said: stands.said.clone(), course: entry.over(&stands.said) };
    if then.course == stands.course {
        let detail = format!("route `{}` stands in {from} already", asked.route);
        return Err(Problem::new(Kind::Unfit, detail).because("no_step"));
    }
    if wish.until.is_some_and(|until| then.course.is_below(&stands.course, until)) {
        let detail = format!(
            "what was set for a time of route `{}` would end with this, before its time; go back for \
             as long, or for good",
            asked.route
        );
        return Err(Problem::new(Kind::Unfit, detail).because("cut_short"));
    }
    let (route, via, gates) = (asked.route.as_str().into(), Via::Demote, Vec::new());
    let (head, reason) = (Head::genesis(), wish.reason.clone());
    Ok(Change { route, from, reason, entry, if_lost, then, via, gates, unread: None, head })
}

/// Why a route stays below what the config says of it, where it is brought on, and not as far: for
/// the reason for which it was brought back.
fn reason_to_stay(
    standing: Standing,
    stands: &Stands,
    set: Option<&Entry>,
) -> Result<Option<String>, Problem> {
    if !standing.is_below(stands.said.standing) {
        return Ok(None);
    }
    let reason = set.and_then(|set| set.reason.clone());
    let missing =
        || Problem::malformed("the route stays below what the config says; give a `reason`");
    reason.map(Some).ok_or_else(missing)
}

fn via(gates: Gates) -> Via {
    match gates {
        Gates::Count => Via::Promote,
        Gates::Forced => Via::ForcedPromote,
    }
}

/// Says what would be done, and does nothing.
async fn tell(change: Change, context: &Context<'_>, turn: &Turn) -> Result<Answer, Problem> {
    let diff = diff(&change, context, turn).await?;
    Ok(Answer { change: change.told(None), diff, status: None })
}

/// The line, the overlay, the snapshot: each only once the one before is done.
async fn carry_out(
    mut change: Change,
    context: &Context<'_>,
    turn: &Turn,
) -> Result<Answer, Problem> {
    // What cannot be read cannot be written to either; better to know before anything is said.
    diff(&change, context, turn).await?;
    if context.ledger.health().is_stuck(clock::instant()) {
        return Err(unrecorded(LedgerRefused::Failed));
    }
    let recording = context.ledger.record(Event::Stage(Box::new(change.line())));
    let recorded = timeout(RECORD_MAX, recording).await.map_err(|_| unheard_of())?;
    let recorded = recorded.map_err(unrecorded)?;
    change.entry.at = recorded.time;
    change.announce();
    let diff = change.write(context, turn).await?;
    change.enforce(context).await?;
    Ok(Answer { change: change.told(Some(recorded.seq)), diff, status: None })
}

/// The log did not say whether it has the line.
fn unheard_of() -> Problem {
    let detail = format!(
        "the evidence log did not answer within {} s: the line may come to stand in it, and nothing \
         else was done; see to the disk, and ask again",
        RECORD_MAX.as_secs()
    );
    Problem::new(Kind::Unavailable, detail).because("evidence_unavailable")
}

/// What the overlay says then that it does not say now.
async fn diff(change: &Change, context: &Context<'_>, turn: &Turn) -> Result<String, Problem> {
    let (overlay, (route, entry, if_lost)) = (context.helm.overlay.clone(), change.setting());
    let compared = turn.work(move || set_in(&mut overlay.kept(if_lost)?, &route, entry));
    compared.await.map_err(|why| unavailable(context, &why))
}

/// Sets the stage of a route, and gives what the overlay says then that it did not say.
fn set_in(overlay: &mut Overlay, route: &str, entry: Entry) -> Result<String, ShelfError> {
    let before = overlay.to_text()?;
    overlay.set(route, entry);
    Ok(unified::diff(OVERLAY, &before, &overlay.to_text()?))
}

// === impl Change ===

impl Change {
    fn line(&self) -> StageChange {
        StageChange {
            route: self.route.clone(),
            from: self.from,
            to: self.entry.standing,
            until: self.entry.until,
            then: self.after(),
            via: self.via,
            by: self.entry.by.as_str().into(),
            reason: self.reason.as_deref().map(Into::into),
            gates: self.gates.clone(),
            unread: self.unread.as_deref().map(Into::into),
            head: Some(self.head),
        }
    }

    /// What the overlay is to say.
    fn setting(&self) -> (Arc<str>, Entry, IfLost) {
        (self.route.clone(), self.entry.clone(), self.if_lost)
    }

    /// Where the route stands once this has ended.
    fn after(&self) -> Option<Standing> {
        self.entry.until.map(|until| self.then.course.at(until))
    }

    /// Says in the log of the process what is being done.
    fn announce(&self) {
        let (route, from, to) = (&self.route, self.from, self.entry.standing);
        let (by, reason) = (&self.entry.by, self.reason.as_deref().unwrap_or_default());
        match self.via {
            Via::Promote => tracing::info!(%route, %from, %to, by, reason, "a stage is set"),
            Via::ForcedPromote => tracing::warn!(
                %route, %from, %to, by, reason,
                "security event: a stage is set although its gates are not met"
            ),
            Via::Demote => tracing::warn!(
                %route, %from, %to, by, reason, "security event: a stage is set back"
            ),
        }
    }

    /// Writes the overlay, and gives what it says then that it did not say.
    async fn write(&self, context: &Context<'_>, turn: &Turn) -> Result<String, Problem> {
        let (overlay, (route, entry, if_lost)) = (context.helm.overlay.clone(), self.setting());
        let write = move || overlay.amend(if_lost, |overlay| set_in(overlay, &route, entry))?;
        turn.work(write).await.map_err(|why| {
            let path = context.helm.overlay.path().display();
            let detail = format!(
                "the evidence says that this was done, and nobody can say that it was: {path}: {why}; \
                 see to the disk, look with `gait rollout status`, and ask again"
            );
            Problem::new(Kind::Halfway, detail).because("overlay_unwritten")
        })
    }

    /// Has the new overlay laid over what is in force, and looks what that made of the route. What
    /// the other files say by now is not asked: whoever sets a stage wants nothing else.
    async fn enforce(&self, context: &Context<'_>) -> Result<(), Problem> {
        let loaded = context.reloads.ask(Want::Stages).await;
        let is_done = (context.stands)(&self.route).is_some_and(|stands| stands == self.then);
        let why = match loaded {
            Ok(_) if is_done => return Ok(()),
            Ok(Loaded::InForce { .. }) => return Err(self.overtaken()),
            Ok(Loaded::Refused(why)) => why.to_string(),
            Err(unheard) => unheard.to_string(),
        };
        let detail = format!(
            "the evidence and {OVERLAY} say that route `{}` goes to {}, and it comes into force \
             with the next load that succeeds; mend this: {why}",
            self.route, self.entry.standing
        );
        Err(Problem::new(Kind::Halfway, detail).because("not_loaded"))
    }

    fn overtaken(&self) -> Problem {
        let detail = format!(
            "the config says something else of route `{}` than a moment ago, so what was set for it does \
             not hold, and the next load drops it unless it finds what was said before; look with \
             `gait rollout status`, and ask again if it is still meant",
            self.route
        );
        Problem::new(Kind::Halfway, detail).because("overtaken")
    }

    fn told(self, seq: Option<u64>) -> Told {
        let after = self.after().map(|after| after.to_string());
        Told {
            route: self.route.as_ref().to_owned(),
            from: self.from.to_string(),
            to: self.entry.standing.to_string(),
            until: self.entry.until.map(time),
            after,
            via: self.via.as_str(),
            by: self.entry.by,
            reason: self.reason,
            gates: self.gates,
            seq,
        }
    }
}

#[cfg(test)]
mod props;
