//! Routes: what they match, where they go, at what risk.

use super::stages::{self, Stages};
use super::{DOCUMENT, approvals, args, identity, predicates, targets, upgrade, upstreams};
use crate::intent::pattern::Pattern;
use crate::intent::rest::{Binding, Mapping, Piece, StrictQuery, Template};
use crate::intent::routes::Matcher;
use crate::snapshot::{Approvable, Capture, PlannedRoute, UpstreamSpec};
use crate::stage::{DryRunScope, Protection};
use crate::yaml::{Fault, Fields, Keys, Node, Place, Scalar};
use http::Method;
use std::sync::Arc;

const ROUTE: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "name",
        "match",
        "upstream",
        "stage",
        "protected",
        "dry_run",
        "capture",
        "anonymous",
        "pass_credential",
        "upgrade",
        "hold",
        "mask",
        "allow_lower",
        "intent",
    ],
    legacy: &[],
};
const MATCH: Keys =
    Keys { document: DOCUMENT, read: &["methods", "path", "query", "header", "body"], legacy: &[] };
const INTENT: Keys = Keys {
    document: DOCUMENT,
    read: &["tool_name", "risk_class", "args", "targets", "provenance", "digest"],
    legacy: &[],
};

/// Risk classes that need no listing.
const RISKS: [&str; 4] = ["low", "medium", "high", "critical"];

/// The risk classes that a config knows, and which of them are protected.
pub(super) struct Risks {
    known: Vec<String>,
    protected: Vec<String>,
}

/// Where a route stands, and what it says of itself to the checks.
pub(super) struct RoutePlace {
    pub(super) place: Place,
    pub(super) lower: Lower,
}

/// Whether a route may catch what a higher-risk one before it lets through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lower {
    Refused,
    Allowed,
}

impl Risks {
    /// Reads `risk_classes` and `protected_risk_classes`.
    pub(super) fn read(top: &mut Fields) -> Result<Risks, Fault> {
        let own = top.texts("risk_classes")?;
        let mut known: Vec<String> = RISKS.map(str::to_owned).to_vec();
        known.extend(own.into_iter().map(|(word, _)| word.trim().to_lowercase()));
        let said = top.take("protected_risk_classes");
        let protected = match said.value {
            Scalar::Null => vec!["high".to_owned(), "critical".to_owned()],
            Scalar::List(items) => {
                let word = |item: Node| risk_word(item, &known, "protected_risk_classes");
                items.into_iter().map(word).collect::<Result<_, _>>()?
            }
            _ => {
                let what = "`protected_risk_classes` must be a list, such as `[high, critical]`";
                return Err(Fault::validate(said.place, what.to_owned()));
            }
        };
        Ok(Risks { known, protected })
    }

    /// Reads one of the known words.
    pub(super) fn word(&self, node: Node, field: &str) -> Result<String, Fault> {
        risk_word(node, &self.known, field)
    }

    fn protection(&self, risk: &str) -> Protection {
        match self.protected.iter().any(|word| word == risk) {
            true => Protection::Protected,
            false => Protection::Open,
        }
    }
}

fn risk_word(node: Node, known: &[String], field: &str) -> Result<String, Fault> {
    let word = match &node.value {
        Scalar::Text(text) => text.trim().to_lowercase(),
        _ => String::new(),
    };
    match known.contains(&word) {
        true => Ok(word),
        false => {
            let what = format!(
                "`{field}`: unknown risk class `{word}`; write one of {}, or list it under \
                 `risk_classes`",
                known.join(", ")
            );
            Err(Fault::validate(node.place, what))
        }
    }
}

/// All routes, in file order, with what the checks need.
pub(super) fn read(
    top: &mut Fields,
    upstreams: &[Arc<UpstreamSpec>],
    stages: &Stages,
    risks: &Risks,
) -> Result<(Vec<PlannedRoute>, Vec<RoutePlace>), Fault> {
    let mut routes: Vec<PlannedRoute> = Vec::new();
    let mut places = Vec::new();
    for (index, node) in top.list("routes")?.into_iter().enumerate() {
        let place = node.place;
        let (route, route_place) = one(node, index, upstreams, stages, risks)?;
        if routes.iter().any(|earlier| earlier.name == route.name) {
            let what = format!("`routes[{index}].name`: `{}` stands twice; rename one", route.name);
            return Err(Fault::validate(place, what));
        }
        routes.push(route);
        places.push(route_place);
    }
    stages.check(&routes)?;
    Ok((routes, places))
}

fn one(
    node: Node,
    index: usize,
    upstreams: &[Arc<UpstreamSpec>],
    stages: &Stages,
    risks: &Risks,
) -> Result<(PlannedRoute, RoutePlace), Fault> {
    let place = node.place;
    let mut fields = Fields::open(node, format!("routes[{index}]"), &ROUTE)?;
    fields.refuse_empty(&["match", "stage"])?;
    let route_name = super::required_text(&mut fields, "name", "every route has a name")?;
    name(&route_name, place, &fields.at("name"))?;
    let upstream_name = super::required_text(&mut fields, "upstream", "name one of `upstreams`")?;
    let upstream = upstreams::find(upstreams, &upstream_name, place, &fields.at("upstream"))?;
    let matcher = matcher(&mut fields)?;
    let own = stages::own(&mut fields)?;
    let said_protected = protected(&mut fields)?;
    let dry_run = dry_run(&mut fields)?;
    let anonymous = identity::anonymous(&mut fields)?;
    let credential = identity::credential(&mut fields)?;
    let upgrades = upgrade::read(&mut fields, &upstream)?;
    let approval = approvals::route(&mut fields)?;
    let capture = capture(&mut fields, &approval)?;
    let lower = if fields.flag("allow_lower")? { Lower::Allowed } else { Lower::Refused };
    let (mut mapping, tool) = mapping(&mut fields, &matcher, &upstream, risks)?;
    let protection = said_protected.unwrap_or_else(|| risks.protection(&mapping.risk_class));
    if protection == Protection::Protected {
        mapping.binding = Binding::RequestBytes;
        mapping.strict_query = StrictQuery::Only(args::named_query(&matcher, &mapping));
    }
    let said = stages.course(own, &route_name, &tool);
    let name = route_name.into();
    let route = PlannedRoute {
        name,
        matcher,
        mapping,
        upstream,
        course: said.clone(),
        said,
        protection,
        dry_run,
        capture,
        anonymous,
        credential,
        upgrades,
        approval,
    };
    Ok((route, RoutePlace { place, lower }))
}

/// A name that can be a metric label and stand in a log.
pub(super) fn name(text: &str, place: Place, field: &str) -> Result<(), Fault> {
    let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if good && !text.is_empty() && !text.starts_with('_') && text.len() <= 128 {
        return Ok(());
    }
    let what = format!(
        "`{field}`: `{text}` is not a name; use letters, digits, `.`, `-` and `_`, not `_` first"
    );
    Err(Fault::validate(place, what))
}

/// Absent, or said: a route can be protected whatever its risk, and the reverse.
fn protected(fields: &mut Fields) -> Result<Option<Protection>, Fault> {
    let node = fields.take("protected");
    match node.value {
        Scalar::Null => Ok(None),
        Scalar::Bool(true) => Ok(Some(Protection::Protected)),
        _ => {
            let field = fields.at("protected");
            let what = format!(
                "`{field}` can only be `true`; to protect less, change `protected_risk_classes`"
            );
            Err(Fault::validate(node.place, what))
        }
    }
}

fn dry_run(fields: &mut Fields) -> Result<DryRunScope, Fault> {
    let (said, place) = fields.text("dry_run")?;
    match said.as_str() {
        "" => Ok(DryRunScope::Table),
        "all" => Ok(DryRunScope::All),
        other => {
            let field = fields.at("dry_run");
            Err(Fault::validate(place, format!("`{field}`: unknown `{other}`; it can be `all`")))
        }
    }
}

fn capture(fields: &mut Fields, approval: &Approvable) -> Result<Capture, Fault> {
    let (said, place) = fields.text("capture")?;
    match said.as_str() {
        "" | "digest" => Ok(Capture::Digest),
        "full" => Ok(Capture::Full),
        "masked" if approval.masks.is_empty() => {
            let field = fields.at("capture");
            let what = format!("`{field}`: nothing is masked; list JSON Pointers under `mask`");
            Err(Fault::validate(place, what))
        }
        "masked" => Ok(Capture::Masked),
        other => {
            let field = fields.at("capture");
            let what = format!("`{field}`: unknown `{other}`; write digest, masked or full");
            Err(Fault::validate(place, what))
        }
    }
}

fn matcher(fields: &mut Fields) -> Result<Matcher, Fault> {
    let path = fields.at("match");
    let mut fields = Fields::open(fields.take("match"), path, &MATCH)?;
    fields.refuse_empty(MATCH.read)?;
    let methods = fields.texts("methods")?.into_iter().map(|(text, place)| {
        let token = text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
        let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| token);
        method.ok_or_else(|| {
            let field = fields.at("methods");
            Fault::validate(place, format!("`{field}`: `{text}` is not an upper-case method"))
        })
    });
    let methods = methods.collect::<Result<Vec<_>, _>>()?;
    let (text, place) = fields.text("path")?;
    let pattern =
        match text.is_empty() {
            true => None,
            false => Some(Pattern::parse(&text).map_err(|what| {
                Fault::validate(place, format!("`{}`: {what}", fields.at("path")))
            })?),
        };
    let predicates = predicates::read(&mut fields)?;
    Ok(Matcher { methods, path: pattern, predicates })
}

fn mapping(
    route: &mut Fields,
    matcher: &Matcher,
    upstream: &UpstreamSpec,
    risks: &Risks,
) -> Result<(Mapping, String), Fault> {
    let path = route.at("intent");
    let mut fields = Fields::open(route.take("intent"), path, &INTENT)?;
    let tool = super::required_text(&mut fields, "tool_name", "an intent names its tool")?;
    let risk = fields.take("risk_class");
    let risk_class = risks.word(risk, &fields.at("risk_class"))?;
    let args = args::read(&mut fields, matcher)?;
    let mapping = Mapping {
        tool_name: Template(vec![Piece::Text(tool.clone())]),
        risk_class,
        args,
        targets: targets::read(&mut fields, matcher)?,
        provenance: args::provenance(&mut fields)?,
        digests: args::digests(&mut fields)?,
        strict_query: StrictQuery::Off,
        binding: Binding::None,
        base_url: upstream.base_url(),
    };
    Ok((mapping, tool.trim().to_lowercase()))
}
