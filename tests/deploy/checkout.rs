//! A checkout as a pipeline has it: the files that are checked in, in a git repository of their own.

use crate::repository;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A working copy; goes away when dropped.
pub(crate) struct Checkout(TempDir);

/// How a script ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) log: String,
}

impl Checkout {
    /// The shipped config, policies and scripts on the branch `main`, and a branch `change` from there
    /// that is checked out.
    pub(crate) fn new() -> Checkout {
        let checkout = Checkout(TempDir::new().unwrap());
        let from = ["config", "policies", "deploy"].map(repository);
        let copied = Command::new("cp").arg("-r").args(from).arg(checkout.0.path()).status();
        assert!(copied.unwrap().success());
        checkout.git(&["init", "--quiet", "--initial-branch", "main"]);
        checkout.commit();
        checkout.git(&["checkout", "--quiet", "-b", "change"]);
        checkout
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces words of a file, which must be there.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).expect(name);
        assert!(text.contains(from), "{name} has no `{from}`");
        self.put(name, &text.replacen(from, to, 1));
    }

    /// Puts everything that changed into a commit.
    pub(crate) fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "a change"]);
    }

    /// What git says.
    pub(crate) fn git(&self, words: &[&str]) -> String {
        let who = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"];
        let run = Command::new("git").args(who).args(words).current_dir(self.0.path()).output();
        let run = run.expect("`git` starts");
        assert!(run.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    /// Runs a line as a pipeline does: with `gait` in the path, these variables and no others.
    pub(crate) fn run(&self, line: &str, variables: &[(&str, &str)]) -> Ran {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_gait"));
        let folder = program.parent().unwrap().display();
        let run = Command::new("sh")
            .args(["-c", line])
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"))
            .env("GAIT_BASE", "main")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            exit: run.status.code().expect("an exit status"),
            out: String::from_utf8(run.stdout).unwrap(),
            log: String::from_utf8(run.stderr).unwrap(),
        }
    }

    /// A program in place of gait that does as `does` says for these first words, and is gait itself
    /// for all others. It notes the words in `asked`.
    pub(crate) fn stand_in(&self, words: &str, does: &str) -> String {
        let gait = env!("CARGO_BIN_EXE_gait");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n  {words:?}*) echo \"$*\" >asked; {does} ;;\n  \
             *) exec {gait} \"$@\" ;;\nesac\n"
        );
        self.put("stand-in", &script);
        fs::set_permissions(self.path("stand-in"), Permissions::from_mode(0o755)).unwrap();
        "./stand-in".to_owned()
    }
}
