//! Class frame: where one request ends and the next begins.
//!
//! hyper repairs some framings on the way in. That is fine where the tool provably sees one
//! unambiguous call ([`Want::Safe`]); the recorder refuses two framings in one head, and anything
//! that was smuggled carries the word EVIL in its head or goes where the policy lets nobody.

use super::{Row, Want};

/// What a smuggler would have the next request be.
const EVIL: &str = "POST /v1/payments/EVIL HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n";

/// All rows of this file.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = codings();
    rows.extend(lengths());
    rows.extend(chunks());
    rows.extend(trailers());
    rows.extend(lines());
    rows
}

/// A note with these framing lines and these bytes after the head.
fn note(lines: &str, rest: &str) -> String {
    format!("POST /v1/notes/x HTTP/1.1\r\nHost: api.test\r\n{lines}\r\n{rest}")
}

/// The one right chunked framing, and everything that looks like it.
fn codings() -> Vec<Row> {
    const ODD: [&str; 24] = [
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: 'chunked'",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: chunked\x0c",
        "Transfer-Encoding: chun\0ked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
    ];
    let alone = ODD.iter().map(|line| {
        let bytes = note(&format!("{line}\r\n"), "2\r\nhi\r\n0\r\n\r\n");
        Row::new(format!("frame TE {line:?}"), bytes, Want::Cut)
    });
    let smuggled = format!("0\r\n\r\n{EVIL}");
    let full = smuggled.len();
    let with_length =
        ODD.iter().chain(&["Transfer-Encoding: chunked", "transfer-encoding: CHUNKED"]);
    let with_length = with_length.flat_map(|line| {
        let before = note(&format!("Content-Length: {full}\r\n{line}\r\n"), &smuggled);
        let after = note(&format!("{line}\r\nContent-Length: {full}\r\n"), &smuggled);
        [
            Row::new(format!("frame CL.TE {line:?}"), before, Want::Safe),
            Row::new(format!("frame TE.CL {line:?}"), after, Want::Safe),
        ]
    });
    let right = ["chunked", "Chunked", "CHUNKED"].into_iter().map(|coding| {
        let bytes = note(&format!("Transfer-Encoding: {coding}\r\n"), "2\r\nhi\r\n0\r\n\r\n");
        Row::new(format!("frame {coding}"), bytes, same(b"hi"))
    });
    alone.chain(right).chain(with_length.collect::<Vec<_>>()).collect()
}

/// The note, once, with this body.
fn same(body: &[u8]) -> Want {
    Want::Forwarded("/v1/notes/x".to_owned(), body.to_vec())
}

/// One plain decimal length.
fn lengths() -> Vec<Row> {
    const ODD: [&str; 16] = [
        "Content-Length: +2",
        "Content-Length: -2",
        "Content-Length: 0x2",
        "Content-Length: 2.0",
        "Content-Length: 2 2",
        "Content-Length: 2,2",
        "Content-Length: 2, 3",
        "Content-Length: two",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
        "Content-Length: 18446744073709551617",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 3\r\nContent-Length: 2",
        "Content-Length : 2",
        "Content-Length: \u{662}",
        "Content-Length: 2\0",
    ];
    let odd = ODD.iter().map(|line| {
        Row::new(format!("frame CL {line:?}"), note(&format!("{line}\r\n"), "hi"), Want::Cut)
    });
    let on_get = |lines: &str, rest: &str| {
        format!("GET /v1/files/a HTTP/1.1\r\nHost: api.test\r\n{lines}\r\n{rest}")
    };
    odd.chain([
        Row::new("frame CL 0", note("Content-Length: 0\r\n", ""), same(b"")),
        Row::new("frame CL right", note("Content-Length: 2\r\n", "hi"), same(b"hi")),
        Row::new("frame CL.0", note("Content-Length: 0\r\n", EVIL), Want::Safe),
        Row::new("frame no length", note("", EVIL), Want::Safe),
        Row::new(
            "frame CL twice alike",
            note("Content-Length: 2\r\nContent-Length: 2\r\n", "hi"),
            Want::Safe,
        ),
        Row::new("frame GET with body", on_get("Content-Length: 2\r\n", "hi"), Want::Refused(400)),
        Row::new(
            "frame GET chunked",
            on_get("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"),
            Want::Refused(400),
        ),
        Row::new(
            "frame GET whose body is a call",
            on_get(&format!("Content-Length: {}\r\n", EVIL.len()), EVIL),
            Want::Refused(400),
        ),
    ])
    .collect()
}

/// Chunked bodies that end elsewhere for somebody else. Extensions and trailers stay behind.
fn chunks() -> Vec<Row> {
    const ODD: [&str; 13] = [
        "0x2\r\nhi\r\n0\r\n\r\n",
        "+2\r\nhi\r\n0\r\n\r\n",
        "-2\r\nhi\r\n0\r\n\r\n",
        "2_0\r\nhi\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhi\r\n0\r\n\r\n",
        "10000000000000002\r\nhi\r\n0\r\n\r\n",
        "2\rhi\r\n0\r\n\r\n",
        "2\r\nhixx\r\n0\r\n\r\n",
        "2\r\nhi0\r\n\r\n",
        "\r\n2\r\nhi\r\n0\r\n\r\n",
        "two\r\nhi\r\n0\r\n\r\n",
        "2;a\rb\r\nhi\r\n0\r\n\r\n",
        "2;a\nb\r\nhi\r\n0\r\n\r\n",
    ];
    let chunked = "Transfer-Encoding: chunked\r\n";
    let odd = ODD
        .iter()
        .map(|rest| Row::new(format!("frame chunk {rest:?}"), note(chunked, rest), Want::Cut));
    let right = [
        ("2\r\nhi\r\n3\r\n...\r\n0\r\n\r\n", &b"hi..."[..]),
        ("2;ext=1\r\nhi\r\n0\r\n\r\n", b"hi"),
        ("002\r\nhi\r\n000\r\n\r\n", b"hi"),
        ("2\r\nhi\r\n0\r\nX-Late: 1\r\n\r\n", b"hi"),
        ("2\r\nhi\r\n0\r\nDigest: x\r\nEVIL: 1\r\n\r\n", b"hi"),
        ("A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    ]
    .into_iter()
    .map(|(rest, body)| Row::new(format!("frame chunk {rest:?}"), note(chunked, rest), same(body)));
    let after = Row::new(
        "frame call after the last chunk",
        note(chunked, &format!("0\r\n\r\n{EVIL}")),
        Want::Safe,
    );
    odd.chain(right).chain([after]).collect()
}

/// What only a head may say is not said behind a body: not where it streams, where the tool never
/// gets the end of it, not where it is judged, and not in an announcement.
fn trailers() -> Vec<Row> {
    const CLAIMS: [&str; 12] = [
        "Gait-Approval",
        "gait_verdict",
        "X-Gait-Any",
        "Forwarded",
        "X_Forwarded_For",
        "X-User",
        "Authorization",
        "Cookie",
        "X-Api-Key",
        "Content-Length",
        "Host",
        "Connection",
    ];
    let row = |way: &str, name: &str, bytes, want| {
        Row::new(format!("frame trailer {way} {name}"), bytes, want)
    };
    let chunked = "Transfer-Encoding: chunked\r\n";
    let rows = |name: &'static str| {
        let rest = format!("2\r\n{{}}\r\n0\r\n{name}: 1\r\n\r\n");
        let judged = format!(
            "POST /v1/transfers HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/json\r\n\
             {chunked}\r\n{rest}"
        );
        let announced = format!("{chunked}Trailer: Digest, {name}\r\n");
        [
            row("streamed", name, note(chunked, &rest), Want::Cut),
            row("judged", name, judged, Want::Refused(400)),
            row("announced", name, note(&announced, "0\r\n\r\n"), Want::Refused(400)),
        ]
    };
    CLAIMS.into_iter().flat_map(rows).collect()
}

/// Line ends that are no line ends.
fn lines() -> Vec<Row> {
    [
        ("bare LF", "POST /v1/notes/x HTTP/1.1\nHost: api.test\nContent-Length: 0\n\n"),
        ("bare CR", "POST /v1/notes/x HTTP/1.1\rHost: api.test\rContent-Length: 0\r\r"),
        ("one LF", "POST /v1/notes/x HTTP/1.1\r\nHost: api.test\nContent-Length: 0\r\n\r\n"),
        ("CR CR LF", "POST /v1/notes/x HTTP/1.1\r\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n"),
        ("NUL first", "\0POST /v1/notes/x HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n"),
        ("two spaces", "POST  /v1/notes/x HTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n"),
        ("tab", "POST\t/v1/notes/x\tHTTP/1.1\r\nHost: api.test\r\nContent-Length: 0\r\n\r\n"),
    ]
    .into_iter()
    .map(|(name, bytes)| Row::new(format!("frame line {name}"), bytes, Want::Safe))
    // RFC 9112, 2.2: a blank line before a request is passed over.
    .chain([Row::new(
        "frame line blank first",
        format!("\r\n{}", note("Content-Length: 0\r\n", "")),
        Want::Forwarded("/v1/notes/x".to_owned(), Vec::new()),
    )])
    .collect()
}
