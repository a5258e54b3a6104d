//! The two digests of an intent (spec C5).

use super::error::IntentError;
use super::time::Time;
use super::{Context, Delegation, Intent, Provenance, Script, SkillProvenance, Target, context};
use crate::json::{self, CanonicalError, Digest};
use serde::Serialize;
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
    /// The args, which can be long, are neither made canonical nor copied for it.
    fn digest(&self, args: &[u8], context: &Context) -> Result<Digest, CanonicalError> {
        let (mut before, mut after) = (Vec::with_capacity(128), Vec::with_capacity(512));
        self.before_args(&mut before)?;
        self.after_args(context, &mut after)?;
        Ok(Digest::of_parts(&[&before, args, &after]))
    }

    /// The members of the format in canonical order, up to the args.
    fn before_args(&self, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        out.push(b'{');
        if !self.arg_provenance.is_empty() {
            out.extend_from_slice(b"\"arg_provenance\":");
            json::canonical_into(&self.arg_provenance, out)?;
            out.push(b',');
        }
        out.extend_from_slice(b"\"args\":");
        Ok(())
    }

    /// The members from there on.
    fn after_args(&self, context: &Context, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
        member(out, ",\"context\":", context)?;
        if let Some(delegation) = &self.delegation {
            member(out, ",\"delegation\":", delegation)?;
        }
        if let Some(script) = &self.script {
            member(out, ",\"script\":", script)?;
            member(out, ",\"script_hash\":", &script.hash)?;
        }
        if let Some(skill) = &self.skill_provenance {
            member(out, ",\"skill_provenance\":", skill)?;
        }
        member(out, ",\"targets\":", &self.targets)?;
        member(out, ",\"tool_name\":", &self.tool_name)?;
        out.push(b'}');
        Ok(())
    }
}

/// Adds a member behind others; its name comes as it is written.
fn member<T: Serialize>(
    out: &mut Vec<u8>,
    name: &'static str,
    value: &T,
) -> Result<(), CanonicalError> {
    out.extend_from_slice(name.as_bytes());
    json::canonical_into(value, out)
}
