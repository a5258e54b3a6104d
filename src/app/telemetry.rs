//! The telemetry listener: a few bounded, read-only answers.

use super::Running;
use super::patience::Patient;
use crate::clock;
use crate::telemetry::{self, Sources};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Scrapers and probes, not more.
const CONNECTIONS_MAX: usize = 64;
/// For a head, and for a reader: whoever takes neither step must not keep the others out.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts for as long as the process lives: health and metrics are read while it drains.
pub(super) async fn accept(running: Arc<Running>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(running.clone(), stream))),
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(running: Arc<Running>, stream: TcpStream) {
    let _counted = running.proxy.metrics.telemetry_connection();
    let service =
        service_fn(|request| std::future::ready(Ok::<_, Infallible>(answer(&running, &request))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(Patient::new(stream, PATIENCE)), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a telemetry connection broke off");
    }
}

fn answer(running: &Running, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    running.observe_health();
    let snapshot = running.proxy.snapshot.load();
    let health = running.proxy.ledger.health();
    let (durable, trouble) = (health.durable(), health.trouble(clock::instant()));
    let sources = Sources {
        metrics: &running.proxy.metrics,
        readiness: &running.readiness,
        snapshot: Some(&snapshot.id),
        evidence: Some(&durable.anchor),
        evidence_trouble: trouble.as_ref().map(|trouble| trouble.as_str()),
    };
    telemetry::answer(request.method(), request.uri(), &sources)
}
