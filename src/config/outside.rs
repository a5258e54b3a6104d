//! Places that gait itself goes to: where keys are published, and who is told of approvals.
//!
//! None of them may be a tool: what dials it would go past the gate.

use super::settings::at as wrong;
use super::site::Site;
use crate::snapshot::UpstreamSpec;
use crate::yaml::{Fault, Fields, Place};
use http::Uri;
use std::net::IpAddr;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Where a place may be without TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ClearText {
    Allowed,
    Loopback,
    Refused,
}

/// What somebody is gone to for.
pub(super) struct Errand {
    pub(super) clear: ClearText,
    /// Why not without TLS.
    pub(super) danger: &'static str,
    /// What to do where the place is a tool.
    pub(super) elsewhere: &'static str,
}

/// A place, and where the config says so.
#[derive(Debug)]
pub(super) struct Outside {
    host: String,
    port: u16,
    field: String,
    place: Place,
    elsewhere: &'static str,
}

/// Reads `url`.
pub(super) fn read(
    fields: &mut Fields,
    errand: &Errand,
    site: &Site<'_>,
) -> Result<(Uri, Outside), Fault> {
    let (said, at) = fields.text("url")?;
    place(fields, ("url", said, at), errand, site)
}

/// What a key says of a place, and where it says so.
pub(super) fn place(
    fields: &Fields,
    (key, said, place): (&str, String, Place),
    errand: &Errand,
    site: &Site<'_>,
) -> Result<(Uri, Outside), Fault> {
    let fault = |what: String| wrong(fields, key, place, &what);
    let said = site.environment.fill(&said).map_err(fault)?;
    let (url, host, port) = address(&said, errand).map_err(fault)?;
    let elsewhere = errand.elsewhere;
    Ok((url, Outside { host, port, field: fields.at(key), place, elsewhere }))
}

/// Takes a URL apart.
///
/// # Errors
/// Says what it must look like.
fn address(said: &str, errand: &Errand) -> Result<(Uri, String, u16), String> {
    let wanted = "write it as `https://HOST/PATH`";
    if said.contains('@') {
        // Not shown: whatever stands before the `@` is a secret.
        return Err(format!("the URL holds a user or password; {wanted}"));
    }
    let url: Uri = said.parse().map_err(|_| format!("`{said}` is not a URL; {wanted}"))?;
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let clear = match errand.clear {
        ClearText::Allowed => true,
        ClearText::Loopback => is_loopback(&host),
        ClearText::Refused => false,
    };
    let default = match url.scheme_str() {
        Some("https") => 443,
        Some("http") if clear => 80,
        Some("http") => {
            return Err(format!(
                "{}; write https, or set `allow_http: true` where the network is trusted",
                errand.danger
            ));
        }
        _ => return Err(format!("`{said}` is not a URL of https; {wanted}")),
    };
    if host.is_empty() {
        return Err(format!("`{said}` has no host; {wanted}"));
    }
    let port = url.port_u16().unwrap_or(default);
    Ok((url, host, port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Reads `ca`: roots in PEM.
pub(super) fn ca(fields: &mut Fields, site: &Site<'_>) -> Result<Option<Vec<u8>>, Fault> {
    let (said, place) = fields.text("ca")?;
    if said.is_empty() {
        return Ok(None);
    }
    let bytes = site.file(&said).map_err(|what| wrong(fields, "ca", place, &what))?;
    match bytes.windows(BEGIN.len()).any(|window| window == BEGIN) {
        true => Ok(Some(bytes)),
        false => {
            let what = format!("{said} holds no certificate in PEM");
            Err(wrong(fields, "ca", place, &what))
        }
    }
}

impl Outside {
    /// Refuses a tool.
    pub(super) fn check_apart(&self, upstream: &UpstreamSpec) -> Result<(), Fault> {
        match self.port == upstream.port && self.host.eq_ignore_ascii_case(&upstream.host) {
            false => Ok(()),
            true => {
                let what = format!(
                    "`{}`: {}:{} is the upstream `{}`, which only permitted calls may reach; {}",
                    self.field, self.host, self.port, upstream.name, self.elsewhere
                );
                Err(Fault::validate(self.place, what))
            }
        }
    }
}
