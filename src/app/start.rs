//! Starting: logger, listeners, evidence, and everything that the tasks share.

mod lost;

use super::admin::{ADMIN_TOKEN, Office};
use super::exports::Exports;
use super::listen::{self, Door};
use super::log::OneLine;
use super::reload::Lost;
use super::reloads::Origins;
use super::tally::tally;
use super::{Addresses, AppError, Listeners, Running, Wanted, data, reload, stages};
use crate::admin::Reloads;
use crate::clock;
use crate::config::{self, Config, Environment, Files, Fixed, LogFormat, Source, Taken};
use crate::demo;
use crate::egress::Fetcher;
use crate::evidence::{self, InForce, Ledger, Line, Reload, Settings, Unwritten, Writer};
use crate::limits::{Budget, Places};
use crate::metrics::{self, Metrics};
use crate::proxy::{Proxy, approval_reasons};
use crate::rollout::Shelf;
use crate::snapshot::Snapshot;
use crate::state::StateDir;
use crate::store::StoreError;
use crate::store::approvals::{self, Desk, Past};
use crate::store::rate_limits::Live;
use crate::store::switch::Switch;
use crate::telemetry::{Check, Readiness};
use crate::upstream::Tools;
use arc_swap::ArcSwap;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;
use tokio::net::TcpListener;

pub(super) fn start_logging(fixed: &Fixed) {
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(&fixed.log.level);
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| OneLine(io::stderr()));
    let lines = lines.with_ansi(colours);
    // A second start in one process, as in tests, keeps the first logger.
    let _ = match fixed.log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a task panicked")));
}

pub(super) fn bind(what: &str, address: SocketAddr) -> Result<TcpListener, AppError> {
    listen::tcp(address).map_err(|source| AppError::Bind {
        what: what.to_owned(),
        address: address.to_string(),
        source,
    })
}

pub(super) fn local(listener: &TcpListener) -> Result<SocketAddr, AppError> {
    let address = listener.local_addr();
    address.map_err(|source| AppError::Machine { what: "cannot read a bound address", source })
}

pub(super) async fn open_listeners(
    fixed: &Fixed,
    metrics: &Metrics,
) -> Result<Listeners, AppError> {
    let (mut doors, mut addresses) = (Vec::new(), Addresses::new());
    for listen in &fixed.listeners {
        let door = Door::open(listen, metrics).await?;
        addresses.push((listen.name.to_string(), door.address()?));
        doors.push(door);
    }
    let telemetry = bind("telemetry", fixed.telemetry)?;
    addresses.push(("telemetry".to_owned(), local(&telemetry)?.to_string()));
    let admin = Door::open(&fixed.admin, metrics).await?;
    addresses.push((admin.name.to_string(), admin.address()?));
    Ok(Listeners { doors, telemetry, admin, addresses })
}

/// Room for what listeners and certificates show is taken from that of the routes.
pub(super) fn new_metrics(config: &Config) -> Metrics {
    let certificates = reload::certificates(&config.plan).len();
    let listeners =
        config.fixed.listeners.len().saturating_add(1).saturating_mul(metrics::LISTENER_SERIES);
    let series_max = config.fixed.sizes.metric_series;
    let series_max = series_max.saturating_sub(listeners.saturating_add(certificates));
    Metrics::new(metrics::Limits { series_max }, data::reasons())
}

pub(super) fn start_evidence(
    state: &StateDir,
    config: &Config,
    metrics: &Metrics,
) -> Result<(Ledger, Writer), AppError> {
    let Config { fixed, plan, policy, .. } = config;
    let settings = Settings {
        ledger_lines_max: fixed.sizes.calls.saturating_mul(2),
        segment_bytes_max: fixed.sizes.segment_bytes,
        in_force: Some(InForce {
            snapshot: plan.snapshot_id(policy),
            policy_digest: policy.digest(),
        }),
        ..fixed.evidence.clone()
    };
    let (ledger, writer) = evidence::start(state, settings)?;
    ledger.health().tell(metrics.unlined());
    Ok((ledger, writer))
}

/// What limits have counted before this process.
pub(super) fn start_limits(state: &StateDir) -> Result<Live, StoreError> {
    Live::open(state.path().join("rate_limits.json"))
}

/// Whether a process has served from this state directory before, and what became of the stages that
/// were set in it. To be asked before the log is started, and before listeners are opened: who connects
/// wants to be served at once.
pub(super) fn past(state: &StateDir, overlay: &Taken) -> (Past, Lost) {
    let served = evidence::segments(&state.path().join("evidence"))
        .is_ok_and(|segments| !segments.is_empty());
    let past = if served { Past::Evidence } else { Past::None };
    (past, lost::lost(state.path(), overlay, past))
}

/// The thread that answers what is asked of approvals. A state directory that has served before and
/// has no store of them has lost it.
pub(super) fn start_approvals(
    state: &StateDir,
    past: Past,
    metrics: &Metrics,
) -> Result<(Desk, JoinHandle<()>), AppError> {
    let (desk, clerk) = approvals::open(state.path(), past, metrics)?;
    let deciding = std::thread::Builder::new()
        .name("approvals".to_owned())
        .spawn(move || clerk.run())
        .map_err(|source| AppError::Machine {
            what: "cannot start the approvals thread",
            source,
        })?;
    Ok((desk, deciding))
}

/// Has the file of the overlay there from now on, and says what is to be told of it.
pub(super) fn keep_overlay(
    shelf: &Shelf,
    files: &mut Files,
    overlay: &Taken,
    lost: Lost,
) -> Reload {
    let is_missed = reload::tell_lost(shelf, lost);
    shelf.knows(overlay.found.clone());
    if let Err(error) = config::keep_file(shelf, files, overlay) {
        tracing::error!(%error, overlay = %shelf.path().display(), "the overlay cannot be kept");
    }
    stages::told(overlay, is_missed)
}

/// What outlives the process, and who keeps it.
pub(super) struct Kept {
    pub(super) ledger: Ledger,
    pub(super) limits: Live,
    pub(super) desk: Desk,
    pub(super) office: Office,
    pub(super) exports: Exports,
}

/// The writer's thread; it counts calls from the lines that it writes, and offers them to exporters.
pub(super) fn write_evidence(
    writer: Writer,
    metrics: Metrics,
    exports: Exports,
) -> Result<JoinHandle<Result<evidence::Head, Unwritten>>, AppError> {
    let tell = move |line: &Line| {
        tally(&metrics, line);
        exports.offer(line);
    };
    std::thread::Builder::new()
        .name("evidence".to_owned())
        .spawn(move || writer.run(tell))
        .map_err(|source| AppError::Machine { what: "cannot start the evidence thread", source })
}

pub(super) fn assemble(
    config: Config,
    (source, environment): (Source, Environment),
    metrics: Metrics,
    kept: Kept,
    (reloads, origins): (Reloads, Origins),
) -> (Arc<Running>, Wanted) {
    let begun = clock::now();
    let Kept { ledger, limits, desk, office, exports } = kept;
    let shelf = office.shelf();
    let (tools, errands) = Tools::new(metrics.clone());
    let (keys, fetches) = Fetcher::new(metrics.clone());
    let Config { fixed, plan, policy, kill_switch, .. } = config;
    tools.configure(&plan);
    desk.configure(reload::rules(&plan));
    keys.configure(&plan.upstreams, plan.identity.rings());
    let snapshot = Snapshot::build(plan, policy, &metrics);
    reload::show(&snapshot, &metrics);
    let readiness = Readiness::new();
    readiness.in_force_since(clock::now());
    [Check::Snapshot, Check::Evidence, Check::State].into_iter().for_each(|c| readiness.pass(c));
    let proxy = Proxy {
        snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
        ledger,
        tools,
        keys,
        metrics: metrics.clone(),
        budget: Budget::new(fixed.sizes.body_budget_bytes),
        switch: Arc::new(Switch::new(kill_switch)),
        limits: Arc::new(limits),
        desk,
        approvals: metrics.approvals(&approval_reasons()),
        holds: Places::default(),
        held_bodies: Budget::new(fixed.sizes.body_budget_bytes / 2),
        draining: Arc::new(AtomicBool::new(false)),
    };
    let running = Running {
        proxy,
        office,
        exports,
        readiness: Arc::new(readiness),
        shelf,
        begun,
        fixed,
        source,
        environment,
        reloads,
    };
    (Arc::new(running), Wanted { errands, fetches, reloads: origins })
}

/// Says where it listens: in the log, in the state directory, and to a person in the demo.
pub(super) fn announce(state: &StateDir, addresses: &Addresses, is_demo: Option<()>) {
    for (listener, address) in addresses {
        tracing::info!(listener, address, "listening");
    }
    let named = addresses.iter().map(|(name, at)| (name.clone(), at.as_str().into()));
    let text = format!("{}\n", serde_json::Value::Object(named.collect()));
    let (path, fresh) = (state.path().join("addresses.json"), state.path().join("addresses.new"));
    let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &path));
    if let Err(error) = written {
        tracing::warn!(%error, "cannot write addresses.json into the state directory");
    }
    if is_demo.is_some() {
        let url = |wanted: &str| {
            let found = addresses.iter().find(|(name, _)| name == wanted);
            found.map(|(_, address)| format!("http://{address}")).unwrap_or_default()
        };
        // Whoever sees the terminal of a demo may approve in it.
        let token = std::fs::read_to_string(state.path().join(ADMIN_TOKEN)).ok();
        let page = token.map(|token| format!("{}/#token={}", url("admin"), token.trim_end()));
        println!("{}", demo::greeting(&url("server"), &url("telemetry"), page.as_deref()));
    }
}
