//! What a promotion saw of the evidence, and what it makes of that.
//!
//! Whoever forces a stage may have to because the log cannot be read; then no gate is asked, and
//! the line says so. Rejected: to have a forced promotion wait for a disk that may not come back.

use super::super::Context;
use super::super::helm::blocking;
use super::super::problem::{Kind, Problem};
use super::Asked;
use super::wish::{Gates, Wish};
use crate::evidence::GateFact;
use crate::rollout::{Check, Facts, GateVerdict, NoStep, Status, Summary, check};
use std::sync::Arc;

/// What a promotion saw.
pub(super) enum Looked {
    /// All of the log.
    At(Arc<Summary>, Box<Check>),
    /// Nothing, for this reason.
    Not(String),
}

// === impl Looked ===

impl Looked {
    /// Asks the gates, where the log could be read or counts.
    pub(super) async fn at(
        summary: Result<Arc<Summary>, Problem>,
        asked: &Asked<'_>,
        wish: &Wish,
        context: &Context<'_>,
    ) -> Result<Looked, Problem> {
        let summary = match summary {
            Ok(summary) => summary,
            Err(problem) if wish.gates == Gates::Forced => {
                return Ok(Looked::Not(problem.detail().to_owned()));
            }
            Err(problem) => return Err(problem),
        };
        let (to, look) = (wish.to, summary.clone());
        let checked = walk(asked, context, move |facts, route| check(&look, facts, route, to));
        Ok(Looked::At(summary, Box::new(checked.await?.map_err(no_step)?)))
    }

    /// What the gates said, for the line, and why they said nothing.
    ///
    /// # Errors
    /// They count, and one is not met.
    pub(super) fn facts(&self, gates: Gates) -> Result<(Vec<GateFact>, Option<String>), Problem> {
        match self {
            Looked::Not(why) => Ok((Vec::new(), Some(why.clone()))),
            Looked::At(_, check) if check.verdict == GateVerdict::Met || gates == Gates::Forced => {
                Ok((check.facts(), None))
            }
            Looked::At(_, check) => Err(not_met(check)),
        }
    }

    /// How the route stands by now.
    pub(super) async fn status(
        self,
        asked: &Asked<'_>,
        context: &Context<'_>,
    ) -> Result<Option<Status>, Problem> {
        let Looked::At(summary, _) = self else { return Ok(None) };
        let status = move |facts: &Facts, route: &str| Status::of(&summary, facts, Some(route));
        walk(asked, context, status).await.map(Some)
    }
}

/// Goes through a summary: no work for a thread that serves.
async fn walk<T: Send + 'static>(
    asked: &Asked<'_>,
    context: &Context<'_>,
    work: impl FnOnce(&Facts, &str) -> T + Send + 'static,
) -> Result<T, Problem> {
    let (facts, route) = ((context.rollout.facts)(), asked.route.clone());
    blocking(move || work(&facts, &route)).await
}

fn no_step(why: NoStep) -> Problem {
    match why {
        NoStep::Route { .. } => Problem::new(Kind::NotFound, why.to_string()),
        NoStep::NotForward { .. } => Problem::new(Kind::Unfit, why.to_string()).because("no_step"),
    }
}

fn not_met(check: &Check) -> Problem {
    let open = check.gates.iter().filter(|gate| gate.verdict != GateVerdict::Met);
    let names: Vec<&str> = open.map(|gate| gate.name).collect();
    let detail = format!(
        "these gates keep route `{}` from {}: {}; `force` goes on all the same, with a `reason`",
        check.route,
        check.to.as_str(),
        names.join(", ")
    );
    Problem::new(Kind::GatesNotMet, detail).because("gates_not_met").checked(check.clone())
}
