//! Requests for approval, newest first; on wish not before something has changed.

use super::problem::Problem;
use super::query::{self, News};
use super::{Context, reply};
use crate::clock;
use crate::store::approvals::{Filter, Page, Summary};
use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;
use std::time::Duration;

/// Between two looks of one who waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct List<'a> {
    revision: u64,
    next: Option<&'a str>,
    approvals: Vec<Summary<'a>>,
}

pub(super) async fn answer(
    query: Option<&str>,
    context: &Context<'_>,
) -> Result<Response<Bytes>, Problem> {
    let wish = query::wish(query)?;
    let page = match wish.news {
        Some(news) => awaited(&wish.filter, news, context).await?,
        None => context.desk.list(wish.filter).await?,
    };
    let now = clock::now();
    let list = List {
        revision: page.revision,
        next: page.next.as_ref().map(|id| id.as_str()),
        approvals: page.entries.iter().map(|entry| entry.summary(now)).collect(),
    };
    Ok(reply::json(StatusCode::OK, &list))
}

/// The list once its revision is another, or the time is over. A revision that has fallen is of
/// another store, and news as well.
async fn awaited(filter: &Filter, news: News, context: &Context<'_>) -> Result<Page, Problem> {
    let busy = || Problem::busy("too many wait for changes; ask without `wait`", "5");
    let _waits = context.waits.try_acquire().map_err(|_| busy())?;
    let begun = clock::instant();
    // A look needs the revision alone.
    let look = Filter { limit: 1, ..filter.clone() };
    while context.desk.list(look.clone()).await?.revision == news.since {
        let left = news.wait.saturating_sub(begun.elapsed());
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
    Ok(context.desk.list(filter.clone()).await?)
}
