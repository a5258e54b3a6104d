//! gait from outside: the built binary, real sockets, literal bytes, and the tool's own record as
//! the judge of what was executed.
//!
//! One crate rather than one per file: it links once, and the support code has no unused corners.
//! Nothing here imports the library; what a caller, a tool or an operator can see is all it uses.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken expectation must end the test, also inside a helper"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests dial, spawn and read the clock on purpose: they stand outside"
)]

mod support;

mod wire;
mod forwarding;
mod upgrade;
mod stages;
mod rollout_commands;
mod rollout_errors;
mod rollout_restarts;
mod rollout_stages;
mod limits;
mod switch;
mod terms;
mod capture;
mod evidence_modes;
mod hostile_log;
mod evidence_keys;
mod routes_test;
mod start;
mod upstream_tls;
mod upstream_h2;
mod upstream_secret;
mod reload;
mod reload_hangs;
mod rollout_status;
mod reload_storm;
mod reload_watch;
mod shutdown;
mod json_server;
mod admin;
mod delegation;
mod jwks;
mod soak;
mod tls;
mod client_ca;
mod unix;
mod http2;
mod cut_short;
mod approvals;
mod approvals_cli;
mod attacks;
mod oidc;
mod secrets;
mod swaps;
mod page;
mod tls_peers;
mod webhooks;
mod otlp;
mod histories;
mod reconcile;
mod evidence_kill;
mod evidence_order;
mod evidence_faults;
mod evidence_disk;
mod audit;
mod evidence_key_load;
mod candidate;
