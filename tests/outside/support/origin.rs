//! A caller of choice: where it comes from, what certificate it shows, and which HTTP it speaks.
//!
//! HTTP/1.1 goes out as literal bytes, as everywhere in these tests. HTTP/2 goes through hyper's
//! client, which is enough for what a well-formed request can claim.

use super::client::Conn;
use super::message::Response;
use super::{Caller, PATIENCE};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// Header fields of a test: names and values.
pub(crate) type Lines = Vec<(String, String)>;

/// Who connects, and how.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The source address.
    pub(crate) from: Ipv4Addr,
    /// How it goes about TLS; `None` without.
    pub(crate) tls: Option<Caller>,
}

/// What it asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    /// Fields of the head, beside `Host`.
    pub(crate) fields: Lines,
    /// Fields behind the body.
    pub(crate) trailers: Lines,
}

impl Origin {
    /// A TCP connection from its address.
    fn dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let stream = runtime()?.block_on(async {
            let socket = TcpSocket::new_v4()?;
            socket.bind((self.from, 0).into())?;
            socket.connect(to).await?.into_std()
        })?;
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// One request in literal bytes, over HTTP/1.1.
    pub(crate) fn h1(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<Response> {
        let stream = self.dial(to)?;
        match &self.tls {
            None => Conn::over(stream).write(bytes).try_read(),
            Some(caller) => caller.try_over(stream)?.write(bytes).try_read(),
        }
    }

    /// One POST over HTTP/2, under TLS.
    pub(crate) fn h2(&self, to: SocketAddr, path: &str, ask: &Ask) -> io::Result<Response> {
        let stream = self.dial(to)?;
        stream.set_nonblocking(true)?;
        let caller = self.tls.as_ref().expect("HTTP/2 is spoken under TLS here");
        runtime()?.block_on(async {
            let stream = tokio::net::TcpStream::from_std(stream)?;
            let tls = tokio_rustls::TlsConnector::from(Arc::new(caller.config()));
            let stream = tls.connect(caller.server(), stream).await?;
            let answer = tokio::time::timeout(PATIENCE, exchange(stream, request(path, ask)));
            answer.await?.map_err(io::Error::other)
        })
    }
}

impl Ask {
    /// The same question in HTTP/1.1.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let lines = |lines: &Lines| -> String {
            lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
        };
        let body = match self.trailers.is_empty() {
            true => "Content-Length: 2\r\n\r\nhi".to_owned(),
            false => {
                let trailers = lines(&self.trailers);
                format!("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{trailers}\r\n")
            }
        };
        let head = format!("POST {path} HTTP/1.1\r\nHost: api.test\r\n");
        format!("{head}{}{body}", lines(&self.fields)).into_bytes()
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn map(lines: &Lines) -> HeaderMap {
    let pair = |(name, value): &(String, String)| {
        let name = HeaderName::try_from(name.as_str()).expect("a name");
        (name, HeaderValue::try_from(value.as_str()).expect("a value"))
    };
    let mut map = HeaderMap::new();
    for (name, value) in lines.iter().map(pair) {
        map.append(name, value);
    }
    map
}

type Parts = futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, io::Error>>>;

fn request(path: &str, ask: &Ask) -> Request<StreamBody<Parts>> {
    let mut frames = vec![Ok(Frame::data(Bytes::from_static(b"hi")))];
    if !ask.trailers.is_empty() {
        frames.push(Ok(Frame::trailers(map(&ask.trailers))));
    }
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let uri = format!("https://api.test{path}");
    let mut request = Request::post(uri).body(body).expect("a request");
    *request.headers_mut() = map(&ask.fields);
    request
}

async fn exchange(
    stream: tokio_rustls::client::TlsStream<tokio::net::TcpStream>,
    request: Request<StreamBody<Parts>>,
) -> Result<Response, hyper::Error> {
    let client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    driver.abort();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields = head.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    Ok(Response {
        status: head.status.as_u16(),
        interim: Vec::new(),
        fields: fields.collect(),
        body,
    })
}
