//! Where a key comes from: a file or an environment variable (spec C12).
//!
//! The two are read the same way. What was read is wiped once the key is made.

use super::{Half, KeyError, PrivateKey, PublicKey};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// A key file holds one short line; reading stops here, so that `/dev/zero` ends too.
const KEY_FILE_BYTES_MAX: u64 = 4096;

/// A file or an environment variable that holds a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A key file.
    Path(PathBuf),
    /// The name of an environment variable.
    Env(String),
}

impl Source {
    /// The one source that was given, if any.
    ///
    /// # Errors
    /// Both a path and a variable were given.
    pub fn one_of(
        half: Half,
        path: Option<PathBuf>,
        env: Option<String>,
    ) -> Result<Option<Source>, KeyError> {
        match (path, env) {
            (Some(_), Some(_)) => Err(KeyError::TwoSources { half }),
            (Some(path), None) => Ok(Some(Source::Path(path))),
            (None, Some(name)) => Ok(Some(Source::Env(name))),
            (None, None) => Ok(None),
        }
    }

    /// Loads the signing half.
    ///
    /// # Errors
    /// The source cannot be read or does not hold a private key.
    pub fn private(&self) -> Result<PrivateKey, KeyError> {
        PrivateKey::parse(&self.text(Half::Private)?)
    }

    /// Loads the verifying half.
    ///
    /// # Errors
    /// The source cannot be read or does not hold a public key.
    pub fn public(&self) -> Result<PublicKey, KeyError> {
        PublicKey::parse(&self.text(Half::Public)?)
    }

    /// The text behind the source.
    fn text(&self, half: Half) -> Result<Zeroizing<String>, KeyError> {
        match self {
            Source::Path(path) => read(path).map_err(|error| KeyError::Read {
                half,
                reason: format!("{}: {error}", named(&path.display().to_string())),
            }),
            Source::Env(name) => std::env::var(name)
                .ok()
                .map(Zeroizing::new)
                .filter(|text| !text.trim().is_empty())
                .ok_or_else(|| KeyError::EnvNotSet { half, name: named(name) }),
        }
    }
}

impl fmt::Display for Source {
    /// `path:P` or `env:V`, as `keys verify` reports it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Path(path) => write!(f, "path:{}", path.display()),
            Source::Env(name) => write!(f, "env:{name}"),
        }
    }
}

/// A path or a name, for an error text. Whoever gives the key itself in its place must not read it
/// in a log.
fn named(text: &str) -> String {
    match PrivateKey::parse(text) {
        Ok(_) => "what was given is itself a private key; give its path or variable".to_owned(),
        Err(_) => text.to_owned(),
    }
}

/// The start of a file, as text that is wiped on drop.
fn read(path: &PathBuf) -> std::io::Result<Zeroizing<String>> {
    // Room up front: growing would leave unwiped copies behind.
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX as usize));
    File::open(path)?.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_place_of_its_name_is_not_repeated() {
        let key = PrivateKey::generate().unwrap();
        let text = key.to_text().trim_end().to_owned();
        for source in [Source::Path(text.clone().into()), Source::Env(text.clone())] {
            let said = source.private().unwrap_err().to_string();
            assert!(said.contains("itself a private key") && !said.contains(&text), "{said}");
            assert!(!source.public().unwrap_err().to_string().contains(&text));
        }
        let missing = Source::Env("GAIT_NO_SUCH_KEY".to_owned()).private().unwrap_err().to_string();
        assert_eq!(missing, "private key env not set: GAIT_NO_SUCH_KEY");
    }
}
