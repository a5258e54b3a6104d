//! Where calls come in: `server` and the `listeners` beside it.
//!
//! Name, address and whether there is TLS need a restart and go into [`Fixed`](super::Fixed); the
//! certificates and what is spoken go into the plan and change with the snapshot.

use super::environment::Environment;
use super::settings::{SERVER_DEFAULT, absolute, at as wrong, hosts, parse_address};
use super::site::Site;
use super::{At, DOCUMENT, Listen, certificates, routes};
use crate::call::host::HostRule;
use crate::call::peer::Transport;
use crate::snapshot::{Http2, Listener};
use crate::tls;
use crate::yaml::{Fault, Fields, Keys, Node, Place};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

const SERVER: Keys = Keys {
    document: DOCUMENT,
    read: &["listen", "unix_mode", "hosts", "http2", "tls"],
    legacy: &[],
};
const MORE: Keys = Keys {
    document: DOCUMENT,
    read: &["name", "listen", "unix_mode", "http2", "tls"],
    legacy: &[],
};

/// The name of the first listener.
pub(super) const SERVER_NAME: &str = "server";
/// What the other listeners of the process are called.
const TAKEN: [&str; 3] = [SERVER_NAME, "telemetry", "admin"];
/// A listener each is a label and a socket.
const LISTENERS_MAX: usize = 32;
/// Only the owner connects, unless said otherwise.
const UNIX_MODE: u32 = 0o600;
/// What stands before the path of a Unix socket.
const UNIX: &str = "unix:";

/// Where a listener stands when its config does not say.
pub(super) struct Usual {
    pub(super) default: &'static str,
    /// What outweighs the config.
    pub(super) variable: Option<&'static str>,
}

const SERVER_ADDRESS: Usual =
    Usual { default: SERVER_DEFAULT, variable: Some("GAIT__SERVER__LISTEN") };

/// What the config says of all of them, `server` first.
pub(super) struct Listeners {
    pub(super) fixed: Vec<Listen>,
    pub(super) planned: Vec<Listener>,
    pub(super) hosts: HostRule,
}

/// Reads `server` and `listeners`.
pub(super) fn read(top: &mut Fields, site: &Site<'_>) -> Result<Listeners, Fault> {
    let mut server = Fields::open(top.take("server"), SERVER_NAME.to_owned(), &SERVER)?;
    let hosts = hosts(&mut server)?;
    let (listen, planned) = one(&mut server, SERVER_NAME, &SERVER_ADDRESS, site)?;
    let mut all = Listeners { fixed: vec![listen], planned: vec![planned], hosts };
    let mut names: HashSet<String> = TAKEN.map(str::to_owned).into();
    let (place, nodes) = (top.place(), top.list("listeners")?);
    if nodes.len() > LISTENERS_MAX {
        let what = format!("`listeners` has more than {LISTENERS_MAX} entries");
        return Err(Fault::validate(place, what));
    }
    for (index, node) in nodes.into_iter().enumerate() {
        let (listen, planned) = more(node, index, &mut names, site)?;
        all.fixed.push(listen);
        all.planned.push(planned);
    }
    Ok(all)
}

/// The only listener of a gait without a config file.
///
/// # Errors
/// The environment says no address.
pub(super) fn of_environment(environment: &Environment) -> Result<(Listen, Listener), String> {
    plain(SERVER_NAME, &SERVER_ADDRESS, environment)
}

/// A listener without a config file, in the clear.
///
/// # Errors
/// The environment says no address.
pub(super) fn plain(
    name: &str,
    usual: &Usual,
    environment: &Environment,
) -> Result<(Listen, Listener), String> {
    let planned = Listener { name: name.into(), http2: Http2::Off, tls: None };
    let said = usual.variable.and_then(|variable| environment.over(variable));
    let at = at(said.unwrap_or(usual.default), UNIX_MODE, absolute)?;
    Ok((Listen { name: name.into(), at, transport: planned.transport() }, planned))
}

fn more(
    node: Node,
    index: usize,
    names: &mut HashSet<String>,
    site: &Site<'_>,
) -> Result<(Listen, Listener), Fault> {
    let mut fields = Fields::open(node, format!("listeners[{index}]"), &MORE)?;
    let (name, place) = fields.text("name")?;
    routes::name(&name, place, "listeners")?;
    if !names.insert(name.clone()) {
        let what = format!("`{}`: another listener is called `{name}`", fields.at("name"));
        return Err(Fault::validate(place, what));
    }
    one(&mut fields, &name, &Usual { default: "", variable: None }, site)
}

fn one(
    fields: &mut Fields,
    name: &str,
    usual: &Usual,
    site: &Site<'_>,
) -> Result<(Listen, Listener), Fault> {
    // Left empty, it would be taken for a listener without TLS.
    fields.refuse_empty(&["tls", "http2", "unix_mode"])?;
    let (at, _) = address(fields, usual, site)?;
    let place = fields.place();
    let tls = match fields.has("tls") {
        true => Some(certificates::Certificates::read(fields, site)?),
        false => None,
    };
    let http2 = match tls {
        Some(_) => http2(fields, Transport::Tls)?,
        None => http2(fields, Transport::Clear)?,
    };
    let alpn = if http2 == Http2::Alpn { tls::Alpn::Http2 } else { tls::Alpn::Http1 };
    let tls = tls.map(|tls| tls.build(alpn, place, name)).transpose()?;
    let planned = Listener { name: name.into(), http2, tls };
    let listen = Listen { name: name.into(), at, transport: planned.transport() };
    Ok((listen, planned))
}

fn http2(fields: &mut Fields, transport: Transport) -> Result<Http2, Fault> {
    let (said, place) = fields.text("http2")?;
    let what = match (said.as_str(), transport) {
        ("" | "alpn", Transport::Tls) => return Ok(Http2::Alpn),
        ("", Transport::Clear) | ("off", _) => return Ok(Http2::Off),
        ("prior_knowledge", Transport::Clear) => return Ok(Http2::PriorKnowledge),
        ("alpn", Transport::Clear) => "alpn is a part of TLS; give the listener `tls`, or write \
                           prior_knowledge or off"
            .to_owned(),
        ("prior_knowledge", Transport::Tls) => {
            "with TLS the handshake agrees on HTTP/2; write alpn or off".to_owned()
        }
        (other, _) => format!("unknown `{other}`; write alpn, prior_knowledge or off"),
    };
    Err(wrong(fields, "http2", place, &what))
}

/// Reads `listen` and `unix_mode`: the address, and where it is said.
pub(super) fn address(
    fields: &mut Fields,
    usual: &Usual,
    site: &Site<'_>,
) -> Result<(At, Place), Fault> {
    let mode = unix_mode(fields)?;
    let (said, place) = fields.text("listen")?;
    let over = |variable| Some((variable, site.environment.over(variable)?));
    let read = match usual.variable.and_then(over) {
        // From the environment a path is relative to where the process stands.
        Some((variable, over)) => at(over, mode.unwrap_or(UNIX_MODE), absolute)
            .map_err(|what| format!("{what} (from {variable})")),
        None => site.environment.fill(&said).and_then(|said| {
            let said = if said.is_empty() { usual.default } else { &said };
            at(said, mode.unwrap_or(UNIX_MODE), |path| site.path(path))
        }),
    };
    let at = read.map_err(|what| wrong(fields, "listen", place, &what))?;
    match (&at, mode) {
        (At::Tcp(_), Some(_)) => {
            let what = "only a Unix socket has a mode; remove it or listen on `unix:PATH`";
            Err(wrong(fields, "unix_mode", fields.place(), what))
        }
        _ => Ok((at, place)),
    }
}

/// Reads an address and a port, or the path of a Unix socket.
fn at(said: &str, mode: u32, path: impl Fn(&str) -> PathBuf) -> Result<At, String> {
    match said.strip_prefix(UNIX) {
        Some("") => Err("`unix:` names no path; write `unix:PATH`".to_owned()),
        Some(said) => Ok(At::Unix { path: path(said), mode }),
        None => parse_address(said).map(At::Tcp),
    }
}

fn unix_mode(fields: &mut Fields) -> Result<Option<u32>, Fault> {
    let (said, place) = fields.text("unix_mode")?;
    if said.is_empty() {
        return Ok(None);
    }
    let octal = matches!(said.len(), 3 | 4).then(|| u32::from_str_radix(&said, 8).ok()).flatten();
    match octal.filter(|mode| *mode <= 0o777) {
        Some(mode) => Ok(Some(mode)),
        None => {
            let what = format!("`{said}` is no mode; write it in octal and quotes, as \"0660\"");
            Err(wrong(fields, "unix_mode", place, &what))
        }
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            At::Tcp(address) => write!(f, "{address}"),
            At::Unix { path, .. } => write!(f, "{UNIX}{}", Path::display(path)),
        }
    }
}
