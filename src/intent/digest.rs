//! The two digests of an intent (spec C5).

use super::error::IntentError;
use super::{Context, Intent, Provenance, Target, context};
use crate::json::{self, CanonicalError, Digest};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// A normalised intent that lacks its digests.
pub(super) struct Unsealed {
    pub(super) created_at: Timestamp,
    pub(super) tool_name: String,
    pub(super) args: Map<String, Value>,
    pub(super) targets: Vec<Target>,
    pub(super) arg_provenance: Vec<Provenance>,
    pub(super) context: Context,
}

/// What is digested, in the names of the format.
#[derive(Serialize)]
struct Digested<'a> {
    tool_name: &'a str,
    args: &'a Map<String, Value>,
    targets: &'a [Target],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    arg_provenance: &'a [Provenance],
    context: &'a Context,
}

/// Computes the digests. The one without claims is computed here too, where an error can still be
/// told, so that taking claims away later cannot fail.
pub(super) fn seal(unsealed: Unsealed) -> Result<Intent, IntentError> {
    let sealed = || {
        let digest = unsealed.digest(&unsealed.context)?;
        let digest_without_claims = if context::has_claims(&unsealed.context) {
            let mut bare = unsealed.context.clone();
            context::drop_claims(&mut bare);
            unsealed.digest(&bare)?
        } else {
            digest
        };
        Ok((json::digest(&unsealed.args)?, digest, digest_without_claims))
    };
    let (args_digest, digest, digest_without_claims) =
        sealed().map_err(|error: CanonicalError| IntentError::Normalise(error.to_string()))?;
    let Unsealed { created_at, tool_name, args, targets, arg_provenance, context } = unsealed;
    Ok(Intent {
        created_at,
        tool_name,
        args,
        targets,
        arg_provenance,
        context,
        args_digest,
        digest,
        digest_without_claims,
    })
}

impl Unsealed {
    fn digest(&self, context: &Context) -> Result<Digest, CanonicalError> {
        json::digest(&Digested {
            tool_name: &self.tool_name,
            args: &self.args,
            targets: &self.targets,
            arg_provenance: &self.arg_provenance,
            context,
        })
    }
}
