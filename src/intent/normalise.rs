//! From what was said to what it means (spec C4.2): the only door into [`Intent`].

use super::draft::Draft;
use super::error::IntentError;
use super::field::invalid;
use super::text::word;
use super::{Intent, args, context, delegation, digest, provenance, script, skill, targets, time};

/// The tool of an intent that is a script (spec E12).
const SCRIPT_TOOL: &str = "script";

impl Draft {
    /// Checks and normalises the draft; the first fault in the order of the format wins.
    pub fn normalise(self) -> Result<Intent, IntentError> {
        let script = self.script.map(script::normalise).transpose()?;
        let tool_name = match &script {
            Some(_) => SCRIPT_TOOL.to_owned(),
            None => word(self.tool_name),
        };
        if tool_name.is_empty() {
            return Err(invalid("tool_name is required"));
        }
        let args = args::normalise("args", self.args)?;
        let mut targets = targets::normalise(self.targets, &tool_name)?;
        let mut arg_provenance = provenance::normalise(self.arg_provenance)?;
        if let Some(script) = &script {
            script.lend(&mut targets, &mut arg_provenance);
        }
        let skill_provenance = self.skill_provenance.map(skill::normalise).transpose()?;
        let context = context::normalise(self.context)?;
        let delegation = self.delegation.map(delegation::normalise).transpose()?;
        let created_at = self.created_at.filter(|time| time.is_given()).unwrap_or(time::DEFAULT);
        digest::seal(digest::Unsealed {
            created_at,
            tool_name,
            args,
            script,
            targets,
            arg_provenance,
            skill_provenance,
            context,
            delegation,
        })
    }
}
