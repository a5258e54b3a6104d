//! `gait policy fmt`: a policy in its normal form (spec E21).
//!
//! What is written means exactly what was read: the digest is computed again from the text before
//! anything leaves. The comments at the head of the file are kept; the others would have to be
//! guessed onto keys that move or go, so they are lost, and counted.

use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::files;
use crate::cli::style::{Hue, Line};
use crate::policy::source::{self, POLICY_BYTES_MAX};
use crate::policy::{IgnoredDocuments, Policy};
use crate::yaml::Comments;
use clap::Args;
use std::path::{Path, PathBuf};

/// A policy, and what to do with its normal form.
#[derive(Args)]
pub(in crate::cli) struct Fmt {
    /// Policy file
    policy: PathBuf,
    /// Write it over the file, where it differs; only comments at the head are kept
    #[arg(long)]
    write: bool,
    /// Write nothing; exit 5 where the file differs
    #[arg(long, conflicts_with = "write")]
    check: bool,
}

/// A file and its normal form.
struct Formatted {
    policy: Policy,
    text: String,
    is_changed: bool,
    lost_comments: usize,
}

// === impl Fmt ===

impl Fmt {
    pub(super) fn run(self) -> Outcome {
        let formatted = Formatted::of(&self.policy)?;
        if self.write && formatted.is_changed {
            files::rewrite("policy", &self.policy, formatted.text.as_bytes())?;
        }
        Ok(self.answer(&formatted))
    }

    fn answer(&self, formatted: &Formatted) -> Answer {
        let (policy, path) = (&formatted.policy, self.policy.to_string_lossy());
        let answer = Answer::new(Exit::Success)
            .with("path", &*path)
            .with("written", self.write && formatted.is_changed)
            .with("changed", formatted.is_changed)
            .with("policy_digest", policy.digest().to_string())
            .with("default_verdict", policy.default_verdict().as_str())
            .with("rule_count", policy.rule_count());
        if self.check {
            return checked(answer, formatted, &path);
        }
        let answer = formatted.losses().into_iter().fold(answer, Answer::warn);
        if self.write {
            let done = if formatted.is_changed { "wrote " } else { "already in normal form: " };
            return answer.line(Line::from(done).hued(Hue::Strong, path));
        }
        answer
            .with("formatted", formatted.text.as_str())
            .lines(formatted.text.lines().map(Line::from))
    }
}

fn checked(answer: Answer, formatted: &Formatted, path: &str) -> Answer {
    if !formatted.is_changed {
        return answer.line(Line::from("in normal form: ").hued(Hue::Strong, path));
    }
    let error = format!("{path} is not in normal form; run gait policy fmt --write {path}");
    answer.ending(Exit::Drift).failed(error)
}

// === impl Formatted ===

impl Formatted {
    fn of(path: &Path) -> Result<Formatted, Failure> {
        let file = path.display().to_string();
        let bytes = files::read("policy", path)?;
        let policy = source::parse(&file, &bytes).map_err(Failure::input)?;
        let comments = Comments::of(&String::from_utf8_lossy(&bytes));
        let text = comments.head + &policy.to_yaml();
        let again = source::parse(&file, text.as_bytes());
        let is_same = again.is_ok_and(|again| again.digest() == policy.digest());
        let fits = u64::try_from(text.len()).is_ok_and(|bytes| bytes <= POLICY_BYTES_MAX);
        if !is_same || !fits {
            let what = "the normal form would not mean the same, or be too large; nothing is done";
            return Err(Failure::input(format!("{file}: {what}")));
        }
        let is_changed = text.as_bytes() != bytes;
        Ok(Formatted { policy, is_changed, lost_comments: comments.others, text })
    }

    /// What the normal form does not keep.
    fn losses(&self) -> Vec<String> {
        let mut losses = Vec::new();
        match self.lost_comments {
            0 => {}
            1 => losses.push("1 comment is not kept; only those at the head are".to_owned()),
            n => losses.push(format!("{n} comments are not kept; only those at the head are")),
        }
        if self.policy.ignored_documents() == IgnoredDocuments::Some {
            losses.push("only the first yaml document is kept; no other ever counted".to_owned());
        }
        losses
    }
}
