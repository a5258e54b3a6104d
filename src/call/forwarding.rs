//! What gait says of the way of a call: `Forwarded` (RFC 7239), `X-Forwarded-*` and `Via`.
//!
//! The last hop is the peer that the connection shows. What came before it is believed, and kept,
//! only where that peer is trusted; of any other nobody sees what it claimed. What cannot be read
//! strictly is dropped whole: half a chain would name the wrong first hop. A trusted peer must
//! itself take off what its callers claim: gait cannot tell the two apart.
//!
//! Rejected: making `Forwarded` out of an inbound `X-Forwarded-For` and the reverse; the two would
//! agree in form and differ in who vouches for them.

use super::headers::put;
use super::host::Authority;
use super::node::{self, Node};
use super::peer::{Peer, Transport, Trusted};
use http::header::{FORWARDED, HeaderMap, HeaderName, VIA};
use http::{HeaderValue, Version};
use std::sync::Arc;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Hops that are told, the last ones; a longer chain is a loop or an attack.
const HOPS_MAX: usize = 32;

/// What tools are told of the way of a call, and whose word is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// Direct peers whose word is.
    pub trusted: Trusted,
    /// The forms in which it is told.
    pub emit: Vec<Form>,
    /// The name in `Via`.
    pub via: Arc<str>,
}

/// A form of forwarding facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `Forwarded`.
    Standard,
    /// `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`.
    Customary,
}

/// How a call has come here.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The fields that came, raw.
    pub headers: &'a HeaderMap,
    /// The version that it came in.
    pub version: Version,
    /// Who sent it.
    pub peer: &'a Peer,
    /// The host that it names; empty where it has no reading.
    pub authority: &'a Authority,
}

impl Default for Forwarding {
    fn default() -> Forwarding {
        let emit = vec![Form::Standard, Form::Customary];
        Forwarding { trusted: Trusted::default(), emit, via: "gait".into() }
    }
}

impl Forwarding {
    /// The fields that tell the way of a call.
    pub fn facts(&self, way: &Way<'_>) -> HeaderMap {
        let mut facts = HeaderMap::new();
        let believed = self.trusted.trusts(way.peer).then_some(way.headers);
        if self.emit.contains(&Form::Standard) {
            put(&mut facts, FORWARDED, &standard(believed, way));
        }
        if self.emit.contains(&Form::Customary) {
            customary(&mut facts, believed, way);
        }
        if let Some(via) = self.via(way) {
            facts.insert(VIA, via);
        }
        facts
    }

    /// `Via` of the earlier hops, whoever they are: it grants nothing, and shows loops.
    fn via(&self, way: &Way<'_>) -> Option<HeaderValue> {
        let own = format!("{} {}", protocol(way.version), self.via);
        let mut hops: Vec<&[u8]> =
            way.headers.get_all(VIA).iter().map(HeaderValue::as_bytes).collect();
        hops.push(own.as_bytes());
        HeaderValue::from_bytes(&hops.join(b", ".as_slice())).ok()
    }
}

/// The received protocol (RFC 9110, 7.6.3).
fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

fn standard(believed: Option<&HeaderMap>, way: &Way<'_>) -> String {
    let mut own = format!("for={}", node::quoted(&Node::of(way.peer).to_string()));
    if !way.authority.as_str().is_empty() {
        own.push_str(&format!(";host={}", node::quoted(way.authority.as_str())));
    }
    own.push_str(&format!(";proto={}", scheme(way.peer)));
    let said = believed.and_then(|headers| text(headers, &FORWARDED));
    let said = said.and_then(|text| node::elements(&text)).unwrap_or_default();
    chain(said, own)
}

fn customary(facts: &mut HeaderMap, believed: Option<&HeaderMap>, way: &Way<'_>) {
    let said = |name: HeaderName| believed.and_then(|headers| text(headers, &name));
    let hops = said(FOR).and_then(|text| node::addresses(&text)).unwrap_or_default();
    put(facts, FOR, &chain(hops, Node::of(way.peer).address()));
    // Of these the first word stands: it says what the caller itself asked of the first hop.
    let scheme = scheme(way.peer);
    let proto = said(PROTO).filter(|proto| ["http", "https"].contains(&proto.as_str()));
    let host = said(HOST).filter(|host| Authority::is_plain(host));
    let port = said(PORT).filter(|port| is_port(port));
    let own_port = match (way.authority.port(), way.peer.transport) {
        (Some(port), _) => port.to_owned(),
        (None, Transport::Tls) => "443".to_owned(),
        (None, Transport::Clear) => "80".to_owned(),
    };
    put(facts, PROTO, proto.as_deref().unwrap_or(scheme));
    let host = host.unwrap_or_else(|| way.authority.as_str().to_owned());
    if !host.is_empty() {
        put(facts, HOST, &host);
        put(facts, PORT, &port.unwrap_or(own_port));
    }
}

/// What the connection itself shows, whatever a pseudo-header says.
fn scheme(peer: &Peer) -> &'static str {
    match peer.transport {
        Transport::Clear => "http",
        Transport::Tls => "https",
    }
}

/// The last hops of a chain, ours behind the others.
fn chain(mut hops: Vec<String>, own: String) -> String {
    hops.push(own);
    let oldest = hops.len().saturating_sub(HOPS_MAX);
    hops.split_off(oldest).join(", ")
}

/// All values of a field as one list; `None` where it is absent or not plain text.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter().map(|value| value.to_str().ok());
    let values = values.collect::<Option<Vec<_>>>()?;
    (!values.is_empty()).then(|| values.join(", "))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests;
