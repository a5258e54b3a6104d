//! The flags that say which lines or calls are meant.

use crate::audit::{Edge, Field, Filter};
use crate::cli::answer::Failure;
use crate::clock;
use clap::Args;

/// Which calls; of a flag that is repeated any value will do.
#[derive(Args)]
#[command(next_help_heading = "Which calls")]
pub(super) struct Wanted {
    /// From this time on: RFC 3339, a date (UTC), or how long ago, such as 15m, 2h, 7d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to this time; a date is the whole day
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of this tool; `files.*` for all that begin so
    #[arg(long, value_name = "NAME")]
    tool: Vec<String>,
    /// Judged so: allow, dry_run, require_approval, block
    #[arg(long, value_name = "VERDICT")]
    verdict: Vec<String>,
    /// Treated so: forwarded, dry_run, held, denied, failed
    #[arg(long, value_name = "WORD")]
    disposition: Vec<String>,
    /// Of this caller; `ci-*` for all that begin so
    #[arg(long, value_name = "NAME")]
    identity: Vec<String>,
    /// On this route; `files.*` for all that begin so
    #[arg(long, value_name = "NAME")]
    route: Vec<String>,
    /// Under this stage: observe, dry_run, require_approval, enforce
    #[arg(long, value_name = "STAGE")]
    stage: Vec<String>,
    /// Of this risk class
    #[arg(long, value_name = "CLASS")]
    risk: Vec<String>,
    /// This call, or those whose id begins so
    #[arg(long, value_name = "ID")]
    call_id: Vec<String>,
    /// Of this decision; many calls can share one
    #[arg(long, value_name = "ID")]
    trace_id: Vec<String>,
    /// For this reason code, among others
    #[arg(long, value_name = "CODE")]
    reason: Vec<String>,
}

impl Wanted {
    /// What was asked for.
    ///
    /// # Errors
    /// Exit 6: a value that can never be met.
    pub(super) fn filter(&self) -> Result<Filter, Failure> {
        let mut filter = Filter::default();
        filter.when.since = time(Edge::Since, "--since", self.since.as_deref())?;
        filter.when.until = time(Edge::Until, "--until", self.until.as_deref())?;
        if let (Some(since), Some(until)) = (filter.when.since, filter.when.until)
            && until < since
        {
            return Err(Failure::input(format!("--until {until} is before --since {since}")));
        }
        for (field, values) in [
            (Field::Tool, &self.tool),
            (Field::Verdict, &self.verdict),
            (Field::Disposition, &self.disposition),
            (Field::Identity, &self.identity),
            (Field::Route, &self.route),
            (Field::Stage, &self.stage),
            (Field::Risk, &self.risk),
            (Field::CallId, &self.call_id),
            (Field::TraceId, &self.trace_id),
            (Field::Reason, &self.reason),
        ] {
            want(&mut filter, field, values)?;
        }
        Ok(filter)
    }
}

/// Asks for values more.
///
/// # Errors
/// Exit 6: one that can never be met.
pub(in crate::cli) fn want(
    filter: &mut Filter,
    field: Field,
    values: &[String],
) -> Result<(), Failure> {
    values.iter().try_for_each(|value| filter.want(field, value)).map_err(Failure::input)
}

/// Reads `NAME=VALUE`.
///
/// # Errors
/// Exit 6: there is no such name, or a value that can never be met.
pub(super) fn pair(filter: &mut Filter, text: &str) -> Result<(), Failure> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        let known = Field::known();
        Failure::input(format!("invalid --filter: `{text}`; write it as NAME=VALUE with {known}"))
    })?;
    let field = Field::parse(name.trim()).map_err(Failure::input)?;
    filter.want(field, value.trim()).map_err(Failure::input)
}

/// Reads the time that a flag names.
///
/// # Errors
/// Exit 6: it is none.
pub(in crate::cli) fn time(
    edge: Edge,
    flag: &str,
    text: Option<&str>,
) -> Result<Option<crate::intent::time::Time>, Failure> {
    let read = |text: &str| {
        edge.read(text.trim(), clock::now()).ok_or_else(|| {
            Failure::input(format!(
                "invalid {flag}: `{text}`; write it like 2026-01-02T03:04:05Z, 2026-01-02 or 15m"
            ))
        })
    };
    text.map(read).transpose()
}
