//! Where a config comes from: a file, or an upstream and a policy without one.

use crate::config::{Builtin, ConfigError, Environment, Source};
use crate::stage::Stage;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// The flags that name a config.
#[derive(Args)]
pub(super) struct Origin {
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
}

fn stage(word: &str) -> Result<Stage, String> {
    Stage::parse(word).ok_or_else(|| {
        format!("unknown stage; write one of {}", Stage::ALL.map(Stage::as_str).join(", "))
    })
}

impl Origin {
    /// The config that the flags name; `None` for the demo's.
    pub(super) fn source(&self) -> Option<Source> {
        if let Some(path) = &self.config {
            return Some(Source::File(path.clone()));
        }
        let (upstream, policy) = (self.upstream.clone()?, self.policy.clone()?);
        let stage = self.stage.unwrap_or(Stage::Observe);
        Some(Source::Builtin(Builtin { upstream, policy, stage }))
    }
}

/// The process environment; a flag outweighs the variable of the same setting.
///
/// # Errors
/// A variable sets what none may.
pub(super) fn environment<const N: usize>(
    flags: [(&str, Option<String>); N],
) -> Result<Environment, ConfigError> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let flags = flags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Environment::new(std::env::vars_os().filter_map(text).chain(flags))
}
