//! The process: config → listeners and tasks → drain. The only place that binds and spawns.
//!
//! Start: config and policy (nothing is served on a mistake), state directory, evidence, then the
//! listeners. Stop: not ready → accept for `drain_delay` → close the listeners → finish calls
//! until `drain_deadline` → seal the evidence → exit.

mod data;
mod errands;
mod patience;
mod reload;
mod telemetry;

use crate::clock;
use crate::config::{Config, ConfigError, Environment, Fixed, LogFormat, Source};
use crate::demo::{self, Demo};
use crate::evidence::{self, Entry, Ledger, Line, Settings, Unwritten, Writer};
use crate::limits::Budget;
use crate::metrics::{self, DispositionLabel, Metrics, RouteLabels, VerdictLabel};
use crate::policy::Verdict;
use crate::proxy::Proxy;
use crate::snapshot::Snapshot;
use crate::stage::Disposition;
use crate::state::{StateDir, StateError};
use crate::telemetry::{Check, Readiness};
use crate::upstream::{Errand, Tools};
use arc_swap::ArcSwap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// What to serve.
#[derive(Clone, Debug)]
pub enum Serve {
    /// A config that can be loaded again.
    Configured(Source),
    /// The embedded demo.
    Demo,
}

/// Why the process ended badly.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The config or the policy cannot be used; nothing was served.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The state directory cannot be had.
    #[error(transparent)]
    State(#[from] StateError),
    /// The evidence log cannot be started.
    #[error(transparent)]
    Evidence(#[from] evidence::StartFailed),
    /// The evidence log could not be finished.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// An address cannot be bound.
    #[error("cannot listen on {address} ({what}): {source}; free it or set another address")]
    Bind {
        /// Which listener.
        what: &'static str,
        /// The address.
        address: SocketAddr,
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
    readiness: Arc<Readiness>,
    fixed: Fixed,
    source: Source,
    environment: Environment,
}

/// Where the process accepts.
struct Listeners {
    data: TcpListener,
    telemetry: TcpListener,
    addresses: Addresses,
}

/// The addresses that were bound; they differ from the config where it says port 0.
struct Addresses {
    data: SocketAddr,
    telemetry: SocketAddr,
}

/// Loads everything and says what it found, without binding or writing.
///
/// # Errors
/// What [`run`] would refuse to start with.
pub fn check(serve: &Serve, environment: &Environment) -> Result<Config, ConfigError> {
    match serve {
        Serve::Configured(source) => source.load(environment),
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
    runtime.block_on(serve_until_stopped(serve, environment))
}

async fn serve_until_stopped(serve: &Serve, environment: Environment) -> Result<(), AppError> {
    let (source, demo) = match serve {
        Serve::Configured(source) => (source.clone(), None),
        Serve::Demo => {
            let listener = bind("demo tools", SocketAddr::from(([127, 0, 0, 1], 0))).await?;
            (Source::Demo(local(&listener)?), Some(listener))
        }
    };
    let config = source.load(&environment)?;
    start_logging(&config.fixed);
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let state = StateDir::open(&config.fixed.state_dir)?;
    let listeners = listen(&config.fixed).await?;
    let metrics = new_metrics(&config.fixed);
    let (ledger, writer) = start_evidence(&state, &config.fixed)?;
    let writing = write_evidence(writer, metrics.clone())?;
    let (running, errands) = assemble(config, source, environment, metrics, ledger.clone());
    announce(&state, &listeners.addresses, demo.as_ref().map(drop));
    if let Some(listener) = demo {
        spawn(data::serve_demo(listener, Demo::new()));
    }
    running.serve(listeners, errands).await?;
    finish(ledger, writing).await
}

impl Running {
    /// Accepts, reloads and keeps house until a signal asks to stop; then drains.
    async fn serve(
        self,
        listeners: Listeners,
        errands: mpsc::UnboundedReceiver<Errand>,
    ) -> Result<(), AppError> {
        let mut signals = Signals::new()?;
        let (phases, phase) = watch::channel(Phase::Accept);
        let running = Arc::new(self);
        let mut tasks = Tasks {
            errands: spawn(errands::run(errands, phase.clone())),
            calls: spawn(data::accept(running.clone(), listeners.data, phase)),
            reads: spawn(telemetry::accept(running.clone(), listeners.telemetry)),
            house: spawn(running.clone().keep_house()),
        };
        signals.wait_for_stop(&running).await;
        running.readiness.fail(Check::Shutdown);
        let timeouts = running.proxy.snapshot.load().plan.timeouts;
        tracing::info!(delay = ?timeouts.drain_delay, "stopping: accepting a little longer");
        signals.sleep_or_stop(timeouts.drain_delay).await;
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
        let mut failures_shown = 0;
        for beat in 0u64.. {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.observe_health();
            let failures = self.proxy.ledger.health().failures();
            for _ in failures_shown..failures {
                self.proxy.metrics.evidence_failed();
            }
            failures_shown = failures;
            if beat.is_multiple_of(5) {
                self.proxy.metrics.upkeep();
                self.proxy.tools.sweep();
            }
        }
    }

    /// Brings readiness and gauges up to this moment.
    fn observe_health(&self) {
        let health = self.proxy.ledger.health();
        match health.state() {
            evidence::State::Writing => {
                self.readiness.pass(Check::Evidence);
                self.readiness.pass(Check::State);
            }
            evidence::State::Failed | evidence::State::Stopped => {
                self.readiness.fail(Check::Evidence);
                self.readiness.fail(Check::State);
            }
        }
        self.proxy.metrics.evidence_lag(health.lag(clock::instant()));
        let budget = self.fixed.limits.body_budget_bytes;
        self.proxy.metrics.body_budget(budget.saturating_sub(self.proxy.budget.left()));
    }
}

/// The tasks of a running process.
struct Tasks {
    calls: tokio::task::JoinHandle<()>,
    errands: tokio::task::JoinHandle<()>,
    reads: tokio::task::JoinHandle<()>,
    house: tokio::task::JoinHandle<()>,
}

impl Tasks {
    /// Lets calls finish, then what they left behind.
    async fn finish(&mut self, phases: &watch::Sender<Phase>) {
        phases.send_replace(Phase::Drain);
        // A task that panicked has ended as well.
        let _ = (&mut self.calls).await;
        phases.send_replace(Phase::Finish);
        let _ = (&mut self.errands).await;
    }

    /// Cuts off what is left; every record that was open is closed by its drop.
    async fn end(self) {
        for task in [self.calls, self.errands, self.reads, self.house] {
            if !task.is_finished() {
                task.abort();
                let _ = task.await;
            }
        }
    }
}

/// How far stopping has come, as the tasks see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Accept and serve.
    Accept,
    /// Accept nothing more; finish what is there.
    Drain,
    /// No call is left; finish the errands.
    Finish,
}

/// The signals that the process obeys.
struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn new() -> Result<Signals, AppError> {
        let of = |kind| {
            signal(kind).map_err(|source| AppError::Machine { what: "cannot take signals", source })
        };
        Ok(Signals {
            term: of(SignalKind::terminate())?,
            int: of(SignalKind::interrupt())?,
            hup: of(SignalKind::hangup())?,
        })
    }

    /// Reloads on SIGHUP; returns on SIGTERM or SIGINT.
    async fn wait_for_stop(&mut self, running: &Arc<Running>) {
        loop {
            tokio::select! {
                _ = self.term.recv() => return,
                _ = self.int.recv() => return,
                _ = self.hup.recv() => reload::reload(running).await,
            }
        }
    }

    /// Waits; a second request to stop cuts the wait short.
    async fn sleep_or_stop(&mut self, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

fn spawn<F>(future: F) -> tokio::task::JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "app is the module that spawns")]
    tokio::spawn(future)
}

fn start_logging(fixed: &Fixed) {
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(&fixed.log.level);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start in one process, as in tests, keeps the first logger.
    let _ = match fixed.log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a task panicked")));
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, AppError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| AppError::Bind { what, address, source })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, AppError> {
    let address = listener.local_addr();
    address.map_err(|source| AppError::Machine { what: "cannot read a bound address", source })
}

async fn listen(fixed: &Fixed) -> Result<Listeners, AppError> {
    let data = bind("server", fixed.listen).await?;
    let telemetry = bind("telemetry", fixed.telemetry).await?;
    let addresses = Addresses { data: local(&data)?, telemetry: local(&telemetry)? };
    Ok(Listeners { data, telemetry, addresses })
}

fn new_metrics(fixed: &Fixed) -> Metrics {
    Metrics::new(metrics::Limits { series_max: fixed.limits.metric_series }, data::reasons())
}

fn start_evidence(state: &StateDir, fixed: &Fixed) -> Result<(Ledger, Writer), AppError> {
    let settings = Settings {
        ledger_lines_max: fixed.limits.calls.saturating_mul(2),
        segment_bytes_max: fixed.limits.segment_bytes,
        ..Settings::default()
    };
    Ok(evidence::start(state, settings)?)
}

/// The writer's thread; it counts calls from the lines that it writes.
fn write_evidence(
    writer: Writer,
    metrics: Metrics,
) -> Result<JoinHandle<Result<evidence::Head, Unwritten>>, AppError> {
    std::thread::Builder::new()
        .name("evidence".to_owned())
        .spawn(move || writer.run(|line| tally(&metrics, line)))
        .map_err(|source| AppError::Machine { what: "cannot start the evidence thread", source })
}

/// Counts a call by its closing line: each call has exactly one.
fn tally(metrics: &Metrics, line: &Line) {
    let Entry::Closing { about, close, .. } = line.entry() else { return };
    let judged = &about.judgement;
    let (Some(route), Some(stage), Some(risk)) = (&judged.route, judged.stage, &judged.risk_class)
    else {
        return;
    };
    let route = metrics.route(RouteLabels { route, stage: stage.as_str(), risk });
    route.call(verdict_label(judged.verdict), disposition_label(judged.disposition));
    route.call_took(close.duration);
}

fn verdict_label(verdict: Option<Verdict>) -> VerdictLabel {
    match verdict {
        Some(Verdict::Allow) => VerdictLabel::Allow,
        Some(Verdict::DryRun) => VerdictLabel::DryRun,
        Some(Verdict::RequireApproval) => VerdictLabel::RequireApproval,
        Some(Verdict::Block) => VerdictLabel::Block,
        None => VerdictLabel::None,
    }
}

fn disposition_label(disposition: Option<Disposition>) -> DispositionLabel {
    match disposition {
        Some(Disposition::Forwarded) => DispositionLabel::Forwarded,
        Some(Disposition::DryRun) => DispositionLabel::DryRun,
        Some(Disposition::Held) => DispositionLabel::Held,
        Some(Disposition::Denied) => DispositionLabel::Denied,
        Some(Disposition::Failed) | None => DispositionLabel::Failed,
    }
}

fn assemble(
    config: Config,
    source: Source,
    environment: Environment,
    metrics: Metrics,
    ledger: Ledger,
) -> (Running, mpsc::UnboundedReceiver<Errand>) {
    let (tools, errands) = Tools::new(metrics.clone());
    let Config { fixed, plan, policy, .. } = config;
    tools.configure(&plan);
    let snapshot = Snapshot::build(plan, policy, &metrics);
    reload::show(&snapshot, &metrics);
    let readiness = Readiness::new();
    [Check::Snapshot, Check::Evidence, Check::State].into_iter().for_each(|c| readiness.pass(c));
    let proxy = Proxy {
        snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
        ledger,
        tools,
        metrics,
        budget: Budget::new(fixed.limits.body_budget_bytes),
        draining: Arc::new(AtomicBool::new(false)),
    };
    (Running { proxy, readiness: Arc::new(readiness), fixed, source, environment }, errands)
}

/// Says where it listens: in the log, in the state directory, and to a person in the demo.
fn announce(state: &StateDir, addresses: &Addresses, is_demo: Option<()>) {
    let Addresses { data, telemetry } = addresses;
    tracing::info!(server = %data, telemetry = %telemetry, "listening");
    let text = format!("{{\"server\":\"{data}\",\"telemetry\":\"{telemetry}\"}}\n");
    let (path, fresh) = (state.path().join("addresses.json"), state.path().join("addresses.new"));
    let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &path));
    if let Err(error) = written {
        tracing::warn!(%error, "cannot write addresses.json into the state directory");
    }
    if is_demo.is_some() {
        println!("{}", demo::greeting(&format!("http://{data}"), &format!("http://{telemetry}")));
    }
}

/// Ends the evidence log in order.
async fn finish(
    ledger: Ledger,
    writing: JoinHandle<Result<evidence::Head, Unwritten>>,
) -> Result<(), AppError> {
    ledger.stop().await;
    let joined = tokio::task::spawn_blocking(move || writing.join()).await;
    match joined {
        Ok(Ok(ended)) => {
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
