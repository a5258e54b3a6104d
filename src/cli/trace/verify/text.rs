//! What a sound log holds, for people.

use crate::cli::style::{Hue, Line, labelled};
use crate::evidence::{Adopted, Report, Signer, Standing, Torn};

/// Torn tails that text shows; JSON has all.
const TORN_MAX: usize = 10;

/// All lines.
pub(super) fn of(report: &Report) -> Vec<Line> {
    let mut rows = vec![("lines", lines(report)), ("calls", calls(report))];
    rows.push(("segments", segments(report)));
    rows.extend(report.removed.map(|removed| {
        let gone = format!("up to segment {:06}, seq {}", removed.segment, removed.last.seq);
        ("removed", Line::from(gone))
    }));
    rows.push(("head", Line::from(format!("{}:{}", report.head.seq, report.head.hash))));
    rows.extend(report.known.map(|known| {
        let newer = format!("found at seq {}, {} newer", known.seq, many(known.newer, "line"));
        ("expected", Line::from(newer))
    }));
    rows.extend(report.signers.iter().map(|signer| ("key", key(signer))));
    rows.push(("covered", covered(report)));
    rows.extend((report.unkeyed > 0).then(|| ("unkeyed", unkeyed(report.unkeyed))));
    rows.extend(report.adopted.iter().take(TORN_MAX).map(|lines| ("adopted", adopted(lines))));
    rows.extend(report.mended.iter().take(TORN_MAX).map(|torn| ("torn", mended(torn))));
    if let Some(more) = report.mended.len().checked_sub(TORN_MAX).filter(|more| *more > 0) {
        rows.push(("torn", Line::from(format!("and {more} more; see --json"))));
    }
    rows.extend(report.torn.as_ref().map(|torn| ("torn", end(torn))));
    let head = Line::from("trace verify: ").hued(Hue::Green, "sound");
    std::iter::once(head).chain(labelled(rows)).collect()
}

fn lines(report: &Report) -> Line {
    let first = report.head.seq.saturating_sub(report.lines).saturating_add(1);
    let line = Line::from(format!("{}, seq {first} to {}", report.lines, report.head.seq));
    match (report.first_time, report.last_time) {
        (Some(first), Some(last)) => line.hued(Hue::Faint, format!("  {first} to {last}")),
        _ => line,
    }
}

fn calls(report: &Report) -> Line {
    Line::from(format!(
        "{} closed, {} made durable before they went out",
        report.calls,
        many(report.decisions, "decision")
    ))
}

fn segments(report: &Report) -> Line {
    let segments = report.segments;
    Line::from(format!("{} sealed, {} not", segments.sealed, segments.unsealed))
}

fn key(signer: &Signer) -> Line {
    let (hue, standing) = match signer.standing {
        Standing::Named => (Hue::Green, "trusted by name"),
        Standing::Endorsed => (Hue::Green, "handed over to by the key before"),
        Standing::First => (Hue::Yellow, "self-attested; --public-key says whom to trust"),
        Standing::Unknown => (Hue::Yellow, "not trusted"),
    };
    let made = many(signer.signatures, "signature");
    Line::from(signer.key_id.as_str())
        .text("  ")
        .hued(hue, standing)
        .hued(Hue::Faint, format!("  from seq {}, {made}", signer.from_seq))
}

fn covered(report: &Report) -> Line {
    match (report.covered_to, report.uncovered()) {
        (0, _) => Line::new().hued(Hue::Yellow, "nothing: the lines are only chained"),
        (_, 0) => Line::new().hued(Hue::Green, "all lines"),
        (to, left) => {
            let left = format!("the last {} only chained", are(left));
            Line::from(format!("to seq {to}; ")).hued(Hue::Yellow, left)
        }
    }
}

/// Lines that were there before any key: a later signature says that they stood so, not who wrote them.
fn unkeyed(lines: u64) -> Line {
    let what = format!("{} before the first key, unsigned when written", many(lines, "line"));
    Line::new().hued(Hue::Yellow, what)
}

fn adopted(lines: &Adopted) -> Line {
    let what = format!(
        "{} from seq {}: left unsigned by a process that died, signed by the next start",
        many(lines.lines, "line"),
        lines.from_seq
    );
    Line::new().hued(Hue::Yellow, what)
}

fn mended(torn: &Torn) -> Line {
    let bytes = many(torn.bytes, "byte");
    Line::from(format!("{}: {bytes} that a crash left; the next process reports them", torn.place))
}

fn end(torn: &Torn) -> Line {
    let bytes = many(torn.bytes, "byte");
    let text = format!("{}: the log ends in {bytes} that are no line yet", torn.place);
    Line::new().hued(Hue::Yellow, text)
}

fn are(count: u64) -> String {
    if count == 1 { "line is".to_owned() } else { format!("{count} lines are") }
}

fn many(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
