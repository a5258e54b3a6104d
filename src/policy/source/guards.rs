//! Freeze windows and sandboxes of a rule (spec E6, E7).

use super::matcher::lowered;
use super::{DOCUMENT, count_at, guard_word, plain, vocabulary};
use crate::intent::text::{clean_path, list, shown, trimmed};
use crate::intent::{EnvExposure, FilesystemIsolation, NetworkMode, UserMode};
use crate::policy::Verdict;
use crate::policy::dataflow::True;
use crate::policy::freeze::{FreezeWindow, Window, Zone};
use crate::policy::sandbox::SandboxTerms;
use crate::policy::zone::LocalZone;
use crate::yaml::{Fault, Fields, Keys, Node};

const FREEZE_WINDOW: Keys = Keys {
    document: DOCUMENT,
    read: &["enabled", "timezone", "effect", "reason", "environments", "risk_classes", "windows"],
    legacy: &[],
};

const WINDOW: Keys = Keys { document: DOCUMENT, read: &["name", "start", "end"], legacy: &[] };

const SANDBOX: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "enabled",
        "allowed_network_modes",
        "allowed_writable_path_prefixes",
        "required_read_only_roots",
        "allowed_env_exposure_modes",
        "max_timeout_seconds",
        "allowed_filesystem_isolations",
        "allowed_user_modes",
    ],
    legacy: &[],
};

/// Reads `freeze_window`; any key that is set puts it in force.
pub(super) fn freeze_window(
    fields: &mut Fields,
    rule: &str,
) -> Result<Option<FreezeWindow>, Fault> {
    let path = fields.at("freeze_window");
    let mut fields = Fields::open(fields.take("freeze_window"), path, &FREEZE_WINDOW)?;
    let fields = &mut fields;
    let enabled = fields.flag("enabled")?;
    let (timezone, place) = fields.text("timezone")?;
    let timezone = trimmed(timezone);
    let effect = fields.text("effect")?;
    let reason = trimmed(fields.text("reason")?.0);
    let environments = lowered(fields, "environments")?;
    let risk_classes = lowered(fields, "risk_classes")?;
    let windows = fields.list("windows")?;
    let texts = [&timezone, &reason, &effect.0.trim().to_owned()];
    let said = enabled
        || texts.iter().any(|text| !text.is_empty())
        || ![environments.is_empty(), risk_classes.is_empty(), windows.is_empty()]
            .iter()
            .all(|e| *e);
    if !said {
        return Ok(None);
    }
    if timezone.is_empty() {
        let what = format!("freeze_window.timezone is required for `{}`", shown(rule));
        return Err(Fault::validate(place, what));
    }
    let effect = guard_word(effect, "freeze_window.effect", rule)?.unwrap_or(Verdict::Block);
    if windows.is_empty() {
        let what = format!("freeze_window.windows is required for `{}`", shown(rule));
        return Err(Fault::validate(fields.place(), what));
    }
    let zone = LocalZone::named(&timezone);
    let path = fields.at("windows");
    let windows = windows.into_iter().enumerate();
    let windows = windows.map(|(at, node)| window(node, at, &path, rule, zone.as_ref()));
    let windows = windows.collect::<Result<Vec<_>, _>>()?;
    let zone = if zone.is_some() { Zone::Known } else { Zone::Unknown };
    Ok(Some(FreezeWindow {
        enabled: True,
        timezone,
        effect,
        reason,
        environments,
        risk_classes,
        windows,
        zone,
    }))
}

fn window(
    node: Node,
    at: usize,
    path: &str,
    rule: &str,
    zone: Option<&LocalZone>,
) -> Result<Window, Fault> {
    let mut fields = Fields::open(node, format!("{path}[{at}]"), &WINDOW)?;
    let name = trimmed(fields.text("name")?.0);
    let name = if name.is_empty() { format!("window-{}", at + 1) } else { name };
    let start = trimmed(fields.text("start")?.0);
    let end = trimmed(fields.text("end")?.0);
    if start.is_empty() || end.is_empty() {
        let rule = shown(rule);
        let what = format!("freeze_window window start and end are required for `{rule}`");
        return Err(Fault::validate(fields.place(), what));
    }
    let utc = |text| zone.and_then(|zone| zone.read(text));
    let span = utc(&start).zip(utc(&end)).filter(|(start, end)| start < end);
    Ok(Window { name, start, end, span })
}

/// Reads `sandbox`; any list or limit that is set puts it in force.
pub(super) fn sandbox(fields: &mut Fields, rule: &str) -> Result<Option<SandboxTerms>, Fault> {
    let path = fields.at("sandbox");
    let mut fields = Fields::open(fields.take("sandbox"), path, &SANDBOX)?;
    let fields = &mut fields;
    let enabled = fields.flag("enabled")?;
    let refusal = |key: &'static str| {
        let rule = shown(rule);
        move |word: String| format!("unsupported sandbox.{key} {word} for `{rule}`")
    };
    let terms = SandboxTerms {
        enabled: True,
        allowed_network_modes: vocabulary(
            fields.texts("allowed_network_modes")?,
            NetworkMode::parse,
            refusal("allowed_network_mode"),
            NetworkMode::known,
        )?,
        allowed_writable_path_prefixes: paths(fields, "allowed_writable_path_prefixes")?,
        required_read_only_roots: paths(fields, "required_read_only_roots")?,
        allowed_env_exposure_modes: vocabulary(
            fields.texts("allowed_env_exposure_modes")?,
            EnvExposure::parse,
            refusal("allowed_env_exposure_mode"),
            EnvExposure::known,
        )?,
        max_timeout_seconds: count_at(fields, "max_timeout_seconds", "sandbox.", rule)?,
        allowed_filesystem_isolations: vocabulary(
            fields.texts("allowed_filesystem_isolations")?,
            FilesystemIsolation::parse,
            refusal("allowed_filesystem_isolation"),
            FilesystemIsolation::known,
        )?,
        allowed_user_modes: vocabulary(
            fields.texts("allowed_user_modes")?,
            UserMode::parse,
            refusal("allowed_user_mode"),
            UserMode::known,
        )?,
    };
    Ok((enabled || !terms.is_unset()).then_some(terms))
}

/// Cleaned like those of an intent's sandbox, so that they can be compared.
fn paths(fields: &mut Fields, key: &str) -> Result<Vec<String>, Fault> {
    let paths = list(plain(fields.texts(key)?)).into_iter().map(|path| clean_path(&path));
    Ok(list(paths.filter(|path| path != ".").collect()))
}
