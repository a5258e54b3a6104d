//! `gait proxy --upstream URL --policy FILE`: a config without a file.
//!
//! The tool is `http.<method>`; risk is low for GET, HEAD and OPTIONS, medium for POST, PUT and
//! PATCH, high for the rest; the one target is the URL at the tool.

use super::environment::Environment;
use super::site::Site;
use super::source::join;
use super::{
    Config, ConfigError, Fixed, Listen, Log, Sizes, admin, checks, listeners, settings, upstreams,
};
use crate::call::CallerCredential;
use crate::call::forwarding::Forwarding;
use crate::call::host::HostRule;
use crate::delegation::Keys;
use crate::evidence::Settings;
use crate::identity::Sources;
use crate::intent::rest::{
    Args, Binding, Caller, Mapping, Piece, StrictQuery, TargetSpec, Template,
};
use crate::intent::routes::Matcher;
use crate::json::Digest;
use crate::limits::{Limits, Timeouts};
use crate::snapshot::{
    Anonymous, Approvable, Approvals, Assurance, Capture, Exports, Gates, Plan, PlannedRoute,
    UpstreamSpec,
};
use crate::stage::{Course, DryRunScope, Protection, Stage, Standing};
use http::Method;
use std::path::PathBuf;
use std::sync::Arc;

/// What the flags say.
#[derive(Clone, Debug)]
pub struct Builtin {
    /// Base URL of the tool API.
    pub upstream: String,
    /// The policy file.
    pub policy: PathBuf,
    /// The stage of every route.
    pub stage: Stage,
}

/// Route name, methods, risk class, operation, protection.
type Row = (&'static str, &'static [Method], &'static str, &'static str, Protection);

const ROWS: [Row; 3] = [
    ("http.read", &[Method::GET, Method::HEAD, Method::OPTIONS], "low", "read", Protection::Open),
    (
        "http.write",
        &[Method::POST, Method::PUT, Method::PATCH],
        "medium",
        "write",
        Protection::Open,
    ),
    ("http.other", &[], "high", "delete", Protection::Protected),
];

impl Builtin {
    /// Loads the policy and makes the plan.
    pub(super) fn load(&self, site: &Site<'_>) -> Result<Config, ConfigError> {
        let environment = site.environment;
        if let Some(key) = environment.strangers(&[]) {
            let what = format!("`{key}` names an upstream of a config file; use --upstream");
            return Err(ConfigError::Flags(what));
        }
        let upstream = upstreams::bare("upstream", &self.upstream)
            .map_err(|what| ConfigError::Flags(format!("--upstream: {what}")))?;
        let upstream = Arc::new(upstream);
        let policy = site.policy(&self.policy)?;
        let (listen, listener) =
            listeners::of_environment(environment).map_err(ConfigError::Flags)?;
        let (admin_listen, admin) =
            admin::of_environment(environment).map_err(ConfigError::Flags)?;
        let mut plan = Plan {
            candidate: None,
            approvals: Approvals::default(),
            exports: Exports::default(),
            routes: ROWS.iter().map(|row| self.route(row, &upstream)).collect(),
            unmapped: None,
            refused: None,
            upstreams: vec![upstream],
            listeners: vec![listener],
            admin,
            hosts: HostRule::Any,
            identity: Sources::none(Caller::named("anonymous", "default")),
            delegation: Keys::default(),
            forwarding: Forwarding::default(),
            gates: Gates::default(),
            side_credential: CallerCredential::Withheld,
            assurance: Assurance::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            seats: None,
            digest: Digest::of(format!("{self:?}").as_bytes()),
        };
        checks::settle_builtin(&mut plan);
        let fixed = fixed(listen, admin_listen, environment).map_err(ConfigError::Flags)?;
        join(fixed, plan, policy, None, site)
    }

    fn route(&self, row: &Row, upstream: &Arc<UpstreamSpec>) -> PlannedRoute {
        let (name, methods, risk_class, operation, protection) = *row;
        let target = TargetSpec {
            kind: "url".into(),
            value: Template(vec![Piece::Url]),
            operation: operation.into(),
            sensitivity: String::new(),
            endpoint_class: String::new(),
        };
        let binding = match protection {
            Protection::Protected => Binding::RequestBytes,
            Protection::Open => Binding::None,
        };
        PlannedRoute {
            name: name.into(),
            matcher: Matcher { methods: methods.to_vec(), ..Matcher::default() },
            mapping: Mapping {
                tool_name: Template(vec![Piece::Text("http.".into()), Piece::Method]),
                risk_class: risk_class.into(),
                args: Args::None,
                targets: vec![target],
                provenance: Vec::new(),
                digests: Vec::new(),
                // The target names the whole URL, so every query parameter is named.
                strict_query: StrictQuery::Off,
                binding,
                base_url: upstream.base_url(),
            },
            upstream: upstream.clone(),
            said: Course::of(Standing::Whole(self.stage)),
            course: Course::of(Standing::Whole(self.stage)),
            protection,
            dry_run: DryRunScope::Table,
            capture: Capture::Digest,
            anonymous: Anonymous::Allow,
            credential: CallerCredential::Withheld,
            upgrades: Arc::default(),
            approval: Approvable::default(),
        }
    }
}

/// What needs a restart: from flags and environment, or the defaults.
fn fixed(listen: Listen, admin: Listen, environment: &Environment) -> Result<Fixed, String> {
    let or = |name: &str, default: &str| environment.over(name).unwrap_or(default).to_owned();
    Ok(Fixed {
        listeners: vec![listen],
        admin,
        telemetry: settings::parse_address(&or(
            "GAIT__TELEMETRY__LISTEN",
            settings::TELEMETRY_DEFAULT,
        ))?,
        state_dir: settings::absolute(&or("GAIT__STATE_DIR", "state")),
        log: Log {
            format: settings::log_format(&or("GAIT__LOG__FORMAT", ""))?,
            level: settings::log_level(&or("GAIT__LOG__LEVEL", ""))?,
        },
        sizes: Sizes::of(&Limits::default()),
        assurance: Assurance::default(),
        evidence: Settings::default(),
    })
}
