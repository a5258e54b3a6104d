//! A real browser, Chromium, that a script of `tests/page` drives.

use super::peer::modules;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Chromium, as it is installed here.
#[derive(Debug)]
pub(crate) struct Browser {
    program: PathBuf,
}

impl Browser {
    /// Looks for it; `None`, with a word about it, where it is missing. Where `CI` is set a missing
    /// browser is a failure.
    pub(crate) fn find() -> Option<Browser> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path).map(|dir| dir.join("chromium")).find(|at| at.is_file());
        if found.is_none() {
            assert!(env::var_os("CI").is_none(), "install `chromium`: the page is tried in it");
            println!("skipped: chromium is not installed (Debian package `chromium`)");
        }
        found.map(|program| Browser { program })
    }

    /// Plays the scenes of one script to their end. Its screenshots stay under the target
    /// directory, to be looked at.
    pub(crate) fn run(&self, script: &str, arguments: &[&OsStr]) -> Output {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page").join(script);
        let _none = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory under target");
        Command::new("timeout")
            .args(["180", "node"])
            .arg(scripts.join(script).with_extension("js"))
            .args(arguments)
            .arg(&dir)
            .env("NODE_PATH", modules())
            .env("CHROMIUM", &self.program)
            .stdin(Stdio::null())
            .output()
            .expect("`node` starts: install nodejs, version 18 or later")
    }
}
