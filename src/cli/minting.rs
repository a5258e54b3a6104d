//! What `gait approve` and `gait delegate mint` have in common: for how long, for what, with
//! which key, and where the token goes (spec C11.3).

use super::answer::{Answer, Exit, Failure};
use super::files;
use super::signing::{EPHEMERAL, Signing, SigningFlags};
use crate::clock;
use crate::intent::duration;
use crate::intent::text::lowlist;
use crate::intent::time::Time;
use crate::sign::PrivateKey;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;

/// The flags of both commands.
#[derive(Args)]
pub(super) struct Minting {
    /// For how long the token holds, such as `15m` or `1h30m`; required
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// What it permits, comma-separated; `*` for everything; required
    #[arg(long, value_name = "CSV")]
    scope: Option<String>,
    /// Where the token goes [default: named by its kind and id]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningFlags,
}

/// The flags, understood.
pub(super) struct Mint {
    /// Lower-case, unique, sorted; not empty.
    pub(super) scope: Vec<String>,
    pub(super) key: PrivateKey,
    pub(super) created_at: Time,
    pub(super) expires_at: Time,
    expires: Timestamp,
    out: Option<PathBuf>,
    is_ephemeral: bool,
}

// === impl Minting ===

impl Minting {
    /// Checks in the order of the format: ttl, scope, key.
    ///
    /// # Errors
    /// Exit 6: one of them is missing or wrong.
    pub(super) fn settle(self) -> Result<Mint, Failure> {
        let now = clock::now();
        let expires = duration::positive(self.ttl.as_deref().unwrap_or_default().trim())
            .and_then(|ttl| now.checked_add(ttl).ok())
            .ok_or_else(|| {
                Failure::input("invalid --ttl, expected positive duration such as 15m or 1h30m")
            })?;
        let scope = self.scope.unwrap_or_default();
        let scope = lowlist(scope.split(',').map(str::to_owned).collect());
        if scope.is_empty() {
            return Err(Failure::input("scope is required: say what is permitted with --scope"));
        }
        let signing = Signing::of_flags(self.signing);
        Ok(Mint {
            scope,
            key: signing.key()?,
            created_at: Time::from_timestamp(now),
            expires_at: Time::from_timestamp(expires),
            expires,
            out: self.out,
            is_ephemeral: !signing.is_prod(),
        })
    }
}

// === impl Mint ===

impl Mint {
    /// Writes the token and says so. `kind` is how the default file name begins and what errors
    /// call it.
    ///
    /// # Errors
    /// Exit 1: the file cannot be written.
    pub(super) fn write<T: Serialize>(
        self,
        command: &str,
        kind: &str,
        token_id: &str,
        token: &T,
    ) -> Result<Answer, Failure> {
        let path = self.out.unwrap_or_else(|| format!("{kind}_{token_id}.json").into());
        files::write_record(&format!("{kind} token"), &path, token)?;
        let (path, key_id) = (path.display().to_string(), self.key.public().id());
        let expires_at = self.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let answer = Answer::new(Exit::Success)
            .line(format!("{command}: token_id={token_id}"))
            .line(format!("token: {path}"))
            .line(format!("expires: {expires_at}"))
            .line(format!("scope: {}", self.scope.join(",")))
            .line(format!("key: {key_id}"))
            .with("token_id", token_id)
            .with("token_path", path)
            .with("expires_at", expires_at)
            .with("scope", self.scope)
            .with("key_id", key_id)
            .with("description", format!("signed {kind} token created"));
        Ok(if self.is_ephemeral { answer.warn(EPHEMERAL) } else { answer })
    }
}
