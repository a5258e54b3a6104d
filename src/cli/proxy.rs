//! `gait proxy`: the main job.

use super::Invocation;
use super::answer::{Answer, Exit, Failure, Outcome};
use super::origin::{self, Origin};
use crate::app::{self, AppError, Serve};
use crate::config::{Config, ConfigError, Environment};
use crate::store::approvals::OpenError;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Serve the proxy; without flags, the embedded demo
#[derive(Args)]
pub(super) struct Proxy {
    #[command(flatten)]
    origin: Origin,
    /// Where calls come in, on the first listener
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where metrics and health are read
    #[arg(long, value_name = "ADDRESS:PORT")]
    telemetry: Option<SocketAddr>,
    /// Where approvals are given: the page, and the API behind it
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<SocketAddr>,
    /// What outlives the process: evidence, counters of limits and the lock
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Put the tools of the demo behind the upstream `demo` of the config
    #[arg(long, requires = "config")]
    demo: bool,
    /// Check the config, the files that it names and the policy, and exit
    #[arg(long)]
    check: bool,
}

impl Proxy {
    pub(super) fn run(self, _: &Invocation) -> Outcome {
        let environment = self.environment().map_err(Failure::input)?;
        let serve = self.serve();
        if self.check {
            return match app::check(&serve, &environment) {
                Ok(config) => Ok(checked(&config)),
                Err(error) => Err(Failure::input(error)),
            };
        }
        match app::run(&serve, environment) {
            Ok(()) => Ok(Answer::new(Exit::Success)),
            Err(error @ AppError::Config(_)) => Err(Failure::input(error)),
            Err(AppError::AdminToken(error)) if error.is_input() => Err(Failure::input(error)),
            Err(AppError::Seats(error)) if error.is_input() => Err(Failure::input(error)),
            Err(error @ AppError::Approvals(OpenError::Open { .. })) => Err(Failure::input(error)),
            Err(AppError::Limits(error)) => Err(error.into()),
            Err(error) => Err(Failure::internal(error)),
        }
    }

    fn serve(&self) -> Serve {
        match self.origin.source() {
            None => Serve::Demo,
            Some(source) if self.demo => Serve::BesideDemo(source),
            Some(source) => Serve::Configured(source),
        }
    }

    fn environment(&self) -> Result<Environment, ConfigError> {
        origin::environment([
            ("GAIT__SERVER__LISTEN", self.listen.map(|address| address.to_string())),
            ("GAIT__TELEMETRY__LISTEN", self.telemetry.map(|address| address.to_string())),
            ("GAIT__ADMIN__LISTEN", self.admin.map(|address| address.to_string())),
            ("GAIT__STATE_DIR", self.state_dir.as_ref().map(|dir| dir.display().to_string())),
        ])
    }
}

/// What `--check` says of a config that can be served.
fn checked(config: &Config) -> Answer {
    let routes = config.plan.routes.len();
    let digest = config.policy.digest().to_string();
    let candidate = config.plan.candidate.as_ref().map(|policy| policy.digest().to_string());
    let line =
        format!("config ok: routes={routes} rules={} policy={digest}", config.policy.rule_count());
    let line = match &candidate {
        Some(digest) => format!("{line} candidate={digest}"),
        None => line,
    };
    let answer = Answer::new(Exit::Success)
        .with("routes", routes)
        .with("rule_count", config.policy.rule_count())
        .with("policy_digest", digest)
        .with("candidate_policy_digest", candidate)
        .line(line);
    config.warnings.iter().fold(answer, |answer, warning| answer.warn(warning.clone()))
}
