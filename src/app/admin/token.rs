//! The token of the local login: a file that only whoever runs gait can read.
//!
//! Made once, so that what people and scripts have kept of it goes on to work; to change it, remove
//! the file and restart.

use crate::json::Digest;
use crate::snapshot::{LOCAL_LOGIN, Login, Role};
use crate::store::file::{self, Existing};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What the token begins with, so that whoever finds one knows what it is.
const PREFIX: &str = "gait_admin_";
/// What is random in a token.
const RANDOM_BYTES: usize = 32;
const FILE_BYTES_MAX: u64 = 512;
/// Anybody but the owner.
const OTHERS: u32 = 0o077;

/// Why there is no token of the local login; the process must not serve.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It can be neither read nor made.
    #[error("cannot use the admin token `{}`: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read it, so it may be known.
    #[error(
        "the admin token `{}` is open to others (mode {mode:03o}): remove it for a new one, or, \
         if nobody has read it, `chmod 600` it",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error("`{}` holds no admin token: remove it for a new one", path.display())]
    Spoilt {
        /// The file.
        path: PathBuf,
    },
}

impl TokenError {
    /// Whether the file is at fault, and not the machine.
    pub(crate) fn is_input(&self) -> bool {
        !matches!(self, TokenError::Unusable { .. })
    }
}

/// The local login, by the token at `path`; makes the file where there is none.
///
/// # Errors
/// The file cannot be used as it is.
pub(super) fn local(path: &Path) -> Result<Login, TokenError> {
    let unusable = |source| TokenError::Unusable { path: path.to_owned(), source };
    let text = match fs::symlink_metadata(path) {
        Ok(_) => read(path)?,
        Err(error) if error.kind() == ErrorKind::NotFound => make(path).map_err(unusable)?,
        Err(error) => return Err(unusable(error)),
    };
    let token = Digest::of(text.as_bytes());
    Ok(Login { name: LOCAL_LOGIN.into(), role: Role::Admin, token })
}

fn read(path: &Path) -> Result<Zeroizing<String>, TokenError> {
    let unusable = |source| TokenError::Unusable { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(unusable)?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(TokenError::Open { path: path.to_owned(), mode });
    }
    let bytes = Zeroizing::new(file::read(path, FILE_BYTES_MAX).map_err(unusable)?);
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let token = text.strip_suffix('\n').unwrap_or(text);
    match is_token(token) {
        true => Ok(Zeroizing::new(token.to_owned())),
        false => Err(TokenError::Spoilt { path: path.to_owned() }),
    }
}

/// As gait makes them: what was cut off, or thought up, is none.
fn is_token(text: &str) -> bool {
    let random = text.strip_prefix(PREFIX).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    random.is_some_and(|random| random.len() == RANDOM_BYTES)
}

fn make(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut random = Zeroizing::new([0; RANDOM_BYTES]);
    getrandom::fill(random.as_mut_slice()).map_err(io::Error::other)?;
    let mut token = Zeroizing::new(PREFIX.to_owned());
    URL_SAFE_NO_PAD.encode_string(random.as_slice(), &mut token);
    let line = Zeroizing::new(format!("{}\n", *token));
    file::write(path, line.as_bytes(), Existing::Refuse)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        let made = local(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(is_token(text.trim_end()) && text.ends_with('\n'), "{text}");
        assert_eq!(made.token, Digest::of(text.trim_end().as_bytes()));
        assert_eq!(local(&path).unwrap(), made, "the next start reads the same");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_token_that_others_may_know_or_that_is_none_stops_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        local(&path).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refusal = local(&path).unwrap_err().to_string();
            assert!(refusal.contains(&format!("mode {mode:03o}")), "{refusal}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "\n", "secret", "gait_admin_\n", "gait_admin_AAAA", &"x".repeat(600)] {
            fs::write(&path, text).unwrap();
            assert!(local(&path).is_err(), "{text}");
        }
    }
}
