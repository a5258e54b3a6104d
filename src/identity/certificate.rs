//! Callers that are known by the names in their client certificate.
//!
//! The handshake has verified the chain; here only the names count. Rejected: the common name,
//! which no profile has said the meaning of for twenty years (RFC 6125, section 2.3).

use super::Refusal;
use super::facts::Facts;
use super::pattern::{Captures, Pattern, San};
use crate::call::peer::Certificate;

/// Which names are callers.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificates {
    /// The kind of name.
    pub san: San,
    /// What such a name looks like; the first that fits counts.
    pub patterns: Vec<Pattern>,
}

/// A name that is a caller's.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) facts: Facts,
}

impl Certificates {
    /// The caller with this certificate, where it is one.
    ///
    /// # Errors
    /// It has several names that could be meant.
    pub(super) fn caller(&self, certificate: &Certificate) -> Result<Option<Named>, Refusal> {
        let names = self.san.names(certificate);
        // A SPIFFE certificate has exactly one URI (X.509-SVID, section 2).
        if self.san == San::Uri && names.len() > 1 {
            return Err(Refusal::CertificateAmbiguous);
        }
        let mut fitting = names.iter().filter_map(|name| Some((name, self.take(name)?)));
        match (fitting.next(), fitting.next()) {
            (_, Some(_)) => Err(Refusal::CertificateAmbiguous),
            (Some((name, captures)), None) => Ok(Some(self.named(name, captures))),
            (None, None) => Ok(None),
        }
    }

    fn take(&self, name: &str) -> Option<Captures> {
        self.patterns.iter().find_map(|pattern| pattern.take(name))
    }

    fn named(&self, name: &str, captures: Captures) -> Named {
        let name = self.san.canonical(name);
        let identity = captures.identity.unwrap_or_else(|| name.clone());
        Named { name, facts: Facts { identity, fields: captures.fields, ..Facts::default() } }
    }
}
