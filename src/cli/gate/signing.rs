//! What signs a trace: the caller's key, or one that is made and thrown away (spec C12).

use super::flags::SigningFlags;
use crate::cli::answer::Failure;
use crate::cli::project;
use crate::cli::verify_key::Given;
use crate::sign::{Half, PrivateKey, Source};

/// What signs the trace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Signing {
    /// A key that is made for this trace and thrown away.
    Ephemeral,
    /// The caller's key.
    With(Source),
}

// === impl Signing ===

impl Signing {
    /// # Errors
    /// Exit 6: the mode and the sources do not fit.
    pub(super) fn settle(flags: SigningFlags, config: &project::Gate) -> Result<Signing, Failure> {
        let given = Given { path: flags.private_key, env: flags.private_key_env }
            .or(Given { path: config.private_key.clone(), env: config.private_key_env.clone() });
        let source = given.source(Half::Private)?;
        let mode = flags.key_mode.as_deref().or(config.key_mode.as_deref());
        match (mode.unwrap_or_default().trim(), source) {
            ("" | "dev", None) => Ok(Signing::Ephemeral),
            ("" | "dev", Some(_)) => Err(Failure::input(
                "dev mode does not accept explicit key sources; add --key-mode prod",
            )),
            ("prod", Some(source)) => Ok(Signing::With(source)),
            ("prod", None) => Err(Failure::input(
                "prod mode requires a private key source: --private-key or --private-key-env",
            )),
            (other, _) => Err(Failure::input(format!(
                "unsupported key mode: \"{other}\" (expected dev or prod)"
            ))),
        }
    }

    /// The key that signs.
    ///
    /// # Errors
    /// Exit 6: the caller's key cannot be loaded. Exit 1: none can be made.
    pub(super) fn key(&self) -> Result<PrivateKey, Failure> {
        match self {
            Signing::Ephemeral => PrivateKey::generate()
                .map_err(|error| Failure::internal(format!("make private key: {error}"))),
            Signing::With(source) => source.private().map_err(Failure::input),
        }
    }
}
