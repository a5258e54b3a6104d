//! Logs of one JSON object a line, and where in it the facts stand.
//!
//! Each server has its own names; where several are usual, the first that is there counts. A name
//! that was given by hand stands alone: nothing else is then tried for it.

use super::request::{self, Reading, Request, Unread};
use super::span::Span;
use super::{Format, when};
use crate::json;
use serde_json::Value;

/// Pointers to each fact.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    places: [Vec<String>; NAMES.len()],
    logger: Option<(&'static str, &'static str)>,
}

/// A fact that a log may hold, by the name that it has on the command line.
pub const NAMES: [&str; 8] =
    ["time", "method", "path", "query", "request", "status", "client", "traceparent"];

/// A place that cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldRefused {
    /// No fact has this name.
    #[error("no field is called `{0}`: write one of {all}", all = NAMES.join(", "))]
    Name(String),
    /// It is no JSON Pointer.
    #[error("`{0}` is no JSON Pointer: write it like `/request/method`")]
    Pointer(String),
    /// The format is no JSON.
    #[error("fields can be named for JSON logs alone: leave it out, or give another format")]
    Text,
}

/// Places in the order of [`NAMES`]: of any JSON log, ...
const JSON: [&[&str]; NAMES.len()] = [
    &["/time", "/timestamp", "/@timestamp", "/ts", "/time_iso8601", "/time_local", "/msec"],
    &["/method", "/request_method", "/http_method", "/verb"],
    &["/request_uri", "/path", "/uri", "/url", "/target"],
    &[],
    &["/request", "/request_line"],
    &["/status", "/status_code", "/response_code", "/code"],
    &["/remote_addr", "/client_ip", "/client", "/remote_ip", "/ip"],
    &["/traceparent", "/http_traceparent", "/headers/traceparent", "/request/headers/traceparent"],
];
/// ... of Caddy, ...
const CADDY: [&[&str]; NAMES.len()] = [
    &["/ts"],
    &["/request/method"],
    &["/request/uri"],
    &[],
    &[],
    &["/status"],
    &["/request/remote_ip", "/request/remote_addr"],
    &["/request/headers/Traceparent"],
];
/// ... of Traefik, ...
const TRAEFIK: [&[&str]; NAMES.len()] = [
    &["/StartUTC", "/time"],
    &["/RequestMethod"],
    &["/RequestPath"],
    &[],
    &[],
    &["/DownstreamStatus", "/OriginStatus"],
    &["/ClientHost", "/ClientAddr"],
    &["/request_Traceparent", "/request_traceparent"],
];
/// ... and of Envoy.
const ENVOY: [&[&str]; NAMES.len()] = [
    &["/start_time", "/timestamp"],
    &["/method"],
    &["/path", "/x_envoy_original_path"],
    &[],
    &[],
    &["/response_code"],
    &["/downstream_remote_address", "/downstream_direct_remote_address"],
    &["/traceparent", "/req_traceparent"],
];

// === impl Fields ===

impl Fields {
    /// The usual places of a format; `None` where its lines are text.
    pub(super) fn of(format: Format) -> Option<Fields> {
        let table = match format {
            Format::Nginx | Format::Apache => return None,
            Format::Json => JSON,
            Format::Caddy => CADDY,
            Format::Traefik => TRAEFIK,
            Format::Envoy => ENVOY,
        };
        let logger = (format == Format::Caddy).then_some(("/logger", "http.log.access"));
        let owned = |places: &[&str]| places.iter().map(|&place| place.to_owned()).collect();
        Some(Fields { places: table.map(owned), logger })
    }

    /// Looks for a fact in this place and no other.
    pub(super) fn set(&mut self, name: &str, pointer: &str) -> Result<(), FieldRefused> {
        let place = NAMES.iter().position(|known| *known == name);
        let places = place.and_then(|place| self.places.get_mut(place));
        let places = places.ok_or_else(|| FieldRefused::Name(name.to_owned()))?;
        if !pointer.starts_with('/') {
            return Err(FieldRefused::Pointer(pointer.to_owned()));
        }
        *places = vec![pointer.to_owned()];
        Ok(())
    }

    /// Reads one line.
    pub(super) fn read(&self, line: &[u8]) -> Result<Reading, Unread> {
        let value = json::parse(line).map_err(|_| Unread::Json)?;
        if !value.is_object() {
            return Err(Unread::Json);
        }
        if let Some((place, wanted)) = self.logger
            && let Some(Value::String(logger)) = value.pointer(place)
            && !logger.starts_with(wanted)
        {
            return Ok(Reading::Other);
        }
        let time = self.find(&value, 0).and_then(time).ok_or(Unread::Time)?;
        let (method, target) = self.asked(&value).ok_or(Unread::Request)?;
        let status = self.find(&value, 5).and_then(status).filter(|status| *status > 0);
        let client = self.text(&value, 6).map(str::to_owned);
        let span = self.text(&value, 7).and_then(Span::parse);
        Ok(Reading::Request(Box::new(Request { time, method, target, status, client, span })))
    }

    /// Method and target, from members of their own or from the whole request line.
    fn asked(&self, value: &Value) -> Option<(String, String)> {
        let line = || self.text(value, 4).and_then(request::split);
        let apart = || Some((self.text(value, 1)?, request::origin_form(self.text(value, 2)?)));
        let (method, target) = apart().or_else(line)?;
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_graphic());
        let query = self.text(value, 3).filter(|query| !matches!(*query, "" | "-"));
        let target = match query.map(|query| query.trim_start_matches('?')) {
            Some(query) => format!("{target}?{query}"),
            None => target.to_owned(),
        };
        (is_method && !target.is_empty()).then(|| (method.to_owned(), target))
    }

    fn find<'v>(&self, value: &'v Value, fact: usize) -> Option<&'v Value> {
        let places = self.places.get(fact)?;
        places.iter().find_map(|place| value.pointer(place)).map(only)
    }

    fn text<'v>(&self, value: &'v Value, fact: usize) -> Option<&'v str> {
        let places = self.places.get(fact)?;
        places.iter().find_map(|place| value.pointer(place).map(only)?.as_str())
    }
}

/// The value of a header is a list in some logs.
fn only(value: &Value) -> &Value {
    match value.as_array().map(Vec::as_slice) {
        Some([only]) => only,
        _ => value,
    }
}

fn time(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => when::of_text(text),
        Value::Number(number) => when::of_number(number),
        _ => None,
    }
}

fn status(value: &Value) -> Option<u16> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|status| u16::try_from(status).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn read(format: Format, line: &str) -> Request {
        match Fields::of(format).unwrap().read(line.as_bytes()) {
            Ok(Reading::Request(request)) => *request,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_servers_own_forms_are_read() {
        let want = Request {
            time: 1_770_000_000_250_000,
            method: "PUT".to_owned(),
            target: "/a?b=1".to_owned(),
            status: Some(201),
            client: Some("10.0.0.1".to_owned()),
            span: Span::parse(PARENT),
        };
        let caddy = r#"{"level":"info","ts":1770000000.25,"logger":"http.log.access.log0",
            "msg":"handled request","request":{"remote_ip":"10.0.0.1","remote_port":"4","proto":
            "HTTP/1.1","method":"PUT","host":"t","uri":"/a?b=1","headers":{"Traceparent":
            ["PARENT"]}},"duration":0.1,"size":1,"status":201}"#;
        let traefik = r#"{"ClientAddr":"10.0.0.1:4","ClientHost":"10.0.0.1","DownstreamStatus":201,
            "RequestMethod":"PUT","RequestPath":"/a?b=1","StartUTC":"2026-02-02T02:40:00.25Z",
            "time":"2026-02-02T02:40:01Z","request_Traceparent":"PARENT"}"#;
        let envoy = r#"{"start_time":"2026-02-02T02:40:00.250Z","method":"PUT","path":"/a?b=1",
            "response_code":201,"downstream_remote_address":"10.0.0.1","traceparent":"PARENT"}"#;
        let nginx = r#"{"msec":"1770000000.250","request":"PUT /a?b=1 HTTP/1.1","status":"201",
            "remote_addr":"10.0.0.1","http_traceparent":"PARENT"}"#;
        for (format, line) in [
            (Format::Caddy, caddy),
            (Format::Traefik, traefik),
            (Format::Envoy, envoy),
            (Format::Json, nginx),
        ] {
            assert_eq!(read(format, &line.replace("PARENT", PARENT)), want);
        }
    }

    #[test]
    fn places_can_be_given_by_hand() {
        let mut fields = Fields::of(Format::Json).unwrap();
        for (name, pointer) in
            [("method", "/req/m"), ("path", "/req/p"), ("query", "/req/q"), ("time", "/at")]
        {
            fields.set(name, pointer).unwrap();
        }
        let line = r#"{"at":1770000000,"req":{"m":"GET","p":"/a","q":"b=1"},"method":"POST"}"#;
        let Ok(Reading::Request(request)) = fields.read(line.as_bytes()) else { panic!("unread") };
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/a?b=1"));
        assert_eq!((request.status, request.client, request.span), (None, None, None));
        let said = fields.set("verb", "/a").unwrap_err().to_string();
        assert!(said.starts_with("no field is called `verb`: write one of time, method"), "{said}");
        assert!(fields.set("time", "at").unwrap_err().to_string().contains("JSON Pointer"));
    }

    #[test]
    fn what_says_too_little_is_unread() {
        let json = Fields::of(Format::Json).unwrap();
        for (line, want) in [
            ("[]", Unread::Json),
            ("{", Unread::Json),
            (r#"{"time":1,"time":2}"#, Unread::Json),
            (r#"{"method":"GET","path":"/"}"#, Unread::Time),
            (r#"{"time":"x","method":"GET","path":"/"}"#, Unread::Time),
            (r#"{"time":1770000000,"path":"/"}"#, Unread::Request),
            (r#"{"time":1770000000,"method":"G T","path":"/"}"#, Unread::Request),
        ] {
            assert_eq!(json.read(line.as_bytes()), Err(want), "{line}");
        }
        let caddy = Fields::of(Format::Caddy).unwrap();
        let other = br#"{"level":"info","ts":1,"logger":"tls","msg":"renewed"}"#;
        assert_eq!(caddy.read(other), Ok(Reading::Other));
    }
}
