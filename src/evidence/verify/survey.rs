//! What one segment shows by itself: lines that follow each other, and signatures that hold.
//!
//! The file is read a few megabytes at a time. Whether the first line continues the segment
//! before, and whether its keys are to be trusted, is left to `join`.

use super::fault::Fault;
use super::mark::{self, Reported};
use super::source::Source;
use super::trust::Trust;
use crate::evidence::chain::{Head, Stamp, Whole};
use crate::evidence::event::Expired;
use crate::evidence::survey;
use crate::evidence::tail::{self, Rest};
use crate::sign::PublicKey;
use jiff::Timestamp;
use std::io::{self, Read as _};

/// How much is read at once.
const CHUNK_BYTES: u64 = 4 << 20;

/// No crash leaves more than this behind the last whole line: the writer keeps all that is not
/// durable in memory.
const REST_BYTES_MAX: u64 = 256 << 20;

/// What one segment shows.
#[derive(Clone, Default)]
pub(super) struct Survey {
    /// The number in its file name.
    pub(super) number: u32,
    /// What its first line says that it continues.
    pub(super) base: Option<Head>,
    /// The last line that follows.
    pub(super) head: Option<Head>,
    /// Lines that follow each other, from the first on.
    pub(super) lines: u64,
    /// Of them, closing lines.
    pub(super) calls: u64,
    /// And decision lines.
    pub(super) decisions: u64,
    /// Time of the first line.
    pub(super) first_time: Option<Timestamp>,
    /// Time of the last.
    pub(super) last_time: Option<Timestamp>,
    /// What the first line says where it is a start line.
    pub(super) start: Option<Start>,
    /// One for each key line.
    pub(super) eras: Vec<Era>,
    /// The first line before any key that is not the start line of the segment.
    pub(super) unkeyed: Option<Spot>,
    /// Segments that lines here call removed, and the `seq` of these lines; also of lines behind
    /// a doubt.
    pub(super) expired: Vec<(u64, Expired)>,
    /// The line that the expected head names by hash or by `seq`, and its number here.
    pub(super) known: Option<(u64, Head)>,
    /// Whether the last line is a seal.
    pub(super) is_sealed: bool,
    /// Bytes behind the last line that a crash can have left.
    pub(super) torn: Vec<u8>,
    /// The first thing that does not fit.
    pub(super) doubt: Option<Doubt>,
    bytes: u64,
}

/// A start line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// What it says a crash left.
    pub(super) reported: Option<Reported>,
}

/// Lines under one key, from its key line on.
#[derive(Clone)]
pub(super) struct Era {
    /// The key line.
    pub(super) spot: Spot,
    /// The key.
    pub(super) key: PublicKey,
    /// Its id.
    pub(super) id: String,
    /// Who signed the key line.
    pub(super) by: By,
    /// Good signatures of the key.
    pub(super) signatures: u64,
    /// The last of them.
    pub(super) last: Option<Spot>,
}

/// Who signed a key line.
#[derive(Clone)]
pub(super) enum By {
    /// The key that it brings in; the signature holds.
    Itself,
    /// A key that may stand in an earlier segment: the line is kept to look at then.
    Another(Vec<u8>),
}

/// A line of the segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// The first is 1.
    pub(super) line: u64,
    /// Where it begins, in bytes.
    pub(super) offset: u64,
    /// What is before it.
    pub(super) head: Head,
}

/// Something that does not fit.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    /// The line where it shows.
    pub(super) spot: Spot,
    /// What.
    pub(super) wrong: Wrong,
}

/// What does not fit; which line is to blame is not said yet.
#[derive(Clone, Debug)]
pub(super) enum Wrong {
    /// It does not continue the line before.
    Chain,
    /// It should have a good signature, and has none.
    Signature,
    /// This very line has this fault.
    Line(Fault),
}

/// Surveys a segment; `read` hears how many bytes more are read.
pub(super) fn survey(
    source: &impl Source,
    at: usize,
    trust: &Trust,
    read: &dyn Fn(u64),
) -> io::Result<Survey> {
    let mut survey = Survey { number: source.number(at), ..Survey::default() };
    let mut input = source.open(at, 0)?;
    let mut window = Vec::new();
    loop {
        let got = input.by_ref().take(CHUNK_BYTES).read_to_end(&mut window)? as u64;
        read(got);
        let end = window.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let passed = survey.pass(window.get(..end).unwrap_or_default(), trust);
        window.drain(..passed);
        // What a running gait adds meanwhile is left to the next look: behind the end of this one it would
        // pass for lines that follow nothing.
        if got < CHUNK_BYTES {
            survey.end(window);
            return Ok(survey);
        }
        if passed < end || window.len() as u64 >= REST_BYTES_MAX {
            break;
        }
    }
    let room = REST_BYTES_MAX.saturating_sub(window.len() as u64);
    read(input.take(room).read_to_end(&mut window)? as u64);
    survey.end(window);
    Ok(survey)
}

// === impl Survey ===

impl Survey {
    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.lines == 0 && self.torn.is_empty() && self.doubt.is_none()
    }

    /// Whether nothing speaks against the place of its first line.
    pub(super) fn is_followed(&self) -> bool {
        self.lines > 1 || self.doubt.is_none()
    }

    /// `seq` of the last line here that has a good signature.
    pub(super) fn signed_to(&self) -> Option<u64> {
        let last = self.eras.iter().rev().find_map(|era| era.last);
        last.map(|spot| spot.head.seq.saturating_add(1))
    }

    /// Follows whole lines as far as they follow; returns how many bytes that is.
    fn pass(&mut self, lines: &[u8], trust: &Trust) -> usize {
        if lines.is_empty() {
            return 0;
        }
        let head = *self.head.get_or_insert_with(|| survey::base(lines));
        self.base.get_or_insert(head);
        let run = tail::follow(lines, head, |whole, line| self.see(whole, line, trust));
        let passed = lines.get(..run.len).unwrap_or_default();
        let last = passed.strip_suffix(b"\n").and_then(|lines| lines.rsplit(is_end).next());
        self.last_time = last.and_then(mark::time).or(self.last_time);
        run.len
    }

    fn see(&mut self, whole: Whole<'_>, line: &[u8], trust: &Trust) {
        let head = self.head.unwrap_or_else(Head::genesis);
        let spot = Spot { line: self.lines + 1, offset: self.bytes, head };
        if self.lines == 0 {
            self.first_time = mark::time(line);
            self.start = (whole.kind == "start").then(|| Start { reported: mark::reported(line) });
        }
        if self.doubt.is_none() {
            let wrong = self.check(spot, whole, line).err();
            self.doubt = wrong.map(|wrong| Doubt { spot, wrong });
        }
        if trust.is_near(&whole.head) {
            self.known.get_or_insert((spot.line, whole.head));
        }
        self.count(whole, line);
        self.lines += 1;
        self.bytes += line.len() as u64 + 1;
        self.head = Some(whole.head);
    }

    fn count(&mut self, whole: Whole<'_>, line: &[u8]) {
        match whole.kind {
            "decision" => self.decisions += 1,
            "call" | "outcome" => self.calls += 1,
            "expired" => {
                self.expired.extend(mark::expired(line).map(|gone| (whole.head.seq, gone)));
            }
            _ => {}
        }
    }

    /// Looks at all about a line that is not its place in the chain.
    fn check(&mut self, spot: Spot, whole: Whole<'_>, line: &[u8]) -> Result<(), Wrong> {
        if self.is_sealed {
            return Err(Wrong::Line(Fault::AfterSeal));
        }
        let is_first = self.lines == 0 && whole.kind == "start";
        if self.eras.is_empty() && whole.kind != "key" && !is_first {
            self.unkeyed.get_or_insert(spot);
        }
        match (whole.kind, whole.stamp) {
            ("key", Some(stamp)) => self.key(spot, &stamp, line),
            ("key" | "batch" | "seal", None) => Err(Wrong::Signature),
            ("seal", Some(stamp)) => {
                self.signed(spot, &stamp)?;
                self.seal(line)
            }
            (_, Some(stamp)) => self.signed(spot, &stamp),
            (_, None) => Ok(()),
        }
    }

    fn key(&mut self, spot: Spot, stamp: &Stamp<'_>, line: &[u8]) -> Result<(), Wrong> {
        let key = mark::public_key(line).ok_or(Wrong::Signature)?;
        let id = key.id();
        let (by, last) = if stamp.key_id == id {
            stamp.verify(&key).map_err(|_| Wrong::Signature)?;
            (By::Itself, Some(spot))
        } else {
            (By::Another(line.to_vec()), None)
        };
        self.eras.push(Era { spot, key, id, by, signatures: last.map_or(0, |_| 1), last });
        Ok(())
    }

    fn signed(&mut self, spot: Spot, stamp: &Stamp<'_>) -> Result<(), Wrong> {
        let era = self.eras.last_mut().filter(|era| era.id == stamp.key_id);
        let unknown = || Wrong::Line(Fault::UnknownKey { key_id: stamp.key_id.to_owned() });
        let era = era.ok_or_else(unknown)?;
        stamp.verify(&era.key).map_err(|_| Wrong::Signature)?;
        era.signatures += 1;
        era.last = Some(spot);
        Ok(())
    }

    fn seal(&mut self, line: &[u8]) -> Result<(), Wrong> {
        self.is_sealed = true;
        let seal = mark::seal(line).filter(|seal| {
            let before = self.base.map(|base| base.seq);
            seal.segment == self.number && seal.first_seq.checked_sub(1) == before
        });
        seal.map(|_| ()).ok_or(Wrong::Line(Fault::Seal))
    }

    /// Takes what is behind the last line that follows.
    fn end(&mut self, rest: Vec<u8>) {
        let head = self.head.unwrap_or_else(Head::genesis);
        let spot = Spot { line: self.lines + 1, offset: self.bytes, head };
        let is_long = rest.len() as u64 >= REST_BYTES_MAX;
        let wrong = match tail::judge(&rest, self.bytes) {
            Rest::Nothing => return,
            Rest::Torn if !is_long && self.is_sealed => Wrong::Line(Fault::AfterSeal),
            Rest::Torn if !is_long => {
                self.torn = rest;
                return;
            }
            Rest::Torn | Rest::Broken => Wrong::Chain,
        };
        for line in tail::lines(&rest) {
            if let Some(whole) = Whole::read(line).filter(|whole| whole.kind == "expired") {
                self.count(whole, line);
            }
        }
        self.doubt.get_or_insert(Doubt { spot, wrong });
    }
}

fn is_end(byte: &u8) -> bool {
    *byte == b'\n'
}
