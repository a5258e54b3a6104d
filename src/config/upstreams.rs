//! The tool APIs behind gait.

mod credential;
mod tls;

pub(super) use credential::secret;

use super::DOCUMENT;
use super::site::Site;
use crate::snapshot::{HostHeader, Http2, UpstreamSpec};
use crate::tls::client::{Roots, UpstreamTls};
use crate::yaml::{Fault, Fields, Keys, Node, Place, Scalar};
use http::Uri;
use std::sync::Arc;

const UPSTREAM: Keys =
    Keys { document: DOCUMENT, read: &["url", "host", "http2", "tls", "credential"], legacy: &[] };

/// Where an upstream is.
struct Address {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// All upstreams, in file order.
pub(super) fn read(node: Node, site: &Site<'_>) -> Result<Vec<Arc<UpstreamSpec>>, Fault> {
    let place = node.place;
    let entries = match node.value {
        Scalar::Map(entries) if !entries.is_empty() => entries,
        _ => {
            let what = "`upstreams` must name at least one, such as \
                        `files: { url: \"http://127.0.0.1:9000\" }`";
            return Err(Fault::validate(place, what.to_owned()));
        }
    };
    let upstream = |entry: crate::yaml::Entry| {
        super::routes::name(&entry.key, entry.place, "upstreams")?;
        one(entry.key, entry.node, site).map(Arc::new)
    };
    let upstreams = entries.into_iter().map(upstream).collect::<Result<Vec<_>, Fault>>()?;
    let names: Vec<&str> = upstreams.iter().map(|upstream| &*upstream.name).collect();
    match site.environment.strangers(&names) {
        Some(key) => Err(Fault::validate(
            place,
            format!(
                "the environment sets `{key}`, but `upstreams` names only {}",
                names.join(", ")
            ),
        )),
        None => Ok(upstreams),
    }
}

fn one(name: String, node: Node, site: &Site<'_>) -> Result<UpstreamSpec, Fault> {
    let mut fields = Fields::open(node, format!("upstreams.{name}"), &UPSTREAM)?;
    let (said, place) = fields.text("url")?;
    let fault = |what: &str| Fault::validate(place, format!("`{}`: {what}", fields.at("url")));
    let url = match site.environment.upstream(&name) {
        Some(over) => over.to_owned(),
        None => site.environment.fill(&said).map_err(|what| fault(&what))?,
    };
    let address = parse(&url).map_err(|what| fault(&what))?;
    let host_header = host_header(&mut fields)?;
    let http2 = tls::http2(&mut fields, address.scheme)?;
    let tls = tls::read(&mut fields, &address, http2, site)?;
    let credential = credential::read(&mut fields, site)?;
    let Address { host, port, .. } = address;
    Ok(UpstreamSpec { name: name.into(), host, port, host_header, tls, http2, credential })
}

/// An upstream of which nothing is said but where it is; of an https one the system's roots must
/// vouch for.
///
/// # Errors
/// Says what the URL must look like, or that the system has no roots.
pub(super) fn bare(name: &str, url: &str) -> Result<UpstreamSpec, String> {
    let Address { scheme, host, port } = parse(url)?;
    let http2 = Http2::Off;
    let tls = match scheme {
        Scheme::Http => None,
        Scheme::Https => {
            let tls = UpstreamTls::new(&host, Roots::System, None, tls::offer(http2));
            Some(tls.map_err(|error| error.to_string())?)
        }
    };
    let host_header = HostHeader::Upstream;
    Ok(UpstreamSpec { name: name.into(), host, port, host_header, tls, http2, credential: None })
}

/// Where a plain URL leads to.
fn parse(url: &str) -> Result<Address, String> {
    let wanted = "write it as `http://HOST:PORT` or `https://HOST:PORT`, without a path";
    if url.contains('@') {
        // Not shown: whatever stands before the `@` is a secret.
        return Err(format!("the URL holds a user or password; {wanted}"));
    }
    let uri: Uri = url.parse().map_err(|_| format!("`{url}` is not a URL; {wanted}"))?;
    let (scheme, usual) = match uri.scheme_str() {
        Some("http") => (Scheme::Http, 80),
        Some("https") => (Scheme::Https, 443),
        _ => return Err(format!("`{url}` is neither http nor https; {wanted}")),
    };
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    match uri.authority() {
        Some(authority) if bare => {
            let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
            Ok(Address { scheme, host, port: authority.port_u16().unwrap_or(usual) })
        }
        _ => Err(format!("`{url}` holds more than host and port; {wanted}")),
    }
}

fn host_header(fields: &mut Fields) -> Result<HostHeader, Fault> {
    let (said, place) = fields.text("host")?;
    match said.as_str() {
        "" | "upstream" => Ok(HostHeader::Upstream),
        "preserve" => Ok(HostHeader::Preserve),
        other => {
            let field = fields.at("host");
            let what = format!("`{field}`: unknown `{other}`; write upstream or preserve");
            Err(Fault::validate(place, what))
        }
    }
}

/// Finds an upstream by name.
pub(super) fn find(
    upstreams: &[Arc<UpstreamSpec>],
    name: &str,
    place: Place,
    field: &str,
) -> Result<Arc<UpstreamSpec>, Fault> {
    let found = upstreams.iter().find(|upstream| &*upstream.name == name);
    found.cloned().ok_or_else(|| {
        let known: Vec<&str> = upstreams.iter().map(|upstream| &*upstream.name).collect();
        let what =
            format!("`{field}`: no upstream `{name}`; `upstreams` names {}", known.join(", "));
        Fault::validate(place, what)
    })
}
