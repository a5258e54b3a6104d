//! Whose word on delegations counts.

use super::DOCUMENT;
use super::site::Site;
use crate::delegation::Keys;
use crate::sign::PublicKey;
use crate::yaml::{self, Fault, Fields, Place};

const DELEGATION: yaml::Keys = yaml::Keys { document: DOCUMENT, read: &["keys"], legacy: &[] };

/// Nobody has more keys that delegate.
const KEYS_MAX: usize = 64;

/// Reads `delegation` of `identity`; without it there are no keys.
pub(super) fn read(identity: &mut Fields, site: &Site<'_>) -> Result<Keys, Fault> {
    let (written, path) = (identity.has("delegation"), identity.at("delegation"));
    let mut fields = Fields::open(identity.take("delegation"), path, &DELEGATION)?;
    // Left empty it would look as if somebody's word counted.
    fields.refuse_empty(&["keys"])?;
    let field = fields.at("keys");
    let files = fields.texts("keys")?;
    let fault = |place, what: &str| Fault::validate(place, format!("`{field}`: {what}"));
    if written && files.is_empty() {
        return Err(fault(fields.place(), "list the public key files of those who may delegate"));
    }
    if files.len() > KEYS_MAX {
        return Err(fault(fields.place(), &format!("{} keys; at most {KEYS_MAX}", files.len())));
    }
    let key =
        |(file, place): &(String, Place)| key(file, site).map_err(|what| fault(*place, &what));
    Ok(Keys::new(files.iter().map(key).collect::<Result<Vec<PublicKey>, Fault>>()?))
}

/// Reads a public key file.
///
/// # Errors
/// Names the file, and says what is wrong with it.
pub(super) fn key(file: &str, site: &Site<'_>) -> Result<PublicKey, String> {
    let bytes = site.file(file)?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{file} is not text"))?;
    PublicKey::parse(&text).map_err(|error| format!("{file}: {error}"))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Environment, Source};
    use crate::sign::PrivateKey;
    use std::path::Path;

    fn load(folder: &Path, identity: &str) -> Result<Config, String> {
        let text = format!(
            "policy: p.yaml\nidentity: {identity}\nupstreams: {{ a: {{ url: \
             \"http://127.0.0.1:9\" }} }}\nroutes: []\n"
        );
        let policy = "rules: [{name: r, effect: allow, match: {require_delegation: true}}]";
        std::fs::write(folder.join("gait.yaml"), text).unwrap();
        std::fs::write(folder.join("p.yaml"), policy).unwrap();
        let loaded = Source::File(folder.join("gait.yaml")).load(&Environment::default());
        loaded.map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_files_and_count_into_the_digest_of_the_config() {
        let dir = tempfile::tempdir().unwrap();
        let key = || PrivateKey::generate().unwrap().public().to_text();
        std::fs::write(dir.path().join("a.key"), key()).unwrap();
        let before = load(dir.path(), "{ delegation: { keys: [a.key] } }").unwrap();
        assert!(!before.plan.delegation.is_empty());
        assert!(before.warnings.iter().any(|warning| warning.contains("`identity.sources`")));
        std::fs::write(dir.path().join("a.key"), key()).unwrap();
        let after = load(dir.path(), "{ delegation: { keys: [a.key] } }").unwrap();
        assert_ne!(before.plan.digest, after.plan.digest);
        let none = load(dir.path(), "{}").unwrap();
        assert!(none.plan.delegation.is_empty());
        assert!(none.warnings.iter().any(|warning| warning.contains("identity.delegation.keys")));
    }

    #[test]
    fn what_is_no_list_of_keys_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bad.key"), "AAAA").unwrap();
        for (said, want) in [
            ("{}", "list the public key files"),
            ("{ keys: [] }", "is empty"),
            ("{ keys: [gone.key] }", "cannot read"),
            ("{ keys: [bad.key] }", "invalid public key length"),
            ("{ keys: [a], key: b }", "unknown field `key`"),
        ] {
            let refusal = load(dir.path(), &format!("{{ delegation: {said} }}")).unwrap_err();
            assert!(refusal.contains(want), "{said}: {refusal}");
        }
    }
}
