//! Limits, time-outs, logging, and where metrics are read.

use super::environment::Environment;
use super::evidence::{self, Evidence};
use super::site::Site;
use super::{DOCUMENT, Fixed, Listen, Log, LogFormat, Settings, Sizes};
use crate::call::host::HostRule;
use crate::limits::{Limits, Timeouts};
use crate::yaml::{Fault, Fields, Keys, Place};
use jiff::SignedDuration;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

const LISTENER: Keys = Keys { document: DOCUMENT, read: &["listen"], legacy: &[] };
const LOG: Keys = Keys { document: DOCUMENT, read: &["format", "level"], legacy: &[] };
const LIMITS: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "head_bytes",
        "headers",
        "judged_body_bytes",
        "body_budget_bytes",
        "connections",
        "calls",
        "upstream_connections",
        "upstream_idle_connections",
        "metric_series",
        "segment_bytes",
        "tunnels",
        "holds",
        "pending_approvals",
        "pending_approvals_per_identity",
        "rate_state_bytes",
        "h2_streams",
        "h2_header_list_bytes",
        "h2_resets",
    ],
    legacy: &[],
};
const TIMEOUTS: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "handshake",
        "head",
        "body",
        "idle",
        "connect",
        "first_byte",
        "total",
        "upstream_idle",
        "protected_reuse_idle",
        "drain_delay",
        "drain_deadline",
    ],
    legacy: &[],
};

/// Where calls come in, unless said otherwise.
pub(super) const SERVER_DEFAULT: &str = "127.0.0.1:8080";
/// Where metrics and health are read, unless said otherwise.
pub(super) const TELEMETRY_DEFAULT: &str = "127.0.0.1:9902";

/// What can be logged, least to most.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// How many requests for approval may wait: each lies on disk, and somebody is to read it.
const WAITING: RangeInclusive<u64> = 1..=1_000_000;

/// Longer than any call should take, shorter than any clock's trouble.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Everything but upstreams, routes, stages and policy.
pub(super) fn read(
    top: &mut Fields,
    listeners: Vec<Listen>,
    admin: Listen,
    site: &Site<'_>,
) -> Result<Settings, Fault> {
    let environment = site.environment;
    let mut telemetry = Fields::open(top.take("telemetry"), "telemetry".to_owned(), &LISTENER)?;
    let telemetry =
        address(&mut telemetry, environment, "GAIT__TELEMETRY__LISTEN", TELEMETRY_DEFAULT)?;
    let limits = limits(top)?;
    let Evidence { assurance, settings } = evidence::read(top, &limits, site)?;
    let fixed = Fixed {
        listeners,
        telemetry,
        admin,
        state_dir: state_dir(top, environment)?,
        log: log(top, environment)?,
        sizes: Sizes::of(&limits),
        assurance,
        evidence: settings,
    };
    Ok(Settings { fixed, limits, timeouts: timeouts(top)? })
}

fn address(
    fields: &mut Fields,
    environment: &Environment,
    variable: &str,
    default: &str,
) -> Result<SocketAddr, Fault> {
    let (said, place) = fields.text("listen")?;
    let said = match environment.over(variable) {
        Some(over) => {
            return parse_address(over)
                .map_err(|what| at(fields, "listen", place, &format!("{what} (from {variable})")));
        }
        None if said.is_empty() => default.to_owned(),
        None => environment.fill(&said).map_err(|what| at(fields, "listen", place, &what))?,
    };
    parse_address(&said).map_err(|what| at(fields, "listen", place, &what))
}

/// Reads an address and a port.
///
/// # Errors
/// Says how one is written.
pub(super) fn parse_address(said: &str) -> Result<SocketAddr, String> {
    said.parse().map_err(|_| {
        format!("`{said}` is not an address; write ADDRESS:PORT, as in `127.0.0.1:8080`")
    })
}

/// Reads the hosts that are served.
pub(super) fn hosts(server: &mut Fields) -> Result<HostRule, Fault> {
    server.refuse_empty(&["hosts"])?;
    let said = server.texts("hosts")?;
    if said.is_empty() {
        return Ok(HostRule::Any);
    }
    let host = |(host, place): (String, Place)| {
        let plain = !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        match plain && !host.contains('*') {
            true => Ok(host.to_ascii_lowercase()),
            false => Err(at(
                server,
                "hosts",
                place,
                "a served host is a name or an address, with a port at most; no wildcards",
            )),
        }
    };
    Ok(HostRule::Only(said.into_iter().map(host).collect::<Result<_, _>>()?))
}

fn state_dir(top: &mut Fields, environment: &Environment) -> Result<PathBuf, Fault> {
    let (said, place) = top.text("state_dir")?;
    match environment.over("GAIT__STATE_DIR") {
        // From the environment it is relative to where the process stands, as for any program.
        Some(over) => Ok(absolute(over)),
        None if said.is_empty() => Ok(PathBuf::from("state")),
        None => match environment.fill(&said) {
            Ok(path) => Ok(PathBuf::from(path)),
            Err(what) => Err(at(top, "state_dir", place, &what)),
        },
    }
}

/// A path from the environment, made absolute.
pub(super) fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path))
}

fn log(top: &mut Fields, environment: &Environment) -> Result<Log, Fault> {
    let mut fields = Fields::open(top.take("log"), "log".to_owned(), &LOG)?;
    let (format, place) = fields.text("format")?;
    let (level, level_place) = fields.text("level")?;
    let format = environment.over("GAIT__LOG__FORMAT").map_or(format, str::to_owned);
    let level = environment.over("GAIT__LOG__LEVEL").map_or(level, str::to_owned);
    let format = log_format(&format).map_err(|what| at(&fields, "format", place, &what))?;
    let level = log_level(&level).map_err(|what| at(&fields, "level", level_place, &what))?;
    Ok(Log { format, level })
}

/// Reads what is logged; `info` where nothing is said. A mistyped level would be taken for the
/// name of a module, and then nothing else would be logged.
///
/// # Errors
/// Names the levels there are.
pub(super) fn log_level(said: &str) -> Result<String, String> {
    let is_level = |word: &str| LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level));
    let fits = |directive: &str| match directive.rsplit_once('=') {
        Some((target, level)) => {
            !target.is_empty() && !target.contains(char::is_whitespace) && is_level(level)
        }
        None => is_level(directive),
    };
    match said {
        "" => Ok("info".to_owned()),
        said if said.split(',').all(fits) => Ok(said.to_owned()),
        other => Err(format!(
            "unknown log level `{other}`; write one of {}, or as in `info,gait=debug`",
            LEVELS.join(", ")
        )),
    }
}

/// Reads the form of a log line; text where nothing is said.
///
/// # Errors
/// Names the forms there are.
pub(super) fn log_format(said: &str) -> Result<LogFormat, String> {
    match said {
        "" | "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("unknown log format `{other}`; write text or json")),
    }
}

fn limits(top: &mut Fields) -> Result<Limits, Fault> {
    let fields = &mut Fields::open(top.take("limits"), "limits".to_owned(), &LIMITS)?;
    let d = Limits::default();
    let limits = Limits {
        head_bytes: size(fields, "head_bytes", 8 << 10..=256 << 10, d.head_bytes)?,
        headers: size(fields, "headers", 8..=1_024, d.headers)?,
        judged_body_bytes: number(
            fields,
            "judged_body_bytes",
            1_024..=1 << 30,
            d.judged_body_bytes,
        )?,
        body_budget_bytes: number(
            fields,
            "body_budget_bytes",
            1_024..=1 << 36,
            d.body_budget_bytes,
        )?,
        connections: size(fields, "connections", 1..=1_000_000, d.connections)?,
        calls: size(fields, "calls", 1..=1_000_000, d.calls)?,
        upstream_connections: size(
            fields,
            "upstream_connections",
            1..=100_000,
            d.upstream_connections,
        )?,
        upstream_idle_connections: size(
            fields,
            "upstream_idle_connections",
            1..=100_000,
            d.upstream_idle_connections,
        )?,
        metric_series: size(fields, "metric_series", 100..=1_000_000, d.metric_series)?,
        segment_bytes: number(fields, "segment_bytes", 1 << 16..=1 << 34, d.segment_bytes)?,
        tunnels: size(fields, "tunnels", 1..=100_000, d.tunnels)?,
        holds: size(fields, "holds", 1..=100_000, d.holds)?,
        pending_approvals: size(fields, "pending_approvals", WAITING, d.pending_approvals)?,
        pending_approvals_per_identity: size(
            fields,
            "pending_approvals_per_identity",
            WAITING,
            d.pending_approvals_per_identity,
        )?,
        // What is written must be read again: the store reads and writes 8 MiB at most.
        rate_state_bytes: size(fields, "rate_state_bytes", 4_096..=8_000_000, d.rate_state_bytes)?,
        h2_streams: size(fields, "h2_streams", 1..=10_000, d.h2_streams)?,
        h2_header_list_bytes: size(
            fields,
            "h2_header_list_bytes",
            8 << 10..=256 << 10,
            d.h2_header_list_bytes,
        )?,
        h2_resets: size(fields, "h2_resets", 1..=10_000, d.h2_resets)?,
    };
    if limits.judged_body_bytes > limits.body_budget_bytes {
        let what = "`limits.body_budget_bytes` must hold one body of `limits.judged_body_bytes`";
        return Err(Fault::validate(fields.place(), what.to_owned()));
    }
    Ok(limits)
}

fn timeouts(top: &mut Fields) -> Result<Timeouts, Fault> {
    let fields = &mut Fields::open(top.take("timeouts"), "timeouts".to_owned(), &TIMEOUTS)?;
    let d = Timeouts::default();
    Ok(Timeouts {
        handshake: duration(fields, "handshake", d.handshake)?,
        head: duration(fields, "head", d.head)?,
        body: duration(fields, "body", d.body)?,
        idle: duration(fields, "idle", d.idle)?,
        connect: duration(fields, "connect", d.connect)?,
        first_byte: duration(fields, "first_byte", d.first_byte)?,
        total: duration(fields, "total", d.total)?,
        upstream_idle: duration(fields, "upstream_idle", d.upstream_idle)?,
        protected_reuse_idle: duration(fields, "protected_reuse_idle", d.protected_reuse_idle)?,
        drain_delay: duration(fields, "drain_delay", d.drain_delay)?,
        drain_deadline: duration(fields, "drain_deadline", d.drain_deadline)?,
    })
}

/// A whole number within a range; the default where it is not given.
pub(super) fn size(
    fields: &mut Fields,
    key: &str,
    range: RangeInclusive<u64>,
    default: usize,
) -> Result<usize, Fault> {
    let number = number(fields, key, range, default as u64)?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

fn number(
    fields: &mut Fields,
    key: &str,
    range: RangeInclusive<u64>,
    default: u64,
) -> Result<u64, Fault> {
    let node = fields.take(key);
    if node.is_null() {
        return Ok(default);
    }
    match node.value {
        crate::yaml::Scalar::Int(said) if u64::try_from(said).is_ok_and(|n| range.contains(&n)) => {
            Ok(said.unsigned_abs())
        }
        _ => {
            let what = format!("must be a whole number from {} to {}", range.start(), range.end());
            Err(at(fields, key, node.place, &what))
        }
    }
}

fn duration(fields: &mut Fields, key: &str, default: Duration) -> Result<Duration, Fault> {
    let (said, place) = fields.text(key)?;
    if said.is_empty() {
        return Ok(default);
    }
    let parsed = said.parse::<SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    parsed.filter(|d| *d <= DURATION_MAX && (!d.is_zero() || key == "drain_delay")).ok_or_else(
        || {
            let what =
                format!("`{said}` is not a duration of up to a week; write it as `5s` or `250ms`");
            at(fields, key, place, &what)
        },
    )
}

/// A fault of one key.
pub(super) fn at(fields: &Fields, key: &str, place: Place, what: &str) -> Fault {
    Fault::validate(place, format!("`{}`: {what}", fields.at(key)))
}
