//! `forwarding`: what tools are told of the way of a call, and whose word on it is passed on.

use super::{DOCUMENT, trusted};
use crate::call::forwarding::{Form, Forwarding};
use crate::yaml::{Fault, Fields, Keys, Scalar};

const FORWARDING: Keys =
    Keys { document: DOCUMENT, read: &["trusted", "emit", "via"], legacy: &[] };

/// Longer than any name that a person would want in every request.
const VIA_BYTES_MAX: usize = 64;

/// Reads `forwarding`.
pub(super) fn read(top: &mut Fields) -> Result<Forwarding, Fault> {
    let mut fields = Fields::open(top.take("forwarding"), "forwarding".to_owned(), &FORWARDING)?;
    fields.refuse_empty(&["trusted", "via"])?;
    let default = Forwarding::default();
    let path = fields.at("trusted");
    let trusted = trusted::read(fields.take("trusted"), path)?;
    let emit = if fields.has("emit") { forms(&mut fields)? } else { default.emit };
    let via = match via(&mut fields)? {
        Some(via) => via.into(),
        None => default.via,
    };
    Ok(Forwarding { trusted, emit, via })
}

/// An empty list is meant: nothing is told then.
fn forms(fields: &mut Fields) -> Result<Vec<Form>, Fault> {
    let field = fields.at("emit");
    let node = fields.take("emit");
    let place = node.place;
    let what = |said: &str| {
        format!("`{field}`: {said}; it is a list of `forwarded` and `x-forwarded`, or `[]`")
    };
    let Scalar::List(items) = node.value else {
        return Err(Fault::validate(place, what("this is no list")));
    };
    let form = |item: crate::yaml::Node| match item.value {
        Scalar::Text(text) if text == "forwarded" => Ok(Form::Standard),
        Scalar::Text(text) if text == "x-forwarded" => Ok(Form::Customary),
        Scalar::Text(text) => Err(Fault::validate(item.place, what(&format!("unknown `{text}`")))),
        _ => Err(Fault::validate(item.place, what("this is no word"))),
    };
    items.into_iter().map(form).collect()
}

fn via(fields: &mut Fields) -> Result<Option<String>, Fault> {
    let (said, place) = fields.text("via")?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if said.is_empty() {
        return Ok(None);
    }
    match said.len() <= VIA_BYTES_MAX && said.bytes().all(token) {
        true => Ok(Some(said)),
        false => {
            let field = fields.at("via");
            let what = format!(
                "`{field}`: `{said}` is not a name; use up to {VIA_BYTES_MAX} letters, digits, \
                 `.`, `-` and `_`"
            );
            Err(Fault::validate(place, what))
        }
    }
}
