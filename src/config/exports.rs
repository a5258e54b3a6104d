//! `otlp` and `access_log`: who is told what the evidence says, while it is written.
//!
//! Of the environment count `OTEL_EXPORTER_OTLP_ENDPOINT`, where the config names no endpoint,
//! `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SDK_DISABLED`. None of them makes an
//! exporter where the config has no section: what leaves, and where to, is for the config to say.

use super::DOCUMENT;
use super::durations::bounded;
use super::environment::Environment;
use super::outside::{self, ClearText, Errand};
use super::settings::{at as wrong, size};
use super::site::Site;
use super::upstreams;
use crate::snapshot::{AccessLog, Exports, Otlp, Signal, ToolCredential, UpstreamSpec};
use crate::yaml::{Fault, Fields, Keys, Scalar};
use http::Uri;
use percent_encoding::percent_decode_str;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

const OTLP: Keys = Keys {
    document: DOCUMENT,
    read: &["endpoint", "signals", "headers", "ca", "allow_http", "timeout", "queue_lines"],
    legacy: &[],
};
const ACCESS_LOG: Keys = Keys { document: DOCUMENT, read: &["to"], legacy: &[] };

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const QUEUE_LINES: RangeInclusive<u64> = 1..=1_000_000;
const QUEUE_LINES_DEFAULT: usize = 8_192;
const HEADERS_MAX: usize = 16;
const ATTRIBUTES_MAX: usize = 64;

/// Reads both sections.
pub(super) fn read(
    top: &mut Fields,
    upstreams: &[Arc<UpstreamSpec>],
    site: &Site<'_>,
) -> Result<Exports, Fault> {
    let otlp = if top.has("otlp") { Some(otlp(top, upstreams, site)?) } else { None };
    let disabled = site.environment.over("OTEL_SDK_DISABLED");
    let disabled = disabled.is_some_and(|said| said.eq_ignore_ascii_case("true"));
    Ok(Exports { otlp: otlp.filter(|_| !disabled).map(Arc::new), access_log: access_log(top)? })
}

fn access_log(top: &mut Fields) -> Result<AccessLog, Fault> {
    if !top.has("access_log") {
        return Ok(AccessLog::Off);
    }
    let mut fields = Fields::open(top.take("access_log"), "access_log".to_owned(), &ACCESS_LOG)?;
    let (said, place) = fields.text("to")?;
    match said.as_str() {
        "stdout" => Ok(AccessLog::Stdout),
        other => {
            let what = format!("unknown `{other}`; write stdout, or remove `access_log`");
            Err(wrong(&fields, "to", place, &what))
        }
    }
}

fn otlp(top: &mut Fields, upstreams: &[Arc<UpstreamSpec>], site: &Site<'_>) -> Result<Otlp, Fault> {
    let mut fields = Fields::open(top.take("otlp"), "otlp".to_owned(), &OTLP)?;
    // Left empty, it would be believed by the system's roots, or told everything.
    fields.refuse_empty(&["ca", "signals"])?;
    let base = endpoint(&mut fields, upstreams, site)?;
    let signals = signals(&mut fields)?.into_iter();
    let told = signals.map(|signal| Some((signal, below(&base, signal)?)));
    let signals = told.collect::<Option<Vec<_>>>().ok_or_else(|| {
        let what = format!("nothing can stand below `{base}`; write it as `https://HOST:PORT`");
        wrong(&fields, "endpoint", fields.place(), &what)
    })?;
    Ok(Otlp {
        signals,
        headers: headers(&mut fields, site)?,
        ca: outside::ca(&mut fields, site)?.map(Arc::from),
        timeout: bounded(&mut fields, "timeout", TIMEOUT, TIMEOUT_DEFAULT)?,
        queue_lines: size(&mut fields, "queue_lines", QUEUE_LINES, QUEUE_LINES_DEFAULT)?,
        service: site.environment.over("OTEL_SERVICE_NAME").map_or_else(
            || attribute(site.environment, "service.name").unwrap_or_else(|| "gait".to_owned()),
            str::to_owned,
        ),
        resource: resource(site.environment),
    })
}

fn endpoint(
    fields: &mut Fields,
    upstreams: &[Arc<UpstreamSpec>],
    site: &Site<'_>,
) -> Result<Uri, Fault> {
    let (said, place) = fields.text("endpoint")?;
    let said = match site.environment.over("OTEL_EXPORTER_OTLP_ENDPOINT") {
        Some(over) if said.is_empty() => over.to_owned(),
        _ => said,
    };
    if said.is_empty() {
        let what = "missing; write where the collector is, as in `http://127.0.0.1:4318`, or set \
                    OTEL_EXPORTER_OTLP_ENDPOINT";
        return Err(wrong(fields, "endpoint", place, what));
    }
    let clear = match fields.flag("allow_http")? {
        true => ClearText::Allowed,
        false => ClearText::Loopback,
    };
    let errand = Errand {
        clear,
        danger: "what a collector is told without TLS can be read on the way",
        elsewhere: "tell another collector",
    };
    let (url, outside) = outside::place(fields, ("endpoint", said, place), &errand, site)?;
    upstreams.iter().try_for_each(|upstream| outside.check_apart(upstream))?;
    match url.query() {
        None => Ok(url),
        Some(_) => Err(wrong(fields, "endpoint", place, "a collector's URL has no query")),
    }
}

/// Where a signal goes to.
fn below(base: &Uri, signal: Signal) -> Option<Uri> {
    let base = base.to_string();
    format!("{}/v1/{}", base.trim_end_matches('/'), signal.as_str()).parse().ok()
}

fn signals(fields: &mut Fields) -> Result<Vec<Signal>, Fault> {
    let said = fields.texts("signals")?;
    if said.is_empty() {
        return Ok(Signal::ALL.to_vec());
    }
    let mut signals = Vec::new();
    for (word, place) in said {
        match Signal::ALL.into_iter().find(|signal| signal.as_str() == word) {
            Some(signal) if !signals.contains(&signal) => signals.push(signal),
            _ => {
                let what = format!("`{word}` is unknown, or there twice; write traces and logs");
                return Err(wrong(fields, "signals", place, &what));
            }
        }
    }
    Ok(signals)
}

/// Their values are secrets, and come from where such are kept.
fn headers(fields: &mut Fields, site: &Site<'_>) -> Result<Vec<ToolCredential>, Fault> {
    let (path, node) = (fields.at("headers"), fields.take("headers"));
    let entries = match node.value {
        Scalar::Null => Vec::new(),
        Scalar::Map(entries) if entries.len() <= HEADERS_MAX => entries,
        _ => {
            let what = format!(
                "must be a mapping of up to {HEADERS_MAX} names to `{{ env: NAME }}` or \
                 `{{ file: PATH }}`"
            );
            return Err(wrong(fields, "headers", node.place, &what));
        }
    };
    let header = |entry: crate::yaml::Entry| {
        let path = format!("{path}.{}", entry.key);
        let value = upstreams::secret(entry.node, path.clone(), site)?;
        ToolCredential::header(&entry.key, &value)
            .map_err(|error| Fault::validate(entry.place, format!("`{path}`: {error}")))
    };
    entries.into_iter().map(header).collect()
}

/// `OTEL_RESOURCE_ATTRIBUTES`: `name=value,name=value`, percent-encoded. What is no pair is passed
/// over, as everywhere.
fn resource(environment: &Environment) -> Vec<(String, String)> {
    let said = environment.over("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((name.trim().to_owned(), value.into_owned()))
    };
    let pairs = said.split(',').filter_map(pair).filter(|(name, _)| !name.is_empty());
    pairs.take(ATTRIBUTES_MAX).collect()
}

fn attribute(environment: &Environment, wanted: &str) -> Option<String> {
    let said = resource(environment).into_iter();
    said.filter(|(name, _)| name == wanted).map(|(_, value)| value).next_back()
}

#[cfg(test)]
mod tests;
