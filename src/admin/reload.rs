//! Having config, policy and certificates read again.
//!
//! What is read is what lies on gait's disk: nothing can be sent along, so whoever may only use this
//! listener changes nothing by it.

use super::problem::{Kind, Problem};
use super::{Change, Context, Loaded, Unread, Want, reply};
use crate::snapshot::Login;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

/// The code of a refusal.
const REFUSED: &str = "reload_refused";

/// For `Retry-After`, in seconds.
const SOON: &str = "1";

#[derive(Serialize)]
struct InForce<'a> {
    snapshot: &'a str,
    changed: bool,
}

pub(super) async fn answer(
    body: Result<Bytes, Unread>,
    login: &Login,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    if !body.is_ok_and(|body| body.is_empty()) {
        let what = "a reload takes no body; it reads the files that gait was started with";
        return Err(Problem::malformed(what));
    }
    tracing::info!(login = %login.name, "a reload is asked for");
    let loaded = context.reloads.ask(Want::All).await;
    match loaded.map_err(|unheard| Problem::busy(&unheard.to_string(), SOON))? {
        Loaded::InForce { snapshot, change } => {
            let changed = change == Change::Made;
            Ok(reply::json(StatusCode::OK, &InForce { snapshot: &snapshot, changed }))
        }
        Loaded::Refused(why) => Err(Problem::new(Kind::ReloadRefused, &*why).because(REFUSED)),
    }
}
