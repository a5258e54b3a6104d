//! The two digests of an intent (spec C5).

use super::error::IntentError;
use super::time::Time;
use super::{Context, Delegation, Intent, Provenance, Script, SkillProvenance, Target, context};
use crate::json::{self, CanonicalError, Digest};
use serde_json::{Map, Value};

/// A normalised intent that lacks its digests.
pub(super) struct Unsealed {
    pub(super) created_at: Time,
    pub(super) tool_name: String,
    pub(super) args: Map<String, Value>,
    pub(super) script: Option<Script>,
    pub(super) targets: Vec<Target>,
    pub(super) arg_provenance: Vec<Provenance>,
    pub(super) skill_provenance: Option<SkillProvenance>,
    pub(super) context: Context,
    pub(super) delegation: Option<Delegation>,
}

/// Computes the digests. The one without claims is computed here too, where an error can still be
/// told, so that taking claims away later cannot fail.
pub(super) fn seal(unsealed: Unsealed) -> Result<Intent, IntentError> {
    let (args_digest, digest, digest_without_claims) = digests(&unsealed)?;
    Ok(Intent {
        created_at: unsealed.created_at,
        tool_name: unsealed.tool_name,
        args: unsealed.args,
        script: unsealed.script,
        targets: unsealed.targets,
        arg_provenance: unsealed.arg_provenance,
        skill_provenance: unsealed.skill_provenance,
        context: unsealed.context,
        delegation: unsealed.delegation,
        args_digest,
        digest,
        digest_without_claims,
    })
}

/// Takes the digests off, for a change after which they are computed anew.
pub(super) fn unseal(intent: Intent) -> Unsealed {
    Unsealed {
        created_at: intent.created_at,
        tool_name: intent.tool_name,
        args: intent.args,
        script: intent.script,
        targets: intent.targets,
        arg_provenance: intent.arg_provenance,
        skill_provenance: intent.skill_provenance,
        context: intent.context,
        delegation: intent.delegation,
    }
}

/// The digest of the args, of the whole, and of the whole without claims.
fn digests(unsealed: &Unsealed) -> Result<(Digest, Digest, Digest), CanonicalError> {
    let args = json::canonical_object(&unsealed.args)?;
    let digest = unsealed.digest(&args, &unsealed.context)?;
    let digest_without_claims = if context::has_claims(&unsealed.context) {
        let mut bare = unsealed.context.clone();
        context::drop_claims(&mut bare);
        unsealed.digest(&args, &bare)?
    } else {
        digest
    };
    Ok((Digest::of(&args), digest, digest_without_claims))
}

impl Unsealed {
    fn digest(&self, args: &[u8], context: &Context) -> Result<Digest, CanonicalError> {
        Ok(Digest::of(&self.canonical(args, context)?))
    }

    /// The members of the format, in canonical order. Written out, so that the args, which can be
    /// long, are made canonical once for both digests.
    fn canonical(&self, args: &[u8], context: &Context) -> Result<Vec<u8>, CanonicalError> {
        let mut out = vec![b'{'];
        if !self.arg_provenance.is_empty() {
            member(&mut out, "arg_provenance", &json::canonical(&self.arg_provenance)?);
        }
        member(&mut out, "args", args);
        member(&mut out, "context", &json::canonical(context)?);
        if let Some(delegation) = &self.delegation {
            member(&mut out, "delegation", &json::canonical(delegation)?);
        }
        if let Some(script) = &self.script {
            member(&mut out, "script", &json::canonical(script)?);
            member(&mut out, "script_hash", &json::canonical(&script.hash)?);
        }
        if let Some(skill) = &self.skill_provenance {
            member(&mut out, "skill_provenance", &json::canonical(skill)?);
        }
        member(&mut out, "targets", &json::canonical(&self.targets)?);
        member(&mut out, "tool_name", &json::canonical(&self.tool_name)?);
        out.push(b'}');
        Ok(out)
    }
}

/// Adds a member; `name` needs no escaping, `value` is canonical.
fn member(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if out.len() > 1 {
        out.push(b',');
    }
    out.extend_from_slice(format!("\"{name}\":").as_bytes());
    out.extend_from_slice(value);
}
