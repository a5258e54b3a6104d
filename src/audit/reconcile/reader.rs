//! The formats of access logs, and one reader for all.

use super::combined;
use super::fields::{FieldRefused, Fields};
use super::request::{Reading, Unread};

/// What a log is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// nginx: `combined`, or `common`, with anything behind it.
    Nginx,
    /// Apache httpd: the same.
    Apache,
    /// One JSON object a line, with the usual names or with names given by hand.
    Json,
    /// Caddy's JSON.
    Caddy,
    /// Traefik's JSON.
    Traefik,
    /// Envoy's and Istio's JSON.
    Envoy,
}

/// Reads lines of one format.
#[derive(Clone, Debug)]
pub struct Reader {
    format: Format,
    fields: Option<Fields>,
}

// === impl Format ===

impl Format {
    /// All formats.
    pub const ALL: [Format; 6] = [
        Format::Nginx,
        Format::Apache,
        Format::Json,
        Format::Caddy,
        Format::Traefik,
        Format::Envoy,
    ];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Nginx => "nginx",
            Format::Apache => "apache",
            Format::Json => "json",
            Format::Caddy => "caddy",
            Format::Traefik => "traefik",
            Format::Envoy => "envoy",
        }
    }

    /// What a line of it looks like, for a message about one that does not.
    pub fn example(self) -> &'static str {
        match self {
            Format::Nginx | Format::Apache => {
                r#"10.0.0.1 - - [02/Feb/2026:02:40:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8" "00-…-01""#
            }
            Format::Json => {
                r#"{"time":"2026-02-02T02:40:00Z","method":"GET","path":"/a","status":200,"traceparent":"00-…-01"}"#
            }
            Format::Caddy => {
                r#"{"ts":1770000000.25,"logger":"http.log.access","request":{"method":"GET","uri":"/a"},"status":200}"#
            }
            Format::Traefik => {
                r#"{"StartUTC":"2026-02-02T02:40:00Z","RequestMethod":"GET","RequestPath":"/a","DownstreamStatus":200}"#
            }
            Format::Envoy => {
                r#"{"start_time":"2026-02-02T02:40:00.250Z","method":"GET","path":"/a","response_code":200}"#
            }
        }
    }
}

// === impl Reader ===

impl Reader {
    /// A reader that looks for some facts in places given by hand: name and JSON Pointer.
    ///
    /// # Errors
    /// A name or pointer is none, or the format has no fields.
    pub fn new(format: Format, set: &[(String, String)]) -> Result<Reader, FieldRefused> {
        let mut fields = Fields::of(format);
        for (name, pointer) in set {
            fields.as_mut().ok_or(FieldRefused::Text)?.set(name, pointer)?;
        }
        Ok(Reader { format, fields })
    }

    /// What it reads.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Reads one line, without its end.
    pub(super) fn read(&self, line: &[u8]) -> Result<Reading, Unread> {
        match &self.fields {
            Some(fields) => fields.read(line),
            None => combined::read(&String::from_utf8_lossy(line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_of_its_format() {
        for format in Format::ALL {
            let reader = Reader::new(format, &[]).unwrap();
            let read = reader.read(format.example().as_bytes());
            assert!(matches!(read, Ok(Reading::Request(_))), "{format:?}: {read:?}");
        }
    }

    #[test]
    fn text_has_no_fields_to_name() {
        let set = [("time".to_owned(), "/t".to_owned())];
        assert_eq!(Reader::new(Format::Nginx, &set).unwrap_err(), FieldRefused::Text);
        assert!(Reader::new(Format::Json, &set).is_ok());
    }
}
