//! What a certificate says: the names in it, and from when to when it holds.
//!
//! Read only after the handshake has verified the chain, or of our own certificates; nothing here
//! decides whom to trust. The subject is not read: names stand in the SANs (RFC 6125, section
//! 6.4.4).

use super::TlsError;
use crate::call::peer::{Certificate, Proof};
use crate::json::Digest;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

/// What errors call a certificate that came in a handshake.
const PEER: &str = "certificate of the peer";

/// The names, the thumbprint and the end of the first certificate of a chain, which was held
/// against `roots`.
///
/// # Errors
/// There is none, it cannot be parsed, or a name in it cannot be read.
pub(super) fn certificate(
    chain: &[CertificateDer<'_>],
    roots: Digest,
) -> Result<Certificate, TlsError> {
    let der = chain.first().ok_or_else(|| TlsError::new(PEER, "there is none"))?;
    let parsed = parse(der).map_err(|what| TlsError::new(PEER, what))?;
    let mut found = Certificate {
        uris: Vec::new(),
        dns: Vec::new(),
        emails: Vec::new(),
        thumbprint: Sha256::digest(der).into(),
        not_after: time(parsed.validity().not_after),
        proof: Proof { roots, chain: chain.iter().map(|one| one.to_vec()).collect() },
    };
    for name in names(&parsed).map_err(|what| TlsError::new(PEER, what))? {
        match name {
            GeneralName::URI(uri) => found.uris.push((*uri).to_owned()),
            GeneralName::DNSName(name) => found.dns.push((*name).to_owned()),
            GeneralName::RFC822Name(mail) => found.emails.push((*mail).to_owned()),
            _ => {}
        }
    }
    Ok(found)
}

/// A certificate of our own.
#[derive(Debug)]
pub(super) struct Own {
    /// Its DNS names, lower case.
    pub(super) dns: Vec<String>,
    /// Until when it holds.
    pub(super) not_after: Timestamp,
}

/// Reads a certificate that is to be shown, if it holds at `now`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn own(der: &CertificateDer<'_>, now: Timestamp) -> Result<Own, String> {
    let parsed = parse(der)?;
    let (from, to) = (time(parsed.validity().not_before), time(parsed.validity().not_after));
    if now > to {
        return Err(format!("the certificate expired at {to}; renew it"));
    }
    if now < from {
        return Err(format!("the certificate holds from {from} on, not yet"));
    }
    let dns = names(&parsed)?.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    Ok(Own { dns: dns.collect(), not_after: to })
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, String> {
    match x509_parser::parse_x509_certificate(der) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) => Err("the certificate has bytes behind its end".to_owned()),
        Err(error) => Err(format!("the certificate cannot be parsed: {error}")),
    }
}

/// The SANs; none where the certificate has no such extension.
fn names<'a>(parsed: &'a X509Certificate<'_>) -> Result<&'a [GeneralName<'a>], String> {
    let found = parsed.subject_alternative_name();
    let found = found.map_err(|error| format!("its names cannot be read: {error}"))?;
    let names = found.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    match names.iter().any(|name| matches!(name, GeneralName::Invalid(..))) {
        true => Err("one of its names cannot be read".to_owned()),
        false => Ok(names),
    }
}

/// The end of all time where it is later than what we count: "no well-defined expiration" is
/// written as the last second of the year 9999 (RFC 5280, section 4.1.2.5).
fn time(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};

    fn der(params: &CertificateParams) -> CertificateDer<'static> {
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn params() -> CertificateParams {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![
            SanType::URI("spiffe://prod.example/ns/a/sa/b".try_into().unwrap()),
            SanType::DnsName("A.Example".try_into().unwrap()),
            SanType::Rfc822Name("ada@a.example".try_into().unwrap()),
            SanType::IpAddress([127, 0, 0, 1].into()),
        ];
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        params
    }

    #[test]
    fn every_name_is_found_under_its_kind() {
        let der = der(&params());
        let found = certificate(std::slice::from_ref(&der), Digest::of(b"")).unwrap();
        assert_eq!(found.uris, ["spiffe://prod.example/ns/a/sa/b"]);
        assert_eq!(found.dns, ["A.Example"]);
        assert_eq!(found.emails, ["ada@a.example"]);
        assert_eq!(found.not_after.to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(found.thumbprint, <[u8; 32]>::from(Sha256::digest(&der)));
    }

    #[test]
    fn a_certificate_is_shown_while_it_holds() {
        let at = |text: &str| own(&der(&params()), text.parse().unwrap());
        assert_eq!(at("2026-06-01T00:00:00Z").unwrap().dns, ["a.example"]);
        assert!(at("2027-01-01T00:00:01Z").unwrap_err().contains("expired"));
        assert!(at("2025-12-31T23:59:59Z").unwrap_err().contains("not yet"));
    }

    #[test]
    fn no_end_is_the_end_of_time() {
        let mut params = params();
        params.not_after = date_time_ymd(9999, 12, 31);
        assert_eq!(
            certificate(&[der(&params)], Digest::of(b"")).unwrap().not_after,
            Timestamp::MAX
        );
    }

    #[test]
    fn bytes_behind_the_end_are_refused() {
        let mut bytes = der(&params()).to_vec();
        bytes.push(0);
        assert!(certificate(&[bytes.into()], Digest::of(b"")).is_err());
    }
}
