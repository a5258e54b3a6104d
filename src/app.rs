//! The process: config → listeners and tasks → drain. The only place that binds and spawns.
//!
//! Start: config and policy (nothing is served on a mistake), state directory, evidence, then the
//! listeners. Stop: not ready → accept for `drain_delay` → close the listeners → finish calls
//! until `drain_deadline` → seal the evidence → exit.

mod start;
mod log;
mod admin;
mod data;
mod listen;
mod socket;
mod unix;
mod connection;
mod sniff;
mod http1;
mod http2;
mod flow;
mod noticed;
mod telemetry;
mod errands;
mod exports;
mod evidence;
mod keys;
mod upkeep;
mod webhooks;
mod patience;
mod reload;
mod reloads;
mod stages;
mod lowered;
mod stop;
mod tally;

pub use admin::TokenError;

use crate::admin::Reloads;
use crate::config::{Config, ConfigError, Environment, Fixed, Gathered, Source};
use crate::demo::{self, Demo};
use crate::egress::Fetch;
use crate::evidence::{Head, Ledger, StartFailed, Unwritten};
use crate::proxy::Proxy;
use crate::rollout::Shelf;
use crate::state::{StateDir, StateError};
use crate::store::seats::{self, SeatsError};
use crate::store::{StoreError, approvals};
use crate::telemetry::{Check, Readiness};
use crate::upstream::Errand;
use admin::Office;
use exports::Exports;
use jiff::Timestamp;
use listen::Door;
use reloads::{Origins, Reloading};
use start::{
    Kept, announce, assemble, bind, keep_overlay, local, new_metrics, open_listeners, past,
    start_approvals, start_evidence, start_limits, start_logging, write_evidence,
};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use stop::{Phase, Signals, Stop, Tasks};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// How long the store of approvals may take to end.
const CLERK_PATIENCE: Duration = Duration::from_secs(10);

/// How long the evidence log may take to be finished.
const WRITER_PATIENCE: Duration = Duration::from_secs(30);

/// What to serve.
#[derive(Clone, Debug)]
pub enum Serve {
    /// A config that can be loaded again.
    Configured(Source),
    /// The same, with the tools of the demo behind its upstream `demo`.
    BesideDemo(Source),
    /// The embedded demo.
    Demo,
}

/// What is loaded, how, and what stands behind it in this process.
type Backdrop = (Source, Environment, Option<TcpListener>);

/// Why the process ended badly.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The config or the policy cannot be used; nothing was served.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state directory cannot be had.
    #[error(transparent)]
    State(#[from] StateError),
    /// The counters of limits cannot be read or written.
    #[error(transparent)]
    Limits(#[from] StoreError),
    /// The key that signs recorded grants cannot be read or made.
    #[error(transparent)]
    Approvals(#[from] approvals::OpenError),
    /// The key that seats callers cannot be read or made.
    #[error(transparent)]
    Seats(#[from] SeatsError),
    /// The evidence log cannot be started.
    #[error(transparent)]
    Evidence(#[from] StartFailed),
    /// The evidence log could not be finished.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// The token of the admin listener cannot be had.
    #[error(transparent)]
    AdminToken(#[from] TokenError),
    /// An address cannot be bound.
    #[error("cannot listen on {address} ({what}): {source}; free it or set another address")]
    Bind {
        /// Which listener.
        what: String,
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The machine failed.
    #[error("{what}: {source}")]
    Machine {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// What the listeners and tasks share.
struct Running {
    proxy: Proxy,
    office: Office,
    exports: Exports,
    readiness: Arc<Readiness>,
    fixed: Fixed,
    source: Source,
    environment: Environment,
    /// The overlay.
    shelf: Arc<Shelf>,
    /// Before anything of the first snapshot was shown.
    begun: Timestamp,
    reloads: Reloads,
}

/// What others want run as tasks.
struct Wanted {
    errands: mpsc::UnboundedReceiver<Errand>,
    fetches: mpsc::UnboundedReceiver<Fetch>,
    reloads: Origins,
}

/// Where the process accepts.
struct Listeners {
    doors: Vec<Door>,
    telemetry: TcpListener,
    admin: Door,
    addresses: Addresses,
}

/// The addresses that were bound, by name; they differ from the config where it says port 0.
type Addresses = Vec<(String, String)>;

/// Loads everything and says what it found, without binding or writing.
///
/// # Errors
/// What [`run`] would refuse to start with.
pub fn check(serve: &Serve, environment: &Environment) -> Result<Config, ConfigError> {
    match serve {
        Serve::Configured(source) | Serve::BesideDemo(source) => source.load(environment),
        Serve::Demo => Source::Demo(SocketAddr::from(([127, 0, 0, 1], 9))).load(environment),
    }
}

/// Serves until a signal asks to stop.
///
/// # Errors
/// What kept it from starting, or from ending in order.
pub fn run(serve: &Serve, environment: Environment) -> Result<(), AppError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| AppError::Machine { what: "cannot start the runtime", source })?;
    let ended = runtime.block_on(serve_until_stopped(serve, environment));
    // All that must be finished is. Dropped in silence, the runtime would wait for threads that
    // may never come back: a config read from a mount that hangs, a name that does not resolve.
    runtime.shutdown_background();
    ended
}

async fn serve_until_stopped(serve: &Serve, environment: Environment) -> Result<(), AppError> {
    let (source, environment, demo) = set(serve, environment)?;
    let hangups = stop::hangups()?;
    let Gathered { config, mut files } = source.gather(&environment);
    let mut config = config?;
    let environment = environment.of_process(&config.fixed.state_dir);
    start_logging(&config.fixed);
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let state = StateDir::open(&config.fixed.state_dir)?;
    config.plan.seats = Some(seats::open(state.path())?);
    let limits = start_limits(&state)?;
    let office = Office::open(&state)?;
    let metrics = new_metrics(&config);
    let (past, lost) = past(&state, &config.overlay);
    let listeners = open_listeners(&config.fixed, &metrics).await?;
    let (desk, deciding) = start_approvals(&state, past, &metrics)?;
    let (ledger, writer) = start_evidence(&state, &config, &metrics)?;
    let told = keep_overlay(&office.shelf(), &mut files, &config.overlay, lost);
    let exports = Exports::new(metrics.clone());
    exports.configure(&config.plan);
    let writing = write_evidence(writer, metrics.clone(), exports.clone())?;
    let kept = Kept {
        ledger: ledger.clone(),
        limits,
        desk: desk.clone(),
        office,
        exports: exports.clone(),
    };
    let (watch, overlay) = (config.watch, config.overlay.clone());
    let (reloads, asked) = Reloads::new();
    let origins = Origins { hangups, asked, files, watch, overlay };
    let (running, wanted) =
        assemble(config, (source, environment), metrics, kept, (reloads, origins));
    running.tell_stages(told);
    let signals = Signals::new()?;
    let is_demo = matches!(serve, Serve::Demo).then_some(());
    announce(&state, &listeners.addresses, is_demo);
    if let Some(listener) = demo {
        spawn(data::serve_demo(listener, Demo::new()));
    }
    let limits = running.proxy.limits.clone();
    running.serve(signals, listeners, wanted).await?;
    let written = tokio::task::spawn_blocking(move || limits.flush()).await;
    desk.close();
    await_clerk(deciding).await;
    let finished = finish(ledger, writing, WRITER_PATIENCE).await;
    exports.close().await;
    finished?;
    Ok(written.map_err(|error| AppError::Machine {
        what: "the last write of the counters broke off",
        source: io::Error::other(error),
    })??)
}

/// Binds the demo's tools, where they are wanted, and leads the config to them.
fn set(serve: &Serve, environment: Environment) -> Result<Backdrop, AppError> {
    if let Serve::Configured(source) = serve {
        return Ok((source.clone(), environment, None));
    }
    let listener = bind("demo tools", SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let tools = local(&listener)?;
    Ok(match serve {
        Serve::Configured(source) | Serve::BesideDemo(source) => {
            let environment = environment.with_upstream(demo::UPSTREAM, tools);
            (source.clone(), environment, Some(listener))
        }
        Serve::Demo => (Source::Demo(tools), environment, Some(listener)),
    })
}

/// Lets the store of approvals write down what ended last. Of a call whose end is lost the next
/// process says that nobody knows; a disk that hangs must not keep the evidence from its seal.
async fn await_clerk(deciding: JoinHandle<()>) {
    let ended = tokio::task::spawn_blocking(move || deciding.join());
    match tokio::time::timeout(CLERK_PATIENCE, ended).await {
        Ok(Ok(Ok(()))) => {}
        Ok(_) => tracing::error!("the store of approvals broke off"),
        Err(_) => tracing::error!("the store of approvals does not end; it is left behind"),
    }
}

impl Running {
    /// Accepts, reloads and keeps house until a signal asks to stop; then drains.
    async fn serve(
        self: Arc<Self>,
        mut signals: Signals,
        listeners: Listeners,
        wanted: Wanted,
    ) -> Result<(), AppError> {
        let (phases, phase) = watch::channel(Phase::Accept);
        let running = self;
        let fetches = spawn(errands::run(wanted.fetches, phase.clone()));
        signals.unless_stopped(upkeep::settle(&running)).await;
        let mut tasks = Tasks {
            errands: spawn(errands::run(wanted.errands, phase.clone())),
            fetches,
            keys: spawn(keys::keep(running.clone())),
            calls: spawn(data::accept(running.clone(), listeners.doors, phase)),
            admin: spawn(admin::accept(running.clone(), listeners.admin)),
            webhooks: spawn(webhooks::tell(running.clone())),
            reads: spawn(telemetry::accept(running.clone(), listeners.telemetry)),
            house: spawn(running.clone().keep_house()),
            orders: spawn(upkeep::follow_orders(running.clone())),
            counters: spawn(upkeep::keep_counters(running.clone())),
            reloads: spawn(Reloading::new(running.clone(), wanted.reloads).run()),
        };
        let stop = signals.wait_for_stop().await;
        running.readiness.fail(Check::Shutdown);
        let timeouts = running.proxy.snapshot.load().plan.timeouts;
        if stop == Stop::Announced {
            tracing::info!(delay = ?timeouts.drain_delay, "stopping: accepting a little longer");
            signals.sleep_or_stop(timeouts.drain_delay).await;
        }
        running.proxy.draining.store(true, Ordering::Relaxed);
        tokio::select! {
            () = tasks.finish(&phases) => tracing::info!("all calls are finished"),
            () = signals.sleep_or_stop(timeouts.drain_deadline) => {
                tracing::warn!("calls in flight are cut off: the drain deadline has passed");
            }
        }
        tasks.end().await;
        Ok(())
    }

    /// What nobody asks for and everybody needs: fresh gauges, folded histograms, swept pools.
    async fn keep_house(self: Arc<Self>) {
        let mut looked = stages::Looked::since(self.begun);
        for beat in 0u64.. {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.observe_health();
            looked = self.observe_stages(looked);
            if beat.is_multiple_of(5) {
                self.proxy.metrics.upkeep();
                self.proxy.tools.sweep();
            }
        }
    }

    /// Brings readiness and gauges up to this moment.
    fn observe_health(&self) {
        self.observe_evidence();
        self.observe_upkeep();
        self.exports.observe();
        let budget = self.fixed.sizes.body_budget_bytes;
        self.proxy.metrics.body_budget(budget.saturating_sub(self.proxy.budget.left()));
    }
}

fn spawn<F>(future: F) -> tokio::task::JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "app is the module that spawns")]
    tokio::spawn(future)
}

/// Ends the evidence log in order. A disk that hangs must not keep the process: what it leaves
/// unfinished is what a crash would leave.
async fn finish(
    ledger: Ledger,
    writing: JoinHandle<Result<Head, Unwritten>>,
    patience: Duration,
) -> Result<(), AppError> {
    let ended = async {
        ledger.stop().await;
        tokio::task::spawn_blocking(move || writing.join()).await
    };
    match tokio::time::timeout(patience, ended).await {
        Err(_) => Err(AppError::Machine {
            what: "the evidence log was not finished",
            source: io::Error::new(io::ErrorKind::TimedOut, "the disk does not answer"),
        }),
        Ok(Ok(Ok(ended))) => {
            let head = ended?;
            tracing::info!(head = %head.hash, seq = head.seq, "stopped; this is the head of the evidence log");
            Ok(())
        }
        _ => Err(AppError::Machine {
            what: "the evidence thread broke off",
            source: io::Error::other("see the log"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{self, Settings};
    use crate::state::StateDir;

    #[tokio::test]
    async fn a_writer_that_hangs_does_not_keep_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let (ledger, _writer) = evidence::start(&state, Settings::default()).unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let hanging = std::thread::Builder::new().spawn(move || {
            let _ = wait.recv();
            Ok(Head::genesis())
        });
        let ended = finish(ledger, hanging.unwrap(), Duration::from_millis(50)).await;
        assert!(ended.unwrap_err().to_string().starts_with("the evidence log was not finished"));
        drop(go);
    }
}
