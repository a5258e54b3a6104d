//! What a tool's own log says arrived.
//!
//! Of a line is kept what it takes to compare and to name it, and each target and client once.

use super::key::Key;
use super::names::Names;
use super::reader::Reader;
use super::request::{Reading, Request, Unread};
use super::span::Span;
use super::{LINES_MAX, Period};
use std::io::{self, BufRead, Read as _};

/// No line of an access log is longer.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Lines that cannot be read are kept for a person up to this many, ...
const UNREAD_KEPT_MAX: usize = 20;
/// ... and this many characters each.
const UNREAD_CHARS_MAX: usize = 200;

/// One request that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Microseconds since 1970.
    pub time: i64,
    /// The tool's status.
    pub status: Option<u16>,
    /// What its `traceparent` names.
    pub span: Option<Span>,
    /// Which log, in the order in which they were read.
    pub log: u16,
    /// Which line of it, from 1.
    pub line: u32,
    pub(super) act: u32,
    client: Option<u32>,
    /// Whether its path has the prefix that all calls have there.
    is_within: bool,
}

/// What was asked, as people read it, and as it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Act {
    /// The method.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
}

/// A log, and how much of it was of use.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Its name.
    pub name: String,
    /// Lines that are not empty.
    pub lines: u64,
    /// Requests within the period.
    pub requests: u64,
    /// Lines outside the period.
    pub outside: u64,
    /// Lines about a connection on which nothing was asked, or about something else.
    pub passed: u64,
    /// Lines that cannot be read.
    pub unread: u64,
    /// The first of them.
    pub first_unread: Option<Garbled>,
    /// Whether some line has a `traceparent`: then one without it did not come from gait.
    pub has_spans: bool,
}

/// A line that cannot be read.
#[derive(Clone, Debug)]
pub struct Garbled {
    /// Which log.
    pub log: u16,
    /// Which line of it.
    pub line: u32,
    /// Why not.
    pub why: Unread,
    /// Its beginning.
    pub text: String,
}

/// A log could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadFailed {
    /// The system said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// More than anybody should hold in memory.
    #[error("more than {LINES_MAX} lines: narrow it with --since and --until")]
    TooMany,
}

/// All requests that arrived.
#[derive(Debug)]
pub struct Arrivals {
    reader: Reader,
    period: Period,
    prefix: Option<String>,
    logs: Vec<Log>,
    list: Vec<Arrival>,
    acts: Names<Act>,
    keys: Vec<Key>,
    clients: Names<String>,
    garbled: Vec<Garbled>,
}

// === impl Arrivals ===

impl Arrivals {
    /// Nothing yet. `prefix` is taken off paths that begin with it.
    pub fn new(reader: Reader, period: Period, prefix: Option<String>) -> Arrivals {
        Arrivals {
            reader,
            period,
            prefix,
            logs: Vec::new(),
            list: Vec::new(),
            acts: Names::default(),
            keys: Vec::new(),
            clients: Names::default(),
            garbled: Vec::new(),
        }
    }

    /// Reads a log to its end.
    ///
    /// # Errors
    /// It cannot be read, or is too long.
    pub fn read(&mut self, name: &str, mut from: impl BufRead) -> Result<(), ReadFailed> {
        let place = u16::try_from(self.logs.len()).map_err(|_| ReadFailed::TooMany)?;
        let (mut log, mut text) = (Log { name: name.to_owned(), ..Log::default() }, Vec::new());
        let mut number = 0_u32;
        loop {
            text.clear();
            let read = from.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut text)?;
            if read == 0 {
                break;
            }
            number = number.checked_add(1).ok_or(ReadFailed::TooMany)?;
            let whole = text.last() == Some(&b'\n') || read as u64 <= LINE_BYTES_MAX;
            if !whole {
                from.skip_until(b'\n')?;
            }
            self.line(&mut log, (place, number), if whole { Ok(&text) } else { Err(&text) })?;
        }
        self.logs.push(log);
        Ok(())
    }

    /// The logs, in the order in which they were read.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// All requests.
    pub fn list(&self) -> &[Arrival] {
        &self.list
    }

    /// The first lines that could not be read.
    pub fn garbled(&self) -> &[Garbled] {
        &self.garbled
    }

    /// What it asked.
    pub fn act(&self, arrival: &Arrival) -> Option<&Act> {
        self.acts.get(arrival.act)
    }

    /// Who sent it, where the log says so.
    pub fn client(&self, arrival: &Arrival) -> Option<&str> {
        self.clients.get(arrival.client?).map(String::as_str)
    }

    /// How the logs are read.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What it is compared by; `None` where it lacks the prefix, so that no call asked for it.
    pub(super) fn key(&self, arrival: &Arrival) -> Option<Key> {
        self.keys.get(arrival.act as usize).copied().filter(|_| arrival.is_within)
    }

    /// Whether a request without a `traceparent` is none of gait's.
    pub(super) fn wants_span(&self, arrival: &Arrival) -> bool {
        self.logs.get(usize::from(arrival.log)).is_some_and(|log| log.has_spans)
    }

    /// Takes up a line, whole or the beginning of one that is too long.
    fn line(
        &mut self,
        log: &mut Log,
        spot: (u16, u32),
        line: Result<&[u8], &[u8]>,
    ) -> Result<(), ReadFailed> {
        let text = line.unwrap_or_else(|part| part).trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        log.lines += 1;
        match line.map_err(|_| Unread::TooLong).and_then(|_| self.reader.read(text)) {
            Ok(Reading::Request(request)) if self.period.holds(request.time) => {
                self.request(log, spot, *request)?;
            }
            Ok(Reading::Request(_)) => log.outside += 1,
            Ok(Reading::NoRequest | Reading::Other) => log.passed += 1,
            Err(why) => {
                self.unreadable(log, spot, why, text);
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, log: &mut Log, (place, line): (u16, u32), why: Unread, text: &[u8]) {
        log.unread += 1;
        if log.first_unread.is_some() && self.garbled.len() >= UNREAD_KEPT_MAX {
            return;
        }
        let text = String::from_utf8_lossy(text).chars().take(UNREAD_CHARS_MAX).collect();
        let garbled = Garbled { log: place, line, why, text };
        log.first_unread.get_or_insert_with(|| garbled.clone());
        if self.garbled.len() < UNREAD_KEPT_MAX {
            self.garbled.push(garbled);
        }
    }

    fn request(
        &mut self,
        log: &mut Log,
        (place, line): (u16, u32),
        request: Request,
    ) -> Result<(), ReadFailed> {
        if self.list.len() >= LINES_MAX {
            return Err(ReadFailed::TooMany);
        }
        log.requests += 1;
        log.has_spans |= request.span.is_some();
        let Request { time, method, target, status, client, span } = request;
        let within = self.without_prefix(&target);
        let is_within = within.is_some();
        let target = within.unwrap_or(target);
        let act = self.acts.number(Act { method, target });
        if act as usize == self.keys.len()
            && let Some(act) = self.acts.get(act)
        {
            self.keys.push(Key::of_request(&act.method, &act.target));
        }
        let client = client.map(|client| self.clients.number(client));
        self.list.push(Arrival { time, status, span, log: place, line, act, client, is_within });
        Ok(())
    }

    /// The target as gait sent it; `None` where it lacks the prefix.
    fn without_prefix(&self, target: &str) -> Option<String> {
        let Some(prefix) = self.prefix.as_deref() else { return Some(target.to_owned()) };
        match target.strip_prefix(prefix)? {
            rest if rest.starts_with('/') => Some(rest.to_owned()),
            rest if rest.is_empty() || rest.starts_with('?') => Some(format!("/{rest}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    fn read(text: &[u8], prefix: Option<&str>) -> Arrivals {
        let reader = Reader::new(Format::Json, &[]).unwrap();
        let period = Period { since: Some(1_000_000), until: Some(2_000_000_000_000_000) };
        let mut arrivals = Arrivals::new(reader, period, prefix.map(str::to_owned));
        arrivals.read("a.log", text).unwrap();
        arrivals
    }

    #[test]
    fn every_line_is_counted_where_it_belongs() {
        let long = "x".repeat(LINE_BYTES_MAX as usize + 9);
        let text = format!(
            "{{\"time\":1770000000,\"method\":\"GET\",\"path\":\"/a\",\"ip\":\"::1\"}}\n\n\
             {{\"time\":0.5,\"method\":\"GET\",\"path\":\"/a\"}}\r\nnoise\u{1b}[2J\n{long}\n\
             {{\"time\":1770000001,\"method\":\"GET\",\"path\":\"/a\"}}"
        );
        let arrivals = read(text.as_bytes(), None);
        let log = &arrivals.logs()[0];
        assert_eq!((log.lines, log.requests, log.outside, log.unread), (5, 2, 1, 2));
        let spots: Vec<_> = arrivals.list().iter().map(|one| one.line).collect();
        assert_eq!(spots, [1, 6]);
        assert_eq!(arrivals.client(&arrivals.list()[0]), Some("::1"));
        assert_eq!(arrivals.act(&arrivals.list()[1]).unwrap().target, "/a");
        let garbled: Vec<_> = arrivals.garbled().iter().map(|one| (one.line, one.why)).collect();
        assert_eq!(garbled, [(4, Unread::Json), (5, Unread::TooLong)]);
        assert!(arrivals.garbled()[1].text.len() <= UNREAD_CHARS_MAX);
    }

    #[test]
    fn what_lacks_the_prefix_is_the_target_of_no_call() {
        let line = b"{\"time\":1770000000,\"method\":\"GET\",\"path\":\"/a\"}";
        let key = |prefix| {
            let arrivals = read(line, prefix);
            arrivals.key(&arrivals.list()[0])
        };
        assert_eq!(key(None), Some(Key::of_request("GET", "/a")));
        assert_eq!(key(Some("/base")), None);
    }

    #[test]
    fn a_prefix_is_taken_off_whole() {
        for (path, want) in
            [("/base/a", "/a"), ("/base", "/"), ("/base?b", "/?b"), ("/based", "/based")]
        {
            let line = format!("{{\"time\":1770000000,\"method\":\"GET\",\"path\":\"{path}\"}}");
            let arrivals = read(line.as_bytes(), Some("/base"));
            assert_eq!(arrivals.act(&arrivals.list()[0]).unwrap().target, want);
        }
    }
}
