//! The command line: parse, dispatch, print, exit code.
//!
//! A command takes its parsed flags and returns an [`Outcome`](answer::Outcome); it neither prints
//! nor exits. Here the outcome becomes one JSON object or text, so no command can forget the
//! envelope. Usage errors are exit 6 like every other bad input, not clap's 2.
//!
//! To add a command: a file under `cli/` with its `Args`, a variant of [`Command`], an arm in
//! [`Command::run`].

mod proxy;
mod routes;
mod policy;
mod gate;
mod kill_switch;
mod keys;
mod approve;
mod approvals;
mod delegate;
mod trace;
mod replay;
mod rollout;
mod minting;
mod signing;
mod load;
mod origin;
mod project;
mod verify_key;
mod state_dir;
mod files;
mod answer;
mod style;

use crate::policy::Verdict;
use answer::{Exit, Failure, Outcome};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, Write as _};
use style::{Choice, Paints};

/// A transparent policy proxy for tool APIs: observe, dry-run, approve, enforce.
#[derive(Parser)]
#[command(name = "gait", version, disable_help_subcommand = true)]
#[command(after_help = "\
Exit codes: 0 done, allow or dry_run; 3 block; 4 require_approval; 2 a signature does not hold;
5 a policy does not do what its tests say, or other than before; 6 invalid input or usage;
1 the machine failed.")]
struct Cli {
    /// Print one JSON object on stdout
    #[arg(long, global = true, display_order = 1000)]
    json: bool,
    /// Say in a sentence what the command does; for `gate eval --json`, why it decided so
    #[arg(long, global = true, display_order = 1001)]
    explain: bool,
    /// Colour the text: where a person reads it, always, or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = 1002)]
    color: Choice,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the proxy; without flags, the embedded demo
    Proxy(proxy::Proxy),
    /// Say what would become of a request, and send nothing
    #[command(subcommand)]
    Routes(routes::Command),
    /// Write, check, test and explain policies
    #[command(subcommand)]
    Policy(policy::Command),
    /// Judge one intent
    #[command(subcommand)]
    Gate(gate::Command),
    /// Stop tools, agents, paths and more, whatever the policy says
    #[command(subcommand)]
    KillSwitch(kill_switch::Command),
    /// Make, renew and check signing keys; make API keys for callers
    #[command(subcommand)]
    Keys(keys::Command),
    /// Sign that one intent may run under one policy, and write the token to a file
    #[command(
        override_usage = "gait approve --intent-digest <HEX> --policy-digest <HEX> --ttl <DURATION> --scope <CSV> --approver <ID> --reason-code <CODE> [OPTIONS]"
    )]
    Approve(Box<approve::Approve>),
    /// Look at the calls that wait for an approval, and decide them
    #[command(subcommand)]
    Approvals(Box<approvals::Command>),
    /// Make and check tokens that let somebody act for another
    #[command(subcommand)]
    Delegate(Box<delegate::Command>),
    /// Check signed decisions
    #[command(subcommand)]
    Trace(trace::Command),
    /// Bring a policy into force step by step, on evidence
    #[command(subcommand)]
    Rollout(rollout::Command),
    /// Judge many intents under many policies, and say what changed
    Replay(replay::Replay),
}

/// What every command may know of the process that it runs in.
struct Invocation {
    /// 24 hex characters that are the same for the same arguments (spec C8.3).
    correlation_id: String,
    /// Whether the reasons are wanted instead of the answer (spec E19).
    explain: bool,
    /// How the outcome is printed.
    format: Format,
    /// Whether text has colours.
    paints: Paints,
}

/// How the outcome is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Text,
}

/// Runs the command that `args` (the program's name first) ask for; returns the exit status.
pub fn run(args: Vec<OsString>) -> u8 {
    let printed = match parse(&args) {
        Ok((name, cli)) => {
            let invocation = Invocation::new(&args, cli.color);
            print(cli.command.run(&invocation), &name, &invocation)
        }
        Err(said) => said.print(&Invocation::new(&args, Choice::Auto)),
    };
    // An answer that nobody can read is no answer, whatever it was.
    printed.unwrap_or(Exit::Internal).code()
}

impl Invocation {
    fn new(args: &[OsString], color: Choice) -> Invocation {
        Invocation {
            correlation_id: correlation_id(args),
            explain: has_flag(args, "--explain"),
            format: if has_flag(args, "--json") { Format::Json } else { Format::Text },
            paints: Paints::choose(color),
        }
    }
}

impl Command {
    fn run(self, invocation: &Invocation) -> Outcome {
        match self {
            Command::Proxy(command) => command.run(invocation),
            Command::Routes(command) => command.run(invocation),
            Command::Policy(command) => command.run(invocation),
            Command::Gate(command) => command.run(invocation),
            Command::KillSwitch(command) => command.run(invocation),
            Command::Keys(command) => command.run(invocation),
            Command::Approve(command) => command.run(invocation),
            Command::Approvals(command) => command.run(invocation),
            Command::Delegate(command) => command.run(invocation),
            Command::Trace(command) => command.run(invocation),
            Command::Rollout(command) => command.run(invocation),
            Command::Replay(command) => command.run(invocation),
        }
    }
}

// === parsing ===

/// What there is to say when no command runs.
enum Said {
    /// Help or version, asked for.
    Asked(String),
    /// One sentence, asked for with `--explain`.
    Sentence(String),
    /// The usage was wrong.
    Usage(clap::Error),
}

fn parse(args: &[OsString]) -> Result<(String, Cli), Said> {
    if let Some(text) = sentence(args) {
        return Err(Said::Sentence(text));
    }
    let parsed = Cli::command().try_get_matches_from(args).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        Ok((command_name(&matches), cli))
    });
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            Said::Asked(error.render().to_string())
        }
        _ => Said::Usage(error),
    })
}

/// The words of the command, such as `gate eval`; errors begin with them.
fn command_name(matches: &clap::ArgMatches) -> String {
    let mut words = Vec::new();
    let mut level = matches.subcommand();
    while let Some((word, inner)) = level {
        words.push(word);
        level = inner.subcommand();
    }
    words.join(" ")
}

/// Whether a flag stands anywhere before `--`; for usage errors, where nothing was parsed.
fn has_flag(args: &[OsString], flag: &str) -> bool {
    args.iter().take_while(|arg| *arg != "--").any(|arg| arg == flag)
}

/// What `--explain` answers: the command's own line of help. `gate eval --json` explains its
/// decision instead, so it runs.
fn sentence(args: &[OsString]) -> Option<String> {
    if !has_flag(args, "--explain") {
        return None;
    }
    let mut command = &Cli::command();
    let mut words = Vec::new();
    for arg in args.iter().skip(1).filter_map(|arg| arg.to_str()) {
        if let Some(inner) = command.find_subcommand(arg) {
            command = inner;
            words.push(arg);
        }
    }
    let explains_itself = words == ["gate", "eval"] && has_flag(args, "--json");
    if command.has_subcommands() || explains_itself {
        return None;
    }
    command.get_about().map(|about| format!("gait {}: {about}.", words.join(" ")))
}

/// First 12 bytes, hex, of SHA-256 over the arguments, each trimmed, joined by 0x1F (spec C8.3).
fn correlation_id(args: &[OsString]) -> String {
    let words: Vec<String> =
        args.iter().map(|arg| arg.to_string_lossy().trim().to_owned()).collect();
    crate::trace::id(&words.join("\u{1f}"))
}

/// The exit code of a verdict (spec C8.1).
fn verdict_exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Allow | Verdict::DryRun => Exit::Success,
        Verdict::RequireApproval => Exit::ApprovalRequired,
        Verdict::Block => Exit::Blocked,
    }
}

// === printing ===

fn print(outcome: Outcome, command: &str, invocation: &Invocation) -> io::Result<Exit> {
    let (mut out, mut log) = (io::stdout().lock(), io::stderr().lock());
    match invocation.format {
        Format::Json => answer::print_json(outcome, &invocation.correlation_id, &mut out),
        Format::Text => answer::print_text(outcome, command, invocation.paints, &mut out, &mut log),
    }
}

impl Said {
    fn print(self, invocation: &Invocation) -> io::Result<Exit> {
        match (self, invocation.format) {
            (Said::Asked(text), _) => {
                io::stdout().lock().write_all(text.as_bytes())?;
                Ok(Exit::Success)
            }
            (Said::Sentence(text), _) => {
                let answer = answer::Answer::new(Exit::Success);
                let answer = answer.with("explanation", text.as_str()).line(text);
                print(Ok(answer), "gait", invocation)
            }
            (Said::Usage(error), Format::Json) => {
                print(Err(Failure::input(one_line(&error))), "gait", invocation)
            }
            (Said::Usage(error), Format::Text) => {
                io::stderr().lock().write_all(error.render().to_string().as_bytes())?;
                Ok(Exit::InvalidInput)
            }
        }
    }
}

/// clap's message without its frame: what is wrong, not the usage below it.
fn one_line(error: &clap::Error) -> String {
    if matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return "a command is missing; `gait --help` lists them".to_owned();
    }
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or(&text);
    let paragraph = paragraph.strip_prefix("error: ").unwrap_or(paragraph);
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
