//! Which gait is asked, and with which token.
//!
//! On the machine where gait runs nothing need be said: its state directory knows both. A token is
//! never the value of a flag, which everybody on the machine could read.
//!
//! A state directory that was only found, as whoever unpacks or shares a directory can leave one, is
//! not believed as far as one that was named: it would say where a token of elsewhere is sent.

use super::api::Api;
use crate::cli::answer::Failure;
use crate::cli::files;
use crate::cli::state_dir;
use crate::egress::{Admin, AdminPlace, Scheme};
use clap::Args;
use serde_json::Value;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// Where gait listens, in the state directory.
const ADDRESSES: &str = "addresses.json";

/// Where gait's admin API is, and the credential for it.
#[derive(Args)]
pub(in crate::cli) struct Door {
    /// The admin listener: ADDRESS:PORT, https://HOST or unix:PATH
    /// [default: GAIT_ADMIN, else as STATE_DIR/addresses.json says]
    #[arg(long, value_name = "PLACE")]
    admin: Option<String>,
    /// The state directory of the gait that runs here
    /// [default: GAIT__STATE_DIR, else ./state, or ./config/state if only that exists]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// A file that holds the token
    /// [default: GAIT_ADMIN_TOKEN, else STATE_DIR/admin.token]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Certificates to believe the listener by, PEM; without, the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Door {
    /// The way in to approvals.
    ///
    /// # Errors
    /// As [`Door::admin`].
    pub(super) fn open(&self) -> Result<Api, Failure> {
        self.admin().map(Api::new)
    }

    /// The way in. Reads all files anew: a gait that was started again may be elsewhere.
    ///
    /// # Errors
    /// Exit 1: no gait runs here. Exit 6: the flags, or the files that they name, mean nothing.
    pub(in crate::cli) fn admin(&self) -> Result<Admin, Failure> {
        let place = self.place()?;
        let token = self.token()?;
        let ca = self.ca.as_deref().map(|path| files::read("--ca", path)).transpose()?;
        Admin::new(place, token.trim(), ca.as_deref()).map_err(Failure::input)
    }

    fn place(&self) -> Result<AdminPlace, Failure> {
        let said = self.admin.clone().or_else(|| given("GAIT_ADMIN"));
        let said = said.map_or_else(|| self.bound(), Ok)?;
        let bare = if self.ca.is_some() { Scheme::Https } else { Scheme::Http };
        AdminPlace::parse(said.trim(), bare).map_err(Failure::input)
    }

    /// Where the gait of the state directory has its admin listener.
    fn bound(&self) -> Result<String, Failure> {
        let state = self.state_dir();
        let is_brought = self.token_file.is_some() || given("GAIT_ADMIN_TOKEN").is_some();
        if state_dir::named(self.state_dir.as_deref()).is_none() && is_brought {
            refuse_foreign(&state.join(ADDRESSES))?;
        }
        bound(&state)
    }

    fn token(&self) -> Result<Zeroizing<String>, Failure> {
        let (what, path) = match (&self.token_file, given("GAIT_ADMIN_TOKEN")) {
            (Some(path), _) => ("--token-file", path.clone()),
            (None, Some(token)) => return Ok(Zeroizing::new(token)),
            (None, None) => ("admin token", self.state_dir().join("admin.token")),
        };
        let bytes = files::read(what, &path).map_err(|error| {
            let mend = "name a file with --token-file, or set GAIT_ADMIN_TOKEN";
            Failure::input(format!("{error}; {mend}"))
        })?;
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|_| Failure::input(format!("{what}: the file is no text")))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn state_dir(&self) -> PathBuf {
        state_dir::or_found(self.state_dir.as_deref())
    }
}

/// A variable of the environment; an empty one says nothing.
fn given(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Where the gait of a state directory has its admin listener.
fn bound(state: &Path) -> Result<String, Failure> {
    const MEND: &str = "name it with --admin or --state-dir";
    let (file, dir) = (state.join(ADDRESSES), state.display());
    let bytes = fs::read(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Failure::internal(format!(
            "gait is not running here: no addresses.json in {dir}; {MEND}"
        )),
        _ => Failure::internal(format!("read {}: {error}; {MEND}", file.display())),
    })?;
    let listeners: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let admin = listeners.get("admin").and_then(Value::as_str).map(str::to_owned);
    let admin = admin.ok_or_else(|| {
        Failure::internal(format!(
            "the gait of {dir} has no admin listener; give `admin.listen` in its config, or {MEND}"
        ))
    })?;
    // gait binds addresses: a URL is of somebody who wants the token.
    match admin.contains("://") {
        false => Ok(admin),
        true => Err(Failure::input(format!(
            "`{admin}` in {} is no address as gait writes it; name the place with --admin if you \
             trust it",
            file.display()
        ))),
    }
}

/// Refuses a file that somebody else may have put into the way.
fn refuse_foreign(file: &Path) -> Result<(), Failure> {
    // What is not there is said where it is read.
    let Ok(there) = fs::metadata(file) else { return Ok(()) };
    // Both ends of a pair are ours.
    let own = UnixStream::pair().and_then(|(end, _)| end.peer_cred()).map_err(Failure::internal)?;
    match [0, own.uid()].contains(&there.uid()) {
        true => Ok(()),
        false => Err(Failure::input(format!(
            "{} belongs to somebody else and would be sent your token; if you trust it, name its \
             directory with --state-dir",
            file.display()
        ))),
    }
}
