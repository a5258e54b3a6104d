//! `gait routes test`: one request through every step of the proxy, and nothing done.
//!
//! Nothing is bound, sent, counted or written, and no state directory is opened. The exit code is
//! that of the decision where it stops the call; what goes out is 0, whatever the policy says.

use super::report::Report;
use super::request::{Arrival, Flags};
use crate::app::{self, Serve};
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::load;
use crate::cli::origin::{self, Origin};
use crate::cli::style::{Hue, Line};
use crate::clock;
use crate::config::Config;
use crate::intent::time::Time;
use crate::proxy::rehearse::{Rehearsal, Scene};
use crate::snapshot::Plan;
use crate::store::seats;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::Path;

/// A request and a config.
#[derive(Args)]
#[command(after_help = "\
Without --config and --upstream it is the demo's config. Exit codes: 0 the call would go out, if
only because its stage does not stop it; 3 it would be refused or blocked; 4 it would need an
approval; 6 the request or the config cannot be used. A dry run ends as its verdict does.")]
pub(in crate::cli) struct Test {
    #[command(flatten)]
    request: Flags,
    #[command(flatten)]
    origin: Origin,
    /// When it comes, such as 2026-01-02T03:04:05Z; now where it is not given
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

impl Test {
    pub(super) fn run(self) -> Outcome {
        let at = load::time("--at", self.at.as_deref())?;
        let at = at.map_or_else(|| Ok(clock::now()), moment)?;
        let Config { fixed, mut plan, policy, kill_switch, mut warnings, .. } = self.config()?;
        warnings.extend(seat(&mut plan, &fixed.state_dir));
        let rehearsal = Rehearsal::new(plan, policy, kill_switch);
        let arrival = self.request.arrival(&fixed.listeners, &rehearsal.plan().listeners, at)?;
        let peer = match arrival {
            Arrival::Connected(peer) => peer,
            Arrival::Refused { listener, why } => return Ok(unconnected(&listener, &why)),
        };
        let body = self.request.body()?;
        let parts = self.request.parts(&body, &rehearsal.plan().hosts)?;
        let scene = Scene { parts, body, peer: peer.clone(), at };
        let rehearsed = rehearsal.rehearse(scene);
        let report = Report {
            method: &self.request.method,
            peer: &peer,
            at,
            orders: rehearsal.orders(at),
            rehearsed: &rehearsed,
        };
        let mut answer = report.members(Answer::new(report.exit())).lines(report.lines());
        if report.is_bound() && self.request.leaves_host_open(&rehearsal.plan().hosts) {
            let host = &rehearsed.host;
            answer = answer.warn(format!(
                "no host is given, and the digest of a protected intent hangs on it; `{host}` \
                 stands in for it: give the one that callers name, with --header 'Host: …'"
            ));
        }
        Ok(warnings.into_iter().fold(answer, Answer::warn))
    }

    fn config(&self) -> Result<Config, Failure> {
        let environment = origin::environment([]).map_err(Failure::input)?;
        let serve = self.origin.source().map_or(Serve::Demo, Serve::Configured);
        app::check(&serve, &environment).map_err(Failure::input)
    }
}

/// Gives callers the seats that they have in this state directory, or says why they have none.
fn seat(plan: &mut Plan, state_dir: &Path) -> Option<String> {
    let found = seats::find(state_dir);
    let why = match &found {
        Ok(Some(_)) => None,
        Ok(None) => Some(format!("no gait has served from `{}` yet", state_dir.display())),
        Err(error) => Some(error.to_string()),
    };
    plan.seats = found.ok().flatten();
    let shared = plan.routes.iter().find(|route| route.course.is_shared())?;
    why.map(|why| {
        format!(
            "who has which seat on route `{}` is not known here, so that everybody stands in the \
             stricter stage: {why}",
            shared.name
        )
    })
}

/// Over such a connection no request comes.
fn unconnected(listener: &str, why: &str) -> Answer {
    let line = Line::from(format!("listener {listener} ends the handshake: "));
    Answer::new(Exit::Blocked)
        .with("schema_id", "gait.routestest.result")
        .with("schema_version", "1.0.0")
        .with("handshake_refused", why)
        .line(line.hued(Hue::Red, why))
}

fn moment(time: Time) -> Result<Timestamp, Failure> {
    let moment = TimeZone::UTC.to_timestamp(time.civil());
    moment.map_err(|error| Failure::input(format!("invalid --at: {error}")))
}
