//! The yardstick: the least that a hyper proxy can do. It judges nothing and records nothing.

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, body::Incoming, http::uri::Authority};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Prints its address and serves until it is killed, on one thread.
pub(crate) fn run(upstream: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(serve(upstream));
}

/// Accepts for ever.
async fn serve(upstream: SocketAddr) {
    let authority: Authority = upstream.to_string().parse().expect("an authority");
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _nagle = stream.set_nodelay(true);
        let (client, authority) = (client.clone(), authority.clone());
        let service = service_fn(move |request| client.request(aim(request, &authority)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// The same request, with the tool in its target.
fn aim(mut request: Request<Incoming>, authority: &Authority) -> Request<Incoming> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(hyper::http::uri::Scheme::HTTP);
    parts.authority = Some(authority.clone());
    *request.uri_mut() = parts.try_into().expect("a target");
    request
}
