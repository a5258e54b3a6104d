//! `jwks`: the keys of an issuer, from a file or from where it publishes them.

use super::common;
use crate::config::outside::{self, ClearText, Errand, Outside};
use crate::config::{DOCUMENT, Site};
use crate::identity::keys::{KeyRing, KeySet, Remote};
use crate::yaml::{Fault, Fields, Keys};
use std::sync::Arc;
use std::time::Duration;

const JWKS: Keys = Keys {
    document: DOCUMENT,
    read: &["file", "url", "refresh", "keep", "timeout", "ca", "allow_http"],
    legacy: &[],
};

const SECOND: Duration = Duration::from_secs(1);
const REFRESH_DEFAULT: Duration = Duration::from_secs(300);
const KEEP_DEFAULT: Duration = Duration::from_secs(3_600);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
const REFRESH_MAX: Duration = Duration::from_secs(86_400);
const KEEP_MAX: Duration = Duration::from_secs(7 * 86_400);
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// Reads `jwks` of a `jwt` mapping.
pub(super) fn read(
    jwt: &mut Fields,
    source: &Arc<str>,
    site: &Site<'_>,
) -> Result<(Arc<KeyRing>, Option<Outside>), Fault> {
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
) -> Result<(Remote, Outside), Fault> {
    let clear = match fields.flag("allow_http")? {
        true => ClearText::Allowed,
        false => ClearText::Loopback,
    };
    let errand = Errand {
        clear,
        danger: "keys that come without TLS can be anybody's",
        elsewhere: "publish the keys elsewhere, or name a file",
    };
    let (url, fetched) = outside::read(fields, &errand, site)?;
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
        ca: outside::ca(fields, site)?.map(Arc::new),
    };
    Ok((remote, fetched))
}
