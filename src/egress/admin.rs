//! The client of the admin API: for the command line, and for nobody on the way of a call.
//!
//! One connection for each question, since a person asks a few in a minute. A token is never sent
//! in the clear to another machine: the address is resolved here, held against loopback, and then
//! dialled as it is. No redirect is followed, since it would take the token elsewhere.

mod place;

pub use place::{AdminPlace, PlaceError, Scheme};

use super::dial::{Stream, connect};
use super::exchange::exchange;
use crate::tls::client::{ClientTlsError, Offer, Roots, UpstreamTls};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::TlsConnector;

/// The longest answer: a page of requests, each with its call.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// An answer comes within this time, beside what it was asked to wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// A way to the admin API of one gait, and the credential for it.
pub struct Admin {
    place: AdminPlace,
    tls: Option<UpstreamTls>,
    bearer: HeaderValue,
}

/// What is asked.
pub struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: &'a str,
    /// The version that is meant.
    pub if_match: Option<u64>,
    /// JSON.
    pub body: Bytes,
    /// For how long the answer may be held back, beside what an answer takes.
    pub wait: Duration,
}

/// What is answered.
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// All of the body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The token cannot stand in a header field.
    #[error("the admin token is not one line of printable ASCII without spaces")]
    Token,
    /// The token would be sent in the clear.
    #[error(
        "`{0}` is not this machine, and a token is not sent over plain http; write https://, or \
         go through a tunnel"
    )]
    Clear(String),
    /// TLS cannot be spoken.
    #[error(transparent)]
    Setup(#[from] ClientTlsError),
    /// The name leads nowhere.
    #[error("its host cannot be resolved: {0}")]
    Resolve(io::Error),
    /// Nobody answers there.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// TLS failed.
    #[error("TLS failed: {0}; --ca names the certificates to believe")]
    Tls(io::Error),
    /// The exchange broke off.
    #[error("the exchange broke off: {0}; where the listener has `tls`, write https://")]
    Exchange(#[from] hyper::Error),
    /// What is asked is no request.
    #[error("this cannot be asked: {0}")]
    Request(#[from] http::Error),
    /// The answer was too long.
    #[error("the answer is larger than {ANSWER_BYTES_MAX} bytes")]
    Length,
    /// It took too long.
    #[error("no whole answer within {} seconds", PATIENCE.as_secs())]
    Late,
}

impl AdminError {
    /// Whether something else must be asked for, or with something else; the rest may pass.
    pub fn is_input(&self) -> bool {
        matches!(self, AdminError::Token | AdminError::Clear(_) | AdminError::Setup(_))
    }
}

impl Admin {
    /// A way to `place` for whoever has `token`. `ca` is PEM; the system's roots count without.
    ///
    /// # Errors
    /// The token cannot be sent, or TLS cannot be spoken.
    pub fn new(place: AdminPlace, token: &str, ca: Option<&[u8]>) -> Result<Admin, AdminError> {
        let is_sendable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).ok();
        let mut bearer = bearer.filter(|_| is_sendable).ok_or(AdminError::Token)?;
        bearer.set_sensitive(true);
        let tls = match &place {
            AdminPlace::Tcp { host, scheme: Scheme::Https, .. } => {
                let roots = ca.map_or(Roots::System, Roots::Pem);
                Some(UpstreamTls::new(host, roots, None, Offer::Http1)?)
            }
            _ => None,
        };
        Ok(Admin { place, tls, bearer })
    }

    /// Where it leads.
    pub fn place(&self) -> &AdminPlace {
        &self.place
    }

    /// Asks once. May be dropped at any time; whether something was done is then not known.
    ///
    /// # Errors
    /// There is no whole answer. Any status is an answer.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answered, AdminError> {
        let patience = PATIENCE.saturating_add(ask.wait);
        let answered = tokio::time::timeout(patience, self.answer(ask));
        answered.await.map_err(|_| AdminError::Late)?
    }

    async fn answer(&self, ask: Ask<'_>) -> Result<Answered, AdminError> {
        let request = self.request(ask)?;
        exchange(self.connection().await?, request, whole).await
    }

    async fn connection(&self) -> Result<Box<dyn Stream>, AdminError> {
        match (&self.place, &self.tls) {
            (AdminPlace::Unix(path), _) => {
                Ok(Box::new(UnixStream::connect(path).await.map_err(AdminError::Connect)?))
            }
            (AdminPlace::Tcp { host, port, .. }, None) => {
                Ok(Box::new(dial(host, *port, Reach::Loopback).await?))
            }
            (AdminPlace::Tcp { host, port, .. }, Some(tls)) => {
                let stream = dial(host, *port, Reach::Anywhere).await?;
                let connector = TlsConnector::from(tls.config());
                let stream = connector.connect(tls.server_name(), stream).await;
                Ok(Box::new(stream.map_err(AdminError::Tls)?))
            }
        }
    }

    fn request(&self, ask: Ask<'_>) -> Result<Request<Full<Bytes>>, AdminError> {
        let target: Uri = ask.target.parse().map_err(http::Error::from)?;
        let builder = Request::builder()
            .method(ask.method)
            .uri(target)
            .header(header::HOST, self.place.authority())
            .header(header::AUTHORIZATION, self.bearer.clone())
            .header(header::ACCEPT, "application/json, application/problem+json")
            .header(header::USER_AGENT, concat!("gait/", env!("CARGO_PKG_VERSION")));
        let builder = match ask.if_match {
            Some(version) => builder.header(header::IF_MATCH, format!("\"{version}\"")),
            None => builder,
        };
        let builder = match ask.body.is_empty() {
            true => builder,
            false => builder.header(header::CONTENT_TYPE, "application/json"),
        };
        Ok(builder.body(Full::new(ask.body))?)
    }
}

/// How far away a server may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// On this machine.
    Loopback,
    /// Anywhere.
    Anywhere,
}

/// The first address that answers.
async fn dial(host: &str, port: u16, reach: Reach) -> Result<TcpStream, AdminError> {
    let addresses: Vec<SocketAddr> =
        lookup_host((host, port)).await.map_err(AdminError::Resolve)?.collect();
    let is_here = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    if reach == Reach::Loopback && !addresses.iter().all(is_here) {
        return Err(AdminError::Clear(host.to_owned()));
    }
    connect(&addresses).await.map_err(AdminError::Connect)
}

async fn whole(answer: Response<Incoming>) -> Result<Answered, AdminError> {
    let status = answer.status();
    match Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await {
        Ok(collected) => Ok(Answered { status, body: collected.to_bytes() }),
        Err(error) if error.is::<LengthLimitError>() => Err(AdminError::Length),
        Err(error) => Err(error
            .downcast::<hyper::Error>()
            .map_or(AdminError::Late, |error| AdminError::Exchange(*error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(place: &str, token: &str) -> Result<Admin, AdminError> {
        Admin::new(AdminPlace::parse(place, Scheme::Http).unwrap(), token, None)
    }

    fn question() -> Ask<'static> {
        let (method, body, wait) = (Method::GET, Bytes::new(), Duration::ZERO);
        Ask { method, target: "/v1/session", if_match: Some(3), body, wait }
    }

    #[tokio::test]
    async fn a_token_does_not_leave_the_machine_in_the_clear() {
        let admin = admin("http://192.0.2.1:9901", "t").unwrap();
        let error = admin.ask(question()).await.err().unwrap();
        assert!(matches!(&error, AdminError::Clear(host) if host == "192.0.2.1"), "{error}");
        assert!(error.is_input());
    }

    #[test]
    fn a_token_is_one_word_and_is_not_shown() {
        for token in ["", "a b", "a\r\nx: y", "\u{e9}"] {
            assert!(matches!(admin("[::1]:1", token), Err(AdminError::Token)), "{token}");
        }
        let request = admin("[::1]:1", "secret").unwrap().request(question()).unwrap();
        assert!(!format!("{request:?}").contains("secret"));
        assert_eq!(request.headers()[header::HOST], "[::1]:1");
        assert_eq!(request.headers()[header::IF_MATCH], "\"3\"");
    }

    #[test]
    fn an_authority_without_a_certificate_is_said() {
        let place = AdminPlace::parse("https://localhost:1", Scheme::Http).unwrap();
        let error = Admin::new(place, "t", Some(b"none")).err().unwrap();
        assert!(error.is_input(), "{error}");
    }
}
