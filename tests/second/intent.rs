//! An intent, normalised to the object that its digest is made of (C4, C5, E8, E9, E12).

use super::context::{self, hex, put};
use super::credentials::free_object;
use super::text::{Refused, digest, list, text, time, word, zero_time};
use super::{shape, targets};
use serde_json::{Map, Value, json};

pub(crate) fn normalise(given: &Value) -> Result<Value, Refused> {
    shape::check(given, shape::TOP)?;
    let mut out = Map::new();
    let steps = script(&given["script"])?;
    let tool = if steps.is_empty() { word(&given["tool_name"]) } else { "script".to_owned() };
    if tool.is_empty() {
        return Err("tool_name is required".to_owned());
    }
    out.insert("args".to_owned(), free_object(&given["args"], "args")?);
    // What the steps touch stands for what the script touches, unless it says so itself.
    let of_steps = |name: &str| {
        let all = steps.iter().flat_map(|step| step[name].as_array().cloned().unwrap_or_default());
        Value::from(all.collect::<Vec<_>>())
    };
    let is_blank = |name: &str| given[name].as_array().is_none_or(Vec::is_empty);
    let own = |name: &str| if is_blank(name) { of_steps(name) } else { given[name].clone() };
    out.insert("targets".to_owned(), targets::normalise(&own("targets"), &tool)?.into());
    put(&mut out, "arg_provenance", targets::provenance(&own("arg_provenance"))?);
    out.insert("tool_name".to_owned(), tool.into());
    if !given["skill_provenance"].is_null() {
        put(&mut out, "skill_provenance", skill(&given["skill_provenance"])?);
    }
    out.insert("context".to_owned(), context::normalise(&given["context"])?);
    if !given["delegation"].is_null() {
        put(&mut out, "delegation", delegation(&given["delegation"])?);
    }
    if !steps.is_empty() {
        let script = json!({"steps": steps});
        put(&mut out, "script_hash", digest(&script));
        put(&mut out, "script", script);
    }
    Ok(out.into())
}

/// What `policy test` puts as `created_at`.
pub(crate) fn created_at(given: &Value) -> String {
    match time(&given["created_at"]) {
        Ok(time) if time != zero_time() => time.to_string(),
        _ => "1980-01-01T00:00:00Z".to_owned(),
    }
}

fn script(given: &Value) -> Result<Vec<Value>, Refused> {
    if given.is_null() {
        return Ok(Vec::new());
    }
    shape::check(given, &[("steps", 'l')])?;
    let steps = given["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    if steps.is_empty() || steps.len() > 64 {
        return Err(format!("script.steps: {} of them", steps.len()));
    }
    steps.iter().map(step).collect()
}

fn step(given: &Value) -> Result<Value, Refused> {
    shape::check(given, shape::STEP)?;
    let tool = word(&given["tool_name"]);
    if tool.is_empty() {
        return Err("script.steps[i].tool_name is required".to_owned());
    }
    let mut out = Map::new();
    out.insert("args".to_owned(), free_object(&given["args"], "script.steps[i].args")?);
    put(&mut out, "targets", targets::normalise(&given["targets"], &tool)?);
    put(&mut out, "arg_provenance", targets::provenance(&given["arg_provenance"])?);
    put(&mut out, "tool_name", tool);
    Ok(out.into())
}

fn skill(given: &Value) -> Result<Map<String, Value>, Refused> {
    shape::check(given, shape::SKILL)?;
    let mut out = Map::new();
    put(&mut out, "source", word(&given["source"]));
    for name in ["skill_name", "publisher", "skill_version", "signature_key_id"] {
        put(&mut out, name, text(&given[name]));
    }
    if ["skill_name", "source", "publisher"].iter().any(|name| !out.contains_key(*name)) {
        return Err("skill provenance requires skill_name, source, and publisher".to_owned());
    }
    let digest = word(&given["digest"]);
    hex(&digest, "skill provenance digest")?;
    put(&mut out, "digest", digest);
    Ok(out)
}

fn delegation(given: &Value) -> Result<Map<String, Value>, Refused> {
    shape::check(given, shape::DELEGATION)?;
    let mut out = lifetime(given)?;
    let requester = text(&given["requester_identity"]);
    if requester.is_empty() {
        return Err("delegation.requester_identity is required".to_owned());
    }
    put(&mut out, "scope_class", word(&given["scope_class"]));
    put(&mut out, "token_refs", list(&given["token_refs"]));
    let links = given["chain"].as_array().cloned().unwrap_or_default();
    let chain = links.iter().map(link).collect::<Result<Vec<_>, _>>()?;
    for pair in chain.windows(2) {
        if pair[1]["delegator_identity"] != pair[0]["delegate_identity"] {
            return Err("delegation.chain does not join".to_owned());
        }
    }
    if chain.last().is_some_and(|last| last["delegate_identity"] != requester.as_str()) {
        return Err("delegation.chain does not end at the requester".to_owned());
    }
    put(&mut out, "requester_identity", requester);
    put(&mut out, "chain", chain);
    Ok(out)
}

fn link(given: &Value) -> Result<Value, Refused> {
    shape::check(given, shape::LINK)?;
    let mut out = lifetime(given)?;
    for name in ["delegator_identity", "delegate_identity"] {
        let said = text(&given[name]);
        if said.is_empty() {
            return Err("delegation.chain requires both identities".to_owned());
        }
        put(&mut out, name, said);
    }
    put(&mut out, "scope_class", word(&given["scope_class"]));
    put(&mut out, "token_ref", text(&given["token_ref"]));
    Ok(out.into())
}

/// The two times of a delegation or a link.
fn lifetime(given: &Value) -> Result<Map<String, Value>, Refused> {
    let (issued, expires) = (time(&given["issued_at"])?, time(&given["expires_at"])?);
    if issued != zero_time() && expires != zero_time() && expires <= issued {
        return Err("expires_at must be after issued_at".to_owned());
    }
    let mut out = Map::new();
    put(&mut out, "issued_at", issued.to_string());
    put(&mut out, "expires_at", expires.to_string());
    Ok(out)
}
