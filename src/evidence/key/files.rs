//! The files of the key that signs: `NAME.key`, `NAME.previous.key` beside it for a rotation, and
//! for the gateway's own key `NAME.pub` for auditors.

use super::{KeyFault, Keys};
use crate::{
    evidence::settings::KeyFile,
    sign::PrivateKey,
    state::sync_dir,
    store::file::{self, Existing},
};
use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The gateway's own key, in the state directory.
const OWN: &str = "evidence_signing.key";
/// It, the one before, and its half for auditors.
const NAMES: [&str; 3] = [OWN, "evidence_signing.previous.key", "evidence_signing.pub"];
/// Hex digits at the end of a name of the moment.
const SUFFIX_LEN: usize = 16;
/// A key is far shorter.
const KEY_BYTES_MAX: u64 = 4096;
/// Anybody but the owner.
const OTHERS: u32 = 0o077;
/// Everybody may check what the log's key signed.
const PUBLIC_MODE: u32 = 0o644;

/// Where the key lies.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    path: PathBuf,
    owner: Owner,
}

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The gateway's, which makes it.
    Gateway,
    /// The operator's, which is only read.
    Operator,
}

// === impl KeyFiles ===

impl KeyFiles {
    /// The files of a state directory.
    pub(in crate::evidence) fn of(state: &Path, file: &KeyFile) -> KeyFiles {
        match file {
            KeyFile::Own => KeyFiles { path: state.join(OWN), owner: Owner::Gateway },
            KeyFile::At(path) => KeyFiles { path: path.clone(), owner: Owner::Operator },
        }
    }

    /// Removes what a start or a rotation that died left of keys under names of the moment. To be
    /// called by who holds the lock of the state directory.
    pub(in crate::evidence) fn sweep(&self) {
        let Some(dir) = self.path.parent().filter(|_| self.owner == Owner::Gateway) else { return };
        // What cannot be listed cannot be written to either, and that is told.
        let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in names.filter(|path| is_temporary(path)) {
            match fs::remove_file(&path) {
                Ok(()) => tracing::info!(path = %path.display(), "half-made key file removed"),
                Err(error) => tracing::error!(
                    path = %path.display(), %error,
                    "cannot remove a half-made evidence signing key: remove it"
                ),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the key before is looked for.
    pub(super) fn previous_path(&self) -> PathBuf {
        self.path.with_extension("previous.key")
    }

    /// The key of the file; its public half is put beside it where that is missing. Blocks.
    ///
    /// # Errors
    /// There is none.
    pub fn load(&self) -> Result<PrivateKey, KeyFault> {
        let key = load(&self.path)?;
        if let Ok(there) = fs::metadata(&self.path)
            && there.permissions().mode() & OTHERS != 0
        {
            tracing::warn!(
                key = %self.path.display(),
                "others can read the evidence signing key, and so write evidence in its name: \
                 `chmod 600` it, or rotate it"
            );
        }
        self.publish(&key);
        Ok(key)
    }

    /// Writes the half for auditors. Evidence does not hang on it, so a failure is only told.
    pub(super) fn publish(&self, key: &PrivateKey) {
        let path = self.path.with_extension("pub");
        let text = key.public().to_text();
        let is_there = || fs::read_to_string(&path).is_ok_and(|there| there == text);
        if self.owner == Owner::Operator || is_there() {
            return;
        }
        let written = file::write(&path, text.as_bytes(), Existing::Replace)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(PUBLIC_MODE)));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "cannot write the public evidence key");
        }
    }
}

impl Keys for KeyFiles {
    fn read(&self) -> Result<PrivateKey, KeyFault> {
        self.load()
    }

    fn make(&self) -> Result<PrivateKey, KeyFault> {
        let path = || self.path.clone();
        if self.owner == Owner::Operator {
            return Err(KeyFault::Missing { path: path() });
        }
        let unmade = |source| KeyFault::Unmade { path: path(), source };
        let key = PrivateKey::generate().map_err(|error| unmade(io::Error::other(error)))?;
        write(&self.path, &key, Existing::Refuse).map_err(unmade)?;
        self.publish(&key);
        Ok(key)
    }

    fn previous(&self) -> Option<PrivateKey> {
        let path = self.previous_path();
        match load(&path) {
            Ok(key) => Some(key),
            Err(KeyFault::Missing { .. }) => None,
            Err(fault) => {
                tracing::warn!(%fault, "the previous evidence signing key cannot be used");
                None
            }
        }
    }

    fn forget_previous(&self, signs: &str) {
        let path = self.previous_path();
        // A rotation that is under way keeps the key in force under this name.
        let Some(_) = Keys::previous(self).filter(|previous| previous.id() != signs) else {
            return;
        };
        if self.owner == Owner::Operator {
            tracing::warn!(
                key = %path.display(),
                "the evidence log needs its previous signing key no more: remove it, whoever has it \
                 can write evidence in its name"
            );
            return;
        }
        let removed =
            fs::remove_file(&path).and_then(|()| sync_dir(path.parent().unwrap_or(Path::new("."))));
        if let Err(error) = removed {
            tracing::error!(%error, "cannot remove the previous evidence signing key: remove it");
        }
    }
}

/// Whether [`file::write`] named it, for a file of the gateway's own key.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
    parts.is_some_and(|(name, suffix)| {
        NAMES.contains(&name)
            && suffix.len() == SUFFIX_LEN
            && suffix.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Writes a private key durably.
pub(super) fn write(path: &Path, key: &PrivateKey, existing: Existing) -> io::Result<()> {
    file::write(path, key.to_text().as_bytes(), existing)?;
    sync_dir(path.parent().unwrap_or(path))
}

/// The key in one file.
pub(super) fn load(path: &Path) -> Result<PrivateKey, KeyFault> {
    let owned = || path.to_owned();
    let bytes = match file::read(path, KEY_BYTES_MAX) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(KeyFault::Missing { path: owned() });
        }
        Err(source) => return Err(KeyFault::Unreadable { path: owned(), source }),
    };
    // What is no text is no base64 either.
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    PrivateKey::parse(text).map_err(|source| KeyFault::Bad { path: owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_left_half_made_are_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let own = KeyFiles::of(dir.path(), &KeyFile::Own);
        let left = [
            file::beside(&own.path).unwrap(),
            file::beside(&own.previous_path()).unwrap(),
            file::beside(&own.path.with_extension("pub")).unwrap(),
        ];
        let others = [
            own.path.clone(),
            own.previous_path(),
            file::beside(&dir.path().join("admin.key")).unwrap(),
            dir.path().join(".evidence_signing.key.bak"),
            dir.path().join(".evidence_signing.key.0123456789abcdeg"),
        ];
        left.iter().chain(&others).for_each(|path| fs::write(path, "x").unwrap());
        KeyFiles::of(dir.path(), &KeyFile::At(own.path.clone())).sweep();
        assert!(left.iter().all(|path| path.exists()), "an operator's are theirs");
        own.sweep();
        assert!(!left.iter().any(|path| path.exists()));
        assert!(others.iter().all(|path| path.exists()));
    }

    #[test]
    fn the_key_before_goes_only_where_it_is_the_gateways_and_signs_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let old = PrivateKey::generate().unwrap();
        let theirs = KeyFile::At(dir.path().join(OWN));
        let (own, at) =
            (KeyFiles::of(dir.path(), &KeyFile::Own), KeyFiles::of(dir.path(), &theirs));
        write(&own.previous_path(), &old, Existing::Replace).unwrap();
        own.forget_previous(old.id());
        at.forget_previous("another");
        assert!(own.previous_path().exists());
        own.forget_previous("another");
        assert!(!own.previous_path().exists());
    }
}
