//! `approvals`: who may give them, how long things wait, and who is told.

mod approvers;
mod route;
mod warnings;
mod webhooks;

#[cfg(test)]
mod tests;

pub(super) use route::read as route;
pub(super) use warnings::warnings;

use super::DOCUMENT;
use super::durations::bounded;
use super::routes::Risks;
use super::settings::at as wrong;
use super::site::Site;
use crate::snapshot::{Approvals, Login, UpstreamSpec};
use crate::yaml::{Fault, Fields, Keys};
use http::{StatusCode, Uri};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

const APPROVALS: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "approvers",
        "open_for",
        "grant_holds",
        "retry_after",
        "retention",
        "public_url",
        "status",
        "webhooks",
    ],
    legacy: &[],
};

const STATUSES: [StatusCode; 3] =
    [StatusCode::PRECONDITION_REQUIRED, StatusCode::FORBIDDEN, StatusCode::CONFLICT];

const OPEN_FOR: RangeInclusive<Duration> = seconds(10)..=hours(30 * 24);
const GRANT_HOLDS: RangeInclusive<Duration> = seconds(10)..=hours(7 * 24);
const RETRY_AFTER: RangeInclusive<Duration> = seconds(1)..=hours(1);
const RETENTION: RangeInclusive<Duration> = hours(1)..=hours(3_650 * 24);

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

/// Reads `approvals`; logins and hosts come from `admin`.
pub(super) fn read(
    top: &mut Fields,
    (logins, hosts): (Vec<Login>, Vec<String>),
    risks: &Risks,
    upstreams: &[Arc<UpstreamSpec>],
    site: &Site<'_>,
) -> Result<Approvals, Fault> {
    let node = top.take("approvals");
    let fields = &mut Fields::open(node, "approvals".to_owned(), &APPROVALS)?;
    // Left empty, it would look as if nobody could approve.
    fields.refuse_empty(&["approvers", "webhooks", "public_url"])?;
    let d = Approvals::default();
    Ok(Approvals {
        roster: approvers::read(fields, &logins, risks, site)?.unwrap_or(d.roster),
        open_for: bounded(fields, "open_for", OPEN_FOR, d.open_for)?,
        grant_holds: bounded(fields, "grant_holds", GRANT_HOLDS, d.grant_holds)?,
        retry_after: bounded(fields, "retry_after", RETRY_AFTER, d.retry_after)?,
        retention: bounded(fields, "retention", RETENTION, d.retention)?,
        public_url: public_url(fields)?,
        status: status(fields, d.status)?,
        webhooks: webhooks::read(fields, upstreams, site)?,
        logins,
        hosts,
    })
}

fn status(fields: &mut Fields, default: StatusCode) -> Result<StatusCode, Fault> {
    let (said, place) = fields.optional_integer("status")?;
    let Some(said) = said else { return Ok(default) };
    let known = STATUSES.into_iter().find(|status| i64::from(status.as_u16()) == said);
    known.ok_or_else(|| {
        let what = format!("`{said}` says something else to callers; write 428, 403 or 409");
        wrong(fields, "status", place, &what)
    })
}

fn public_url(fields: &mut Fields) -> Result<Option<Arc<str>>, Fault> {
    let (said, place) = fields.text("public_url")?;
    if said.is_empty() {
        return Ok(None);
    }
    let wanted = "write where people reach the page, as in `https://gait.example.com`";
    let fault = |what: String| wrong(fields, "public_url", place, &what);
    if said.contains('@') {
        // Not shown: whatever stands before the `@` is a secret.
        return Err(fault(format!("the URL holds a user or password; {wanted}")));
    }
    if said.contains(['?', '#']) {
        return Err(fault(format!("`{said}` holds a query or a fragment; {wanted}")));
    }
    let url = said.parse::<Uri>().ok();
    let scheme = url.as_ref().and_then(Uri::scheme_str);
    match scheme.is_some_and(|scheme| matches!(scheme, "http" | "https")) {
        true => Ok(Some(said.trim_end_matches('/').into())),
        false => Err(fault(format!("`{said}` is not a URL of http or https; {wanted}"))),
    }
}
