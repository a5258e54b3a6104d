//! `approvers`: whose word counts, and for what.
//!
//! A key, a login and a name belong to one approver, so that two of them are two people.

use super::super::routes::Risks;
use super::super::settings::at as wrong;
use super::super::site::Site;
use super::super::{DOCUMENT, delegation};
use crate::approval::{Approver, May, Roster};
use crate::identity::text::is_plain;
use crate::sign::PublicKey;
use crate::snapshot::{LOCAL_LOGIN, Login, Role};
use crate::yaml::{Fault, Fields, Keys, Node, Place};
use std::sync::Arc;

const APPROVER: Keys = Keys {
    document: DOCUMENT,
    read: &["name", "keys", "logins", "identities", "may"],
    legacy: &[],
};
const MAY: Keys =
    Keys { document: DOCUMENT, read: &["tools", "risk_classes", "routes"], legacy: &[] };

/// Each is held against every token.
const APPROVERS_MAX: usize = 1_024;
/// Nobody has more keys.
const KEYS_MAX: usize = 16;

/// What an approver is read with.
struct Desk<'a> {
    logins: &'a [Login],
    risks: &'a Risks,
    site: &'a Site<'a>,
    others: Vec<Approver>,
}

/// Reads `approvers`; `None` where none is named.
pub(super) fn read(
    fields: &mut Fields,
    logins: &[Login],
    risks: &Risks,
    site: &Site<'_>,
) -> Result<Option<Roster>, Fault> {
    let (path, nodes) = (fields.at("approvers"), fields.list("approvers")?);
    if nodes.len() > APPROVERS_MAX {
        let what = format!("{} approvers; at most {APPROVERS_MAX}", nodes.len());
        return Err(wrong(fields, "approvers", fields.place(), &what));
    }
    let mut desk = Desk { logins, risks, site, others: Vec::new() };
    for (index, node) in nodes.into_iter().enumerate() {
        let approver = desk.approver(node, format!("{path}[{index}]"))?;
        desk.others.push(approver);
    }
    Ok(Some(desk.others).filter(|all| !all.is_empty()).map(Roster::new))
}

impl Desk<'_> {
    fn approver(&self, node: Node, path: String) -> Result<Approver, Fault> {
        let mut fields = Fields::open(node, path.clone(), &APPROVER)?;
        // What was meant to narrow must not widen.
        fields.refuse_empty(APPROVER.read)?;
        let name = self.name(&mut fields)?;
        let keys = self.keys(&mut fields)?;
        let logins = self.own_logins(&mut fields)?;
        if keys.is_empty() && logins.is_empty() {
            let what = format!(
                "`{path}`: `{name}` has neither `keys` nor `logins`, so nobody can approve as \
                 `{name}`; name one"
            );
            return Err(Fault::validate(fields.place(), what));
        }
        let identities = texts(&mut fields, "identities", |text| match is_plain(text) {
            true => Ok(()),
            false => Err("write the name of a caller, as evidence has it".to_owned()),
        })?;
        let identities = identities.into_iter().map(Arc::from).collect();
        Ok(Approver { name: name.into(), keys, logins, identities, may: self.may(&mut fields)? })
    }

    fn name(&self, fields: &mut Fields) -> Result<String, Fault> {
        let (name, place) = fields.text("name")?;
        if !is_plain(&name) {
            let what = "an approver has a name of plain text, up to 512 bytes, such as `ada`";
            return Err(wrong(fields, "name", place, what));
        }
        match self.others.iter().any(|other| *other.name == *name) {
            true => {
                let what = format!("another approver is called `{name}`; rename one");
                Err(wrong(fields, "name", place, &what))
            }
            false => Ok(name),
        }
    }

    fn keys(&self, fields: &mut Fields) -> Result<Vec<PublicKey>, Fault> {
        let files = fields.texts("keys")?;
        if files.len() > KEYS_MAX {
            let what = format!("{} keys; at most {KEYS_MAX}", files.len());
            return Err(wrong(fields, "keys", fields.place(), &what));
        }
        let mut keys: Vec<PublicKey> = Vec::new();
        for (file, place) in files {
            let fault = |what: String| wrong(fields, "keys", place, &what);
            let key = delegation::key(&file, self.site).map_err(fault)?;
            if let Some(other) = self.others.iter().find(|other| other.keys.contains(&key)) {
                let what = format!("{file} is a key of approver `{}`; {OF_ONE}", other.name);
                return Err(fault(what));
            }
            if keys.contains(&key) {
                return Err(fault(format!("{file} is named twice; remove one")));
            }
            keys.push(key);
        }
        Ok(keys)
    }

    fn own_logins(&self, fields: &mut Fields) -> Result<Vec<Arc<str>>, Fault> {
        let logins = texts(fields, "logins", |login| self.may_be_used(login))?;
        Ok(logins.into_iter().map(Arc::from).collect())
    }

    /// Whether somebody can approve with a login.
    fn may_be_used(&self, login: &str) -> Result<(), String> {
        let owner = self.others.iter().find(|other| other.logins.iter().any(|own| **own == *login));
        if let Some(owner) = owner {
            return Err(format!("`{login}` is a login of approver `{}`; {OF_ONE}", owner.name));
        }
        if login == LOCAL_LOGIN {
            return Ok(());
        }
        match self.logins.iter().find(|known| *known.name == *login) {
            Some(known) if known.role == Role::Viewer => Err(format!(
                "`{login}` has the role viewer, which may only look; give it the role approver, \
                 or take it out here"
            )),
            Some(_) => Ok(()),
            None => Err(format!(
                "there is no login `{login}`; add it to `admin.logins`, or write `{LOCAL_LOGIN}` \
                 for whoever can read the state directory"
            )),
        }
    }

    fn may(&self, approver: &mut Fields) -> Result<May, Fault> {
        let path = approver.at("may");
        let mut fields = Fields::open(approver.take("may"), path, &MAY)?;
        fields.refuse_empty(MAY.read)?;
        let field = fields.at("risk_classes");
        let risks = fields.list("risk_classes")?.into_iter();
        let tools = texts(&mut fields, "tools", pattern)?;
        Ok(May {
            tools: tools.into_iter().map(|tool| tool.to_lowercase()).collect(),
            risk_classes: risks
                .map(|risk| self.risks.word(risk, &field))
                .collect::<Result<_, _>>()?,
            routes: texts(&mut fields, "routes", pattern)?,
        })
    }
}

/// What a key or a login is.
const OF_ONE: &str = "it belongs to one person, so that two approvers are two people";

/// A list of texts, each once, and each as `check` wants it.
fn texts(
    fields: &mut Fields,
    key: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<Vec<String>, Fault> {
    let mut all: Vec<String> = Vec::new();
    for (text, place) in fields.texts(key)? {
        let fault = |place: Place, what: String| wrong(fields, key, place, &what);
        check(&text).map_err(|what| fault(place, what))?;
        if all.contains(&text) {
            return Err(fault(place, format!("`{text}` is named twice; remove one")));
        }
        all.push(text);
    }
    Ok(all)
}

fn pattern(text: &str) -> Result<(), String> {
    let front = text.strip_suffix('*').unwrap_or(text);
    match !text.is_empty() && !front.contains('*') && front.trim() == front {
        true => Ok(()),
        false => {
            Err(format!("`{text}` is no name; write one, or its beginning with one `*` at the end"))
        }
    }
}
