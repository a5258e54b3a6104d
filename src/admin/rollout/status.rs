//! How routes stand, and on wish whether one may go on to a stage.

use super::super::helm::blocking;
use super::super::problem::{Kind, Problem};
use super::super::{Context, query, reply};
use super::LOOKING_MAX;
use crate::rollout::{Check, Facts, NO_STEP, NoStep, Status, Summary, check};
use crate::stage::Stage;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
}

/// What is asked for.
#[derive(Default)]
struct Wish {
    route: Option<String>,
    to: Option<Stage>,
}

pub(in crate::admin) async fn answer(
    query: Option<&str>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let wish = Wish::read(query)?;
    let summary = context.rollout.summary(LOOKING_MAX).await?;
    let facts = (context.rollout.facts)();
    let answer = blocking(move || wish.answer(&summary, &facts)).await??;
    Ok(reply::json(StatusCode::OK, &answer))
}

fn refused(no_step: NoStep) -> Problem {
    let problem = |kind| Problem::new(kind, no_step.to_string());
    match no_step {
        NoStep::Route { .. } => problem(Kind::NotFound),
        NoStep::NotForward { .. } => problem(Kind::Malformed).because(NO_STEP),
    }
}

impl Wish {
    /// Goes through all that was summed up, once for each route: no work for a thread that serves.
    fn answer(&self, summary: &Summary, facts: &Facts) -> Result<Answer, Problem> {
        let route = self.route.as_deref();
        if let Some(name) = route.filter(|name| facts.route(name).is_none()) {
            return Err(Problem::new(Kind::NotFound, format!("there is no route `{name}`")));
        }
        let check = match (route, self.to) {
            (Some(route), Some(to)) => Some(check(summary, facts, route, to).map_err(refused)?),
            _ => None,
        };
        Ok(Answer { status: Status::of(summary, facts, route), check })
    }

    fn read(query: Option<&str>) -> Result<Wish, Problem> {
        let mut wish = Wish::default();
        for (name, value) in query::pairs(query)? {
            match name {
                "route" => wish.route = Some(value),
                "to" => wish.to = Some(stage(&value)?),
                other => {
                    let detail = format!("unknown parameter `{other}`; write route or to");
                    return Err(Problem::malformed(detail));
                }
            }
        }
        match (&wish.route, wish.to) {
            (None, Some(_)) => Err(Problem::malformed("`to` needs `route`")),
            _ => Ok(wish),
        }
    }
}

fn stage(word: &str) -> Result<Stage, Problem> {
    Stage::parse(word).ok_or_else(|| {
        let known = Stage::ALL.map(Stage::as_str).join(", ");
        Problem::malformed(format!("unknown stage `{word}`; write one of {known}"))
    })
}
