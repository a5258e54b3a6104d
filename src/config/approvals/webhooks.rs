//! `webhooks`: who is told of what happens to requests for approval.

use super::super::durations::bounded;
use super::super::outside::{self, ClearText, Errand};
use super::super::settings::at as wrong;
use super::super::site::Site;
use super::super::{DOCUMENT, routes, upstreams};
use crate::snapshot::{EVENTS, UpstreamSpec, Webhook, WebhookTransport};
use crate::yaml::{Fault, Fields, Keys, Node};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

const WEBHOOK: Keys = Keys {
    document: DOCUMENT,
    read: &["name", "url", "secret", "events", "ca", "allow_http", "timeout"],
    legacy: &[],
};

/// Each is a label, and has letters of its own.
const WEBHOOKS_MAX: usize = 32;
/// What may stand before a secret.
const SECRET_PREFIX: &str = "whsec_";
/// How long a secret is, decoded.
const SECRET_BYTES: RangeInclusive<usize> = 24..=64;
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// Reads `webhooks`.
pub(super) fn read(
    fields: &mut Fields,
    upstreams: &[Arc<UpstreamSpec>],
    site: &Site<'_>,
) -> Result<Vec<Arc<Webhook>>, Fault> {
    let (path, nodes) = (fields.at("webhooks"), fields.list("webhooks")?);
    if nodes.len() > WEBHOOKS_MAX {
        let what = format!("{} webhooks; at most {WEBHOOKS_MAX}", nodes.len());
        return Err(wrong(fields, "webhooks", fields.place(), &what));
    }
    let mut webhooks: Vec<Arc<Webhook>> = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let place = node.place;
        let webhook = one(node, format!("{path}[{index}]"), upstreams, site)?;
        if webhooks.iter().any(|other| other.name == webhook.name) {
            let what = format!(
                "`{path}[{index}].name`: another webhook is called `{}`; rename one",
                webhook.name
            );
            return Err(Fault::validate(place, what));
        }
        webhooks.push(Arc::new(webhook));
    }
    Ok(webhooks)
}

fn one(
    node: Node,
    path: String,
    upstreams: &[Arc<UpstreamSpec>],
    site: &Site<'_>,
) -> Result<Webhook, Fault> {
    let mut fields = Fields::open(node, path, &WEBHOOK)?;
    // Left empty, it would be told of everything, or believed by the system's roots.
    fields.refuse_empty(&["events", "ca", "url"])?;
    let (name, place) = fields.text("name")?;
    routes::name(&name, place, &fields.at("name"))?;
    let (clear, transport) = match fields.flag("allow_http")? {
        true => (ClearText::Allowed, WebhookTransport::Plain),
        false => (ClearText::Refused, WebhookTransport::Tls),
    };
    let errand = Errand {
        clear,
        danger: "what is told without TLS can be read on the way",
        elsewhere: "tell somebody else",
    };
    let (url, place) = outside::read(&mut fields, &errand, site)?;
    upstreams.iter().try_for_each(|upstream| place.check_apart(upstream))?;
    Ok(Webhook {
        name: name.into(),
        url,
        secret: secret(&mut fields, site)?,
        events: events(&mut fields)?,
        ca: outside::ca(&mut fields, site)?.map(Arc::from),
        transport,
        timeout: bounded(&mut fields, "timeout", TIMEOUT, TIMEOUT_DEFAULT)?,
    })
}

fn events(fields: &mut Fields) -> Result<Vec<String>, Fault> {
    let said = fields.texts("events")?;
    let event = |(event, place): (String, _)| match EVENTS.contains(&event.as_str()) {
        true => Ok(event),
        false => {
            let what = format!("unknown event `{event}`; write some of {}", EVENTS.join(", "));
            Err(wrong(fields, "events", place, &what))
        }
    };
    said.into_iter().map(event).collect()
}

/// Never shown, not even where it is wrong.
fn secret(fields: &mut Fields, site: &Site<'_>) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let (path, node) = (fields.at("secret"), fields.take("secret"));
    let place = node.place;
    let said = upstreams::secret(node, path, site)?;
    decoded(&said).ok_or_else(|| {
        let (min, max) = (SECRET_BYTES.start(), SECRET_BYTES.end());
        let what = format!(
            "must hold {min} to {max} random bytes in base64, as `openssl rand -base64 32` \
             prints; `{SECRET_PREFIX}` may stand before them"
        );
        wrong(fields, "secret", place, &what)
    })
}

fn decoded(said: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let said = said.trim_ascii();
    let said = said.strip_prefix(SECRET_PREFIX.as_bytes()).unwrap_or(said);
    let bytes = Zeroizing::new(STANDARD.decode(said).ok()?);
    SECRET_BYTES.contains(&bytes.len()).then_some(bytes)
}
