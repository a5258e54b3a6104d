//! The table of routes: what there is, by which method, and for whom.
//!
//! Paths are compared byte by byte. Nothing in them has a reason to be escaped, so what is escaped
//! is not there.

use super::problem::{Kind, Problem};
use crate::approval::RequestId;
use crate::snapshot::Role;
use crate::store::approvals::Word;
use http::Method;

/// One path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// As in the OpenAPI document: `{id}` stands for a request, `{route}` for a route.
    pub path: &'static str,
    /// What may be done.
    pub verb: Verb,
    /// Who may do it.
    pub access: Access,
}

/// What is done to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET, and HEAD with it.
    Read,
    /// POST.
    Post,
}

/// Whom a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: there is no data in it.
    Open,
    /// Logins of this role, and of those above it.
    From(Role),
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Page,
    Script,
    Style,
    OpenApi,
    Session,
    Approvals,
    Rollout,
    Diff,
    Approval(RequestId),
    Say(RequestId, Word),
    Reload,
    Labels,
    Label,
    Promote(String),
    Demote(String),
}

/// All of them.
pub const ROUTES: [Route; 16] = [
    read("/", Access::Open),
    read("/approvals.js", Access::Open),
    read("/approvals.css", Access::Open),
    read("/openapi.json", Access::Open),
    read("/v1/session", Access::From(Role::Viewer)),
    read("/v1/approvals", Access::From(Role::Viewer)),
    read("/v1/approvals/{id}", Access::From(Role::Viewer)),
    read("/v1/rollout", Access::From(Role::Viewer)),
    read("/v1/rollout/diff", Access::From(Role::Viewer)),
    read("/v1/labels", Access::From(Role::Viewer)),
    Route { path: "/v1/labels", verb: Verb::Post, access: Access::From(Role::Approver) },
    Route {
        path: "/v1/approvals/{id}/grant",
        verb: Verb::Post,
        access: Access::From(Role::Approver),
    },
    Route {
        path: "/v1/approvals/{id}/deny",
        verb: Verb::Post,
        access: Access::From(Role::Approver),
    },
    Route { path: "/v1/reload", verb: Verb::Post, access: Access::From(Role::Admin) },
    Route {
        path: "/v1/rollout/{route}/promote",
        verb: Verb::Post,
        access: Access::From(Role::Admin),
    },
    Route {
        path: "/v1/rollout/{route}/demote",
        verb: Verb::Post,
        access: Access::From(Role::Admin),
    },
];

const fn read(path: &'static str, access: Access) -> Route {
    Route { path, verb: Verb::Read, access }
}

// === impl Verb ===

impl Verb {
    fn takes(self, method: &Method) -> bool {
        match self {
            Verb::Read => *method == Method::GET || *method == Method::HEAD,
            Verb::Post => *method == Method::POST,
        }
    }
}

// === impl Target ===

impl Target {
    /// Whom it answers.
    pub(super) fn access(&self) -> Access {
        self.route().map_or(Access::From(Role::Admin), |route| route.access)
    }

    fn route(&self) -> Option<&'static Route> {
        let verb = match self {
            Target::Say(..)
            | Target::Label
            | Target::Reload
            | Target::Promote(_)
            | Target::Demote(_) => Verb::Post,
            _ => Verb::Read,
        };
        let path = self.path();
        ROUTES.iter().find(|route| route.path == path && route.verb == verb)
    }

    fn path(&self) -> &'static str {
        match self {
            Target::Page => "/",
            Target::Script => "/approvals.js",
            Target::Style => "/approvals.css",
            Target::OpenApi => "/openapi.json",
            Target::Session => "/v1/session",
            Target::Approvals => "/v1/approvals",
            Target::Rollout => "/v1/rollout",
            Target::Diff => "/v1/rollout/diff",
            Target::Approval(_) => "/v1/approvals/{id}",
            Target::Say(_, Word::Grant) => "/v1/approvals/{id}/grant",
            Target::Say(_, Word::Deny) => "/v1/approvals/{id}/deny",
            Target::Reload => "/v1/reload",
            Target::Promote(_) => "/v1/rollout/{route}/promote",
            Target::Demote(_) => "/v1/rollout/{route}/demote",
            Target::Labels | Target::Label => "/v1/labels",
        }
    }

    fn parse(method: &Method, path: &str) -> Option<Target> {
        match path {
            "/" => return Some(Target::Page),
            "/approvals.js" => return Some(Target::Script),
            "/approvals.css" => return Some(Target::Style),
            "/openapi.json" => return Some(Target::OpenApi),
            "/v1/session" => return Some(Target::Session),
            "/v1/approvals" => return Some(Target::Approvals),
            "/v1/reload" => return Some(Target::Reload),
            "/v1/labels" if *method == Method::POST => return Some(Target::Label),
            "/v1/labels" => return Some(Target::Labels),
            "/v1/rollout" => return Some(Target::Rollout),
            "/v1/rollout/diff" => return Some(Target::Diff),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("/v1/rollout/") {
            return match rest.split_once('/')? {
                (route, "promote") => Some(Target::Promote(route.to_owned())),
                (route, "demote") => Some(Target::Demote(route.to_owned())),
                _ => None,
            };
        }
        let rest = path.strip_prefix("/v1/approvals/")?;
        let (id, word) = match rest.split_once('/') {
            None => return RequestId::parse(rest).map(Target::Approval),
            Some((id, "grant")) => (id, Word::Grant),
            Some((id, "deny")) => (id, Word::Deny),
            Some(_) => return None,
        };
        RequestId::parse(id).map(|id| Target::Say(id, word))
    }
}

/// What is asked for.
pub(super) fn find(method: &Method, path: &str) -> Result<Target, Problem> {
    let absent = || Problem::new(Kind::NotFound, "there is nothing here; see /openapi.json");
    let target = Target::parse(method, path).ok_or_else(absent)?;
    let route = target.route().ok_or_else(absent)?;
    match route.verb.takes(method) {
        true => Ok(target),
        false => Err(Problem::not_allowed(allow(route.path))),
    }
}

/// What may be done to a path: the value of `Allow`.
pub(super) fn allow(path: &str) -> &'static str {
    let has = |verb| ROUTES.iter().any(|route| route.path == path && route.verb == verb);
    match (has(Verb::Read), has(Verb::Post)) {
        (true, true) => "GET, HEAD, POST",
        (true, false) => "GET, HEAD",
        (false, _) => "POST",
    }
}
