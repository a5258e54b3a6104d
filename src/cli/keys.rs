//! `gait keys`: make, renew and check the key pairs that sign decisions (spec C12), and make the
//! API keys of callers.

mod api_key;
mod rotate;

use super::Invocation;
use super::answer::{Answer, Exit, Failure, Outcome};
use super::files::{self, Existing};
use super::verify_key::Given;
use crate::clock;
use crate::sign::{Half, PrivateKey, PublicKey};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `gait keys`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a key pair
    Init(Files),
    /// Make the next key pair, named by the time, or the next key of a gateway's evidence
    Rotate(rotate::Rotate),
    /// Check that a private key loads and fits its public key
    Verify(Sources),
    /// Make an API key for a caller, or give the hash of one
    ApiKey(api_key::ApiKey),
}

/// Where a new key pair goes.
#[derive(Args)]
pub(super) struct Files {
    /// Directory for the two files; made if missing
    #[arg(long, value_name = "DIR", default_value = "gait-out/keys")]
    out_dir: PathBuf,
    /// How the file names begin
    #[arg(long, default_value = "gait")]
    prefix: String,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

/// Where a key pair lies.
#[derive(Args)]
pub(super) struct Sources {
    /// Private key file
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Environment variable that holds the private key
    #[arg(long, value_name = "NAME")]
    private_key_env: Option<String>,
    /// Public key file to compare with
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Environment variable that holds the public key
    #[arg(long, value_name = "NAME")]
    public_key_env: Option<String>,
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, _: &Invocation) -> Outcome {
        match self {
            Command::Init(files) => files.make("keys init"),
            Command::Rotate(rotate) => rotate.run(),
            Command::Verify(sources) => sources.verify(),
            Command::ApiKey(api_key) => api_key.run(),
        }
    }
}

// === impl Files ===

impl Files {
    /// The same place under a prefix that holds the time, so that old pairs stay.
    fn dated(self) -> Files {
        let time = clock::now().strftime("%Y%m%dT%H%M%SZ");
        Files { prefix: format!("{}_{time}", self.prefix), ..self }
    }

    fn make(&self, command: &str) -> Outcome {
        let private_path = self.path("private")?;
        let public_path = self.path("public")?;
        let existing = if self.force { Existing::Replace } else { Existing::Refuse };
        let key = PrivateKey::generate()
            .map_err(|error| Failure::internal(format!("make private key: {error}")))?;
        // The private half first: when it is refused, no public half is left behind.
        files::write("private key", &private_path, key.to_text().as_bytes(), existing)?;
        let public_text = key.public().to_text();
        files::write("public key", &public_path, public_text.as_bytes(), existing)?;

        let id = key.public().id();
        Ok(Answer::new(Exit::Success)
            .line(format!("{command}: key_id={id}"))
            .line(format!("private key: {}", private_path.display()))
            .line(format!("public key: {}", public_path.display()))
            .with("prefix", self.prefix.as_str())
            .with("key_id", id)
            .with("public_key_path", public_path.display().to_string())
            .with("private_key_path", private_path.display().to_string()))
    }

    fn path(&self, half: &str) -> Result<PathBuf, Failure> {
        if self.prefix.is_empty() || self.prefix.contains('/') {
            let prefix = &self.prefix;
            return Err(Failure::input(format!(
                "invalid --prefix `{prefix}`: give a plain name and choose the directory with --out-dir"
            )));
        }
        Ok(self.out_dir.join(format!("{}_{half}.key", self.prefix)))
    }
}

// === impl Sources ===

impl Sources {
    fn verify(self) -> Outcome {
        let private = Given { path: self.private_key, env: self.private_key_env };
        let public = Given { path: self.public_key, env: self.public_key_env };
        let private = private.source(Half::Private)?.ok_or_else(|| {
            Failure::input("no private key: give --private-key or --private-key-env")
        })?;
        let public = public.source(Half::Public)?;

        let own: PublicKey = private.private().map_err(Failure::input)?.public();
        if let Some(source) = &public
            && source.public().map_err(Failure::input)? != own
        {
            return Err(Failure::input("public key does not match private key"));
        }
        let public = public.map_or_else(|| "derived".to_owned(), |source| source.to_string());
        Ok(Answer::new(Exit::Success)
            .line(format!("keys verify: key_id={}", own.id()))
            .with("key_id", own.id())
            .with("private_key_source", private.to_string())
            .with("public_key_source", public))
    }
}
