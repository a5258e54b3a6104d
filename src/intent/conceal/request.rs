//! The parts of a request as they may be shown beside an intent.
//!
//! They say again what the intent says, and what it leaves out: a query that no argument is made
//! from, a body of which one member is read. So each is also looked through by itself.

use super::credential::{holds_credential, looks_like_credential, spells_secret};
use super::hidden::{Hidden, MASK, form};
use super::meets_credential;
use crate::intent::Target;
use crate::json;
use serde_json::Value;
use std::borrow::Cow;

// === impl Hidden ===

impl Hidden {
    /// A text; the mask for one that is not to be shown.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(if self.forbids(text) { MASK } else { text })
    }

    /// A path without the segments that are not to be shown.
    pub fn path<'p>(&self, path: &'p str) -> Cow<'p, str> {
        self.pieces(path, "/", |segment| self.text(segment))
    }

    /// A query without the values that are not to be shown.
    pub fn query<'q>(&self, query: &'q str) -> Cow<'q, str> {
        self.pieces(query, "&", |pair| self.pair(pair))
    }

    /// The names of a query.
    pub fn names(&self, query: &str) -> String {
        let name = |pair: &str| {
            let name = pair.split('=').next().unwrap_or_default();
            if self.forbids(name) { MASK.to_owned() } else { format!("{name}={MASK}") }
        };
        query.split('&').map(name).collect::<Vec<_>>().join("&")
    }

    /// Targets without values and hosts that are not to be shown.
    pub fn targets<'t>(&self, targets: &'t [Target]) -> Cow<'t, [Target]> {
        let parts =
            |target: &Target| self.forbids(&target.value) || self.forbids(&target.endpoint_domain);
        if !targets.iter().any(parts) {
            return Cow::Borrowed(targets);
        }
        let mut targets = targets.to_vec();
        for target in &mut targets {
            for text in [&mut target.value, &mut target.endpoint_domain] {
                if self.forbids(text) {
                    MASK.clone_into(text);
                }
            }
        }
        Cow::Owned(targets)
    }

    /// Whether a body may be shown. Of what is no JSON, none that names a secret as forms of several
    /// parts and XML name it.
    pub fn permits_body(&self, body: &str) -> bool {
        let is_open = !self.forbids(body);
        is_open
            && match json::parse(body.as_bytes()) {
                Ok(document) => !self.forbids_value("", &document),
                Err(_) => !body.split(['"', '\'', '<', '>']).any(spells_secret),
            }
    }

    fn forbids_value(&self, name: &str, value: &Value) -> bool {
        let below = |value: &Value| match value {
            Value::Array(items) => items.iter().any(|item| self.forbids_value(name, item)),
            Value::Object(members) => members
                .iter()
                .any(|(name, member)| self.forbids(name) || self.forbids_value(name, member)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        meets_credential(name, value) || self.meets(value) || below(value)
    }

    /// Whether a text says something hidden, or holds a credential.
    fn forbids(&self, text: &str) -> bool {
        self.is_in(text) || holds_credential(text)
    }

    fn pair<'p>(&self, pair: &'p str) -> Cow<'p, str> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if self.forbids(name) {
            return Cow::Borrowed(MASK);
        }
        let is_secret = looks_like_credential(&form(name), &form(value)) || self.forbids(pair);
        if is_secret { Cow::Owned(format!("{name}={MASK}")) } else { Cow::Borrowed(pair) }
    }

    /// A text of several pieces as each is shown; the mask, where what is left says over several of
    /// them what is in none.
    fn pieces<'t>(
        &self,
        text: &'t str,
        sign: &str,
        shown: impl Fn(&'t str) -> Cow<'t, str>,
    ) -> Cow<'t, str> {
        let shown: Vec<Cow<'_, str>> = text.split(sign).map(shown).collect();
        let left = text.split(sign).zip(&shown).filter(|(piece, shown)| piece == shown);
        let left: Vec<&str> = left.map(|(piece, _)| piece).collect();
        if self.forbids(&left.join(sign)) {
            return Cow::Borrowed(MASK);
        }
        match left.len() == shown.len() {
            true => Cow::Borrowed(text),
            false => Cow::Owned(shown.join(sign)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hidden::tests::hidden;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_says_nothing_that_is_hidden() {
        let hidden = hidden(&json!({ "deep": ["Secret/Code", 7, true, null, ""] }));
        for (path, shown) in [
            ("/v1/a", "/v1/a"),
            ("/v1/secret%2fcode/b", "/v1/***/b"),
            ("/v1/secret/code/b", "***"),
            ("/v1/secret/code***", "***"),
            ("/v1/pin/7", "/v1/pin/***"),
            ("/v17/true", "/v17/true"),
        ] {
            assert_eq!(hidden.path(path), shown, "{path}");
        }
    }

    #[test]
    fn a_path_and_a_query_show_no_credential() {
        let none = Hidden::default();
        for (path, shown) in [
            ("/a/***", "/a/***"),
            ("/get/https://ada:pw@h.test/x", "***"),
            ("/get/https:%2F%2Fada:pw@h.test/x", "/get/***/x"),
            ("/t/password=a;b/c", "/t/***/c"),
        ] {
            assert_eq!(none.path(path), shown, "{path}");
        }
        for (query, shown) in [
            ("a=1&b", "a=1&b"),
            ("", ""),
            ("a=1&pass%77ord=x&token_ref=vault", "a=1&pass%77ord=***&token_ref=vault"),
            ("q=Bearer+abcdefgh1&a=1", "q=***&a=1"),
            ("to=https%3A%2F%2Fada%3Apw%40h.test", "to=***"),
            ("ghp_0123456789abcdef=1&a", "***&a"),
        ] {
            assert_eq!(none.query(query), shown, "{query}");
        }
        assert_eq!(none.names("a=1&ghp_0123456789abcdef&b"), "a=***&***&b=***");
    }

    #[test]
    fn a_body_is_shown_whole_or_not_at_all() {
        let hidden = hidden(&json!(["my code", 80125]));
        for body in ["plain", r#"{"a": [1, "b"], "token_ref": "vault"}"#, "<a>b</a>", "a=1&b=2"] {
            assert!(hidden.permits_body(body), "{body}");
        }
        for body in [
            "it is my code.",
            "a=my+code",
            "[[80125]]",
            r#"{"c": "my c\u006fde"}"#,
            r#"{"password": ["a"]}"#,
            r#"{"secret": {"a": 1}}"#,
            r#"{"a": "Basic YTpi"}"#,
            r#"{"pass\u0077ord": "a"}"#,
            "{\"ghp_0123456789abcdef\": 1}",
            "a=1&password=b",
            "<password>b</password>",
            "form-data; name=\"password\"\r\n\r\nb",
            "{\"a\": 1}\n{\"token\": [1]}",
        ] {
            assert!(!hidden.permits_body(body), "{body}");
        }
    }
}
