//! `upgrade` of a route: the protocols that its callers may go over to.

use crate::snapshot::{Http2, UpstreamSpec};
use crate::yaml::{Fault, Fields, Place};
use std::sync::Arc;

/// Reads the list; without it no upgrade is allowed.
pub(super) fn read(fields: &mut Fields, upstream: &UpstreamSpec) -> Result<Arc<[String]>, Fault> {
    fields.refuse_empty(&["upgrade"])?;
    let field = fields.at("upgrade");
    let protocol = |(text, place): (String, Place)| {
        let fitting = fits(&text).and_then(|()| carries(upstream));
        fitting.map_err(|what| Fault::validate(place, format!("`{field}`: {what}")))?;
        Ok(text)
    };
    fields.texts("upgrade")?.into_iter().map(protocol).collect()
}

/// Only HTTP/1.1 has upgrades.
fn carries(upstream: &UpstreamSpec) -> Result<(), String> {
    match upstream.http2 {
        Http2::Off => Ok(()),
        Http2::Alpn | Http2::PriorKnowledge => Err(format!(
            "upstream `{}` may speak HTTP/2, which has no upgrades; give the route an upstream \
             without `http2`",
            upstream.name
        )),
    }
}

fn fits(text: &str) -> Result<(), String> {
    if text == "h2c" {
        let what = "`h2c` would carry requests that nobody judges; HTTP/2 is set on the listener";
        return Err(what.to_owned());
    }
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._/".contains(&b);
    match !text.is_empty() && text.bytes().all(plain) {
        true => Ok(()),
        false => Err(format!("`{text}` is not a protocol in lower case, such as `websocket`")),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_protocol_is_a_lower_case_word() {
        assert!(fits("websocket").is_ok() && fits("spdy/3.1").is_ok());
        for bad in ["h2c", "WebSocket", "", "web socket", "a,b"] {
            assert!(fits(bad).is_err(), "{bad}");
        }
    }
}
