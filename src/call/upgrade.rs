//! The offer to go over to another protocol on the same connection (RFC 9110, 7.8).
//!
//! Behind an upgrade nobody judges what is said, so a route must name the protocols that it lets
//! its callers go over to. `h2c` is no offer: gait speaks HTTP/2 where its config says so, and an
//! upgrade to it would carry requests past the judge.

use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::{Method, Version, request::Parts};

/// What a request offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// Nothing.
    #[default]
    None,
    /// One protocol, in lower case.
    To(Box<str>),
    /// What no route takes: several protocols at once, or with another method than GET.
    Unfit,
}

impl Upgrade {
    /// Reads the offer. Before HTTP/1.1 and in HTTP/2 there is none, whatever the fields say.
    pub(super) fn read(parts: &Parts) -> Upgrade {
        if parts.version != Version::HTTP_11 || !words(&parts.headers, CONNECTION).any(is_upgrade) {
            return Upgrade::None;
        }
        let mut offered = words(&parts.headers, UPGRADE).filter(|word| word != "h2c");
        match (offered.next(), offered.next()) {
            (None, _) => Upgrade::None,
            (Some(one), None) if parts.method == Method::GET => Upgrade::To(one.into()),
            _ => Upgrade::Unfit,
        }
    }
}

/// Whether a tool goes over to the protocol that it was asked for, and to nothing else.
pub fn agrees(answer: &HeaderMap, asked: &str) -> bool {
    let mut taken = words(answer, UPGRADE);
    words(answer, CONNECTION).any(is_upgrade)
        && taken.next().is_some_and(|word| word == asked)
        && taken.next().is_none()
}

/// Sets the two fields that offer or take a protocol.
pub fn state(fields: &mut HeaderMap, protocol: &str) {
    if let Ok(protocol) = HeaderValue::from_str(protocol) {
        fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(UPGRADE, protocol);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given as a filter for owned words")]
fn is_upgrade(word: String) -> bool {
    word == "upgrade"
}

/// The words of a list field, in lower case; what is no text stands as an empty word.
fn words(headers: &HeaderMap, name: http::HeaderName) -> impl Iterator<Item = String> + use<'_> {
    let lists = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("\u{0}"));
    let words = lists.flat_map(|list| list.split(','));
    words.map(|word| word.trim().to_ascii_lowercase()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, version: Version, fields: &[(&str, &str)]) -> Upgrade {
        let request = http::Request::builder().method(method).uri("/").version(version);
        let add = |request: http::request::Builder, (name, value): &(&str, &str)| {
            request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        let request = fields.iter().fold(request, add);
        Upgrade::read(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn one_protocol_is_an_offer() {
        let get = |fields: &[(&str, &str)]| read("GET", Version::HTTP_11, fields);
        let connection = ("connection", "keep-alive, Upgrade");
        let websocket = Upgrade::To("websocket".into());
        assert_eq!(get(&[connection, ("upgrade", "WebSocket")]), websocket);
        assert_eq!(get(&[connection, ("upgrade", "h2c, websocket")]), websocket);
        assert_eq!(get(&[connection, ("upgrade", "h2c")]), Upgrade::None);
        assert_eq!(get(&[connection]), Upgrade::None);
        assert_eq!(get(&[("upgrade", "websocket")]), Upgrade::None);
        assert_eq!(get(&[("connection", "close"), ("upgrade", "websocket")]), Upgrade::None);
        assert_eq!(get(&[connection, ("upgrade", "websocket, foo")]), Upgrade::Unfit);
        assert_eq!(get(&[connection, ("upgrade", "a"), ("upgrade", "b")]), Upgrade::Unfit);
        assert_ne!(get(&[connection, ("upgrade", "é")]), Upgrade::None);
        let with = |method, version| read(method, version, &[connection, ("upgrade", "websocket")]);
        assert_eq!(with("POST", Version::HTTP_11), Upgrade::Unfit);
        assert_eq!(with("GET", Version::HTTP_10), Upgrade::None);
        assert_eq!(with("GET", Version::HTTP_2), Upgrade::None);
    }

    #[test]
    fn a_tool_takes_what_it_was_asked_for() {
        let answer = |fields: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            agrees(&headers, "websocket")
        };
        assert!(answer(&[("connection", "upgrade"), ("upgrade", "WebSocket")]));
        assert!(!answer(&[("upgrade", "websocket")]));
        assert!(!answer(&[("connection", "upgrade"), ("upgrade", "foo")]));
        assert!(!answer(&[("connection", "upgrade"), ("upgrade", "websocket, foo")]));
        assert!(!answer(&[("connection", "upgrade")]));
    }
}
