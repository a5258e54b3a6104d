//! The environment, as far as it may speak: `GAIT__…` overrides and `${NAME}` in addresses.

use super::ConfigError;
use crate::rollout::Shelf;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Overrides that may be set, besides `GAIT__UPSTREAMS__NAME__URL`.
const ALLOWED: [&str; 6] = [
    "GAIT__SERVER__LISTEN",
    "GAIT__ADMIN__LISTEN",
    "GAIT__TELEMETRY__LISTEN",
    "GAIT__STATE_DIR",
    "GAIT__LOG__FORMAT",
    "GAIT__LOG__LEVEL",
];

/// A copy of the process environment, and what a process that serves adds to it. Its debug form
/// shows names alone: secrets live in it.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    serving: Option<PathBuf>,
    /// Whether the state that is looked at is a copy, which nobody serves from.
    state: State,
}

/// What the state is to whoever loads a config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// That of a process, or of one to come.
    #[default]
    Own,
    Copied,
}

impl Environment {
    /// Takes the variables over.
    ///
    /// # Errors
    /// A `GAIT__` variable that no environment may set, such as a stage.
    pub fn new(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Environment, ConfigError> {
        let variables: BTreeMap<_, _> = variables.into_iter().collect();
        match variables.keys().find(|name| name.starts_with("GAIT__") && !may_set(name)) {
            Some(name) => Err(ConfigError::Flags(format!(
                "the environment variable `{name}` sets nothing; the environment may set {} and \
                 GAIT__UPSTREAMS__<NAME>__URL, everything else belongs into the config file",
                ALLOWED.join(", ")
            ))),
            None => Ok(Environment { variables, serving: None, state: State::Own }),
        }
    }

    /// The same, with the URL of one upstream set.
    pub fn with_upstream(&self, name: &str, address: SocketAddr) -> Environment {
        let mut variables = self.variables.clone();
        variables.insert(upstream_key(name), format!("http://{address}"));
        Environment { variables, ..self.clone() }
    }

    /// The same for a process that serves, whose state lies in `state_dir` whatever a config that
    /// it loads says.
    pub fn of_process(self, state_dir: &Path) -> Environment {
        Environment { serving: Some(state_dir.to_owned()), ..self }
    }

    /// The same for who looks back at a copy of a state directory; `None` where its place is told by
    /// the config.
    pub fn of_copy(self, state_dir: Option<&Path>) -> Environment {
        Environment { serving: state_dir.map(Path::to_owned), state: State::Copied, ..self }
    }

    /// The overlay of which a config with this `state_dir` is told.
    pub(super) fn shelf(&self, said: &Path) -> Shelf {
        match self.state {
            State::Own => Shelf::new(self.state_dir(said)),
            State::Copied => Shelf::copied(self.state_dir(said)),
        }
    }

    /// Where the state lies of which a config with this `state_dir` is told.
    fn state_dir<'a>(&'a self, said: &'a Path) -> &'a Path {
        self.serving.as_deref().unwrap_or(said)
    }

    /// An override such as `GAIT__SERVER__LISTEN`.
    pub(super) fn over(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The overrides of upstreams that are not among `names`.
    pub(super) fn strangers<'a>(&'a self, names: &[&str]) -> Option<&'a str> {
        let known: Vec<String> = names.iter().map(|name| upstream_key(name)).collect();
        let mut said = self.variables.keys().filter(|key| key.starts_with("GAIT__UPSTREAMS__"));
        said.find(|key| !known.contains(key)).map(String::as_str)
    }

    /// The override of an upstream's URL.
    pub(super) fn upstream(&self, name: &str) -> Option<&str> {
        self.over(&upstream_key(name))
    }

    /// Fills `${NAME}` in.
    ///
    /// # Errors
    /// Names the variable that is not set.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        let mut parts = text.split("${");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').ok_or("`${` is not closed by `}`")?;
            let value = self.over(name).ok_or_else(|| format!("`${{{name}}}` is not set"))?;
            out.push_str(value);
            out.push_str(rest);
        }
        Ok(out)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

fn may_set(name: &str) -> bool {
    let upstream = name.strip_prefix("GAIT__UPSTREAMS__").and_then(|n| n.strip_suffix("__URL"));
    ALLOWED.contains(&name) || upstream.is_some_and(|upstream| !upstream.is_empty())
}

fn upstream_key(name: &str) -> String {
    let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
    format!("GAIT__UPSTREAMS__{name}__URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Result<Environment, ConfigError> {
        Environment::new([(name.to_owned(), "x".to_owned())])
    }

    #[test]
    fn a_variable_cannot_open_a_gate() {
        for name in ["GAIT__STAGE", "GAIT__ROUTES", "GAIT__POLICY", "GAIT__UPSTREAMS____URL"] {
            assert!(environment(name).is_err(), "{name}");
        }
        for name in ["GAIT__SERVER__LISTEN", "GAIT__UPSTREAMS__A_B__URL", "HOME"] {
            assert!(environment(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn debug_shows_no_values() {
        let environment = Environment::new([("TOKEN".to_owned(), "secret".to_owned())]).unwrap();
        assert_eq!(format!("{environment:?}"), "{\"TOKEN\"}");
    }

    #[test]
    fn names_in_braces_are_filled_in() {
        let environment = environment("PORT").unwrap();
        assert_eq!(environment.fill("a:${PORT}/b").unwrap(), "a:x/b");
        assert!(environment.fill("${GONE}").is_err());
        assert!(environment.fill("${PORT").is_err());
    }
}
