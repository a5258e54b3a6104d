//! `gait policy init`: a starter policy to change (spec C10).
//!
//! The templates are files under `policies/templates`, embedded, so that the shipped tests run
//! over the very text that is written.

use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::files::{self, Existing};
use crate::cli::style::{Hue, Line};
use clap::Args;
use std::path::PathBuf;

/// A template and where it goes.
#[derive(Args)]
pub(in crate::cli) struct Init {
    /// baseline-lowrisk, baseline-mediumrisk or baseline-highrisk; low, medium or high for short
    template: String,
    /// Where the policy goes
    #[arg(long, value_name = "FILE", default_value = "gait.policy.yaml")]
    out: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

/// A starter policy.
struct Template {
    name: &'static str,
    aliases: [&'static str; 3],
    text: &'static str,
}

const TEMPLATES: [Template; 3] = [
    Template {
        name: "baseline-lowrisk",
        aliases: ["low", "baseline_low_risk", "baseline-low-risk"],
        text: include_str!("../../../policies/templates/baseline-lowrisk.yaml"),
    },
    Template {
        name: "baseline-mediumrisk",
        aliases: ["medium", "baseline_medium_risk", "baseline-medium-risk"],
        text: include_str!("../../../policies/templates/baseline-mediumrisk.yaml"),
    },
    Template {
        name: "baseline-highrisk",
        aliases: ["high", "baseline_high_risk", "baseline-high-risk"],
        text: include_str!("../../../policies/templates/baseline-highrisk.yaml"),
    },
];

impl Init {
    pub(super) fn run(self) -> Outcome {
        let template = template(&self.template)?;
        let existing = if self.force { Existing::Replace } else { Existing::Refuse };
        files::write("policy", &self.out, template.text.as_bytes(), existing)?;
        let path = self.out.display();
        let next = [
            format!("gait policy validate {path}"),
            format!("gait policy test {path} <intent_fixture.json>"),
            format!("gait proxy --upstream <url> --policy {path} --stage observe"),
        ];
        let command = |line: &String| Line::from("  ").text(line.as_str());
        let written = Line::from("wrote ").hued(Hue::Strong, path.to_string());
        Ok(Answer::new(Exit::Success)
            .line(written.text(format!(" from {}; change its tool names, then:", template.name)))
            .lines(next.iter().map(command))
            .with("template", template.name)
            .with("policy_path", path.to_string())
            .with("next_commands", next.to_vec()))
    }
}

fn template(said: &str) -> Result<&'static Template, Failure> {
    let word = said.trim().to_lowercase();
    let is =
        |template: &&Template| template.name == word || template.aliases.contains(&word.as_str());
    TEMPLATES.iter().find(is).ok_or_else(|| {
        let names = TEMPLATES.map(|template| template.name).join(", ");
        Failure::input(format!("unknown template: {}; write one of {names}", said.trim()))
    })
}
