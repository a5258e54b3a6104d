//! A request as flags describe it.
//!
//! No message repeats the value of a field: it may be a credential.

use crate::call::host::HostRule;
use crate::call::peer::{Address, Peer, Transport};
use crate::cli::answer::Failure;
use crate::cli::files;
use crate::config::{At, Listen};
use crate::snapshot::Listener;
use crate::tls::{Admission, Pem, Server};
use bytes::Bytes;
use clap::Args;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use jiff::Timestamp;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// The client certificate that it shows, as PEM: its chain, its own first
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The listener that takes it; the first of its kind where none is named
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
}

/// What becomes of its connection.
pub(super) enum Arrival {
    /// It stands, and this is its other end.
    Connected(Peer),
    /// No request comes over it.
    Refused {
        /// The listener that refuses the handshake.
        listener: Arc<str>,
        /// What is wrong with what the caller showed.
        why: String,
    },
}

/// What a URL says.
struct Place {
    target: Uri,
    host: Option<String>,
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

    /// Whether nothing says which host is called, and several could be.
    pub(super) fn leaves_host_open(&self, hosts: &HostRule) -> bool {
        let is_host = |said: &String| {
            said.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case("host"))
        };
        let served = match hosts {
            HostRule::Any => 0,
            HostRule::Only(hosts) => hosts.len(),
        };
        served != 1 && self.url.starts_with('/') && !self.header.iter().any(is_host)
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

    /// The other end of the connection, as `listeners` would take it.
    ///
    /// # Errors
    /// Exit 6: the config has no such listener, or it takes no such connection.
    pub(super) fn arrival(
        &self,
        listens: &[Listen],
        listeners: &[Listener],
        at: Timestamp,
    ) -> Result<Arrival, Failure> {
        let name = self.listen(listens)?.name.clone();
        let listener = listeners.iter().find(|listener| listener.name == name);
        let tls = listener.and_then(|listener| listener.tls.as_ref());
        let certificate = match self.admission(tls, at)? {
            Admission::Shown(certificate) => Some(certificate),
            Admission::Bare => None,
            Admission::Unasked => {
                return Err(Failure::input(format!(
                    "the listener `{name}` asks for no certificate, so --cert is never shown; its \
                 `tls.client_certificates` says what it asks for"
                )));
            }
            Admission::Refused(why) => return Ok(Arrival::Refused { listener: name, why }),
        };
        let address = match self.peer_unix {
            Some(uid) => Address::Unix { uid, gid: uid },
            None => Address::Ip(self.peer.to_canonical()),
        };
        let transport = if tls.is_some() { Transport::Tls } else { Transport::Clear };
        Ok(Arrival::Connected(Peer { listener: name, address, transport, certificate }))
    }

    /// The listener that is named, or the first that takes such connections.
    fn listen<'a>(&self, listens: &'a [Listen]) -> Result<&'a Listen, Failure> {
        let fits = |one: &&Listen| matches!(one.at, At::Unix { .. }) == self.peer_unix.is_some();
        let Some(name) = &self.listener else {
            return listens.iter().find(fits).ok_or_else(|| {
                Failure::input(match self.peer_unix {
                    Some(_) => "no listener of the config is a Unix socket; leave --peer-unix out",
                    None => "every listener of the config is a Unix socket; give --peer-unix",
                })
            });
        };
        let known = || listens.iter().map(|one| format!("`{}`", one.name)).collect::<Vec<_>>();
        let named = listens.iter().find(|one| *one.name == **name).ok_or_else(|| {
            let known = known().join(", ");
            Failure::input(format!(
                "invalid --listener: the config has no listener `{name}`; it has {known}"
            ))
        })?;
        Some(named).filter(fits).ok_or_else(|| {
            Failure::input(match self.peer_unix {
                Some(_) => {
                    format!("the listener `{name}` is no Unix socket; leave --peer-unix out")
                }
                None => format!("the listener `{name}` is a Unix socket; give --peer-unix"),
            })
        })
    }

    fn admission(&self, tls: Option<&Server>, at: Timestamp) -> Result<Admission, Failure> {
        let file = self.cert.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let bytes = self.cert.as_ref().map(|path| files::read("certificate", path)).transpose()?;
        let shown = bytes.as_ref().map(|bytes| Pem { file: &file, bytes });
        match (tls, shown) {
            (Some(tls), shown) => tls.admit(shown, at).map_err(Failure::input),
            (None, Some(_)) => Ok(Admission::Unasked),
            (None, None) => Ok(Admission::Bare),
        }
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
        let Some(authority) = uri.authority() else {
            return Ok(Place { target: uri, host: None });
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
        Ok(Place { target, host })
    }
}
