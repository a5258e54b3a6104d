//! `gait approvals grant` and `deny`: somebody's word on one version of one request.
//!
//! The version goes along, so that a request that has changed since it was looked at is refused
//! and not decided. A token for a caller without a proven name is a secret until it is used: it is
//! printed once, or written to a file that only its owner reads.

use super::api::{Api, Word, read};
use super::door::Door;
use super::table::{grants, state};
use super::text;
use super::wire::{Request, Resolved, Token};
use crate::cli::Invocation;
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::files::{self, Existing};
use crate::cli::style::{Hue, Line};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The longest answer to a question that is looked at.
const ANSWER_BYTES_MAX: u64 = 64;

/// `gait approvals grant`.
#[derive(Args)]
#[command(after_help = "\
Shows the request and asks first, where a person is there to answer. A caller that has proven who
it is need only call again. For one that has not, a token is printed: whoever shows it with the
very same call, once, may run it. Examples:

  gait approvals grant hq7m --reason 'seen with the owner, ticket 4711'
  gait approvals grant hq7m --reason 'nightly release' --yes --if-match 1 --token-out token")]
pub(in crate::cli) struct Grant {
    #[command(flatten)]
    word: Words,
    /// For how long the grant holds, such as 90s or 15m [default: as the config says]
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Write the token to this file, with mode 0600, instead of printing it
    #[arg(long, value_name = "FILE")]
    token_out: Option<PathBuf>,
}

/// `gait approvals deny`.
#[derive(Args)]
pub(in crate::cli) struct Deny {
    #[command(flatten)]
    word: Words,
}

/// What is said of which request.
#[derive(Args)]
struct Words {
    /// The request, or at least the first 4 characters of its id
    id: String,
    /// Why, for those who look later; the requester of a denied call is told
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only if the request is still of this version [default: the one that is there]
    #[arg(long, value_name = "VERSION")]
    if_match: Option<u64>,
    #[command(flatten)]
    door: Door,
}

impl Grant {
    pub(super) async fn run(self, invocation: &Invocation) -> Outcome {
        if let Some(path) = &self.token_out {
            refuse_existing(path)?;
        }
        let api = self.word.door.open()?;
        let request: Request = read(&api.show(&self.word.id).await?)?;
        let version = self.word.version(&request)?;
        if !self.yes && is_person() {
            ask(&request, invocation)?;
        }
        let mut body = json!({ "reason": self.word.reason });
        if let (Some(ttl), Value::Object(members)) = (&self.ttl, &mut body) {
            members.insert("ttl".to_owned(), ttl.as_str().into());
        }
        let said = Word { id: &request.summary.id, word: "grant", version, body };
        let (answer, resolved) = say(&api, said).await?;
        hand_over(answer, resolved, self.token_out.as_deref())
    }
}

impl Deny {
    pub(super) async fn run(self) -> Outcome {
        let api = self.word.door.open()?;
        let request: Request = read(&api.show(&self.word.id).await?)?;
        let version = self.word.version(&request)?;
        let body = json!({ "reason": self.word.reason });
        let said = Word { id: &request.summary.id, word: "deny", version, body };
        let (answer, resolved) = say(&api, said).await?;
        Ok(answer.line(done("denied", &resolved)))
    }
}

impl Words {
    /// The version that is meant. One that is not there any more is not asked about.
    fn version(&self, request: &Request) -> Result<u64, Failure> {
        let (id, there) = (&request.summary.id, request.summary.version);
        match self.if_match {
            Some(wanted) if wanted != there => Err(Failure::input(format!(
                "request `{id}` is of version {there} now, not {wanted}; look again: `gait \
                 approvals show {id}`"
            ))),
            _ => Ok(there),
        }
    }
}

async fn say(api: &Api, word: Word<'_>) -> Result<(Answer, Resolved), Failure> {
    let value = api.say(word).await?;
    let resolved = read(&value)?;
    let answer = Answer::new(Exit::Success);
    let answer = answer.with("approval", value.get("approval").cloned().unwrap_or_default());
    Ok((answer, resolved))
}

fn done(what: &str, resolved: &Resolved) -> Line {
    let request = &resolved.approval;
    let line = Line::from(format!("{what} ")).hued(Hue::Strong, &*request.id).text(": ");
    line.then(state(&request.state)).text(format!(", {} approvals", grants(request)))
}

// === asking ===

/// Whether somebody can read a question and answer it.
fn is_person() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Shows the request and waits for a yes.
fn ask(request: &Request, invocation: &Invocation) -> Result<(), Failure> {
    let mut log = io::stderr().lock();
    let shown = text::lines(request).into_iter().chain([Line::new()]);
    let show = || {
        for line in shown {
            writeln!(log, "{}", line.render(invocation.paints.log))?;
        }
        write!(log, "grant? [y/N] ")?;
        log.flush()
    };
    show().map_err(Failure::internal)?;
    let mut line = String::new();
    let read = io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut line);
    read.map_err(|error| Failure::input(format!("read standard input: {error}")))?;
    match line.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::input("not granted, since the answer was not `y`")),
    }
}

// === the token ===

fn refuse_existing(path: &Path) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Ok(_) => Err(Failure::input(format!(
            "`{}` exists already; name a file that does not for --token-out",
            path.display()
        ))),
        Err(_) => Ok(()),
    }
}

/// What the approver passes on, if anything.
fn hand_over(answer: Answer, resolved: Resolved, out: Option<&Path>) -> Outcome {
    let answer = answer.line(done("granted", &resolved));
    match (&resolved.token, out) {
        (None, _) => Ok(answer),
        (Some(token), None) => Ok(printed(answer, token)),
        (Some(token), Some(path)) => written(answer, token, path),
    }
}

fn printed(answer: Answer, token: &Token) -> Answer {
    let header = format!("Gait-Approval: {}", token.gait_approval);
    let value = json!({ "gait_approval": token.gait_approval, "expires_at": token.expires_at });
    let until = format!(
        "The caller has proven nothing, so pass this on. It calls again, once, until {}, with:",
        token.expires_at
    );
    answer.with("token", value).line("").line(until).line("").line(header)
}

/// The grant stands whether or not the file can be written; who cannot write it is told the token.
fn written(answer: Answer, token: &Token, path: &Path) -> Outcome {
    let text = format!("{}\n", token.gait_approval);
    if let Err(failure) = files::write("token", path, text.as_bytes(), Existing::Refuse) {
        let error = format!("it is granted, but {failure}; the token is shown instead");
        return Ok(printed(answer, token).ending(Exit::Internal).failed(error));
    }
    let shown = path.display().to_string();
    let line = format!(
        "The caller has proven nothing, so pass it the token in {shown}. It calls again, once, \
         until {}, with the header field Gait-Approval.",
        token.expires_at
    );
    let value = json!({ "expires_at": token.expires_at });
    Ok(answer.with("token", value).with("token_path", shown).line(line))
}
