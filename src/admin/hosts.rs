//! Whether a request is meant for us and comes from us: host, origin and site.
//!
//! A page of somebody else can make a browser that reaches this listener send requests here, also
//! under a name of its own that it points at our address. The name gives it away. A name of
//! loopback or an address as literal cannot be pointed elsewhere, so they are served on any port:
//! behind a tunnel it is another.

use super::problem::{Kind, Problem};
use super::{Context, Scheme};
use http::header::{self, HeaderMap, HeaderName};
use http::{request::Parts, uri::Authority};
use std::net::IpAddr;

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host that the request names, if it is ours.
pub(super) fn own(head: &Parts, context: &Context<'_>) -> Result<Authority, Problem> {
    let host = only(&head.headers, &header::HOST)
        .ok_or_else(|| Problem::malformed("there must be one `Host`"))?;
    let host = authority(host).ok_or_else(|| Problem::malformed("`Host` names no host"))?;
    if head.uri.authority().is_some_and(|named| *named != host) {
        return Err(Problem::malformed("`Host` and the target name two hosts"));
    }
    match serves(&host, context) {
        true => Ok(host),
        false => {
            let detail = format!("`{host}` is not served here; `admin.hosts` names what is");
            Err(Problem::new(Kind::Misdirected, detail))
        }
    }
}

fn serves(host: &Authority, context: &Context<'_>) -> bool {
    let name = host.host().to_ascii_lowercase();
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    LOOPBACK.contains(&name.as_str())
        || address.is_some_and(|address| context.address == Some(address.to_canonical()))
        || context.approvals.hosts.iter().any(|served| {
            served.eq_ignore_ascii_case(&name) || served.eq_ignore_ascii_case(host.as_str())
        })
}

/// Whether the page that asks, where one does, is of this host.
pub(super) fn check_origin(head: &Parts, host: &Authority, scheme: Scheme) -> Result<(), Problem> {
    if !head.headers.contains_key(header::ORIGIN) {
        return Ok(());
    }
    let origin = only(&head.headers, &header::ORIGIN);
    match origin.is_some_and(|origin| is_same(origin, host, scheme)) {
        true => Ok(()),
        false => Err(foreign("`Origin` is not this host")),
    }
}

/// Something before us may encrypt, so a page of the other scheme is ours as long as we do not.
fn is_same(origin: &str, host: &Authority, own: Scheme) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    let port = match (scheme, own) {
        ("https", _) => 443,
        ("http", Scheme::Http) => 80,
        _ => return false,
    };
    let place = |of: &Authority| (of.host().to_ascii_lowercase(), of.port_u16().unwrap_or(port));
    authority(rest).is_some_and(|origin| place(&origin) == place(host))
}

/// Whether a browser says that another site asks. The static page is reached by links in chats,
/// which are other sites; what holds data is not.
pub(super) fn check_site(head: &Parts) -> Result<(), Problem> {
    let mut sites = head.headers.get_all(SEC_FETCH_SITE).iter();
    match sites.all(|site| *site == "same-origin" || *site == "none") {
        true => Ok(()),
        false => Err(foreign("`Sec-Fetch-Site` is not same-origin")),
    }
}

fn foreign(detail: &str) -> Problem {
    Problem::new(Kind::ForeignOrigin, detail)
}

/// The value of a field that stands once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    value.to_str().ok()
}

/// A host with an optional port, and nothing else.
fn authority(text: &str) -> Option<Authority> {
    let read: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
    let port_is_read = read.as_str().len() == read.host().len() || read.port_u16().is_some();
    (port_is_read && !read.host().is_empty()).then_some(read)
}
