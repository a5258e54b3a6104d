//! Why a reload was refused, as anybody may read it.
//!
//! The telemetry listener asks for no credential, and what is wrong with a config can quote it. No
//! secret belongs into one, but some end up there: so what looks like a credential is masked, and of
//! a URL only the place is shown. The log says all of it.

use crate::intent::conceal;
use jiff::Timestamp;
use std::fmt;

/// Longer is cut: an answer is for a person in a hurry.
const CHARS_MAX: usize = 500;

/// A refusal, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    since: Timestamp,
    why: String,
}

impl Refused {
    /// A refusal of this moment, and its whole reason.
    pub fn new(why: &str, at: Timestamp) -> Refused {
        let words: Vec<String> = why.split_whitespace().map(without_path).collect();
        let line = words.join(" ");
        Refused { since: at, why: conceal::text(&line).chars().take(CHARS_MAX).collect() }
    }

    /// The same, in a row with one before it.
    pub(super) fn after(&self, before: Option<&Refused>) -> Refused {
        let since = before.map_or(self.since, |before| before.since);
        Refused { since, why: self.why.clone() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused since {:.0}: {}", self.since, self.why)
    }
}

/// A word; a URL in it without user, path and query, each of which can be a secret.
fn without_path(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let end = rest.find(['/', '?', '#', '`']).unwrap_or(rest.len());
    let (place, more) = rest.split_at(end);
    let (_, host) = place.rsplit_once('@').unwrap_or(("", place));
    let close = word.rfind('`').filter(|at| *at > 0).map_or("", |_| "`");
    match more.trim_start_matches('`').is_empty() && place == host {
        true => word.to_owned(),
        false => format!("{scheme}://{host}/…{close}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(why: &str) -> String {
        Refused::new(why, Timestamp::UNIX_EPOCH).to_string()
    }

    #[test]
    fn it_is_one_line_and_says_since_when() {
        let told = "config gait.yaml:3:1: unknown field `colour` in the config\n  did you mean x?";
        let line = "refused since 1970-01-01T00:00:00Z: config gait.yaml:3:1: unknown field \
                    `colour` in the config did you mean x?";
        assert_eq!(shown(told), line);
        let first = Refused::new("a", Timestamp::UNIX_EPOCH);
        let second = Refused::new("b", Timestamp::from_second(60).unwrap()).after(Some(&first));
        assert_eq!(second.to_string(), "refused since 1970-01-01T00:00:00Z: b");
    }

    #[test]
    fn no_secret_gets_out() {
        for secret in [
            "`url`: `ftp://hooks.test/T0/B0/s3cr3t-path` is not a URL of https",
            "`url`: `https://ada:s3cr3t@hooks.test` holds more than host and port",
            "`url`: `https://hooks.test?key=s3cr3t` holds more than host and port",
            "unknown word `Bearer s3cr3tabcdefghijklmnopqrstuv`",
            "unknown word `AKIAIOSFODNN7S3CR3TX` and ghp_s3cr3taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert!(!shown(secret).to_lowercase().contains("s3cr3t"), "{}", shown(secret));
        }
        let kept = "`url`: `https://api.test:8443` is an upstream; write it as `https://HOST/PATH`";
        assert!(shown(kept).contains("`https://api.test:8443` is an upstream"), "{}", shown(kept));
        assert!(shown(kept).contains("`https://HOST/…`"), "{}", shown(kept));
    }
}
