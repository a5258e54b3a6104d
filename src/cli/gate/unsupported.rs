//! Flags of the public tool whose parts gait does not have yet.
//!
//! Each of them asks for a check. A flag that is accepted and not acted on would be a check that
//! silently does not happen, so they are known by name and refused with a reason, instead of as
//! unknown flags. Rejected: a struct of options that nobody reads.

use crate::cli::answer::Failure;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde_json::Value;

const ENVELOPE: &str = "context envelopes have no fixed format";
const SCRIPTS: &str = "approved scripts have no fixed format";
const BROKER: &str = "of the credential brokers, there is only `stub`";

/// Flag and reason.
const FLAGS: [(&str, &str); 7] = [
    ("context-envelope", ENVELOPE),
    ("approved-script-registry", SCRIPTS),
    ("approved-script-public-key", SCRIPTS),
    ("approved-script-public-key-env", SCRIPTS),
    ("credential-env-prefix", BROKER),
    ("credential-command", BROKER),
    ("credential-command-args", BROKER),
];

/// The first of these flags that was given, with the reason why it is refused.
#[derive(Debug)]
pub(super) struct Unsupported(Option<(&'static str, &'static str)>);

impl Unsupported {
    /// # Errors
    /// Exit 6: a flag asks for a part that is not there.
    pub(super) fn refuse(&self) -> Result<(), Failure> {
        match self.0 {
            Some((flag, reason)) => {
                Err(Failure::input(format!("`--{flag}` is not supported: {reason}")))
            }
            None => Ok(()),
        }
    }
}

/// # Errors
/// Exit 6: a config member asks for a part that is not there. A blank one asks for nothing.
pub(super) fn refuse_member(name: &str, value: &Value) -> Result<(), Failure> {
    let flag = name.trim_end_matches("_path").replace('_', "-");
    let reason = FLAGS.iter().find(|(known, _)| *known == flag).map(|(_, reason)| *reason);
    match reason {
        Some(reason) if !is_blank(value) => Err(Failure::input(format!(
            "`gate.{name}` in the project config is not supported: {reason}"
        ))),
        _ => Ok(()),
    }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

impl Args for Unsupported {
    fn augment_args(command: Command) -> Command {
        // Hidden: help is about what can be done.
        FLAGS.iter().fold(command, |command, (flag, _)| {
            command.arg(Arg::new(*flag).long(*flag).action(ArgAction::Append).hide(true))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Unsupported::augment_args(command)
    }
}

impl FromArgMatches for Unsupported {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Unsupported, clap::Error> {
        Ok(Unsupported(FLAGS.into_iter().find(|(flag, _)| matches.contains_id(flag))))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Unsupported::from_arg_matches(matches)?;
        Ok(())
    }
}
