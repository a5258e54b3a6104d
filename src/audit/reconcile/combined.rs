//! The text logs of nginx and Apache: the formats `common` and `combined`, and what people put
//! behind them.
//!
//! A caller chooses some of the text: a user name may hold spaces and brackets, a path anything.
//! Both servers escape quotes, so the first quote of a line is the one before the request, and
//! the time is what stands right before that. The first two quoted fields behind the request are
//! referer and user agent, which are never looked into: there a caller could write a `traceparent`
//! that the tool was not given. Behind them a field counts that is a `traceparent` and nothing else.
//! Of several the last does: what a server adds stands behind what people copied. To look for one
//! between other words was rejected, since any header could then be the one that holds it.

use super::request::{self, Reading, Request, Unread};
use super::span::Span;
use super::when;

/// Statuses of connections on which nobody asked anything.
const SILENT: [u16; 4] = [0, 400, 408, 499];

/// Fields in quotes that a caller fills: referer and user agent.
const CALLER_FIELDS: usize = 2;

/// Reads one line, without its end.
pub(super) fn read(line: &str) -> Result<Reading, Unread> {
    let (before, quoted) = line.split_once('"').ok_or(Unread::Shape)?;
    let (asked, after) = unquote(quoted).ok_or(Unread::Shape)?;
    let (who, time) = before.trim_end().rsplit_once('[').ok_or(Unread::Shape)?;
    let time = time.strip_suffix(']').and_then(when::of_text).ok_or(Unread::Time)?;
    let (status, rest) = word(after);
    let status = status.parse().map_err(|_| Unread::Shape)?;
    if matches!(asked.as_str(), "" | "-") && SILENT.contains(&status) {
        return Ok(Reading::NoRequest);
    }
    let (method, target) = request::split(&asked).ok_or(Unread::Request)?;
    Ok(Reading::Request(Box::new(Request {
        time,
        method: method.to_owned(),
        target: target.to_owned(),
        status: (status > 0).then_some(status),
        client: who.split(' ').next().filter(|who| !who.is_empty()).map(str::to_owned),
        span: span(rest),
    })))
}

/// The `traceparent` behind what the caller says of itself; `None` where the line lacks that.
fn span(rest: &str) -> Option<Span> {
    fields(rest).skip(CALLER_FIELDS).filter_map(|field| Span::parse(&field)).last()
}

/// What stands in quotes, field by field, up to one that does not end.
fn fields(mut rest: &str) -> impl Iterator<Item = String> {
    std::iter::from_fn(move || {
        let (field, after) = unquote(rest.split_once('"')?.1)?;
        rest = after;
        Some(field)
    })
}

/// The first word and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(' ').unwrap_or((text, ""))
}

/// Text up to the quote that ends it, with escapes undone, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes().iter().copied().enumerate();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'"' => {
                let plain = String::from_utf8_lossy(&bytes).into_owned();
                return text.get(at + 1..).map(|after| (plain, after));
            }
            b'\\' => match rest.next()?.1 {
                b'x' => bytes.push(hex(rest.next()?.1)? * 16 + hex(rest.next()?.1)?),
                other => bytes.push(escaped(other)),
            },
            _ => bytes.push(byte),
        }
    }
    None
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What Apache means by a letter behind a backslash.
fn escaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const HEAD: &str = r#"10.0.0.1 - - [02/Feb/2026:02:40:00 +0000] "GET /a?b=1 HTTP/1.1" 200 12"#;

    fn request(line: &str) -> Request {
        match read(line) {
            Ok(Reading::Request(request)) => *request,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn common_and_combined_lines_are_read() {
        let common = request(HEAD);
        let want = Request {
            time: 1_770_000_000_000_000,
            method: "GET".to_owned(),
            target: "/a?b=1".to_owned(),
            status: Some(200),
            client: Some("10.0.0.1".to_owned()),
            span: None,
        };
        assert_eq!(common, want);
        assert_eq!(request(&format!(r#"{HEAD} "-" "curl/8""#)), want);
        assert_eq!(request(&format!("api.test:80 {HEAD}")).client.unwrap(), "api.test:80");
    }

    #[test]
    fn a_traceparent_is_taken_from_behind_the_agent_alone() {
        let has = |rest: String| request(&format!("{HEAD}{rest}")).span.is_some();
        for rest in [
            format!(r#" "-" "curl/8" "{PARENT}""#),
            format!(r#" "-" "a\"b" rt=0.001 "{PARENT}" "x""#),
            format!(r#" "-" "a\x22 \"" "10.0.0.9" "{PARENT}""#),
        ] {
            assert!(has(rest.clone()), "{rest}");
        }
        for rest in [
            String::new(),
            format!(r#" "{PARENT}""#),
            format!(" {PARENT}"),
            format!(r#" "{PARENT}" "curl/8""#),
            format!(r#" "-" "{PARENT}" "-""#),
            format!(r#" "-" "a\x22 {PARENT}" "-""#),
            format!(r#" "-" "curl/8" "x {PARENT}""#),
            format!(r#" "-" "curl/8" "{PARENT}"#),
            format!(r#" "-" "curl/8" {PARENT}"#),
        ] {
            assert!(!has(rest.clone()), "{rest}");
        }
    }

    #[test]
    fn of_several_that_could_be_the_traceparent_the_last_is() {
        let other = PARENT.replace("00f067", "11f067");
        let line = format!(r#"{HEAD} "-" "curl/8" "{other}" "{PARENT}" "-""#);
        assert_eq!(request(&line).span, Span::parse(PARENT));
    }

    #[test]
    fn what_a_caller_writes_moves_no_field() {
        let user = r#"1.2.3.4 - x [01/Jan/2020:00:00:00 +0000] \x22GET /ok HTTP/1.1\x22 200 1 "#;
        let forged = request(&format!(r#"{user}[02/Feb/2026:02:40:00 +0000] "PUT /b x" 201 1"#));
        assert_eq!((forged.time, forged.method.as_str()), (1_770_000_000_000_000, "PUT"));
        let path = HEAD.replace("/a?b=1", r"/\x22 200 1 \\ \xC3\xA9");
        assert_eq!(request(&path).target, "/\" 200 1 \\ é");
    }

    #[test]
    fn silence_is_no_request_and_noise_is_unread() {
        let asked = |text: &str, status: &str| {
            read(&HEAD.replace("GET /a?b=1 HTTP/1.1", text).replace("200", status))
        };
        assert_eq!(asked("", "400"), Ok(Reading::NoRequest));
        assert_eq!(asked("-", "408"), Ok(Reading::NoRequest));
        assert_eq!(asked("-", "200"), Err(Unread::Request));
        assert_eq!(asked(r"\x16\x03\x01", "400"), Err(Unread::Request));
        assert_eq!(asked("GET / HTTP/1.1", "-"), Err(Unread::Shape));
        assert_eq!(read(&HEAD.replace("Feb", "Fab")), Err(Unread::Time));
        for line in ["", "x", "{\"a\":1}", "\"", "[\"", r#"- [] "a\x2" 200"#, "é\"\\"] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
