//! What a handshake would make of a client certificate, without a handshake.
//!
//! The verifier is the one that the listener's config holds, so that both cannot but agree.

use super::TlsError;
use super::leaf::certificate;
use super::pem::Pem;
use super::server::Server;
use crate::call::peer::Certificate;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::time::Duration;

/// How a handshake would go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// With this certificate, whose chain holds.
    Shown(Certificate),
    /// Without one.
    Bare,
    /// The listener asks for none, so none is shown.
    Unasked,
    /// Not at all.
    Refused(String),
}

impl Server {
    /// Holds the chain that a caller would show, its own certificate first, against the roots of
    /// the listener at `now`. `None` where it has none to show.
    ///
    /// # Errors
    /// It is no PEM, holds no certificate, or one whose names cannot be read.
    pub fn admit(&self, shown: Option<Pem<'_>>, now: Timestamp) -> Result<Admission, TlsError> {
        let asks = self.clients.offer_client_auth();
        let Some(pem) = shown else {
            return Ok(match self.wants_certificates() {
                true => Admission::Refused("the listener requires a client certificate".to_owned()),
                false => Admission::Bare,
            });
        };
        let chain = pem.certificates()?;
        let Some((own, intermediates)) = chain.split_first() else {
            return Err(pem.wrong("holds no certificate"));
        };
        if !asks {
            return Ok(Admission::Unasked);
        }
        match self.clients.verify_client_cert(own, intermediates, moment(now)) {
            Ok(_) => self.shown(&chain).map(Admission::Shown),
            Err(error) => Ok(Admission::Refused(error.to_string())),
        }
    }

    /// What a chain says that a handshake of this listener has verified.
    ///
    /// # Errors
    /// Its names cannot be read.
    pub fn shown(&self, chain: &[CertificateDer<'_>]) -> Result<Certificate, TlsError> {
        certificate(chain, self.roots)
    }

    /// Whether a handshake without a certificate fails.
    pub fn wants_certificates(&self) -> bool {
        self.clients.offer_client_auth() && self.clients.client_auth_mandatory()
    }

    /// Whether a certificate that a handshake verified, before a reload perhaps, would be taken
    /// now. Costs nothing while the roots are the same.
    pub fn vouches_for(&self, certificate: &Certificate, now: Timestamp) -> bool {
        if certificate.proof.roots == self.roots {
            return true;
        }
        let chain = certificate.proof.chain.iter();
        let chain: Vec<CertificateDer<'_>> = chain.map(|der| der.as_slice().into()).collect();
        let verified = chain.split_first().filter(|_| self.clients.offer_client_auth()).map(
            |(own, intermediates)| {
                self.clients.verify_client_cert(own, intermediates, moment(now)).is_ok()
            },
        );
        verified.unwrap_or(false)
    }
}

fn moment(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::try_from(now.as_duration()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::tls::{Alpn, ClientCertificates, MinVersion, Pair, ServerSpec, server};
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};

    fn authority() -> (String, Issuer<'static, KeyPair>) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().pem();
        (root, Issuer::new(params, key))
    }

    fn signed(by: &Issuer<'static, KeyPair>, until: i32) -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let name = "spiffe://prod.example/ns/shop/sa/bot".try_into().unwrap();
        params.subject_alt_names.push(SanType::URI(name));
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().pem()
    }

    fn listener(clients: ClientCertificates<'_>) -> Server {
        let own = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let (chain, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let pem = |file, text: &'static str| Pem { file, bytes: text.as_bytes() };
        let pair = Pair { chain: pem("c", chain.leak()), key: pem("k", key.leak()) };
        let spec = ServerSpec {
            pairs: vec![pair],
            min_version: MinVersion::Tls12,
            clients,
            alpn: Alpn::Http1,
        };
        server(&spec, clock::now()).unwrap()
    }

    #[test]
    fn a_certificate_is_admitted_as_the_listener_asks() {
        let ((root, ours), (their_root, theirs)) = (authority(), authority());
        let roots = || Pem { file: "ca", bytes: root.as_bytes() };
        let admit = |server: &Server, text: &str| {
            let shown = Some(text).filter(|text| !text.is_empty());
            let shown = shown.map(|text| Pem { file: "shown", bytes: text.as_bytes() });
            server.admit(shown, clock::now())
        };
        let required = listener(ClientCertificates::Required(roots()));
        let optional = listener(ClientCertificates::Optional(roots()));
        let none = listener(ClientCertificates::None);
        let (good, foreign, old) =
            (signed(&ours, 2100), signed(&theirs, 2100), signed(&ours, 2020));
        for server in [&required, &optional] {
            let Ok(Admission::Shown(found)) = admit(server, &good) else { panic!("not admitted") };
            assert_eq!(found.uris, ["spiffe://prod.example/ns/shop/sa/bot"]);
            assert!(server.vouches_for(&found, clock::now()));
            assert!(!none.vouches_for(&found, clock::now()));
            for (roots, vouches) in [(&format!("{root}{their_root}"), true), (&their_root, false)] {
                let roots = Pem { file: "ca", bytes: roots.as_bytes() };
                let moved = listener(ClientCertificates::Optional(roots));
                assert_eq!(moved.vouches_for(&found, clock::now()), vouches);
            }
            for wrong in [&foreign, &old] {
                assert!(matches!(admit(server, wrong), Ok(Admission::Refused(_))));
            }
        }
        assert!(matches!(admit(&required, ""), Ok(Admission::Refused(_))));
        assert_eq!(admit(&optional, ""), Ok(Admission::Bare));
        assert_eq!(admit(&none, &good), Ok(Admission::Unasked));
        assert_eq!(admit(&none, ""), Ok(Admission::Bare));
        assert!(admit(&none, "text").is_err());
    }
}
