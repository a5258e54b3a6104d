//! `tls` and `http2` of an upstream.

use super::{Address, Scheme};
use crate::config::DOCUMENT;
use crate::config::site::Site;
use crate::snapshot::Http2;
use crate::tls::client::{Offer, Pair, Roots, UpstreamTls};
use crate::yaml::{Fault, Fields, Keys, Place};

const TLS: Keys = Keys {
    document: DOCUMENT,
    read: &["ca", "server_name", "client_cert", "client_key"],
    legacy: &[],
};

/// Reads `http2`.
pub(super) fn http2(fields: &mut Fields, scheme: Scheme) -> Result<Http2, Fault> {
    let (said, place) = fields.text("http2")?;
    let what = match (said.as_str(), scheme) {
        ("" | "off", _) => return Ok(Http2::Off),
        ("alpn", Scheme::Https) => return Ok(Http2::Alpn),
        ("prior_knowledge", Scheme::Http) => return Ok(Http2::PriorKnowledge),
        ("alpn", Scheme::Http) => {
            "`alpn` chooses during a TLS handshake; write an https URL, or prior_knowledge".into()
        }
        ("prior_knowledge", Scheme::Https) => {
            "`prior_knowledge` is for http URLs; over TLS write alpn".into()
        }
        (other, _) => format!("unknown `{other}`; write off, alpn or prior_knowledge"),
    };
    Err(Fault::validate(place, format!("`{}`: {what}", fields.at("http2"))))
}

/// Reads `tls`; an https URL without it is checked with the system's roots.
pub(super) fn read(
    upstream: &mut Fields,
    address: &Address,
    http2: Http2,
    site: &Site<'_>,
) -> Result<Option<UpstreamTls>, Fault> {
    let path = upstream.at("tls");
    let written = upstream.has("tls");
    let node = upstream.take("tls");
    let place = node.place;
    let fault = |what: String| Fault::validate(place, format!("`{path}`: {what}"));
    if address.scheme == Scheme::Http {
        return match written {
            true => Err(fault("the URL is not https; write `https://HOST:PORT`".to_owned())),
            false => Ok(None),
        };
    }
    let mut fields = Fields::open(node, path.clone(), &TLS)?;
    fields.refuse_empty(TLS.read)?;
    let ca = file(&mut fields, "ca", |said| site.file(said))?;
    let chain = file(&mut fields, "client_cert", |said| site.file(said))?;
    let key = file(&mut fields, "client_key", |said| site.secret_file(said))?;
    let pair = match (&chain, &key) {
        (Some(chain), Some(key)) => Some(Pair { chain, key }),
        (None, None) => None,
        _ => return Err(fault("name both `client_cert` and `client_key`, or neither".to_owned())),
    };
    let (named, _) = fields.text("server_name")?;
    let server_name = if named.is_empty() { &address.host } else { &named };
    let roots = ca.as_deref().map_or(Roots::System, Roots::Pem);
    let tls = UpstreamTls::new(server_name, roots, pair, offer(http2));
    tls.map(Some).map_err(|error| fault(error.to_string()))
}

/// What is offered to a server that is spoken to in this version.
pub(super) fn offer(http2: Http2) -> Offer {
    match http2 {
        Http2::Alpn => Offer::Http2First,
        Http2::Off | Http2::PriorKnowledge => Offer::Http1,
    }
}

/// Reads the file that a key names, where it names one.
fn file<T>(
    fields: &mut Fields,
    key: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Fault> {
    let (said, place): (String, Place) = fields.text(key)?;
    if said.is_empty() {
        return Ok(None);
    }
    let fault = |what| Fault::validate(place, format!("`{}`: {what}", fields.at(key)));
    read(&said).map(Some).map_err(fault)
}
