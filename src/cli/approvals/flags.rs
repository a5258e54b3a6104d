//! The flags of `gait approvals` that say which requests are meant.

use crate::approval::State;
use clap::Args;

/// In which states.
#[derive(Args)]
pub(super) struct States {
    /// Only requests in these states, with commas between them, or `all`: pending, approved,
    /// denied, running, executed, expired, unknown
    #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = word)]
    state: Vec<String>,
}

impl States {
    /// The states that are said, for those who say any; none of them for all.
    pub(super) fn words(&self) -> Option<Vec<String>> {
        if self.state.is_empty() {
            return None;
        }
        let all = || State::WORDS.iter().map(|word| (*word).to_owned()).collect();
        let has_all = self.state.iter().any(|word| word == ALL);
        Some(if has_all { all() } else { self.state.clone() })
    }
}

const ALL: &str = "all";

fn word(text: &str) -> Result<String, String> {
    match text {
        ALL => Ok(text.to_owned()),
        text => State::parse(text)
            .map(|state| state.as_str().to_owned())
            .ok_or_else(|| format!("use {ALL}, or some of {}", State::known())),
    }
}
