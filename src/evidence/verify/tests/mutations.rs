//! A thousand things done at random to a log of ten thousand lines, each named right.

use super::*;
use crate::evidence::chain::Whole;

const LINES: u64 = 10_000;
const ROUNDS: usize = 1_000;

/// Random numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }
}

/// A log as lines: segments, their lines with LF, and what a crash left behind them.
#[derive(Clone)]
struct Text(Vec<Part>);

#[derive(Clone, Default)]
struct Part {
    number: u32,
    lines: Vec<Vec<u8>>,
    /// Which of them are signed.
    signed: Vec<bool>,
    torn: Vec<u8>,
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        [self.lines.concat(), self.torn.clone()].concat()
    }
}

/// What was done, and where it must be named.
struct Deed {
    what: String,
    text: Text,
    /// Segments that have other bytes than before.
    touched: Vec<usize>,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    At(Place),
    /// Nothing tells: it is at the end, behind the last signature.
    Unseen,
}

/// Ten thousand lines over forty segments: rotations, kills with torn tails, orderly stops, two
/// changes of key, and the first segments removed.
fn log(dice: &mut Dice) -> Log {
    let mut log = Log::begun();
    while log.head.seq < LINES {
        for _ in 0..5 + dice.roll(10) {
            let lines = dice.roll(35);
            log.batch(lines);
        }
        match dice.roll(4) {
            0 => {
                log.seal();
                log.segment();
                log.introduce();
            }
            1 => {
                log.put(Event::Stop { missed: None });
                log.seal();
                log.start();
            }
            2 => {
                (0..dice.roll(4)).for_each(|at| log.put(filler(at)));
                log.start();
            }
            _ => {
                log.put(filler(7));
                let torn = [&b"{\"v\":1,\"seq\":"[..], &[0; 100], b"\"}\n"].concat();
                let kinds = [&torn[..9], &torn, b"{"];
                log.tear(kinds[dice.roll(3)]);
                log.start();
            }
        }
        if [4_000, 7_000].iter().any(|at| log.head.seq.abs_diff(*at) < 150) {
            let _ = log.rotate(key());
        }
    }
    log.expire(3);
    log.batch(3);
    log.put(Event::Stop { missed: None });
    log.seal();
    log
}

fn text(log: &Log) -> Text {
    let part = |(number, bytes): &(u32, Vec<u8>)| {
        let mut lines: Vec<_> =
            bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let is_whole =
            |line: &Vec<u8>| Whole::read(line.strip_suffix(b"\n").unwrap_or(line)).is_some();
        let end = lines.iter().rposition(is_whole).unwrap() + 1;
        let torn = lines.split_off(end).concat();
        let is_signed = |line: &Vec<u8>| {
            Whole::read(line.strip_suffix(b"\n").unwrap()).unwrap().stamp.is_some()
        };
        let signed = lines.iter().map(is_signed).collect();
        Part { number: *number, lines, signed, torn }
    };
    Text(log.segments.iter().map(part).collect())
}

impl Text {
    fn place(&self, (part, line): (usize, usize)) -> Place {
        Place { segment: self.0[part].number, line: line as u64 + 1 }
    }

    fn any(&self, dice: &mut Dice) -> (usize, usize) {
        let part = dice.roll(self.0.len());
        let last = self.0[part].lines.len() - 1;
        // The ends are where the seams are.
        let line = match dice.roll(8) {
            0 => 0,
            1 => last,
            2 => dice.roll(2).min(last),
            _ => dice.roll(last + 1),
        };
        (part, line)
    }

    fn is_last(&self, at: (usize, usize)) -> bool {
        at == (self.0.len() - 1, self.0[at.0].lines.len() - 1)
    }

    /// Where the line behind stands.
    fn behind(&self, (part, line): (usize, usize)) -> (usize, usize) {
        if line + 1 < self.0[part].lines.len() { (part, line + 1) } else { (part + 1, 0) }
    }

    fn line(&self, (part, line): (usize, usize)) -> &[u8] {
        &self.0[part].lines[line]
    }

    /// All places from one on.
    fn from(&self, at: (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
        std::iter::successors(Some(at), |at| (!self.is_last(*at)).then(|| self.behind(*at)))
    }

    fn is_signed(&self, (part, line): (usize, usize)) -> bool {
        self.0[part].signed[line]
    }

    /// The line behind the last signature before a line.
    fn uncovered(&self, at: (usize, usize)) -> (usize, usize) {
        let mut uncovered = (0, 0);
        for here in self.from((0, 0)).take_while(|here| *here != at) {
            if self.is_signed(here) {
                uncovered = self.behind(here);
            }
        }
        uncovered
    }
}

/// The line with its hash made anew, behind `prev` where that is given.
fn rehashed(line: &[u8], prev: Option<Digest>) -> (Vec<u8>, Digest) {
    let text = std::str::from_utf8(line).unwrap();
    let (body, _) = text.rsplit_once(",\"hash\":").unwrap();
    let (said, old) = body.rsplit_once(",\"prev\":\"").unwrap();
    let prev = prev.unwrap_or_else(|| Digest::parse(old.trim_end_matches('"')).unwrap());
    let body = format!("{said},\"prev\":\"{prev}\"");
    let hash = Digest::of_parts(&[prev.as_bytes(), body.as_bytes(), b"}"]);
    (format!("{body},\"hash\":\"{hash}\"}}\n").into_bytes(), hash)
}

/// The same line, a year later.
fn changed(line: &[u8]) -> Vec<u8> {
    String::from_utf8(line.to_vec()).unwrap().replacen("\"2026-", "\"2027-", 1).into_bytes()
}

/// The line changed and given a hash that fits.
fn forged(line: &[u8]) -> Vec<u8> {
    rehashed(&changed(line), None).0
}

fn deed(text: &Text, dice: &mut Dice) -> Deed {
    let at = text.any(dice);
    let (copy, touched) = (text.clone(), vec![at.0]);
    let expected = Expected::At(text.place(at));
    let deed = Deed { what: String::new(), text: copy, touched, expected };
    let deed = match dice.roll(12) {
        0..3 => spoil(deed, at, dice),
        3..5 => drop_line(deed, at, text),
        5 => duplicate(deed, at, text),
        6 => swap(deed, at, text, dice),
        7 => forge(deed, at, text),
        8 => write_anew(deed, at, text),
        _ => put(deed, at, text, dice),
    };
    Deed { what: format!("{} {at:?}", deed.what), ..deed }
}

/// One byte, now and then that of the end of the line.
fn spoil(mut deed: Deed, (part, line): (usize, usize), dice: &mut Dice) -> Deed {
    let line = &mut deed.text.0[part].lines[line];
    let byte = if dice.roll(3) == 0 { line.len() - 1 } else { dice.roll(line.len()) };
    line[byte] ^= 1 + dice.roll(255) as u8;
    Deed { what: format!("flip byte {byte} of"), ..deed }
}

fn drop_line(mut deed: Deed, at: (usize, usize), text: &Text) -> Deed {
    deed.text.0[at.0].lines.remove(at.1);
    if text.is_last(at) {
        deed.expected = Expected::Unseen;
    } else if text.behind(at).0 != at.0 {
        deed.expected = Expected::At(text.place(text.behind(at)));
    }
    Deed { what: "drop".to_owned(), ..deed }
}

fn duplicate(mut deed: Deed, (part, line): (usize, usize), text: &Text) -> Deed {
    let lines = &mut deed.text.0[part].lines;
    lines.insert(line, lines[line].clone());
    let expected = Expected::At(text.place((part, line + 1)));
    Deed { what: "duplicate".to_owned(), expected, ..deed }
}

fn swap(mut deed: Deed, at: (usize, usize), text: &Text, dice: &mut Dice) -> Deed {
    let is_near = dice.roll(2) == 0 && !text.is_last(at);
    let other = if is_near { text.behind(at) } else { text.any(dice) };
    deed.text.0[at.0].lines[at.1] = text.line(other).to_vec();
    deed.text.0[other.0].lines[other.1] = text.line(at).to_vec();
    deed.touched.push(other.0);
    let first = Expected::At(text.place(at.min(other)));
    let expected = if other == at { Expected::Unseen } else { first };
    Deed { what: format!("swap {other:?} with"), expected, ..deed }
}

/// A changed line with a hash that fits. The last line of all has no neighbour to tell.
fn forge(mut deed: Deed, at: (usize, usize), text: &Text) -> Deed {
    deed.text.0[at.0].lines[at.1] = forged(text.line(at));
    if text.is_last(at) {
        deed.expected = Expected::At(text.place(text.uncovered(at)));
    }
    Deed { what: "change and hash anew".to_owned(), ..deed }
}

/// A changed line, and all behind it chained to it.
fn write_anew(mut deed: Deed, at: (usize, usize), text: &Text) -> Deed {
    let (mut line, mut prev) = (changed(text.line(at)), None);
    for at in text.from(at) {
        let (bytes, hash) = rehashed(if prev.is_none() { &line } else { text.line(at) }, prev);
        (line, prev) = (bytes, Some(hash));
        deed.text.0[at.0].lines[at.1].clone_from(&line);
    }
    deed.touched.extend(at.0 + 1..text.0.len());
    let expected = Expected::At(text.place(text.uncovered(at)));
    Deed { what: "write anew from".to_owned(), expected, ..deed }
}

/// Something else in front of a line, or in its place.
fn put(mut deed: Deed, at: (usize, usize), text: &Text, dice: &mut Dice) -> Deed {
    let rubbish = [&b"{}\n"[..], b"\n", b"{\"v\":1,\"seq\":7}\n", b"\0\0\n"][dice.roll(4)];
    let lines = &mut deed.text.0[at.0].lines;
    let what = match dice.roll(3) {
        0 => {
            let other = text.any(dice);
            lines[at.1] = text.line(other).to_vec();
            if other == at {
                deed.expected = Expected::Unseen;
            }
            format!("put {other:?} in the place of")
        }
        1 => {
            lines.insert(at.1, rubbish.to_vec());
            "put rubbish before".to_owned()
        }
        _ => {
            lines.insert(at.1, forged(text.line(at)));
            "put a forged one before".to_owned()
        }
    };
    Deed { what, ..deed }
}

/// Verifies, with the old surveys of segments that nobody touched.
fn verify(deed: &Deed, surveys: &[Survey]) -> Result<Report, Broken> {
    let bytes: Vec<_> = deed.text.0.iter().map(|part| (part.number, part.bytes())).collect();
    let parts: Vec<_> = bytes.iter().map(|(number, bytes)| (*number, bytes.as_slice())).collect();
    let (source, trust) = (Parts(&parts), Trust::default());
    let mut surveys = surveys.to_vec();
    for at in &deed.touched {
        surveys[*at] = survey::survey(&source, *at, &trust, &|_| {}).unwrap();
    }
    join(&source, surveys, &trust).unwrap()
}

#[test]
fn whatever_is_done_to_a_log_the_right_line_is_named() {
    let seed = crate::clock::now().as_nanosecond() as u64;
    let seed = std::env::var("GAIT_TEST_SEED").map_or(seed, |text| text.parse().unwrap());
    let mut dice = Dice(seed | 1);
    let log = log(&mut dice);
    let report = log.verify().unwrap();
    assert!(report.head.seq >= LINES && report.uncovered() == 0, "{seed}: {report:?}");
    assert!(report.signers.len() > 2 && report.mended.len() > 1, "{seed}: {report:?}");

    let text = text(&log);
    let parts: Vec<_> =
        log.segments.iter().map(|(number, bytes)| (*number, bytes.as_slice())).collect();
    let surveys: Vec<_> = (0..parts.len())
        .map(|at| survey::survey(&Parts(&parts), at, &Trust::default(), &|_| {}).unwrap())
        .collect();
    for round in 0..ROUNDS {
        let deed = deed(&text, &mut dice);

        let found = verify(&deed, &surveys);
        let is_right = match (&deed.expected, &found) {
            (Expected::At(place), Err(broken)) => broken.place == *place,
            (Expected::Unseen, found) => found.is_ok(),
            _ => false,
        };
        assert!(
            is_right,
            "seed {seed}, round {round}, {}: {:?}, {found:?}",
            deed.what, deed.expected
        );
    }
}
