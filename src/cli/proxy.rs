//! `gait proxy`: the main job.

use super::Invocation;
use super::answer::{Answer, Exit, Failure, Outcome};
use crate::app::{self, AppError, Serve};
use crate::config::{Builtin, Config, Environment, Source};
use crate::stage::Stage;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Serve the proxy; without flags, the embedded demo
#[derive(Args)]
pub(super) struct Proxy {
    /// The config file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["upstream", "policy", "stage"])]
    config: Option<PathBuf>,
    /// A tool API to stand in front of without a config file, as http://HOST:PORT or https://HOST:PORT
    #[arg(long, value_name = "URL", requires = "policy")]
    upstream: Option<String>,
    /// The policy file that goes with --upstream
    #[arg(long, value_name = "FILE", requires = "upstream")]
    policy: Option<PathBuf>,
    /// The stage that goes with --upstream [default: observe]
    #[arg(long, value_name = "STAGE", requires = "upstream", value_parser = stage)]
    stage: Option<Stage>,
    /// Where calls come in
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where metrics and health are read
    #[arg(long, value_name = "ADDRESS:PORT")]
    telemetry: Option<SocketAddr>,
    /// What outlives the process: evidence, counters of limits and the lock
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Check config and policy, and exit
    #[arg(long)]
    check: bool,
}

fn stage(word: &str) -> Result<Stage, String> {
    Stage::parse(word).ok_or_else(|| {
        format!("unknown stage; write one of {}", Stage::ALL.map(Stage::as_str).join(", "))
    })
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
            Err(AppError::Limits(error)) => Err(error.into()),
            Err(error) => Err(Failure::internal(error)),
        }
    }

    fn serve(&self) -> Serve {
        if let Some(path) = &self.config {
            return Serve::Configured(Source::File(path.clone()));
        }
        match (&self.upstream, &self.policy) {
            (Some(upstream), Some(policy)) => Serve::Configured(Source::Builtin(Builtin {
                upstream: upstream.clone(),
                policy: policy.clone(),
                stage: self.stage.unwrap_or(Stage::Observe),
            })),
            _ => Serve::Demo,
        }
    }

    /// The process environment; a flag outweighs the variable of the same setting.
    fn environment(&self) -> Result<Environment, crate::config::ConfigError> {
        let variables = std::env::vars_os();
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let flags = [
            ("GAIT__SERVER__LISTEN", self.listen.map(|address| address.to_string())),
            ("GAIT__TELEMETRY__LISTEN", self.telemetry.map(|address| address.to_string())),
            ("GAIT__STATE_DIR", self.state_dir.as_ref().map(|dir| dir.display().to_string())),
        ];
        let flags = flags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Environment::new(variables.filter_map(text).chain(flags))
    }
}

/// What `--check` says of a config that can be served.
fn checked(config: &Config) -> Answer {
    let routes = config.plan.routes.len();
    let digest = config.policy.digest().to_string();
    let line =
        format!("config ok: routes={routes} rules={} policy={digest}", config.policy.rule_count());
    let answer = Answer::new(Exit::Success)
        .with("routes", routes)
        .with("rule_count", config.policy.rule_count())
        .with("policy_digest", digest)
        .line(line);
    config.warnings.iter().fold(answer, |answer, warning| answer.warn(warning.clone()))
}
