//! `credential` of an upstream: the tool's own secret, from the environment or a file.
//!
//! The secret itself never stands in the config, which people show to each other. It is read when
//! the config is; a reload reads files anew, while the environment stays what it was at start.

use crate::config::DOCUMENT;
use crate::config::site::Site;
use crate::snapshot::{CredentialError, ToolCredential};
use crate::yaml::{Fault, Fields, Keys, Node};
use zeroize::Zeroizing;

const CREDENTIAL: Keys =
    Keys { document: DOCUMENT, read: &["bearer", "basic", "header"], legacy: &[] };
const BASIC: Keys = Keys { document: DOCUMENT, read: &["user", "password"], legacy: &[] };
const HEADER: Keys = Keys { document: DOCUMENT, read: &["name", "value"], legacy: &[] };
const SECRET: Keys = Keys { document: DOCUMENT, read: &["env", "file"], legacy: &[] };

/// Reads `credential`, where it is written.
pub(super) fn read(
    upstream: &mut Fields,
    site: &Site<'_>,
) -> Result<Option<ToolCredential>, Fault> {
    if !upstream.has("credential") {
        return Ok(None);
    }
    let path = upstream.at("credential");
    let node = upstream.take("credential");
    let place = node.place;
    let mut fields = Fields::open(node, path, &CREDENTIAL)?;
    let said: Vec<&str> = CREDENTIAL.read.iter().copied().filter(|kind| fields.has(kind)).collect();
    let [kind] = said.as_slice() else {
        let what = format!("`{}`: name one of bearer, basic and header", upstream.at("credential"));
        return Err(Fault::validate(place, what));
    };
    let (path, node) = (fields.at(kind), fields.take(kind));
    let made = match *kind {
        "bearer" => ToolCredential::bearer(&secret(node, path.clone(), site)?),
        "basic" => basic(node, path.clone(), site)?,
        _ => header(node, path.clone(), site)?,
    };
    made.map(Some).map_err(|error| Fault::validate(place, format!("`{path}`: {error}")))
}

type Made = Result<ToolCredential, CredentialError>;

fn basic(node: Node, path: String, site: &Site<'_>) -> Result<Made, Fault> {
    let mut fields = Fields::open(node, path, &BASIC)?;
    let (user, _) = fields.text("user")?;
    let password = secret(fields.take("password"), fields.at("password"), site)?;
    Ok(ToolCredential::basic(&user, &password))
}

fn header(node: Node, path: String, site: &Site<'_>) -> Result<Made, Fault> {
    let mut fields = Fields::open(node, path, &HEADER)?;
    let (name, _) = fields.text("name")?;
    let value = secret(fields.take("value"), fields.at("value"), site)?;
    Ok(ToolCredential::header(&name, &value))
}

/// Reads `{ env: NAME }` or `{ file: PATH }`.
pub(in crate::config) fn secret(
    node: Node,
    path: String,
    site: &Site<'_>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let place = node.place;
    let mend = format!("`{path}`: write `{{ env: NAME }}` or `{{ file: PATH }}`");
    if !matches!(node.value, crate::yaml::Scalar::Map(_)) {
        // Whatever stands there is not shown: it may be the secret.
        return Err(Fault::validate(place, mend));
    }
    let mut fields = Fields::open(node, path, &SECRET)?;
    let ((variable, _), (file, _)) = (fields.text("env")?, fields.text("file")?);
    let read = match (variable.as_str(), file.as_str()) {
        ("", "") => return Err(Fault::validate(place, mend)),
        ("", file) => site.secret_file(file),
        (name, "") => match site.environment.over(name) {
            Some(value) => Ok(Zeroizing::new(value.as_bytes().to_vec())),
            None => Err(format!("the environment variable `{name}` is not set")),
        },
        _ => return Err(Fault::validate(place, mend)),
    };
    read.map_err(|what| {
        let key = if file.is_empty() { "env" } else { "file" };
        Fault::validate(place, format!("`{}`: {what}", fields.at(key)))
    })
}
