//! `jwks`: the keys of an issuer, from a file or from where it publishes them.

use super::common;
use crate::config::{DOCUMENT, Site};
use crate::identity::keys::{KeyRing, KeySet, Remote};
use crate::snapshot::UpstreamSpec;
use crate::yaml::{Fault, Fields, Keys, Place};
use http::Uri;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const JWKS: Keys = Keys {
    document: DOCUMENT,
    read: &["file", "url", "refresh", "keep", "timeout", "ca", "allow_http"],
    legacy: &[],
};

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const SECOND: Duration = Duration::from_secs(1);
const REFRESH_DEFAULT: Duration = Duration::from_secs(300);
const KEEP_DEFAULT: Duration = Duration::from_secs(3_600);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
const REFRESH_MAX: Duration = Duration::from_secs(86_400);
const KEEP_MAX: Duration = Duration::from_secs(7 * 86_400);
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// An address that keys are fetched from, and where the config says so.
#[derive(Debug)]
pub(in crate::config) struct Fetched {
    host: String,
    port: u16,
    field: String,
    place: Place,
}

/// Where keys may be fetched without TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClearText {
    Allowed,
    Loopback,
}

/// Reads `jwks` of a `jwt` mapping.
pub(super) fn read(
    jwt: &mut Fields,
    source: &Arc<str>,
    site: &Site<'_>,
) -> Result<(Arc<KeyRing>, Option<Fetched>), Fault> {
    let path = jwt.at("jwks");
    let mut fields = Fields::open(jwt.take("jwks"), path, &JWKS)?;
    match (fields.has("file"), fields.has("url")) {
        (true, false) => Ok((Arc::new(fixed(&mut fields, site)?), None)),
        (false, true) => {
            let (remote, fetched) = remote(&mut fields, source, site)?;
            Ok((Arc::new(KeyRing::fetched(remote)), Some(fetched)))
        }
        _ => {
            let what = format!("`{}` needs either `file` or `url`", jwt.at("jwks"));
            Err(Fault::validate(fields.place(), what))
        }
    }
}

fn fixed(fields: &mut Fields, site: &Site<'_>) -> Result<KeyRing, Fault> {
    let place = fields.place();
    if let Some(key) = JWKS.read.iter().skip(1).find(|key| fields.has(key)) {
        return Err(common::fault(fields, key, place, "goes with `url`, not with `file`"));
    }
    let (said, place) = fields.text("file")?;
    let fault = |what: String| common::fault(fields, "file", place, &what);
    let bytes = site.file(&said).map_err(fault)?;
    let keys = KeySet::parse(&bytes).map_err(|error| fault(format!("{said}: {error}")))?;
    Ok(KeyRing::fixed(keys))
}

fn remote(
    fields: &mut Fields,
    source: &Arc<str>,
    site: &Site<'_>,
) -> Result<(Remote, Fetched), Fault> {
    let (said, place) = fields.text("url")?;
    let clear = match fields.flag("allow_http")? {
        true => ClearText::Allowed,
        false => ClearText::Loopback,
    };
    let fault = |what: &str| common::fault(fields, "url", place, what);
    let said = site.environment.fill(&said).map_err(|what| fault(&what))?;
    let (url, fetched) = address(&said, clear).map_err(|what| fault(&what))?;
    let fetched = Fetched { field: fields.at("url"), place, ..fetched };
    let refresh = common::duration(fields, "refresh", SECOND..=REFRESH_MAX, REFRESH_DEFAULT)?;
    let keep_default = KEEP_DEFAULT.max(refresh * 2);
    let keep = common::duration(fields, "keep", SECOND..=KEEP_MAX, keep_default)?;
    if keep < refresh {
        let what = "must not be shorter than `refresh`, or no keys are held in between";
        return Err(common::fault(fields, "keep", fields.place(), what));
    }
    let remote = Remote {
        source: source.clone(),
        allow_http: url.scheme_str() == Some("http"),
        url,
        refresh,
        keep,
        timeout: common::duration(fields, "timeout", SECOND..=TIMEOUT_MAX, TIMEOUT_DEFAULT)?,
        ca: ca(fields, site)?,
    };
    Ok((remote, fetched))
}

/// Checks a URL that keys are fetched from. `field` and `place` are not known here.
///
/// # Errors
/// Says what the URL must look like.
fn address(said: &str, clear: ClearText) -> Result<(Uri, Fetched), String> {
    let wanted = "write it as `https://HOST/PATH`";
    if said.contains('@') {
        // Not shown: whatever stands before the `@` is a secret.
        return Err(format!("the URL holds a user or password; {wanted}"));
    }
    let url: Uri = said.parse().map_err(|_| format!("`{said}` is not a URL; {wanted}"))?;
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let default = match url.scheme_str() {
        Some("https") => 443,
        Some("http") if clear == ClearText::Allowed || is_loopback(&host) => 80,
        Some("http") => {
            return Err("keys that come without TLS can be anybody's; write https, or set \
                        `allow_http: true` where the network is trusted"
                .to_owned());
        }
        _ => return Err(format!("`{said}` is not a URL of https; {wanted}")),
    };
    if host.is_empty() {
        return Err(format!("`{said}` has no host; {wanted}"));
    }
    let port = url.port_u16().unwrap_or(default);
    Ok((url, Fetched { host, port, field: String::new(), place: Place::default() }))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn ca(fields: &mut Fields, site: &Site<'_>) -> Result<Option<Arc<Vec<u8>>>, Fault> {
    let (said, place) = fields.text("ca")?;
    if said.is_empty() {
        return Ok(None);
    }
    let bytes = site.file(&said).map_err(|what| common::fault(fields, "ca", place, &what))?;
    match bytes.windows(BEGIN.len()).any(|window| window == BEGIN) {
        true => Ok(Some(Arc::new(bytes))),
        false => {
            let what = format!("{said} holds no certificate in PEM");
            Err(common::fault(fields, "ca", place, &what))
        }
    }
}

impl Fetched {
    /// Refuses an upstream as the place that keys come from: what dials it would go past the gate.
    pub(in crate::config) fn check_apart(&self, upstream: &UpstreamSpec) -> Result<(), Fault> {
        match self.port == upstream.port && self.host.eq_ignore_ascii_case(&upstream.host) {
            false => Ok(()),
            true => {
                let what = format!(
                    "`{}`: {}:{} is the upstream `{}`, which only permitted calls may reach; \
                     publish the keys elsewhere, or name a file",
                    self.field, self.host, self.port, upstream.name
                );
                Err(Fault::validate(self.place, what))
            }
        }
    }
}
