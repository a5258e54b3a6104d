//! What somebody wants of the stage of a route, and what standing that makes.

use super::super::problem::{Kind, Problem};
use super::super::said::{self, REASON_CHARS_MAX};
use super::Asked;
use crate::intent::conceal;
use crate::stage::{Percent, Stage, Standing};
use jiff::Timestamp;

/// No word of ours, and no time, is longer.
const WORD_CHARS_MAX: usize = 64;

/// What is wanted.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) to: Stage,
    pub(super) percent: Option<Percent>,
    pub(super) until: Option<Timestamp>,
    pub(super) reason: Option<String>,
    pub(super) gates: Gates,
    pub(super) act: Act,
}

/// Whether what the gates say counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gates {
    Count,
    /// Somebody says why they do not.
    Forced,
}

/// Whether it is to be done, or only told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Do,
    Tell,
}

// === impl Wish ===

impl Wish {
    /// Reads what is wanted of a promotion.
    pub(super) fn to_promote(asked: &Asked<'_>) -> Result<Wish, Problem> {
        let mut members = said::members(&asked.head.headers, &asked.body)?;
        let (to, percent, reason) = common(&mut members)?;
        let gates = if members.flag("force")? { Gates::Forced } else { Gates::Count };
        let act = if members.flag("dry_run")? { Act::Tell } else { Act::Do };
        members.end()?;
        if gates == Gates::Forced && reason.is_none() {
            return Err(Problem::malformed("`force` needs a `reason`"));
        }
        Ok(Wish { to, percent, until: None, reason, gates, act })
    }

    /// The same of a demotion.
    pub(super) fn to_demote(asked: &Asked<'_>, now: Timestamp) -> Result<Wish, Problem> {
        let mut members = said::members(&asked.head.headers, &asked.body)?;
        let (to, percent, reason) = common(&mut members)?;
        let until = members.optional_text("until", WORD_CHARS_MAX)?;
        let until = until.map(|text| instant(&text, now)).transpose()?;
        members.end()?;
        if reason.is_none() {
            return Err(Problem::malformed("a demotion needs a `reason`"));
        }
        Ok(Wish { to, percent, until, reason, gates: Gates::Count, act: Act::Do })
    }

    /// Where the callers stand then, of whom all or some go to the stage.
    pub(super) fn standing(&self, current: Standing) -> Result<Standing, Problem> {
        let to = self.to;
        let Some(percent) = self.percent.filter(|percent| *percent < Percent::ALL) else {
            return Ok(Standing::Whole(to));
        };
        match current {
            Standing::Whole(from) => Ok(Standing::Shared { from, to, percent }),
            Standing::Shared { from, to: shared, .. } if shared == to => {
                Ok(Standing::Shared { from, to, percent })
            }
            Standing::Shared { .. } => {
                let detail = format!(
                    "the route stands in {current}; bring all of it to one stage first, or change \
                     the share of that"
                );
                Err(Problem::new(Kind::Unfit, detail).because("shared"))
            }
        }
    }
}

/// What both have.
fn common(
    members: &mut said::Members,
) -> Result<(Stage, Option<Percent>, Option<String>), Problem> {
    let word = members.text("to", WORD_CHARS_MAX)?;
    let to = Stage::parse(&word).ok_or_else(|| {
        let known = Stage::ALL.map(Stage::as_str).join(", ");
        Problem::malformed(format!("unknown stage `{word}`; write one of {known}"))
    })?;
    let percent = members.number("percent", u64::from(Percent::ALL.get()))?.and_then(Percent::new);
    let reason = members.optional_text("reason", REASON_CHARS_MAX)?;
    // As the log has it: what looks like a credential is in neither.
    Ok((to, percent, reason.map(|reason| conceal::text(&reason).into_owned())))
}

fn instant(text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let until = text.parse::<Timestamp>().ok().filter(|until| now < *until);
    until.ok_or_else(|| {
        Problem::malformed("`until` must be a time to come, such as `2026-12-01T00:00:00Z`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(to: Stage, percent: Option<u64>) -> Wish {
        let percent = percent.and_then(Percent::new);
        let (gates, act) = (Gates::Count, Act::Do);
        Wish { to, percent, until: None, reason: None, gates, act }
    }

    fn shared(percent: u64) -> Standing {
        let percent = Percent::new(percent).unwrap();
        Standing::Shared { from: Stage::Observe, to: Stage::DryRun, percent }
    }

    #[test]
    fn a_share_goes_on_from_where_all_stand_or_grows() {
        let observe = Standing::Whole(Stage::Observe);
        let of = |wish: Wish, current| wish.standing(current).ok();
        assert_eq!(of(wish(Stage::DryRun, Some(25)), observe), Some(shared(25)));
        assert_eq!(of(wish(Stage::DryRun, Some(60)), shared(25)), Some(shared(60)));
        let whole = Some(Standing::Whole(Stage::DryRun));
        assert_eq!(of(wish(Stage::DryRun, Some(100)), shared(25)), whole);
        assert_eq!(of(wish(Stage::DryRun, None), observe), whole);
        assert_eq!(of(wish(Stage::Enforce, Some(10)), shared(25)), None);
        assert_eq!(
            of(wish(Stage::Enforce, None), shared(25)),
            Some(Standing::Whole(Stage::Enforce))
        );
    }
}
