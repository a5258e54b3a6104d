//! `sources`: one by one, and that no two of them read the same thing in two ways.

use super::{api_key, common, jwt, peers};
use crate::config::outside::Outside;
use crate::config::{DOCUMENT, Site, routes};
use crate::identity::facts::{Frame, Mode, Stamp};
use crate::identity::field::Field;
use crate::identity::sources::ANONYMOUS;
use crate::identity::{Source, Way};
use crate::yaml::{Fault, Fields, Keys, Node, Place};

const SOURCE: Keys = Keys {
    document: DOCUMENT,
    read: &["name", "jwt", "api_key", "certificate", "header", "unix"],
    legacy: &[],
};

/// What sources of every kind can say beside their own.
const KINDS: [(&str, Mode, &Keys); 5] = [
    ("jwt", Mode::Jwt, &jwt::KEYS),
    ("api_key", Mode::ApiKey, &api_key::KEYS),
    ("certificate", Mode::Certificate, &peers::CERTIFICATE),
    ("header", Mode::Header, &peers::HEADER),
    ("unix", Mode::Unix, &peers::UNIX),
];

/// A header that a source reads, and where the source stands in the config.
struct Reader<'s> {
    source: &'s Source,
    field: &'s Field,
    place: Place,
}

/// Reads `sources`, in their order.
pub(super) fn read(
    identity: &mut Fields,
    frame: &Frame,
    site: &Site<'_>,
) -> Result<(Vec<Source>, Vec<Outside>), Fault> {
    let path = identity.at("sources");
    let (mut sources, mut places, mut fetched) = (Vec::new(), Vec::new(), Vec::new());
    for (index, node) in identity.list("sources")?.into_iter().enumerate() {
        let place = node.place;
        let (source, remote) = one(node, format!("{path}[{index}]"), frame, site)?;
        check_name(&source, &sources, place)?;
        sources.push(source);
        places.push(place);
        fetched.extend(remote);
    }
    check_headers(&sources, &places)?;
    Ok((sources, fetched))
}

fn one(
    node: Node,
    path: String,
    frame: &Frame,
    site: &Site<'_>,
) -> Result<(Source, Option<Outside>), Fault> {
    let mut fields = Fields::open(node, path, &SOURCE)?;
    let what = "it is the metric label and the word in the evidence";
    let name = crate::config::required_text(&mut fields, "name", what)?;
    routes::name(&name, fields.place(), &fields.at("name"))?;
    let said: Vec<_> = KINDS.into_iter().filter(|(key, ..)| fields.has(key)).collect();
    let [(key, mode, keys)] = said.as_slice() else {
        let known = KINDS.map(|(key, ..)| key).join(", ");
        let what = format!("a source is of exactly one kind; write one of {known}");
        return Err(common::fault(&fields, "name", fields.place(), &what));
    };
    let path = fields.at(key);
    let mut own = Fields::open(fields.take(key), path, keys)?;
    let stamp = Stamp {
        source: name.into(),
        mode: *mode,
        prefix: common::plain(&mut own, "prefix")?.unwrap_or_default(),
        set: common::set(&mut own)?,
    };
    let (way, fetched) = way(&mut own, &stamp, frame, site)?;
    Ok((Source { stamp, way }, fetched))
}

fn way(
    fields: &mut Fields,
    stamp: &Stamp,
    frame: &Frame,
    site: &Site<'_>,
) -> Result<(Way, Option<Outside>), Fault> {
    let way = match stamp.mode {
        Mode::Jwt => {
            let (header, jwt, fetched) = jwt::read(fields, &stamp.source, site)?;
            return Ok((Way::Jwt(header, Box::new(jwt)), fetched));
        }
        Mode::ApiKey => {
            let (header, keys) = api_key::read(fields, stamp, frame)?;
            Way::ApiKey(header, keys)
        }
        Mode::Certificate => Way::Certificate(peers::certificates(fields)?),
        Mode::Header => Way::Header(Box::new(peers::header(fields)?)),
        Mode::Unix => Way::Unix(peers::users(fields, stamp, frame)?),
    };
    Ok((way, None))
}

fn check_name(source: &Source, earlier: &[Source], place: Place) -> Result<(), Fault> {
    let name = &source.stamp.source;
    let what = if &**name == ANONYMOUS {
        format!("`{name}` is the source of callers without credentials; use another name")
    } else if earlier.iter().any(|other| other.stamp.source == *name) {
        format!("two sources are named `{name}`; rename one")
    } else {
        return Ok(());
    };
    Err(Fault::validate(place, format!("`identity.sources`: {what}")))
}

/// Two sources may read one header only where each token in it belongs to one of them.
fn check_headers(sources: &[Source], places: &[Place]) -> Result<(), Fault> {
    let mut readers: Vec<Reader<'_>> = Vec::new();
    for (source, place) in sources.iter().zip(places) {
        for field in source.fields() {
            let reader = Reader { source, field, place: *place };
            readers.iter().try_for_each(|earlier| reader.check_beside(earlier))?;
            readers.push(reader);
        }
    }
    Ok(())
}

impl Reader<'_> {
    fn check_beside(&self, other: &Reader<'_>) -> Result<(), Fault> {
        if !self.field.is_like(other.field) {
            return Ok(());
        }
        let what = match (&self.source.way, &other.source.way) {
            (Way::Jwt(_, own), Way::Jwt(_, their)) if own.issuer == their.issuer => {
                "with tokens of the same issuer; join their audiences in one source"
            }
            (Way::Jwt(..) | Way::ApiKey(..), Way::Jwt(..) | Way::ApiKey(..))
                if self.field == other.field =>
            {
                return Ok(());
            }
            _ => "and nobody could tell whose it is; use another header",
        };
        let (own, their) = (&self.source.stamp.source, &other.source.stamp.source);
        let what =
            format!("`identity.sources`: `{own}` and `{their}` read the same header, {what}");
        Err(Fault::validate(self.place, what))
    }
}
