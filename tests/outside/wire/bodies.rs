//! Classes json, enc, toctou: what is judged is what goes, byte for byte, or nothing goes.

use super::{Row, Want};

/// All rows of this file.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = readable();
    rows.extend(unreadable());
    rows.extend(typed());
    rows.extend(amounts());
    rows.extend(late());
    rows
}

/// A JSON POST of these bytes, with this content type and further lines.
fn post(target: &str, kind: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: api.test\r\nContent-Type: {kind}\r\n{lines}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An invocation of a tool.
fn invoke(body: &[u8]) -> Vec<u8> {
    post("/v1/tools/invoke", "application/json", "", body)
}

/// A row of the invocation table.
fn row(body: &[u8], want: Want) -> Row {
    let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
    Row::new(format!("json {shown:?}"), invoke(body), want)
}

/// Strict JSON goes exactly as it came, blanks and escapes and all.
fn readable() -> Vec<Row> {
    let goes =
        |body: &[u8]| row(body, Want::Forwarded("/v1/tools/invoke".to_owned(), body.to_vec()));
    let stays = |body: &[u8]| row(body, Want::Refused(403));
    vec![
        goes(br#"{"tool":"read_file"}"#),
        goes(b" {\t\"tool\" :\r\n\"list_files\" } \n"),
        goes(br#"{"tool":"\u0072ead_file"}"#),
        goes(br#"{"a":[1,2.50,1e3,-0.0],"tool":"add_comment"}"#),
        stays(br#"{"tool":"delete_file"}"#),
        stays(br#"{"tool":"wire_transfer"}"#),
        stays(br#"{"tool":"READ_FILE"}"#),
        stays(br#"{"tool":" read_file"}"#),
        stays(br#"{"tool":"read_file\u0000"}"#),
        stays("{\"tool\":\"re\u{430}d_file\"}".as_bytes()),
        row(br#"{"Tool":"read_file"}"#, Want::Refused(400)),
        stays(br#"{"tools":"read_file"}"#),
        stays(br#"{"a":{"tool":"read_file"}}"#),
        stays(b""),
    ]
}

/// Anything that two readers could take for two things is refused, not routed.
fn unreadable() -> Vec<Row> {
    let deep = format!("{{\"tool\":\"read_file\",\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let deepest = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: [&[u8]; 33] = [
        br#"{"tool":"read_file","tool":"delete_file"}"#,
        br#"{"tool":"delete_file","tool":"read_file"}"#,
        br#"{"tool":"read_file","\u0074ool":"delete_file"}"#,
        br#"{"tool":"read_file","a":{"b":1,"b":2}}"#,
        br#"{"tool":"read_file","a":[{"b":1,"b":2}]}"#,
        br#"{"tool":["read_file"]}"#,
        br#"{"tool":{"0":"read_file"}}"#,
        br#"{"tool":1}"#,
        br#"{"tool":true}"#,
        br#"[{"tool":"read_file"}]"#,
        br#""read_file""#,
        b"null",
        b" ",
        b"{",
        br#"{"tool":"read_file""#,
        br#"{"tool":"read_file",}"#,
        br#"{"tool":"read_file"} {"tool":"delete_file"}"#,
        br#"{"tool":"read_file"}x"#,
        b"{\"tool\":\"read_file\"}\0",
        br#"{"tool":"read_file"/*,"tool":"delete_file"*/}"#,
        br#"{"tool":"read_file"} // x"#,
        br#"{'tool':'read_file'}"#,
        br#"{tool:"read_file"}"#,
        br#"{"tool":"read_file","a":NaN}"#,
        br#"{"tool":"read_file","a":1e400}"#,
        br#"{"tool":"read_file","a":01}"#,
        br#"{"tool":"read_file","a":+1}"#,
        br#"{"tool":"read_file","a":"\ud800"}"#,
        b"{\"tool\":\"read_file\",\"a\":\"\xff\"}",
        b"{\"tool\":\"read_file\",\"a\":\"\xc0\xae\"}",
        b"\xef\xbb\xbf{\"tool\":\"read_file\"}",
        b"{\"tool\":\"read_file\",\"a\":\"\x01\"}",
        b"{\0\"\0t\0o\0o\0l\0\"\0:\0\"\0r\0\"\0}\0",
    ];
    bodies
        .into_iter()
        .chain([deep.as_bytes(), deepest.as_bytes()])
        .map(|body| row(body, Want::Refused(400)))
        .collect()
}

/// Exactly `application/json`, in UTF-8, without an encoding.
fn typed() -> Vec<Row> {
    const BODY: &[u8] = br#"{"tool":"read_file"}"#;
    let kinds = [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        "application/jsonx",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/json; charset=ibm037",
        "application/json; charset=shift_jis",
        "application/merge-patch+json",
    ];
    let kinds = kinds.into_iter().map(|kind| {
        Row::new(
            format!("enc type {kind}"),
            post("/v1/tools/invoke", kind, "", BODY),
            Want::Refused(415),
        )
    });
    let codings = ["gzip", "deflate", "br", "identity, gzip", "x-gzip", "gzip, gzip"];
    let codings = codings.into_iter().map(|coding| {
        let line = format!("Content-Encoding: {coding}\r\n");
        let bytes = post("/v1/tools/invoke", "application/json", &line, BODY);
        Row::new(format!("enc coding {coding}"), bytes, Want::Refused(415))
    });
    let goes = ["application/json", "Application/JSON", "application/json; charset=utf-8"];
    let goes = goes.into_iter().map(|kind| {
        let want = Want::Forwarded("/v1/tools/invoke".to_owned(), BODY.to_vec());
        Row::new(format!("enc type {kind}"), post("/v1/tools/invoke", kind, "", BODY), want)
    });
    let none = format!(
        "POST /v1/tools/invoke HTTP/1.1\r\nHost: api.test\r\nContent-Length: {}\r\n\r\n{}",
        BODY.len(),
        String::from_utf8_lossy(BODY)
    );
    kinds
        .chain(codings)
        .chain(goes)
        .chain([Row::new("enc no type", none, Want::Refused(415))])
        .collect()
}

/// Amounts are compared exactly, and only as numbers.
fn amounts() -> Vec<Row> {
    let transfer = |amount: &str, want: fn(Vec<u8>) -> Want| {
        let body = format!("{{\"amount\":{amount}}}").into_bytes();
        let bytes = post("/v1/transfers", "application/json", "", &body);
        Row::new(format!("json amount {amount}"), bytes, want(body))
    };
    let goes: fn(Vec<u8>) -> Want = |body| Want::Forwarded("/v1/transfers".to_owned(), body);
    let stays: fn(Vec<u8>) -> Want = |_| Want::Refused(403);
    let unreadable: fn(Vec<u8>) -> Want = |_| Want::Refused(400);
    // Refused twice over: out of range, and not exact in its canonical form.
    let either: fn(Vec<u8>) -> Want = |_| Want::Cut;
    vec![
        transfer("0", goes),
        transfer("100", goes),
        transfer("99.99", goes),
        transfer("1e2", goes),
        transfer("-0", goes),
        transfer("100.00", goes),
        transfer("101", stays),
        transfer("-1", stays),
        transfer("1e3", stays),
        transfer("100.0000000000000000001", either),
        transfer("-0.0000000000000000000000001", either),
        transfer("9007199254740993", either),
        transfer("18446744073709551616", either),
        transfer("1e309", unreadable),
        transfer("\"5\"", unreadable),
        transfer("[5]", unreadable),
        transfer("true", unreadable),
        transfer("null", unreadable),
        transfer("0x5", unreadable),
        transfer("5,\"amount\":5000", unreadable),
    ]
}

/// What stands late in a body is judged like what stands early.
fn late() -> Vec<Row> {
    [16 << 10, 64 << 10, 512 << 10]
        .into_iter()
        .flat_map(|blanks| {
            let blanks = " ".repeat(blanks);
            let twice = format!("{{\"tool\":\"read_file\",{blanks}\"tool\":\"delete_file\"}}");
            let once = format!("{{\"tool\":\"read_file\"{blanks}}}");
            let whole = Want::Forwarded("/v1/tools/invoke".to_owned(), once.clone().into_bytes());
            [row(twice.as_bytes(), Want::Refused(400)), row(once.as_bytes(), whole)]
        })
        .collect()
}
