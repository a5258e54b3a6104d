//! Servers that are no tools: whom gait asks, and whom it tells, on its own account.
//!
//! It fetches the key sets of issuers, tells webhooks of requests for approval and collectors of
//! what the evidence says, and asks the admin API for the command line. No call goes out here, and
//! no address of a tool is ever dialled: the way to a tool is a permit.
//!
//! Fetches run as tasks of the process, not of the call that asked: a caller who leaves breaks off
//! nothing, and cannot spend what others wait for.

mod admin;
mod bucket;
mod dial;
mod exchange;
mod fetch;
mod flight;
mod fetcher;
mod otlp;
mod post;
mod webhook;

pub use admin::{Admin, AdminError, AdminPlace, Answered, Ask, PlaceError, Scheme};
pub use dial::DialError;
pub use fetch::FetchError;
pub use fetcher::{Fetcher, Refreshed};
pub use otlp::{Batch, Collector};
pub use post::PostError;
pub use webhook::{Round, Teller};

#[cfg(test)]
mod tests;

use std::pin::Pin;

/// A fetch, for the process to run.
pub type Fetch = Pin<Box<dyn Future<Output = ()> + Send>>;
