//! What the admin listener answers: requests for approval, and what people say of them.
//!
//! A function of a request's head, its body and what `app` hands it; `app` binds and serves. What
//! can be read and done here is worth more than a call, so the order is fixed: the host must be
//! ours (a page elsewhere could else be made to point here), then path and method, then where a
//! browser says that it comes from, then who asks, and only then what is asked.
//!
//! Rejected: cookies, which a browser sends along for anybody; answers that differ for people and
//! machines. The page is three static files that use the same API with a token that a person
//! types.

mod auth;
mod condition;
mod diff;
mod helm;
mod hosts;
mod json;
mod labels;
mod list;
mod page;
mod problem;
mod query;
mod reload;
mod reloads;
mod reply;
mod resolve;
mod rights;
mod rollout;
mod route;
mod said;
mod session;
mod show;
mod stages;

#[cfg(test)]
mod tests;

use crate::evidence::Ledger;
use crate::snapshot::{Approvals, Login};
use crate::store::approvals::Desk;
use bytes::Bytes;
use http::{Response, request::Parts};
use http_body_util::Full;
use problem::Problem;
use route::{Access, Target};
use std::net::IpAddr;
use tokio::sync::Semaphore;

pub use helm::{Helm, Stands};
pub use reloads::{Asked, Change, Loaded, Reloads, Unheard, Want};
pub use rollout::{Archive, Rollout};
pub use route::ROUTES;

/// No body that is larger is read.
pub const BODY_BYTES_MAX: usize = 16 << 10;

/// As many may wait for a change at a time.
pub const WAITS_MAX: usize = 32;

/// What the answers are made of.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Where requests for approval are kept.
    pub desk: &'a Desk,
    /// What config says of them.
    pub approvals: &'a Approvals,
    /// Where every word on them is recorded.
    pub ledger: &'a Ledger,
    /// Whoever can read the state directory.
    pub local: &'a Login,
    /// The address that this connection came to; `None` for a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether the listener encrypts.
    pub scheme: Scheme,
    /// Room for those who wait; [`WAITS_MAX`] at the start.
    pub waits: &'a Semaphore,
    /// How a reload is asked for.
    pub reloads: &'a Reloads,
    /// What people steer the rollout with.
    pub helm: &'a Helm,
    /// Where a route stands in the snapshot that is in force when it is asked.
    pub stands: &'a (dyn Fn(&str) -> Option<Stands> + Sync),
    /// What the rollout is answered from.
    pub rollout: Rollout<'a>,
}

/// How the listener is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear; something before it may encrypt.
    Http,
    /// With TLS.
    Https,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than [`BODY_BYTES_MAX`].
    TooLarge,
    /// It broke off, or took too long.
    Broken,
}

/// Answers one request; what fails is an answer too.
pub async fn answer(
    head: &Parts,
    body: Result<Bytes, Unread>,
    context: &Context<'_>,
) -> Response<Full<Bytes>> {
    let answered = answer_or_refuse(head, body, context).await;
    reply::secured(answered.unwrap_or_else(|problem| problem.response())).map(Full::new)
}

/// The refusal of whoever may not ask that under `context`; `None` for all others. For an answer
/// that was waited for: config can have taken the login away meanwhile.
pub fn refusal(head: &Parts, context: &Context<'_>) -> Option<Response<Full<Bytes>>> {
    let problem = admitted(head, context).err()?;
    Some(reply::secured(problem.response()).map(Full::new))
}

async fn answer_or_refuse(
    head: &Parts,
    body: Result<Bytes, Unread>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let (target, login) = admitted(head, context)?;
    let Some(login) = login else { return Ok(page::of(&target)) };
    let query = head.uri.query();
    match target {
        Target::Approvals => list::answer(query, context).await,
        Target::Labels => labels::list(query, context).await,
        Target::Label => {
            query::none(query)?;
            labels::give(&labels::Asked { head, body, login }, context).await
        }
        Target::Rollout => rollout::status(query, context).await,
        Target::Diff => rollout::diff(query, context).await,
        Target::Approval(id) => {
            query::none(query)?;
            show::answer(&id, login, context).await
        }
        Target::Say(id, word) => {
            query::none(query)?;
            resolve::answer(&resolve::Asked { head, body, id, word, login }, context).await
        }
        Target::Promote(route) => {
            query::none(query)?;
            stages::promote(&stages::Asked { head, body, route, login }, context).await
        }
        Target::Demote(route) => {
            query::none(query)?;
            stages::demote(&stages::Asked { head, body, route, login }, context).await
        }
        Target::Reload => {
            query::none(query)?;
            reload::answer(body, login, context).await
        }
        _ => {
            query::none(query)?;
            Ok(session::of(login, context))
        }
    }
}

/// What is asked, and by whom; nobody in particular where anybody may.
fn admitted<'a>(
    head: &Parts,
    context: &Context<'a>,
) -> Result<(Target, Option<&'a Login>), Problem> {
    let host = hosts::own(head, context)?;
    let target = route::find(&head.method, head.uri.path())?;
    hosts::check_origin(head, &host, context.scheme)?;
    let Access::From(role) = target.access() else { return Ok((target, None)) };
    hosts::check_site(head)?;
    let login = auth::login(&head.headers, context)?;
    auth::check_role(login, role)?;
    Ok((target, Some(login)))
}
