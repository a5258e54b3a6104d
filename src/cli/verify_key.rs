//! Where the key that checks signatures comes from: the public half, or a private key's (C12).

use super::answer::Failure;
use crate::sign::{Half, PublicKey, Source};
use std::path::PathBuf;

/// A path or an environment variable, as flags or config gave them.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// A key file.
    pub(super) path: Option<PathBuf>,
    /// A variable's name.
    pub(super) env: Option<String>,
}

/// Both places that a verifying key may come from.
#[derive(Clone, Debug, Default)]
pub(super) struct VerifyKey {
    /// The public half.
    pub(super) public: Given,
    /// The private half, whose public one is used.
    pub(super) private: Given,
}

impl Given {
    /// The source, if one was given.
    ///
    /// # Errors
    /// Exit 6: both a path and a variable.
    pub(super) fn source(self, half: Half) -> Result<Option<Source>, Failure> {
        Source::one_of(half, self.path, self.env).map_err(Failure::input)
    }

    /// This, or `other` where nothing was given.
    pub(super) fn or(self, other: Given) -> Given {
        if self.path.is_none() && self.env.is_none() { other } else { self }
    }
}

impl VerifyKey {
    /// This, or `other` where neither half was given: a key that was named is not outranked by
    /// one that is only fallen back to.
    pub(super) fn or(self, other: VerifyKey) -> VerifyKey {
        if self.is_given() { self } else { other }
    }

    /// Whether a source was named, well or not.
    pub(super) fn is_given(&self) -> bool {
        [&self.public, &self.private].iter().any(|half| half.path.is_some() || half.env.is_some())
    }

    /// The key; the public half wins over the private one.
    ///
    /// # Errors
    /// Exit 6: two sources for one half, or a source that holds no key.
    pub(super) fn load(self) -> Result<Option<PublicKey>, Failure> {
        let public = self.public.source(Half::Public)?;
        let private = self.private.source(Half::Private)?;
        let loaded = match (public, private) {
            (Some(source), _) => source.public().map(Some),
            (None, Some(source)) => source.private().map(|key| Some(key.public())),
            (None, None) => Ok(None),
        };
        loaded.map_err(Failure::input)
    }
    /// The key, where nothing can be checked without one.
    ///
    /// # Errors
    /// Exit 6: as for [`VerifyKey::load`], or none was named.
    pub(super) fn required(self) -> Result<PublicKey, Failure> {
        let missing = || Failure::input("public key not configured: give --public-key");
        self.load()?.ok_or_else(missing)
    }
}
