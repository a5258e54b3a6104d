//! `tls` of a listener: its certificates, and what it asks of callers.

use super::DOCUMENT;
use super::settings::at as wrong;
use super::site::Site;
use crate::clock;
use crate::tls::{self, Alpn, ClientCertificates, MinVersion, Pair, Pem, ServerSpec};
use crate::yaml::{Fault, Fields, Keys, Node, Place};
use zeroize::Zeroizing;

const TLS: Keys = Keys {
    document: DOCUMENT,
    read: &["certificates", "min_version", "client_certificates", "client_ca"],
    legacy: &[],
};
const PAIR: Keys = Keys { document: DOCUMENT, read: &["cert", "key"], legacy: &[] };

/// Each is held in memory and shown as a metric.
const CERTIFICATES_MAX: usize = 64;

/// What the config says, and what the files hold.
pub(super) struct Certificates {
    pairs: Vec<Files>,
    min_version: MinVersion,
    clients: Clients,
}

/// The two files of a pair.
struct Files {
    cert: String,
    chain: Vec<u8>,
    key: String,
    secret: Zeroizing<Vec<u8>>,
}

/// What callers must show, and the file of roots.
enum Clients {
    None,
    Optional(String, Vec<u8>),
    Required(String, Vec<u8>),
}

impl Certificates {
    /// Reads the `tls` of a listener, and its files.
    pub(super) fn read(listener: &mut Fields, site: &Site<'_>) -> Result<Certificates, Fault> {
        let path = listener.at("tls");
        let mut fields = Fields::open(listener.take("tls"), path, &TLS)?;
        fields.refuse_empty(&[
            "certificates",
            "min_version",
            "client_certificates",
            "client_ca",
        ])?;
        let nodes = fields.list("certificates")?;
        if nodes.is_empty() || nodes.len() > CERTIFICATES_MAX {
            let what = format!(
                "a listener with TLS has from 1 to {CERTIFICATES_MAX}, such as \
                 `[ {{ cert: api.pem, key: api.key }} ]`"
            );
            return Err(wrong(&fields, "certificates", fields.place(), &what));
        }
        let pairs = nodes.into_iter().enumerate().map(|(index, node)| {
            let path = format!("{}[{index}]", fields.at("certificates"));
            Files::read(node, path, site)
        });
        let pairs = pairs.collect::<Result<_, Fault>>()?;
        let min_version = min_version(&mut fields)?;
        let clients = Clients::read(&mut fields, site)?;
        Ok(Certificates { pairs, min_version, clients })
    }

    /// Reads the `tls` of a listener that has one pair, and asks callers for no certificate.
    pub(super) fn read_pair(listener: &mut Fields, site: &Site<'_>) -> Result<Certificates, Fault> {
        let path = listener.at("tls");
        let pair = Files::read(listener.take("tls"), path, site)?;
        let (min_version, clients) = (MinVersion::default(), Clients::None);
        Ok(Certificates { pairs: vec![pair], min_version, clients })
    }

    /// Checks all of it.
    pub(super) fn build(
        &self,
        alpn: Alpn,
        place: Place,
        listener: &str,
    ) -> Result<tls::Server, Fault> {
        let pairs = self.pairs.iter().map(|files| Pair {
            chain: Pem { file: &files.cert, bytes: &files.chain },
            key: Pem { file: &files.key, bytes: &files.secret },
        });
        let spec = ServerSpec {
            pairs: pairs.collect(),
            min_version: self.min_version,
            clients: self.clients.spec(),
            alpn,
        };
        tls::server(&spec, clock::now())
            .map_err(|error| Fault::validate(place, format!("`tls` of `{listener}`: {error}")))
    }
}

impl Files {
    fn read(node: Node, path: String, site: &Site<'_>) -> Result<Files, Fault> {
        let mut fields = Fields::open(node, path, &PAIR)?;
        let cert = file(&mut fields, "cert")?;
        let key = file(&mut fields, "key")?;
        let fault = |what: String| Fault::validate(fields.place(), what);
        let chain = site.file(&cert).map_err(fault)?;
        let secret = site.secret_file(&key).map_err(fault)?;
        Ok(Files { cert, chain, key, secret })
    }
}

impl Clients {
    fn read(fields: &mut Fields, site: &Site<'_>) -> Result<Clients, Fault> {
        let (said, place) = fields.text("client_certificates")?;
        let make: fn(String, Vec<u8>) -> Clients = match said.as_str() {
            "optional" => Clients::Optional,
            "required" => Clients::Required,
            "" | "none" if fields.has("client_ca") => {
                let what = "roots are named, but no certificate is asked for; write \
                            `client_certificates: required` or `optional`";
                return Err(wrong(fields, "client_ca", fields.place(), what));
            }
            "" | "none" => return Ok(Clients::None),
            other => {
                let what = format!("unknown `{other}`; write none, optional or required");
                return Err(wrong(fields, "client_certificates", place, &what));
            }
        };
        let ca = file(fields, "client_ca")?;
        let roots = site.file(&ca).map_err(|what| wrong(fields, "client_ca", place, &what))?;
        Ok(make(ca, roots))
    }

    fn spec(&self) -> ClientCertificates<'_> {
        match self {
            Clients::None => ClientCertificates::None,
            Clients::Optional(file, bytes) => ClientCertificates::Optional(Pem { file, bytes }),
            Clients::Required(file, bytes) => ClientCertificates::Required(Pem { file, bytes }),
        }
    }
}

/// The name of a file that must be given.
fn file(fields: &mut Fields, key: &str) -> Result<String, Fault> {
    super::required_text(fields, key, "name a PEM file")
}

fn min_version(fields: &mut Fields) -> Result<MinVersion, Fault> {
    let (said, place) = fields.text("min_version")?;
    match said.as_str() {
        "" | "1.2" => Ok(MinVersion::Tls12),
        "1.3" => Ok(MinVersion::Tls13),
        other => {
            let what = format!("unknown `{other}`; write \"1.2\" or \"1.3\", in quotes");
            Err(wrong(fields, "min_version", place, &what))
        }
    }
}
