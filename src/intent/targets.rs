//! Targets: what is acted on, made whole (spec C4.3).
//!
//! Class and domain are inferred where they are not given, and destructiveness is raised by
//! whatever implies it. The inference is the format's own and deliberately crude (a tool called
//! `confirm` contains `rm`); the adapter that knows better says the class itself.

use super::draft::TargetDraft;
use super::error::IntentError;
use super::text::{shown, trimmed, word};
use super::words::{DiscoveryMethod, EndpointClass, Kind};
use super::{Target, domain};

const READ_OPERATIONS: [&str; 8] =
    ["read", "get", "list", "open", "cat", "head", "download", "stat"];
const WRITE_OPERATIONS: [&str; 9] =
    ["write", "append", "put", "create", "update", "save", "copy", "move", "rename"];
const DELETE_OPERATIONS: [&str; 7] =
    ["delete", "remove", "rm", "unlink", "rmdir", "drop", "truncate"];
const EXEC_OPERATIONS: [&str; 5] = ["exec", "spawn", "run", "shell", "command"];
const DNS_OPERATIONS: [&str; 3] = ["dns", "resolve", "lookup"];

/// Beside those that delete, operations that make a target destructive.
const DESTRUCTIVE_OPERATIONS: [&str; 2] = ["exec", "spawn"];

/// What the name of a tool gives away, where the operation does not. First match wins.
const PATH_HINTS: [(&[&str], EndpointClass); 3] = [
    (&["read", "list", "fetch", "search"], EndpointClass::FsRead),
    (&["write", "update", "save", "create"], EndpointClass::FsWrite),
    (&["delete", "remove", "rm", "drop"], EndpointClass::FsDelete),
];
const EXEC_HINTS: [&str; 5] = ["exec", "shell", "command", "spawn", "run"];

/// All targets, unique, in the order of the format.
pub(super) fn normalise(
    drafts: Vec<TargetDraft>,
    tool_name: &str,
) -> Result<Vec<Target>, IntentError> {
    let hint = tool_hint(tool_name);
    let mut targets =
        drafts.into_iter().map(|draft| target(draft, hint)).collect::<Result<Vec<_>, _>>()?;
    targets.sort_unstable();
    targets.dedup();
    Ok(targets)
}

fn target(draft: TargetDraft, hint: &str) -> Result<Target, IntentError> {
    let (kind, value, operation) = (word(draft.kind), trimmed(draft.value), word(draft.operation));
    if kind.is_empty() || value.is_empty() {
        return Err(IntentError::Normalise("targets require kind and value".to_owned()));
    }
    let kind = Kind::parse(&kind)
        .ok_or_else(|| unsupported("unsupported target kind", &kind, &Kind::known()))?;
    let endpoint_class = match word(draft.endpoint_class) {
        class if class.is_empty() => infer_class(kind, &operation, hint),
        class => EndpointClass::parse(&class).ok_or_else(|| {
            unsupported("unsupported endpoint class", &class, &EndpointClass::known())
        })?,
    };
    let endpoint_domain = match word(draft.endpoint_domain) {
        domain if domain.is_empty() => infer_domain(kind, &value),
        domain => domain,
    };
    let destructive = draft.destructive
        || draft.destructive_hint
        || matches!(endpoint_class, EndpointClass::FsDelete | EndpointClass::ProcExec)
        || DELETE_OPERATIONS.contains(&operation.as_str())
        || DESTRUCTIVE_OPERATIONS.contains(&operation.as_str());
    Ok(Target {
        kind,
        value,
        operation,
        sensitivity: word(draft.sensitivity),
        endpoint_class,
        endpoint_domain,
        destructive,
        discovery_method: discovery(draft.discovery_method)?,
        read_only_hint: draft.read_only_hint,
        destructive_hint: draft.destructive_hint,
        idempotent_hint: draft.idempotent_hint,
        open_world_hint: draft.open_world_hint,
    })
}

fn discovery(method: String) -> Result<DiscoveryMethod, IntentError> {
    let method = word(method).replace(['-', ' '], "_");
    if method.is_empty() {
        return Ok(DiscoveryMethod::Unknown);
    }
    DiscoveryMethod::parse(&method).ok_or_else(|| {
        unsupported("unsupported discovery method", &method, &DiscoveryMethod::known())
    })
}

fn unsupported(what: &str, word: &str, known: &str) -> IntentError {
    IntentError::Normalise(format!("{what}: {}; known are {known}", shown(word)))
}

/// The last element of the tool name, which may look like a path.
fn tool_hint(tool_name: &str) -> &str {
    let name = tool_name.trim_end_matches('/');
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

fn infer_class(kind: Kind, operation: &str, hint: &str) -> EndpointClass {
    match kind {
        Kind::Path => path_class(operation, hint),
        Kind::Url | Kind::Host if DNS_OPERATIONS.contains(&operation) => EndpointClass::NetDns,
        Kind::Url | Kind::Host => EndpointClass::NetHttp,
        Kind::Other if EXEC_OPERATIONS.contains(&operation) || contains_any(hint, &EXEC_HINTS) => {
            EndpointClass::ProcExec
        }
        _ => EndpointClass::Other,
    }
}

fn path_class(operation: &str, hint: &str) -> EndpointClass {
    if READ_OPERATIONS.contains(&operation) {
        return EndpointClass::FsRead;
    }
    if WRITE_OPERATIONS.contains(&operation) {
        return EndpointClass::FsWrite;
    }
    if DELETE_OPERATIONS.contains(&operation) {
        return EndpointClass::FsDelete;
    }
    PATH_HINTS
        .iter()
        .find(|(words, _)| contains_any(hint, words))
        .map_or(EndpointClass::Other, |(_, class)| *class)
}

fn contains_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

fn infer_domain(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Host => domain::of_host(value),
        Kind::Url => domain::of_url(value),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{TargetDraft, normalise};
    use crate::intent::words::{DiscoveryMethod, EndpointClass};

    fn draft(kind: &str, operation: &str) -> TargetDraft {
        TargetDraft {
            kind: kind.into(),
            value: "/x".into(),
            operation: operation.into(),
            ..Default::default()
        }
    }

    fn class(kind: &str, operation: &str, tool: &str) -> EndpointClass {
        normalise(vec![draft(kind, operation)], tool).unwrap().first().unwrap().endpoint_class
    }

    #[test]
    fn classes_are_inferred_from_kind_then_operation_then_tool() {
        assert_eq!(class("path", " READ ", "files.delete"), EndpointClass::FsRead);
        assert_eq!(class("path", "", "confirm"), EndpointClass::FsDelete);
        assert_eq!(class("path", "poke", "a/files.search/"), EndpointClass::FsRead);
        assert_eq!(class("path", "", "read/poke"), EndpointClass::Other);
        assert_eq!(class("url", "resolve", "t"), EndpointClass::NetDns);
        assert_eq!(class("host", "delete", "t"), EndpointClass::NetHttp);
        assert_eq!(class("other", "", "poke"), EndpointClass::Other);
        assert_eq!(class("other", "", "runner"), EndpointClass::ProcExec);
        assert_eq!(class("table", "drop", "t"), EndpointClass::Other);
    }

    #[test]
    fn destruction_is_raised_and_never_lowered() {
        let destructive = |draft| normalise(vec![draft], "t").unwrap().first().unwrap().destructive;
        assert!(destructive(draft("table", "drop")));
        assert!(destructive(draft("queue", "spawn")));
        assert!(destructive(TargetDraft { destructive_hint: true, ..draft("url", "get") }));
        assert!(!destructive(draft("other", "put")));
    }

    #[test]
    fn targets_are_a_sorted_set() {
        let targets = vec![draft("url", "get"), draft("path", "read"), draft(" PATH ", "Read")];
        let kinds: Vec<_> =
            normalise(targets, "t").unwrap().iter().map(|target| target.kind.as_str()).collect();
        assert_eq!(kinds, ["path", "url"]);
    }

    #[test]
    fn discovery_methods_may_be_spelt_with_dashes() {
        let draft = TargetDraft { discovery_method: " Dynamic-MCP".into(), ..draft("url", "") };
        let targets = normalise(vec![draft], "t").unwrap();
        assert_eq!(targets.first().unwrap().discovery_method, DiscoveryMethod::DynamicMcp);
    }

    #[test]
    fn what_a_target_lacks_or_misnames_is_said() {
        let error = |draft| normalise(vec![draft], "t").unwrap_err().to_string();
        assert!(error(TargetDraft::default()).ends_with("targets require kind and value"));
        assert!(error(draft("planet", "")).contains("unsupported target kind: planet; known are"));
        let draft = TargetDraft { endpoint_class: "net.ftp".into(), ..draft("url", "") };
        assert!(error(draft).contains("unsupported endpoint class: net.ftp"));
    }
}
