//! A request as flags describe it.
//!
//! No message repeats the value of a field: it may be a credential.

use crate::call::host::HostRule;
use crate::call::peer::{Address, Peer, Transport};
use crate::cli::answer::Failure;
use crate::cli::files;
use bytes::Bytes;
use clap::Args;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::Path;

/// The name of a host where neither URL, header nor config gives one.
const NAMELESS: &str = "localhost";

/// No larger body is read; the largest that a config can have judged is smaller.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// One request and where it comes from.
#[derive(Args)]
pub(super) struct Flags {
    /// Its method, such as GET
    pub(super) method: String,
    /// Its path, such as /v1/x?y=z, or its URL; the host of a URL becomes its Host
    url: String,
    /// A header field; again for the next one
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Its body, as it stands
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// A file that holds its body; @- for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<String>,
    /// The address that it comes from
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    peer: IpAddr,
    /// The user that it comes from, over a Unix socket
    #[arg(long, value_name = "UID", conflicts_with = "peer")]
    peer_unix: Option<u32>,
    /// The listener that takes it
    #[arg(long, value_name = "NAME", default_value = "server")]
    listener: String,
}

/// What a URL says.
struct Place {
    target: Uri,
    host: Option<String>,
    transport: Transport,
}

impl Flags {
    /// The head of the request, framed for its body as every client frames it.
    ///
    /// # Errors
    /// Exit 6: something in it that no client could send.
    pub(super) fn parts(&self, body: &Bytes, hosts: &HostRule) -> Result<Parts, Failure> {
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| {
            Failure::input(format!("invalid method: `{}`; write one like GET", self.method))
        })?;
        let place = Place::read(&self.url)?;
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.headers = self.fields()?;
        if !parts.headers.contains_key(HOST) {
            let host = place.host.unwrap_or_else(|| host_of(hosts));
            let host = HeaderValue::from_str(&host).map_err(|_| unsendable(&self.url))?;
            parts.headers.insert(HOST, host);
        }
        let framed = [CONTENT_LENGTH, TRANSFER_ENCODING];
        if !body.is_empty() && !framed.iter().any(|name| parts.headers.contains_key(name)) {
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        (parts.method, parts.uri) = (method, place.target);
        Ok(parts)
    }

    /// Whether nothing says which host is called.
    pub(super) fn names_no_host(&self) -> bool {
        let is_host = |said: &String| {
            said.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case("host"))
        };
        self.url.starts_with('/') && !self.header.iter().any(is_host)
    }

    fn fields(&self) -> Result<HeaderMap, Failure> {
        let mut fields = HeaderMap::new();
        for said in &self.header {
            let (name, value) = said
                .split_once(':')
                .ok_or_else(|| Failure::input("invalid --header: write it as `Name: value`"))?;
            let wrong = |what| Failure::input(format!("invalid --header `{name}`: {what}"));
            let value = HeaderValue::from_bytes(value.trim().as_bytes())
                .map_err(|_| wrong("its value holds what no field may"))?;
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| wrong("no field has such a name"))?;
            fields.append(name, value);
        }
        Ok(fields)
    }

    /// The body; empty where none is given.
    ///
    /// # Errors
    /// Exit 6: it cannot be read, or is larger than any that is judged.
    pub(super) fn body(&self) -> Result<Bytes, Failure> {
        match (&self.body, self.body_file.as_deref()) {
            (Some(text), _) => Ok(text.clone().into()),
            (None, Some("@-")) => stdin(),
            (None, Some(path)) => Ok(files::read("body", Path::new(path))?.into()),
            (None, None) => Ok(Bytes::new()),
        }
    }

    /// The other end of the connection.
    ///
    /// # Errors
    /// Exit 6: the config has no such listener, or the URL is none.
    pub(super) fn peer(&self) -> Result<Peer, Failure> {
        if self.listener != "server" {
            let name = &self.listener;
            return Err(Failure::input(format!(
                "invalid --listener: the config has no listener `{name}`; it has `server`"
            )));
        }
        let address = match self.peer_unix {
            Some(uid) => Address::Unix { uid, gid: uid },
            None => Address::Ip(self.peer.to_canonical()),
        };
        let transport = Place::read(&self.url)?.transport;
        Ok(Peer { listener: self.listener.as_str().into(), address, transport, certificate: None })
    }
}

fn stdin() -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(BODY_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::input(format!("read body: standard input: {error}")))?;
    match bytes.len() as u64 > BODY_BYTES_MAX {
        true => Err(Failure::input(format!("the body is larger than {BODY_BYTES_MAX} bytes"))),
        false => Ok(bytes.into()),
    }
}

/// A host that is served.
fn host_of(hosts: &HostRule) -> String {
    let first = match hosts {
        HostRule::Any => None,
        HostRule::Only(hosts) => hosts.first().cloned(),
    };
    first.unwrap_or_else(|| NAMELESS.to_owned())
}

fn unsendable(url: &str) -> Failure {
    let plain = url.split(['?', '#']).next().unwrap_or_default();
    Failure::input(format!(
        "invalid URL: `{plain}`; write a path such as /v1/x, or http://HOST/PATH, with what is \
         no letter percent-encoded"
    ))
}

impl Place {
    fn read(url: &str) -> Result<Place, Failure> {
        let uri: Uri = url.parse().map_err(|_| unsendable(url))?;
        let transport = match uri.scheme_str() {
            Some("https") => Transport::Tls,
            _ => Transport::Clear,
        };
        let Some(authority) = uri.authority() else {
            return Ok(Place { target: uri, host: None, transport });
        };
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(unsendable(url));
        }
        if authority.as_str().contains('@') {
            return Err(Failure::input(
                "the URL holds credentials, which gait does not read there; give them with \
                 --header",
            ));
        }
        let host = Some(authority.as_str().to_owned());
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = target.parse().map_err(|_| unsendable(url))?;
        Ok(Place { target, host, transport })
    }
}
