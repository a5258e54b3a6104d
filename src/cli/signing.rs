//! What signs a trace or a token: the caller's key, or one that is made and thrown away (spec C12).
//!
//! Flags and config are only put together here; whether they make sense is asked when the key is
//! wanted, which is after the evaluation (spec C9), so that a mistake in the policy is told first.

use super::answer::Failure;
use super::project;
use super::verify_key::Given;
use crate::sign::{Half, PrivateKey};
use clap::Args;
use std::path::PathBuf;

/// The mode without a key of the caller's, which is also the default.
const DEV: &str = "dev";

/// The mode with one.
const PROD: &str = "prod";

/// What a signature is worth without a key of the caller's.
pub(super) const EPHEMERAL: &str =
    "dev mode: ephemeral keypair generated; signatures will not verify across machines";

/// The flags that say what signs.
#[derive(Args)]
pub(super) struct SigningFlags {
    /// `dev` signs with a key that is thrown away, `prod` with yours [default: dev]
    #[arg(long, value_name = "MODE")]
    key_mode: Option<String>,
    /// Private key file that signs
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Environment variable that holds that key
    #[arg(long, value_name = "NAME")]
    private_key_env: Option<String>,
}

/// How to sign, as it was asked for.
#[derive(Debug)]
pub(super) struct Signing {
    mode: String,
    given: Given,
}

// === impl Signing ===

impl Signing {
    /// Flags win over config.
    pub(super) fn of(flags: SigningFlags, config: &project::Gate) -> Signing {
        let given = Given { path: flags.private_key, env: flags.private_key_env }
            .or(Given { path: config.private_key.clone(), env: config.private_key_env.clone() });
        let mode = flags.key_mode.as_deref().or(config.key_mode.as_deref());
        let mode = mode.map(str::trim).filter(|mode| !mode.is_empty()).unwrap_or(DEV);
        Signing { mode: mode.to_owned(), given }
    }

    /// Where there is no config to fall back to.
    pub(super) fn of_flags(flags: SigningFlags) -> Signing {
        Signing::of(flags, &project::Gate::default())
    }

    /// Whether the caller's own key is to sign.
    pub(super) fn is_prod(&self) -> bool {
        self.mode == PROD
    }

    /// Whether a key was named, well or not.
    pub(super) fn names_a_key(&self) -> bool {
        self.given.path.is_some() || self.given.env.is_some()
    }

    /// The key that signs.
    ///
    /// # Errors
    /// Exit 6: mode and sources do not fit, or the caller's key cannot be loaded. Exit 1: none
    /// can be made.
    pub(super) fn key(&self) -> Result<PrivateKey, Failure> {
        let source = self.given.clone().source(Half::Private)?;
        match (self.mode.as_str(), source) {
            (DEV, None) => PrivateKey::generate()
                .map_err(|error| Failure::internal(format!("make private key: {error}"))),
            (DEV, Some(_)) => Err(Failure::input(
                "dev mode does not accept explicit key sources; add --key-mode prod",
            )),
            (PROD, Some(source)) => source.private().map_err(Failure::input),
            (PROD, None) => Err(Failure::input(
                "prod mode requires a private key source: --private-key or --private-key-env",
            )),
            (other, _) => Err(Failure::input(format!(
                "unsupported key mode: \"{other}\" (expected dev or prod)"
            ))),
        }
    }
}
