//! What goes to a tool of bodies that come over HTTP/2, where trailers can stand behind a length.

use super::*;
use crate::call::trailers::Reserved;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2 as client;
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use tokio::sync::mpsc;

/// What was sent, and why it broke off, if it did.
type Sent = (String, Option<Malformed>);

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

fn trailers(name: &'static str) -> Frame<Bytes> {
    let field = (HeaderName::from_static(name), HeaderValue::from_static("v"));
    Frame::trailers([field].into_iter().collect::<HeaderMap>())
}

async fn read(incoming: Incoming) -> Sent {
    let incoming = Arriving::new(incoming, Version::HTTP_2);
    let trailers = Trailers::Checked(Reserved::default());
    let body = Body::Stream { front: Bytes::new(), rest: incoming, screen: Screen::Off, trailers };
    let mut outgoing = Outgoing::new(body, Duration::from_secs(5));
    let mut text = String::new();
    while let Some(frame) = outgoing.frame().await {
        match frame {
            Ok(frame) => text += std::str::from_utf8(&frame.into_data().unwrap()).unwrap(),
            Err(error) => return (text, Some(error.malformed())),
        }
    }
    (text, None)
}

/// What would go to the tool of a body in these frames, which may announce its length.
async fn sent(frames: Vec<Frame<Bytes>>, length: Option<usize>) -> Sent {
    let (near, far) = tokio::io::duplex(64 << 10);
    let (tell, mut told) = mpsc::unbounded_channel();
    let service = service_fn(move |request: Request<Incoming>| {
        let tell = tell.clone();
        async move {
            tell.send(read(request.into_body()).await).unwrap();
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let (mut sender, connection) =
        client::handshake(TokioExecutor::new(), TokioIo::new(near)).await.unwrap();
    let frames = frames.into_iter().map(Ok::<_, Infallible>);
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let mut request = Request::put("http://h/a").body(body).unwrap();
    if let Some(length) = length {
        request.headers_mut().insert("content-length", length.into());
    }
    let serving =
        server::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(far), service);
    let talking = async { tokio::join!(serving, connection, sender.send_request(request)) };
    tokio::select! {
        told = told.recv() => told.unwrap(),
        _ = talking => panic!("the connection ended before the body"),
    }
}

#[tokio::test]
async fn a_tool_never_has_the_whole_of_a_body_whose_trailers_are_refused() {
    let refused = Some(Malformed::TrailerNotAllowed);
    let frames = || vec![data("one"), data("two"), trailers("gait-approval")];
    assert_eq!(sent(frames(), None).await, ("onetwo".into(), refused));
    // Behind an announced length the tool would not wait for the end.
    assert_eq!(sent(frames(), Some(6)).await, ("one".into(), refused));
}

#[tokio::test]
async fn other_trailers_are_dropped_and_nothing_of_the_body_is() {
    for length in [None, Some(6)] {
        let frames = vec![data("one"), data("two"), trailers("digest")];
        assert_eq!(sent(frames, length).await, ("onetwo".into(), None));
        assert_eq!(sent(vec![data("one"), data("two")], length).await, ("onetwo".into(), None));
    }
}
