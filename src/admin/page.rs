//! The static files: the page for people, and the description of the API for programs. None of
//! them holds data, so they are for anybody who reaches the listener.

use super::reply;
use super::route::Target;
use bytes::Bytes;
use http::{Response, StatusCode};

const PAGE: &str = include_str!("page/index.html");
const SCRIPT: &str = concat!(
    include_str!("page/text.js"),
    include_str!("page/api.js"),
    include_str!("page/list.js"),
    include_str!("page/request.js"),
    include_str!("page/decide.js"),
    include_str!("page/approvals.js")
);
const STYLE: &str = include_str!("page/approvals.css");
const OPENAPI: &str = include_str!("../../docs/openapi.json");

/// The file of a target that is open to all.
pub(super) fn of(target: &Target) -> Response<Bytes> {
    let (media, text) = match target {
        Target::Script => ("text/javascript; charset=utf-8", SCRIPT),
        Target::Style => ("text/css; charset=utf-8", STYLE),
        Target::OpenApi => ("application/json", OPENAPI),
        _ => ("text/html; charset=utf-8", PAGE),
    };
    reply::typed(StatusCode::OK, media, Bytes::from_static(text.as_bytes()))
}
