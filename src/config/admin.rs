//! `admin`: where approvals are given, and who may log in there.
//!
//! Logins are bearer tokens, so the listener either encrypts or does not leave the machine. Their
//! digests stand in the config: who reads it learns no token.

use super::certificates::Certificates;
use super::environment::Environment;
use super::listeners::{self, Usual};
use super::settings::{at as wrong, hosts};
use super::site::Site;
use super::{At, DOCUMENT, Listen};
use crate::call::host::HostRule;
use crate::call::peer::Transport;
use crate::identity::text::is_plain;
use crate::json::Digest;
use crate::snapshot::{Http2, LOCAL_LOGIN, Listener, Login, Role};
use crate::tls::Alpn;
use crate::yaml::{Fault, Fields, Keys, Node};

const ADMIN: Keys = Keys {
    document: DOCUMENT,
    read: &["listen", "unix_mode", "tls", "hosts", "logins"],
    legacy: &[],
};
const LOGIN: Keys = Keys { document: DOCUMENT, read: &["name", "role", "sha256"], legacy: &[] };

/// The name of the listener.
const NAME: &str = "admin";
const ADDRESS: Usual = Usual { default: "127.0.0.1:9901", variable: Some("GAIT__ADMIN__LISTEN") };
/// A request is held against each of them.
const LOGINS_MAX: usize = 1_024;

/// What the config says of it.
pub(super) struct Admin {
    pub(super) listen: Listen,
    pub(super) planned: Listener,
    pub(super) hosts: Vec<String>,
    pub(super) logins: Vec<Login>,
}

/// Reads `admin`.
pub(super) fn read(top: &mut Fields, site: &Site<'_>) -> Result<Admin, Fault> {
    let mut fields = Fields::open(top.take(NAME), NAME.to_owned(), &ADMIN)?;
    // Left empty, it would be taken for a listener without TLS.
    fields.refuse_empty(&["tls", "unix_mode"])?;
    let (at, place) = listeners::address(&mut fields, &ADDRESS, site)?;
    let tls = match fields.has("tls") {
        true => {
            let place = fields.place();
            let read = Certificates::read_pair(&mut fields, site)?;
            Some(read.build(Alpn::Http1, place, NAME)?)
        }
        false => None,
    };
    let planned = Listener { name: NAME.into(), http2: Http2::Off, tls };
    let transport = planned.transport();
    guarded(&at, transport).map_err(|what| wrong(&fields, "listen", place, &what))?;
    let hosts = match hosts(&mut fields)? {
        HostRule::Any => Vec::new(),
        HostRule::Only(hosts) => hosts,
    };
    let listen = Listen { name: NAME.into(), at, transport };
    Ok(Admin { listen, planned, hosts, logins: logins(&mut fields)? })
}

/// The listener of a gait without a config file.
///
/// # Errors
/// The environment says no address, or one that others reach.
pub(super) fn of_environment(environment: &Environment) -> Result<(Listen, Listener), String> {
    let (listen, planned) = listeners::plain(NAME, &ADDRESS, environment)?;
    guarded(&listen.at, listen.transport)?;
    Ok((listen, planned))
}

/// Whether nobody on the way can read the tokens.
fn guarded(at: &At, transport: Transport) -> Result<(), String> {
    match (at, transport) {
        (At::Tcp(address), Transport::Clear) if !address.ip().to_canonical().is_loopback() => {
            Err(format!(
                "other machines reach `{address}`, and without TLS the bearer tokens of logins \
                 cross the network in the clear; listen on a loopback address, or add \
                 `tls: {{ cert: admin.pem, key: admin.key }}`"
            ))
        }
        (At::Unix { .. }, Transport::Tls) => {
            let what = "a Unix socket does not leave the machine; remove `tls`, or listen on \
                        ADDRESS:PORT";
            Err(what.to_owned())
        }
        _ => Ok(()),
    }
}

fn logins(fields: &mut Fields) -> Result<Vec<Login>, Fault> {
    let (path, nodes) = (fields.at("logins"), fields.list("logins")?);
    if nodes.len() > LOGINS_MAX {
        let what = format!("{} logins; at most {LOGINS_MAX}", nodes.len());
        return Err(wrong(fields, "logins", fields.place(), &what));
    }
    let mut logins = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let login = login(node, format!("{path}[{index}]"), &logins)?;
        logins.push(login);
    }
    Ok(logins)
}

fn login(node: Node, path: String, others: &[Login]) -> Result<Login, Fault> {
    let mut fields = Fields::open(node, path, &LOGIN)?;
    let (name, place) = fields.text("name")?;
    named(&name, others).map_err(|what| wrong(&fields, "name", place, &what))?;
    let role = role(&mut fields)?;
    let (said, place) = fields.text("sha256")?;
    let token = token(&said, others).map_err(|what| wrong(&fields, "sha256", place, &what))?;
    Ok(Login { name: name.into(), role, token })
}

fn named(name: &str, others: &[Login]) -> Result<(), String> {
    if name == LOCAL_LOGIN {
        let what = "`local` is who can read the state directory, whose token gait makes itself; \
                    use another name";
        return Err(what.to_owned());
    }
    if !is_plain(name) {
        let what = "a login has a name of plain text, up to 512 bytes, such as `ada@desk`";
        return Err(what.to_owned());
    }
    match others.iter().any(|other| *other.name == *name) {
        true => Err(format!("another login is called `{name}`; rename one")),
        false => Ok(()),
    }
}

fn role(fields: &mut Fields) -> Result<Role, Fault> {
    let (said, place) = fields.text("role")?;
    Role::ALL.into_iter().find(|role| role.as_str() == said).ok_or_else(|| {
        let known = Role::ALL.map(Role::as_str).join(", ");
        wrong(fields, "role", place, &format!("unknown role `{said}`; write one of {known}"))
    })
}

/// The value is not shown: it may be the token.
fn token(said: &str, others: &[Login]) -> Result<Digest, String> {
    let made = "`gait keys api-key` makes a token and its digest";
    let token = Digest::parse(said).ok_or_else(|| {
        format!("must be the SHA-256 of the token, 64 lower-case hex characters; {made}")
    })?;
    if token == Digest::of(b"") {
        return Err(format!("is the digest of an empty text, which everybody knows; {made}"));
    }
    match others.iter().find(|other| other.token == token) {
        Some(other) => Err(format!(
            "login `{}` has the same token, so nobody could tell them apart; {made}",
            other.name
        )),
        None => Ok(token),
    }
}
