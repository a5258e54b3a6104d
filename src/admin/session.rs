//! Who is logged in, and what that is good for.

use super::{Context, reply};
use crate::snapshot::Login;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

pub(super) fn of(login: &Login, context: &Context<'_>) -> Response<Bytes> {
    let approver = context.approvals.roster.by_login(&login.name);
    let session = json!({
        "login": &*login.name,
        "role": login.role.as_str(),
        "approver": approver.map(|approver| &*approver.name),
        "version": env!("CARGO_PKG_VERSION"),
    });
    reply::json(StatusCode::OK, &session)
}
