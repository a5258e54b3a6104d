//! The REST adapter: a call that took a route becomes the draft of an intent.
//!
//! What an intent says of its caller, and the classes of its targets, come from config and from
//! here, never from the request: only what the mapping names is taken from it. Rejected: passing
//! members of the caller's body through as context, however convenient.

use super::pattern::Captures;
use super::predicates::{Place, value_at};
use super::{ContextDraft, DelegationDraft, Draft, ProvenanceDraft, TargetDraft};
use crate::call::body::Content;
use crate::call::{Call, query};
use crate::json::Digest;
use serde_json::{Map, Value};

/// The member of `auth_context` that binds an intent to the bytes of its request.
pub const REQUEST: &str = "gait_request";

/// How one route's calls become intents.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The tool's name, or a template.
    pub tool_name: Template,
    /// Fixed by config.
    pub risk_class: String,
    /// Where the arguments come from.
    pub args: Args,
    /// What the call acts on.
    pub targets: Vec<TargetSpec>,
    /// Provenance of an argument, where it is not `user`.
    pub provenance: Vec<(String, String)>,
    /// JSON Pointers into the arguments whose values become digests.
    pub digests: Vec<String>,
    /// Whether query parameters that nothing names are refused.
    pub strict_query: StrictQuery,
    /// Whether the intent is bound to the bytes of its request.
    pub binding: Binding,
    /// The upstream's base URL, for `{url}`.
    pub base_url: String,
}

/// Whether a route refuses query parameters that neither match nor intent names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StrictQuery {
    /// Any parameter passes.
    Off,
    /// Only these.
    Only(Vec<String>),
}

/// Whether the intent carries the digest of its request (design section 4, point 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// It does: the operation is protected.
    RequestBytes,
    /// It does not.
    None,
}

/// The arguments of the intent.
#[derive(Clone, Debug, PartialEq)]
pub enum Args {
    /// None.
    None,
    /// The members of the body.
    Body,
    /// One by one.
    Named(Vec<(String, Source, Need)>),
}

/// Where one argument comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A capture of the path.
    Path(String),
    /// A query parameter, a header field, or a pointer into the body.
    At(Place),
    /// Written in the config.
    Literal(Value),
}

/// Whether an argument may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the intent is invalid.
    Required,
    /// It is left out.
    Optional,
}

/// One target of the intent.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSpec {
    /// `path`, `url`, `host`, …
    pub kind: String,
    /// Its value.
    pub value: Template,
    /// `read`, `write`, `delete`, …
    pub operation: String,
    /// Data class; empty for none.
    pub sensitivity: String,
    /// Given class; empty to infer it.
    pub endpoint_class: String,
}

/// Text with holes: `/{path}`, `{url}`, `http.{method}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(pub Vec<Piece>);

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// The method, lower case.
    Method,
    /// The upstream's base URL and the forwarded target.
    Url,
    /// A value of the request.
    From(Source),
}

/// Who calls, as far as gait knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    /// All that intents say of it: identity, workspace, agent, credential. Of the rest, such as
    /// the risk class, nothing is taken from here.
    pub context: ContextDraft,
    /// On whose behalf it calls, as tokens have proven.
    pub delegation: Option<DelegationDraft>,
}

impl Caller {
    /// One of whom nothing is known but a name and a workspace.
    pub fn named(identity: &str, workspace: &str) -> Caller {
        let (identity, workspace) = (identity.to_owned(), workspace.to_owned());
        let context = ContextDraft { identity, workspace, ..ContextDraft::default() };
        Caller { context, delegation: None }
    }

    /// Proven identity, or the configured name of those without one.
    pub fn identity(&self) -> &str {
        &self.context.identity
    }

    /// What intents say of it, at the risk of this route.
    fn context(&self, risk_class: &str, bound: Map<String, Value>) -> ContextDraft {
        let mut context = self.context.clone();
        context.risk_class = risk_class.to_owned();
        context.auth_context.extend(bound);
        context
    }
}

/// Why a call does not fit its mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// A stable reason code.
    pub code: &'static str,
    /// What is missing or in the way, for the caller.
    pub detail: String,
}

impl Mapping {
    /// Drafts the intent of `call`, bound to its bytes where the route or `binding` says so.
    ///
    /// # Errors
    /// `Unfit` when a required value is missing or cannot be read.
    pub fn draft(
        &self,
        call: &Call,
        captures: &Captures,
        content: &Content,
        caller: &Caller,
        binding: Binding,
    ) -> Result<Draft, Unfit> {
        self.check_query(call)?;
        let scene = Scene { call, captures, content, base_url: &self.base_url };
        let mut args = self.args(&scene)?;
        self.digest_args(&mut args)?;
        let targets = self.targets.iter().map(|spec| spec.draft(&scene));
        Ok(Draft {
            tool_name: self.tool_name.fill(&scene)?,
            arg_provenance: self.provenance(&args),
            args,
            targets: targets.collect::<Result<_, _>>()?,
            context: caller.context(&self.risk_class, self.request_digest(call, binding)),
            delegation: caller.delegation.clone(),
            ..Draft::default()
        })
    }

    fn check_query(&self, call: &Call) -> Result<(), Unfit> {
        let StrictQuery::Only(named) = &self.strict_query else { return Ok(()) };
        let unnamed = query::keys(call.head().target().query()).find(|key| !named.contains(key));
        match unnamed {
            Some(key) => Err(Unfit {
                code: "query_parameter_unnamed",
                detail: format!("the protected route does not name the query parameter `{key}`"),
            }),
            None => Ok(()),
        }
    }

    fn args(&self, scene: &Scene<'_>) -> Result<Map<String, Value>, Unfit> {
        match &self.args {
            Args::None => Ok(Map::new()),
            Args::Body => body_args(scene.content),
            Args::Named(named) => {
                let mut args = Map::new();
                for (name, source, need) in named {
                    match (scene.value(source)?, need) {
                        (Some(value), _) => drop(args.insert(name.clone(), value)),
                        (None, Need::Optional) => {}
                        (None, Need::Required) => return Err(missing(name)),
                    }
                }
                Ok(args)
            }
        }
    }

    /// Puts configured values in as digests; a missing one is no harm.
    fn digest_args(&self, args: &mut Map<String, Value>) -> Result<(), Unfit> {
        let mut whole = Value::Object(std::mem::take(args));
        for pointer in &self.digests {
            if let Some(value) = whole.pointer_mut(pointer) {
                let digest = crate::json::digest(value).map_err(|error| Unfit {
                    code: "intent_invalid",
                    detail: format!("the value at `{pointer}` has no canonical form: {error}"),
                })?;
                *value = Value::String(format!("sha256:{digest}"));
            }
        }
        if let Value::Object(map) = whole {
            *args = map;
        }
        Ok(())
    }

    /// The digest that binds an intent to the bytes of its request.
    fn request_digest(&self, call: &Call, binding: Binding) -> Map<String, Value> {
        let digest = match (self.binding, binding) {
            (Binding::RequestBytes, _) | (_, Binding::RequestBytes) => call.fingerprint(),
            (Binding::None, Binding::None) => None,
        };
        let entry = |digest: Digest| (REQUEST.to_owned(), Value::String(digest.to_string()));
        digest.map(entry).into_iter().collect()
    }

    /// Whether the body must be read to draft the intent.
    pub fn reads_body(&self) -> bool {
        let from_body = |source: &Source| matches!(source, Source::At(Place::Body(_)));
        let args = match &self.args {
            Args::None => false,
            Args::Body => true,
            Args::Named(named) => named.iter().any(|(_, source, _)| from_body(source)),
        };
        let template = |template: &Template| {
            template.0.iter().any(|piece| matches!(piece, Piece::From(source) if from_body(source)))
        };
        args || self.targets.iter().any(|target| template(&target.value))
    }

    fn provenance(&self, args: &Map<String, Value>) -> Vec<ProvenanceDraft> {
        let source = |name: &str| {
            let set = self.provenance.iter().find(|(key, _)| key == name);
            set.map_or_else(|| "user".to_owned(), |(_, source)| source.clone())
        };
        let entry = |name: &String| ProvenanceDraft {
            arg_path: format!("$.{name}"),
            source: source(name),
            ..ProvenanceDraft::default()
        };
        args.keys().map(entry).collect()
    }
}

fn body_args(content: &Content) -> Result<Map<String, Value>, Unfit> {
    match content {
        Content::None => Ok(Map::new()),
        Content::Json(Value::Object(map)) => Ok(map.clone()),
        Content::Json(_) => Err(Unfit {
            code: "intent_invalid",
            detail: "the body must be a JSON object to give the arguments".into(),
        }),
        Content::Unreadable(why) => Err(Unfit {
            code: why.code(),
            detail: "the body must be strict JSON, sent as application/json without a coding"
                .into(),
        }),
    }
}

fn missing(name: &str) -> Unfit {
    Unfit {
        code: "intent_invalid",
        detail: format!("the argument `{name}` is missing from the request"),
    }
}

/// What templates and sources draw from.
struct Scene<'a> {
    call: &'a Call,
    captures: &'a Captures,
    content: &'a Content,
    base_url: &'a str,
}

impl Scene<'_> {
    fn value(&self, source: &Source) -> Result<Option<Value>, Unfit> {
        match source {
            Source::Literal(value) => Ok(Some(value.clone())),
            Source::Path(name) => Ok(self.captures.get(name).map(Value::from)),
            Source::At(place) => value_at(place, self.call.head(), self.content)
                .map_err(|code| Unfit { code, detail: format!("cannot read {place:?}") }),
        }
    }

    /// The value as text inside a template.
    fn text(&self, source: &Source) -> Result<String, Unfit> {
        match self.value(source)? {
            Some(Value::String(text)) => Ok(text),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
            Some(_) => Err(Unfit {
                code: "intent_invalid",
                detail: format!("the value of {source:?} is not text"),
            }),
            None => Err(missing(&format!("{source:?}"))),
        }
    }
}

impl TargetSpec {
    fn draft(&self, scene: &Scene<'_>) -> Result<TargetDraft, Unfit> {
        Ok(TargetDraft {
            kind: self.kind.clone(),
            value: self.value.fill(scene)?,
            operation: self.operation.clone(),
            sensitivity: self.sensitivity.clone(),
            endpoint_class: self.endpoint_class.clone(),
            ..TargetDraft::default()
        })
    }
}

impl Template {
    fn fill(&self, scene: &Scene<'_>) -> Result<String, Unfit> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Method => {
                    out.push_str(&scene.call.head().method().as_str().to_ascii_lowercase());
                }
                Piece::Url => {
                    out.push_str(scene.base_url);
                    out.push_str(scene.call.head().target().as_str());
                }
                Piece::From(source) => out.push_str(&scene.text(source)?),
            }
        }
        Ok(out)
    }
}
