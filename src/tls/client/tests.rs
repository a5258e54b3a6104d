//! What TLS towards a server is made of, and what it shows of that.

use super::*;
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};

struct Made {
    certificate: String,
    key: String,
}

fn made(name: &str) -> Made {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = CertifiedIssuer::self_signed(params, key).unwrap();
    Made { certificate: certificate.pem(), key: certificate.key().serialize_pem() }
}

impl Made {
    fn pair(&self) -> Pair<'_> {
        Pair { chain: self.certificate.as_bytes(), key: self.key.as_bytes() }
    }

    fn roots(&self) -> Roots<'_> {
        Roots::Pem(self.certificate.as_bytes())
    }
}

fn tls(name: &str, roots: Roots<'_>, pair: Option<Pair<'_>>) -> Result<UpstreamTls, String> {
    UpstreamTls::new(name, roots, pair, Offer::Http1).map_err(|error| error.to_string())
}

#[test]
fn equal_material_is_equal_and_any_other_is_not() {
    let (ca, own, other) = (made("ca"), made("own"), made("other"));
    let base = tls("bank", ca.roots(), Some(own.pair())).unwrap();
    assert_eq!(base, tls("Bank", ca.roots(), Some(own.pair())).unwrap());
    for changed in [
        tls("shop", ca.roots(), Some(own.pair())),
        tls("bank", other.roots(), Some(own.pair())),
        tls("bank", ca.roots(), Some(other.pair())),
        tls("bank", ca.roots(), None),
    ] {
        assert_ne!(base, changed.unwrap());
    }
    let first = UpstreamTls::new("bank", ca.roots(), Some(own.pair()), Offer::Http2First).unwrap();
    assert_ne!(base, first);
}

#[test]
fn a_wrong_file_is_told_with_its_mend() {
    let (own, other) = (made("own"), made("other"));
    let crossed = Pair { chain: own.certificate.as_bytes(), key: other.key.as_bytes() };
    let keyless = Pair { key: b"-----BEGIN NOTHING-----\n", ..own.pair() };
    let bare = Pair { chain: b"", ..own.pair() };
    for (made, want) in [
        (tls("a", own.roots(), Some(crossed)), "do not belong together"),
        (tls("a", own.roots(), Some(keyless)), "`client_key` names a file without"),
        (tls("a", own.roots(), Some(bare)), "`client_cert` names a file without"),
        (tls("a", Roots::Pem(b"text"), None), "`ca` names a file without"),
        (tls("a", Roots::Pem(own.key.as_bytes()), None), "`ca` names a file without"),
        (tls("a b", own.roots(), None), "write a DNS name or an IP address"),
    ] {
        let message = made.unwrap_err();
        assert!(message.contains(want), "{want} is not in {message}");
    }
}

#[test]
fn addresses_are_names_and_the_end_of_a_pair_is_known() {
    let own = made("own");
    assert!(tls("127.0.0.1", own.roots(), None).unwrap().client_not_after().is_none());
    let shown = tls("::1", own.roots(), Some(own.pair())).unwrap();
    assert!(shown.client_not_after().is_some());
}

#[test]
fn debug_shows_no_key() {
    let own = made("own");
    let shown = format!("{:?}", tls("bank", own.roots(), Some(own.pair())).unwrap());
    assert_eq!(shown, "UpstreamTls { server_name: \"bank\", .. }");
}
