//! One request, with what ran before it and what the asking login may say of it.

use super::json::Request;
use super::problem::{Kind, Problem};
use super::{Context, reply, rights};
use crate::approval::RequestId;
use crate::clock;
use crate::snapshot::Login;
use crate::store::approvals::Entry;
use bytes::Bytes;
use http::{Response, StatusCode};

pub(super) async fn answer(
    id: &RequestId,
    login: &Login,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let entry = context.desk.show(id).await?.ok_or_else(|| absent(id))?;
    let before = context.desk.precedent(id).await?;
    let request = request(&entry, before.as_ref(), login, context);
    Ok(reply::tagged(reply::json(StatusCode::OK, &request), entry.version))
}

/// A request as `login` sees it.
pub(super) fn request<'a>(
    entry: &'a Entry,
    before: Option<&'a Entry>,
    login: &Login,
    context: &Context<'_>,
) -> Request<'a> {
    let now = clock::now();
    let may = rights::may(&context.approvals.roster, login, entry, now);
    Request::of(entry, before, may, now)
}

/// The answer for a request that is not there, or no longer.
pub(super) fn absent(id: &RequestId) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no request `{id}`"))
}
