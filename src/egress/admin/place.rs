//! Where the admin listener of a gait is, as people and `addresses.json` write it.

use http::Uri;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where an admin listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminPlace {
    /// On a network.
    Tcp {
        /// A name or an address, without the brackets of IPv6.
        host: String,
        /// The port.
        port: u16,
        /// How it is spoken to.
        scheme: Scheme,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// How a place on a network is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear: only on this machine.
    Http,
    /// With TLS.
    Https,
}

/// Why a text names no place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of an admin listener; write ADDRESS:PORT, https://HOST or unix:PATH")]
pub struct PlaceError(String);

impl AdminPlace {
    /// Reads `ADDRESS:PORT`, `http://HOST`, `https://HOST`, each with or without a port, or
    /// `unix:PATH`. `bare` is how a place without a scheme is spoken to.
    ///
    /// # Errors
    /// The text is none of these, or has a user, a path or a query.
    pub fn parse(text: &str, bare: Scheme) -> Result<AdminPlace, PlaceError> {
        let place = match text.strip_prefix("unix:") {
            Some(path) => (!path.is_empty()).then(|| AdminPlace::Unix(path.into())),
            None => network(text, bare),
        };
        place.ok_or_else(|| PlaceError(text.to_owned()))
    }

    /// What stands in `Host`: the name by which the listener knows itself.
    pub(super) fn authority(&self) -> String {
        match self {
            AdminPlace::Unix(_) => "localhost".to_owned(),
            AdminPlace::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            AdminPlace::Tcp { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

fn network(text: &str, bare: Scheme) -> Option<AdminPlace> {
    let (scheme, rest) = match text.split_once("://") {
        None => (bare, text),
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some(_) => return None,
    };
    let uri: Uri = rest.strip_suffix('/').unwrap_or(rest).parse().ok()?;
    let authority = uri.authority().filter(|all| !all.as_str().contains('@'))?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let has_port = authority.as_str().len() > authority.host().len();
    let port = match (has_port, text.contains("://"), scheme) {
        (true, _, _) => authority.port_u16()?,
        (false, true, Scheme::Http) => 80,
        (false, true, Scheme::Https) => 443,
        (false, false, _) => return None,
    };
    let is_whole = uri.path_and_query().is_none() && !host.is_empty();
    is_whole.then(|| AdminPlace::Tcp { host: dialled(host, port), port, scheme })
}

/// Who listens everywhere is reached here.
fn dialled(host: &str, port: u16) -> String {
    match host.parse().map(|ip| SocketAddr::new(ip, port)) {
        Ok(SocketAddr::V4(at)) if at.ip().is_unspecified() => "127.0.0.1".to_owned(),
        Ok(SocketAddr::V6(at)) if at.ip().is_unspecified() => "::1".to_owned(),
        _ => host.to_owned(),
    }
}

impl fmt::Display for AdminPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminPlace::Unix(path) => write!(f, "unix:{}", path.display()),
            AdminPlace::Tcp { scheme: Scheme::Http, .. } => {
                write!(f, "http://{}", self.authority())
            }
            AdminPlace::Tcp { scheme: Scheme::Https, .. } => {
                write!(f, "https://{}", self.authority())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_people_write_them() {
        for (text, place) in [
            ("127.0.0.1:9901", "http://127.0.0.1:9901"),
            ("0.0.0.0:9901", "http://127.0.0.1:9901"),
            ("[::]:9901", "http://[::1]:9901"),
            ("localhost:9901", "http://localhost:9901"),
            ("http://[::1]:80/", "http://[::1]:80"),
            ("http://localhost", "http://localhost:80"),
            ("https://gait.example.com", "https://gait.example.com:443"),
            ("unix:/run/gait/admin.sock", "unix:/run/gait/admin.sock"),
        ] {
            let read = AdminPlace::parse(text, Scheme::Http).map(|place| place.to_string());
            assert_eq!(read.as_deref(), Ok(place), "{text}");
        }
        let bare = AdminPlace::parse("gait.example.com:9901", Scheme::Https).unwrap();
        assert_eq!(bare.to_string(), "https://gait.example.com:9901");
    }

    #[test]
    fn what_says_more_or_less_is_no_place() {
        for text in [
            "",
            "unix:",
            "9901",
            ":9901",
            "gait.example.com",
            "ftp://gait.example.com",
            "https://",
            "https://ada@gait.example.com",
            "https://gait.example.com/v1",
            "https://gait.example.com?x",
            "https://gait.example.com:99999",
            "https://gait.example.com:",
        ] {
            assert!(AdminPlace::parse(text, Scheme::Http).is_err(), "{text}");
        }
    }
}
