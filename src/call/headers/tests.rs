//! Which fields are refused, which are taken out, and which go on.

use super::*;

fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    fields.iter().map(pair).fold(HeaderMap::new(), |mut map, (name, value)| {
        map.append(name, value);
        map
    })
}

#[test]
fn owned_fields_go_in_every_spelling() {
    let kept = forwardable(&map(&[
        ("gait-approval", "t"),
        ("gait_approval", "t"),
        ("x-forwarded-for", "1"),
        ("x_forwarded_for", "1"),
        ("x.forwarded.host", "1"),
        ("gait.verdict", "allow"),
        ("forwarded", "for=1"),
        ("x-real-ip", "1"),
        ("x-custom", "kept"),
        ("x_custom", "kept"),
        ("connection", "keep-alive, x-hop"),
        ("x-hop", "gone"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
    ]));
    let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["te", "x-custom", "x_custom"]);
}

#[test]
fn nominations_and_folds_are_refused() {
    let rows = [
        (map(&[("connection", "gait-approval")]), Malformed::ConnectionNomination),
        (map(&[("connection", "close, Authorization")]), Malformed::ConnectionNomination),
        (map(&[("connection", "x-forwarded-for")]), Malformed::ConnectionNomination),
        (map(&[("content_length", "3")]), Malformed::HeaderSpelling),
        (map(&[("authorization", "a"), ("authorization", "b")]), Malformed::HeaderRepeated),
        (map(&[("x-http-method-override", "DELETE")]), Malformed::MethodOverride),
        (map(&[("x_http_method_override", "DELETE")]), Malformed::MethodOverride),
        (map(&[("x.http.method.override", "DELETE")]), Malformed::MethodOverride),
        (map(&[("_method", "DELETE")]), Malformed::MethodOverride),
        (map(&[("content.length", "3")]), Malformed::HeaderSpelling),
        (map(&[("connection", "gait_approval")]), Malformed::ConnectionNomination),
        (map(&[("content-type", "a/b"), ("content-type", "c/d")]), Malformed::HeaderRepeated),
        (map(&[("authorization", "a"), ("authorization", "b")]), Malformed::HeaderRepeated),
    ];
    for (headers, want) in rows {
        assert_eq!(check(&headers), Err(want), "{headers:?}");
    }
    assert_eq!(check(&map(&[("connection", "Upgrade, TE, keep-alive")])), Ok(()));
}

#[test]
fn an_answer_has_one_length() {
    let (length, coding) = ("content-length", "transfer-encoding");
    assert!(!is_ambiguous(&map(&[])) && !is_ambiguous(&map(&[(coding, "Chunked")])));
    for fields in [
        vec![(length, "1"), (length, "1")],
        vec![(length, "1"), (coding, "chunked")],
        vec![(coding, "gzip, chunked")],
        vec![(coding, "gzip"), (coding, "chunked")],
        vec![(coding, "gzip")],
    ] {
        assert!(is_ambiguous(&map(&fields)), "{fields:?}");
    }
}

#[test]
fn the_crumbs_of_a_cookie_are_one_list() {
    let mut headers = map(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c")]);
    join_cookies(&mut headers);
    let joined: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
    assert_eq!(joined, ["a=1; b=2; c"]);
}

#[test]
fn an_answer_cannot_speak_for_gait() {
    let kept = returnable(map(&[("gait-verdict", "allow"), ("connection", "x"), ("x", "1")]));
    assert!(kept.is_empty());
}
