//! What the candidate policy would have changed, read from the end of the log backwards.
//!
//! One reads at a time, for a bounded time: of a log that is longer the newest part is answered, and
//! the answer says how far back it goes. Rejected: to keep sums as for the stages; a question may
//! name any candidate, and few ask.

use super::super::helm::blocking;
use super::super::problem::{Kind, Problem};
use super::super::{Context, query, reply};
use super::{Archive, LOOKING_MAX, READING_MAX, busy, unavailable};
use crate::audit::{Edge, Field, Filter, Log, When};
use crate::clock;
use crate::intent::time::Time;
use crate::rollout::diff::{CandidateId, DIGEST_CHARS_MIN, Diff, Found, KINDS, Question};
use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::SignedDuration;
use serde::Serialize;
use std::path::Path;
use tokio::time::timeout;

/// Groups that are told; calls of others are counted together.
const GROUPS_MAX: usize = 200;
/// Call ids of each group, unless said otherwise.
const EXAMPLES_DEFAULT: usize = 3;
/// At most.
const EXAMPLES_MAX: usize = 100;
/// Lines do not come in the order of their times to the instant.
const DISORDER_MAX: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, Serialize)]
struct Answer {
    /// Whether all was read that was asked for.
    complete: bool,
    /// The time of the oldest line that was read.
    read_back_to: Option<String>,
    /// `None`: no line that was read names a candidate.
    diff: Option<Found>,
}

/// What is asked for.
#[derive(Debug)]
struct Wish {
    route: Option<String>,
    since: Option<Time>,
    candidate: Option<CandidateId>,
    examples_max: usize,
}

pub(in crate::admin) async fn answer(
    query: Option<&str>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let wish = Wish::read(query)?;
    let facts = (context.rollout.facts)();
    if let Some(name) = wish.route.as_deref().filter(|name| facts.route(name).is_none()) {
        return Err(Problem::new(Kind::NotFound, format!("there is no route `{name}`")));
    }
    let answer = context.rollout.archive.diff(wish).await?;
    Ok(reply::json(StatusCode::OK, &answer))
}

// === impl Archive ===

impl Archive {
    async fn diff(&self, wish: Wish) -> Result<Answer, Problem> {
        let turn = timeout(LOOKING_MAX, self.comparing.clone().lock_owned()).await;
        let turn = turn.map_err(|_| busy("somebody else has the log compared; ask again"))?;
        let dir = self.dir.clone();
        // It goes on when whoever asked has left.
        blocking(move || {
            let _turn = turn;
            let begun = clock::instant();
            wish.look(&dir, || begun.elapsed() < READING_MAX)
        })
        .await?
    }
}

// === impl Wish ===

impl Wish {
    /// Reads the log; `goes_on` is asked before each line.
    fn look(&self, dir: &Path, mut goes_on: impl FnMut() -> bool) -> Result<Answer, Problem> {
        let log = Log::open(dir).map_err(|error| unavailable(error.to_string()))?;
        let mut lines = log.backwards(filter()?.sieve());
        let mut fold = self.candidate.clone().map(|candidate| self.fold(candidate));
        let before = |since: Time| since.civil().checked_sub(DISORDER_MAX).ok();
        let from = self.since.and_then(before).and_then(Time::from_civil);
        let (mut complete, mut oldest) = (true, None);
        while let Some((line, _)) = lines.next_line() {
            if line.time() < from {
                break;
            }
            if !goes_on() {
                complete = false;
                break;
            }
            if fold.is_none() {
                fold = CandidateId::of(&line).map(|candidate| self.fold(candidate));
            }
            fold.iter_mut().for_each(|fold| fold.take_older(&line));
            oldest = line.text("time").map(str::to_owned);
        }
        match lines.passed().failures.first() {
            Some(failure) => Err(unavailable(format!("the log cannot be read: {failure}"))),
            None => {
                let diff = fold.map(|fold| fold.found().of_groups(GROUPS_MAX));
                Ok(Answer { complete, read_back_to: oldest, diff })
            }
        }
    }

    fn fold(&self, candidate: CandidateId) -> Diff {
        let when = When { since: self.since, until: None };
        let (route, examples_max) = (self.route.clone(), self.examples_max);
        Diff::new(Question { candidate, route, when, examples_max })
    }

    fn read(query: Option<&str>) -> Result<Wish, Problem> {
        let mut wish =
            Wish { route: None, since: None, candidate: None, examples_max: EXAMPLES_DEFAULT };
        for (name, value) in query::pairs(query)? {
            match name {
                "route" => wish.route = Some(value),
                "since" => wish.since = Some(since(&value)?),
                "candidate" => wish.candidate = Some(candidate(&value)?),
                "examples" => wish.examples_max = query::number(name, &value, 1, EXAMPLES_MAX)?,
                other => {
                    let known = "route, since, candidate or examples";
                    let detail = format!("unknown parameter `{other}`; write {known}");
                    return Err(Problem::malformed(detail));
                }
            }
        }
        Ok(wish)
    }
}

fn since(text: &str) -> Result<Time, Problem> {
    Edge::Since.read(text, clock::now()).ok_or_else(|| {
        Problem::malformed(format!(
            "`since` is no time: `{text}`; write RFC 3339, a date (UTC), or how long ago, such as \
             15m, 2h or 7d"
        ))
    })
}

fn candidate(text: &str) -> Result<CandidateId, Problem> {
    CandidateId::parse(text).ok_or_else(|| {
        Problem::malformed(format!(
            "`candidate` is no digest: `{text}`; write that of a policy, or at least its first \
             {DIGEST_CHARS_MIN} lower-case hex digits"
        ))
    })
}

/// The lines that name a candidate.
fn filter() -> Result<Filter, Problem> {
    let mut filter = Filter::default();
    KINDS.iter().try_for_each(|kind| filter.want(Field::Kind, kind)).map_err(|error| {
        tracing::error!(%error, "the log cannot be asked for lines that name a candidate");
        unavailable("the log cannot be asked; look at gait's log")
    })?;
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// Calls of so many tools, one each.
    fn log(tools: usize) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let digest = "a".repeat(64);
        let mut text = String::new();
        for at in 1..=tools {
            let time = format!("2026-01-02T03:04:{:02}.000000Z", at % 60);
            writeln!(
                text,
                r#"{{"v":1,"seq":{at},"kind":"call","time":"{time}","call_id":"c{at}","verdict":"allow","tool_name":"t{at}","candidate_verdict":"block","candidate_policy_digest":"{digest}"}}"#
            )
            .unwrap();
        }
        std::fs::write(dir.path().join("000001.jsonl"), text).unwrap();
        dir
    }

    #[test]
    fn a_reading_that_is_cut_short_says_how_far_it_came() {
        let (dir, mut left) = (log(10), 4);
        let goes_on = || {
            left -= 1;
            left >= 0
        };
        let answer = Wish::read(None).unwrap().look(dir.path(), goes_on).unwrap();
        assert!(!answer.complete);
        assert_eq!(answer.read_back_to.as_deref(), Some("2026-01-02T03:04:07.000000Z"));
        let found = answer.diff.unwrap();
        assert_eq!((found.compared, found.groups.len()), (4, 4), "the newest of them");
    }

    #[test]
    fn no_answer_tells_of_more_groups_than_it_may() {
        let dir = log(GROUPS_MAX + 7);
        let answer = Wish::read(None).unwrap().look(dir.path(), || true).unwrap();
        let found = answer.diff.unwrap();
        assert_eq!((found.groups.len(), found.other), (GROUPS_MAX, 7));
        assert_eq!(found.differing, GROUPS_MAX as u64 + 7);
    }
}
