//! Query parameters: every one is known and stands once, or the request is refused.

use super::problem::Problem;
use crate::approval::{RequestId, State};
use crate::store::approvals::Filter;
use percent_encoding::percent_decode_str;
use std::collections::HashSet;
use std::str::FromStr;
use std::time::Duration;

/// On one page, unless said otherwise.
const LIMIT_DEFAULT: usize = 50;
/// On one page, at most.
const LIMIT_MAX: usize = 200;
/// How long a change may be waited for.
const WAIT_SECONDS_MAX: u64 = 60;
/// No tool is called so.
const TOOL_BYTES_MAX: usize = 1_024;

/// What a list is asked for.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) filter: Filter,
    pub(super) news: Option<News>,
}

/// Wait until the revision is another.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) since: u64,
    pub(super) wait: Duration,
}

/// Refuses any parameter.
pub(super) fn none(query: Option<&str>) -> Result<(), Problem> {
    match query {
        None | Some("") => Ok(()),
        Some(_) => Err(Problem::malformed("this path takes no query")),
    }
}

/// All parameters, each once.
pub(super) fn pairs(query: Option<&str>) -> Result<Vec<(&str, String)>, Problem> {
    let mut seen = HashSet::new();
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let read = |pair| {
        let (name, value) = str::split_once(pair, '=').unwrap_or((pair, ""));
        match seen.insert(name) {
            true => Ok((name, decoded(name, value)?)),
            false => Err(Problem::malformed(format!("`{name}` stands twice in the query"))),
        }
    };
    pairs.map(read).collect()
}

/// Reads the parameters of a list.
pub(super) fn wish(query: Option<&str>) -> Result<Wish, Problem> {
    let mut filter = Filter { limit: LIMIT_DEFAULT, ..Filter::default() };
    let (mut since, mut wait) = (None, None);
    for (name, value) in pairs(query)? {
        match name {
            "state" => filter.states = states(&value)?,
            "tool" => filter.tool_name = Some(tool(&value)?),
            "limit" => filter.limit = number(name, &value, 1, LIMIT_MAX)?,
            "before" => filter.before = Some(before(&value)?),
            "since" => since = Some(number(name, &value, 0, u64::MAX)?),
            "wait" => wait = Some(number(name, &value, 0, WAIT_SECONDS_MAX)?),
            other => return Err(unknown(other)),
        }
    }
    let news = match (since, wait) {
        (Some(since), Some(wait)) => Some(News { since, wait: Duration::from_secs(wait) }),
        (None, None) | (Some(_), None) => None,
        (None, Some(_)) => {
            return Err(Problem::malformed("`wait` needs `since`: the revision of your last list"));
        }
    };
    Ok(Wish { filter, news })
}

fn unknown(name: &str) -> Problem {
    let known = "state, tool, limit, before, since, wait";
    Problem::malformed(format!("unknown parameter `{name}`; write one of {known}"))
}

/// As forms encode it.
fn decoded(name: &str, value: &str) -> Result<String, Problem> {
    let spaced = value.replace('+', " ");
    let text = percent_decode_str(&spaced).decode_utf8();
    let text = text.map_err(|_| Problem::malformed(format!("`{name}` is not UTF-8")))?;
    Ok(text.into_owned())
}

fn states(value: &str) -> Result<Vec<State>, Problem> {
    let state = |word: &str| {
        State::parse(word).ok_or_else(|| {
            Problem::malformed(format!("unknown state `{word}`; write some of {}", State::known()))
        })
    };
    value.split(',').map(state).collect()
}

fn tool(value: &str) -> Result<String, Problem> {
    match value.trim() {
        "" => Err(Problem::malformed("`tool` is empty")),
        name if name.len() > TOOL_BYTES_MAX => Err(Problem::malformed("`tool` is too long")),
        name => Ok(name.to_lowercase()),
    }
}

fn before(value: &str) -> Result<RequestId, Problem> {
    RequestId::parse(value)
        .ok_or_else(|| Problem::malformed("`before` is no id; use `next` of the page before"))
}

pub(super) fn number<N>(name: &str, value: &str, min: N, max: N) -> Result<N, Problem>
where
    N: FromStr + PartialOrd + std::fmt::Display,
{
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let read = value.parse().ok().filter(|number| digits && min <= *number && *number <= max);
    read.ok_or_else(|| {
        Problem::malformed(format!("`{name}` must be a whole number from {min} to {max}"))
    })
}
