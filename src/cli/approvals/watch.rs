//! `gait approvals watch`: a line for each request that is new or has changed.
//!
//! Waits on the revision of the list and then reads what is open and what is newest: a change is
//! seen when its version is another than the one that was printed. Where gait is started again it
//! is looked for until it is there; that is said once. Ends with Ctrl-C.

use super::api::{Api, Filter, Listed, read};
use super::door::Door;
use super::flags::States;
use super::table;
use crate::cli::answer::{Answer, Exit, Failure, Outcome, escaped};
use crate::cli::style::{Hue, Line};
use crate::cli::{Format, Invocation};
use crate::clock;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::time::Duration;

/// How long one question waits for a change.
const WAIT: Duration = Duration::from_secs(30);

/// How soon gait is looked for again, at first and at most.
const BACKOFF: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// Changes are read at most this often.
const PAUSE: Duration = Duration::from_millis(200);

/// The same where gait lets nobody else wait.
const BUSY_PAUSE: Duration = Duration::from_secs(5);

/// What was printed, by id: all that is open, and the newest of the rest.
type Seen = BTreeMap<String, Listed>;

/// One run of the command.
pub(super) struct Watch<'a> {
    door: &'a Door,
    states: &'a States,
    width: Option<usize>,
    invocation: &'a Invocation,
    seen: Seen,
}

/// Whether something stood before the first look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    First,
    Later,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        door: &'a Door,
        states: &'a States,
        width: Option<usize>,
        invocation: &'a Invocation,
    ) -> Watch<'a> {
        Watch { door, states, width, invocation, seen: Seen::new() }
    }

    /// Until Ctrl-C, or until nobody reads any more.
    pub(super) async fn run(mut self) -> Outcome {
        let interrupt = tokio::signal::ctrl_c();
        tokio::select! {
            ended = self.follow() => ended.map(|()| Answer::new(Exit::Success)),
            stopped = interrupt => stopped.map(|()| Answer::new(Exit::Success)).map_err(Failure::internal),
        }
    }

    /// Ends well where standard output is closed.
    async fn follow(&mut self) -> Result<(), Failure> {
        let mut api = self.door.open()?;
        let mut revision = match self.look(&api, Look::First).await? {
            Some(revision) => revision,
            None => return Ok(()),
        };
        loop {
            let (looked, pause) = match api.change(revision, WAIT).await {
                Ok(()) => (self.look(&api, Look::Later).await, PAUSE),
                // Too many wait: then one looks from time to time. Where nobody is there, the look
                // says so.
                Err(failure) if failure.is_internal() => {
                    (self.look(&api, Look::Later).await, BUSY_PAUSE)
                }
                Err(failure) => (Err(failure), PAUSE),
            };
            match looked {
                Ok(Some(now)) => revision = now,
                Ok(None) => return Ok(()),
                Err(failure) if failure.is_internal() => {
                    self.say(&format!("{failure}; trying again"))?;
                    api = self.reopened().await?;
                    self.say("gait is there again")?;
                    // Whatever happened meanwhile is read at once.
                    revision = 0;
                }
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks for gait until it answers.
    async fn reopened(&self) -> Result<Api, Failure> {
        let mut backoff = BACKOFF;
        loop {
            tokio::time::sleep(backoff).await;
            backoff = BACKOFF_MAX.min(backoff.saturating_mul(2));
            let Ok(api) = self.door.open() else { continue };
            match api.newest().await {
                Ok(_) => return Ok(api),
                Err(failure) if failure.is_internal() => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Prints what is another than before; the revision, or `None` where nobody reads.
    async fn look(&mut self, api: &Api, look: Look) -> Result<Option<u64>, Failure> {
        let open = ["pending", "approved", "running"].map(str::to_owned).to_vec();
        let (revision, mut found) = api.list(&Filter { states: open, tool: None }).await?;
        found.extend(api.newest().await?);
        let there: BTreeSet<&String> = found.iter().map(|one| &one.summary.id).collect();
        let gone = |one: &&Listed| one.summary.is_open() && !there.contains(&one.summary.id);
        let gone: Vec<String> =
            self.seen.values().filter(gone).map(|one| one.summary.id.clone()).collect();
        for id in gone {
            let value = api.show(&id).await?;
            found.push(Listed { summary: read(&value)?, value });
        }
        // Oldest first, as things happened.
        found.sort_by(|one, other| one.summary.created_at.cmp(&other.summary.created_at));
        let fresh = self.take(found);
        let printed = fresh
            .iter()
            .filter(|one| self.is_wanted(one, look))
            .try_for_each(|one| self.print(one));
        match printed {
            Ok(()) => Ok(Some(revision)),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            Err(error) => Err(Failure::internal(error)),
        }
    }

    /// Those that were not seen in this version. What is not there any more is forgotten.
    fn take(&mut self, found: Vec<Listed>) -> Vec<Listed> {
        let before = std::mem::take(&mut self.seen);
        let mut fresh = Vec::new();
        for one in found {
            let version = |seen: &Seen| seen.get(&one.summary.id).map(|seen| seen.summary.version);
            let known = version(&self.seen).max(version(&before));
            if known.is_none_or(|known| known < one.summary.version) {
                fresh.push(one.clone());
            }
            self.seen.insert(one.summary.id.clone(), one);
        }
        fresh
    }

    /// At the first look nothing is news but what waits, or what was asked for by state.
    fn is_wanted(&self, one: &Listed, look: Look) -> bool {
        match self.states.words() {
            Some(words) => words.contains(&one.summary.state),
            None => look == Look::Later || one.summary.is_open(),
        }
    }

    fn print(&self, one: &Listed) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.invocation.format {
            Format::Json => writeln!(out, "{}", escaped(&one.value))?,
            Format::Text => {
                let at = clock::now().strftime("%H:%M:%SZ").to_string();
                let line = table::news(&one.summary, &at, self.width);
                writeln!(out, "{}", line.render(self.invocation.paints.out))?;
            }
        }
        out.flush()
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        let line = Line::new().hued(Hue::Yellow, "warning:").text(format!(" {text}"));
        let line = line.render(self.invocation.paints.log);
        writeln!(io::stderr().lock(), "{line}").map_err(Failure::internal)
    }
}
