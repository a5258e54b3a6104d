//! The demo: a small tool API inside the binary, its routes, its policy, its greeting.
//!
//! What it is for: `gait proxy` with neither config nor upstream shows something at once, and the
//! tests have a tool whose own log says what was executed. It is a tool like any other: gait
//! reaches it over a socket with a permit, and it knows nothing of gait. It never binds; `app`
//! does, on loopback.
//!
//! It keeps everything in memory, within bounds, and forgets it at exit. Rejected: a mock that
//! agrees with whatever it is told. Only a tool with a state of its own can contradict the
//! proxy's counters.

mod api;
mod store;
mod greeting;

pub use greeting::greeting;
pub use store::{Executed, Limits, Transfer};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Store;

/// The name under `upstreams` in [`config`]; `app` gives it the address that it bound.
pub const UPSTREAM: &str = "demo";

/// The config, in the grammar of `config/gait.yaml`. Its policy path means [`policy`].
pub fn config() -> &'static str {
    include_str!("../config/demo.yaml")
}

/// The policy: one rule for each of the four verdicts.
pub fn policy() -> &'static str {
    include_str!("../policies/demo.yaml")
}

/// The tool API's state. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Demo(Arc<Mutex<Store>>);

impl Demo {
    /// A fresh state with one file, `notes/welcome.txt`, and an empty log.
    pub fn new() -> Demo {
        Demo::with_limits(Limits::default())
    }

    /// A fresh state with bounds of your choice.
    pub fn with_limits(limits: Limits) -> Demo {
        Demo(Arc::new(Mutex::new(Store::new(limits))))
    }

    /// Every request that got here, oldest first, as far as the log reaches back.
    ///
    /// Requests for the log itself are not in it: looking must not change what is seen.
    pub fn executed(&self) -> Vec<Executed> {
        self.lock().log().cloned().collect()
    }

    /// How many requests of `method` got here; exact, even where the log no longer reaches back.
    pub fn count(&self, method: &Method) -> u64 {
        self.lock().count(method)
    }

    /// Every transfer carried out, oldest first, as far as the list reaches back.
    pub fn transfers(&self) -> Vec<Transfer> {
        self.lock().transfers().cloned().collect()
    }

    /// Answers one request, in JSON. Never fails; a body that breaks off is 400.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let body_bytes_max = self.lock().limits().file_bytes_max;
        let (head, body) = request.into_parts();
        let body = api::read(body, body_bytes_max).await;
        api::answer(&mut self.lock(), &head, body)
    }

    /// The state is consistent after a panic elsewhere, so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Demo {
    fn default() -> Demo {
        Demo::new()
    }
}

/// The tool API as a hyper service, for `app` to serve.
pub fn service(
    demo: Demo,
) -> impl Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone {
    service_fn(move |request| {
        let demo = demo.clone();
        async move { Ok(demo.answer(request).await) }
    })
}
