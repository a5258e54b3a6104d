//! Why something that gait tells somebody was not taken, the same for letters and for batches.
//!
//! It says nothing of what was told, of the URL and the headers, which can be secrets, or of the
//! answer but its status. Rejected: one error for each of them, which said the same twice.

use super::dial::DialError;
use http::StatusCode;
use std::time::Duration;

/// Why a POST was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The receiver is not reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The exchange broke off.
    #[error("the exchange broke off: {0}")]
    Exchange(#[from] hyper::Error),
    /// The answer was no 2xx.
    #[error("answered {status}; 2xx is wanted, and redirects are not followed")]
    Status {
        /// What it was.
        status: StatusCode,
        /// For how long it asked to be left alone, where it may.
        retry_after: Option<Duration>,
    },
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// No request can be made of it; says why.
    #[error("{0}")]
    Unfit(&'static str),
}
