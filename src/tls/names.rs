//! Which certificate answers which server name.
//!
//! Names come from the certificates' own SANs, so no list beside them can drift. A wildcard stands
//! for exactly one label (RFC 6125, section 6.4.3). Where several certificates hold one name, the
//! first whose key the caller can verify is taken: an RSA pair beside an ECDSA pair.

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

type Keys = Vec<Arc<CertifiedKey>>;

/// Certificates by name.
pub(super) struct Names {
    /// Whole names, lower case.
    exact: HashMap<String, Keys>,
    /// What stands behind `*.`.
    wild: HashMap<String, Keys>,
    /// Answers a name that is unknown or not said.
    first: Keys,
}

impl Names {
    /// Of certificates with their DNS names, lower case.
    pub(super) fn new(pairs: Vec<(Arc<CertifiedKey>, Vec<String>)>) -> Names {
        let first = pairs.first().map(|(key, _)| key.clone()).into_iter().collect();
        let mut names = Names { exact: HashMap::new(), wild: HashMap::new(), first };
        for (key, dns) in pairs {
            for name in dns {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(rest) => (&mut names.wild, rest.to_owned()),
                    None => (&mut names.exact, name),
                };
                map.entry(name).or_default().push(key.clone());
            }
        }
        names
    }

    fn find(&self, name: &str) -> &Keys {
        let name = name.to_ascii_lowercase();
        let wild = || self.wild.get(name.split_once('.')?.1);
        self.exact.get(&name).or_else(wild).unwrap_or(&self.first)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = hello.server_name().map_or(&self.first, |name| self.find(name));
        let offered = hello.signature_schemes();
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(offered).is_some();
        keys.iter().find(fits).or(keys.first()).cloned()
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("exact", &self.exact.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};
    use rustls::pki_types::PrivateKeyDer;

    fn pair(names: &[&str]) -> (Arc<CertifiedKey>, Vec<String>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let Made { cert, signing_key } = generate_simple_self_signed(names.clone()).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = crate::tls::provider();
        let key = CertifiedKey::from_der(vec![cert.der().clone()], key, &provider).unwrap();
        (Arc::new(key), names)
    }

    #[test]
    fn a_wildcard_stands_for_one_label_and_the_first_for_the_rest() {
        let pairs =
            vec![pair(&["first.example"]), pair(&["*.a.example"]), pair(&["own.a.example"])];
        let keys: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
        let names = Names::new(pairs);
        let answers = |name: &str| {
            let found = names.find(name).first().unwrap().clone();
            keys.iter().position(|key| Arc::ptr_eq(key, &found))
        };
        for (name, index) in [
            ("first.example", 0),
            ("x.a.example", 1),
            ("X.A.Example", 1),
            ("own.a.example", 2),
            ("x.y.a.example", 0),
            ("a.example", 0),
            ("elsewhere", 0),
            ("", 0),
        ] {
            assert_eq!(answers(name), Some(index), "{name}");
        }
    }
}
