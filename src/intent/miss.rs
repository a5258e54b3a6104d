//! Why a route does not take a call, in words for whoever wrote the route.
//!
//! It says what the route wants and never what the request has: that may be a secret.

use super::pattern::Pattern;
use super::predicates::{Place, Predicate, Test};
use http::Method;
use std::fmt;

/// What of a call does not fit a route.
#[derive(Clone, Debug, PartialEq)]
pub enum Miss {
    /// Its method; the route takes these.
    Method(Vec<Method>),
    /// Its path; the route takes this.
    Path(Pattern),
    /// A condition, the first that does not hold.
    Condition(Predicate),
}

impl Miss {
    /// Where to look: `method`, `path`, `query x`, `header x`, `body /x`.
    pub fn place(&self) -> String {
        match self {
            Miss::Method(_) => "method".to_owned(),
            Miss::Path(_) => "path".to_owned(),
            Miss::Condition(predicate) => predicate.place.to_string(),
        }
    }

    /// What the route wants to find there.
    pub fn wanted(&self) -> String {
        match self {
            Miss::Method(methods) => one_of(methods),
            Miss::Path(pattern) => pattern.to_string(),
            Miss::Condition(predicate) => predicate.test.to_string(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Query(key) => write!(f, "query {key}"),
            Place::Header(name) => write!(f, "header {name}"),
            Place::Body(pointer) => write!(f, "body {pointer}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::Equals(value) => write!(f, "{value}"),
            Test::OneOf(values) => f.write_str(&one_of(values)),
            Test::Range { min: Some(min), max: Some(max) } => write!(f, "{min} to {max}"),
            Test::Range { min: Some(min), max: None } => write!(f, "{min} or more"),
            Test::Range { min: None, max: Some(max) } => write!(f, "{max} or less"),
            Test::Range { min: None, max: None } => f.write_str("a number"),
            Test::Present => f.write_str("anything"),
            Test::Absent => f.write_str("nothing"),
        }
    }
}

fn one_of<T: fmt::Display>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    match values.as_slice() {
        [one] => one.clone(),
        values => format!("one of {}", values.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_miss_says_what_the_route_wants() {
        let range = |min, max| Test::Range { min, max };
        let body = |test| Miss::Condition(Predicate { place: Place::Body("/a".into()), test });
        let pattern = Pattern::parse("/v1/{a}/b/{rest*}/c").unwrap();
        for (miss, want) in [
            (Miss::Method(vec![Method::GET]), "method: GET"),
            (Miss::Method(vec![Method::GET, Method::HEAD]), "method: one of GET, HEAD"),
            (Miss::Path(pattern), "path: /v1/{a}/b/{rest*}/c"),
            (body(Test::Equals(json!("x"))), "body /a: \"x\""),
            (body(Test::OneOf(vec![json!(1), json!(true)])), "body /a: one of 1, true"),
            (body(range(Some(0.0), Some(100.0))), "body /a: 0 to 100"),
            (body(range(Some(0.5), None)), "body /a: 0.5 or more"),
            (body(range(None, Some(9.0))), "body /a: 9 or less"),
            (body(Test::Present), "body /a: anything"),
            (body(Test::Absent), "body /a: nothing"),
        ] {
            assert_eq!(format!("{}: {}", miss.place(), miss.wanted()), want);
        }
    }
}
