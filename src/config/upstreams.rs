//! The tool APIs behind gait.

use super::DOCUMENT;
use super::site::Site;
use crate::snapshot::{HostHeader, UpstreamSpec};
use crate::yaml::{Fault, Fields, Keys, Node, Place, Scalar};
use http::Uri;
use std::sync::Arc;

const UPSTREAM: Keys = Keys { document: DOCUMENT, read: &["url", "host"], legacy: &[] };

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
    let (host, port) = parse(&url).map_err(|what| fault(&what))?;
    let host_header = host_header(&mut fields)?;
    Ok(UpstreamSpec { name: name.into(), host, port, host_header })
}

/// Host and port of a plain URL.
///
/// # Errors
/// Says what the URL must look like.
pub(super) fn parse(url: &str) -> Result<(String, u16), String> {
    let wanted = "write it as `http://HOST:PORT`, without a path";
    if url.contains('@') {
        // Not shown: whatever stands before the `@` is a secret.
        return Err(format!("the URL holds a user or password; {wanted}"));
    }
    let uri: Uri = url.parse().map_err(|_| format!("`{url}` is not a URL; {wanted}"))?;
    if uri.scheme_str() != Some("http") {
        return Err(format!("`{url}` is not http; {wanted}"));
    }
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
    match (authority, bare) {
        (Some(authority), true) => {
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            Ok((host.to_owned(), authority.port_u16().unwrap_or(80)))
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
