//! What a comparison found, for people: what is wrong, the worst first, the summary last.

use super::report::Report;
use crate::audit::reconcile::{Act, Arrival, Crowd, Sent, moment};
use crate::cli::style::{Hue, Line};

/// Width of the first column.
const LABEL_WIDTH: usize = 11;
/// A path is cut after so many characters.
const TARGET_WIDTH_MAX: usize = 100;
/// Places of a crowd that are named.
const CROWD_SPOTS_MAX: usize = 8;

/// All lines.
pub(super) fn of(report: Report<'_>, rows_max: usize) -> Vec<Line> {
    let sections = [
        bypasses(report),
        crowds(report),
        repeats(report),
        violations(report),
        unread(report),
        missing(report),
        uncertain(report),
    ];
    let shorten = |mut lines: Vec<Line>| {
        let more = lines.len().saturating_sub(rows_max);
        lines.truncate(rows_max);
        if more > 0 {
            let text = format!("... and {more} more such; see --limit and --json");
            lines.push(Line::new().hued(Hue::Faint, text));
        }
        lines
    };
    let mut lines: Vec<Line> = sections.into_iter().flat_map(shorten).collect();
    lines.extend(summary(report));
    lines
}

fn label(hue: Hue, word: &str) -> Line {
    Line::new().hued(hue, word).padded(LABEL_WIDTH)
}

fn bypasses(report: Report<'_>) -> Vec<Line> {
    let line = |bypass: &crate::audit::reconcile::Bypass| {
        let arrival = report.arrival(bypass.arrival)?;
        let near = report.found.died_near(report.permits, arrival.time);
        let aside = if near { " (near a crash of gait)" } else { "" };
        let line = label(Hue::Red, "bypass").then(request(report, arrival));
        Some(line.text(format!("  {}{aside}", bypass.why)))
    };
    report.found.bypasses.iter().filter_map(line).collect()
}

fn crowds(report: Report<'_>) -> Vec<Line> {
    let line = |crowd: &Crowd| {
        let members: Vec<_> =
            crowd.arrivals.iter().filter_map(|place| report.arrival(*place)).collect();
        let (first, last) = (members.first()?, members.last()?);
        let spots = members.iter().take(CROWD_SPOTS_MAX).map(|arrival| report.spot(arrival));
        let more = members.len().saturating_sub(CROWD_SPOTS_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (from, to, all) = (moment(first.time), moment(last.time), members.len());
        Some(
            label(Hue::Red, "bypass")
                .hued(Hue::Strong, format!("{} of these {all}", crowd.excess))
                .text(format!("  {from} to {to}  "))
                .then(act(report.arrivals.act(first)))
                .hued(Hue::Faint, format!("  {}{more}", spots.collect::<Vec<_>>().join(", ")))
                .text("  gait sent fewer, and they cannot be told apart"),
        )
    };
    report.found.crowds.iter().filter_map(line).collect()
}

fn repeats(report: Report<'_>) -> Vec<Line> {
    let line = |repeat: &crate::audit::reconcile::Repeat| {
        let arrival = report.arrival(repeat.arrival)?;
        let first = report.spot(report.arrival(repeat.first)?);
        let call = report.sent(repeat.call)?.call_id;
        let line = label(Hue::Red, "repeat").then(request(report, arrival));
        Some(line.text(format!("  its traceparent was used at {first}, by call {call}")))
    };
    report.found.repeats.iter().filter_map(line).collect()
}

fn violations(report: Report<'_>) -> Vec<Line> {
    let line = |violation: &crate::audit::reconcile::Violation| {
        let text = format!("call {} (seq {})  {}", violation.call_id, violation.seq, violation.law);
        label(Hue::Red, "violation").text(text)
    };
    report.permits.violations().iter().map(line).collect()
}

fn unread(report: Report<'_>) -> Vec<Line> {
    let line = |one: &crate::audit::reconcile::Garbled| {
        let spot = format!("{}:{}", report.log(one.log), one.line);
        label(Hue::Red, "unread").text(format!("{spot}  {}: ", one.why)).hued(Hue::Faint, &one.text)
    };
    let mut lines: Vec<Line> = report.arrivals.garbled().iter().map(line).collect();
    let more = report.unread() - lines.len() as u64;
    if more > 0 {
        lines.push(label(Hue::Red, "unread").text(format!("and {more} more lines")));
    }
    lines
}

fn missing(report: Report<'_>) -> Vec<Line> {
    let line = |sent: &Sent| {
        label(Hue::Yellow, "missing")
            .then(call(report, sent))
            .text("  it was sent, and no line is its")
    };
    let calls = report.found.missing.iter().filter_map(|place| report.sent(*place));
    calls.map(line).collect()
}

fn uncertain(report: Report<'_>) -> Vec<Line> {
    let line = |uncertain: &crate::audit::reconcile::Uncertain| {
        let line = label(Hue::Cyan, "uncertain").then(call(report, report.sent(uncertain.call)?));
        let arrival = uncertain.arrival.and_then(|place| report.arrival(place));
        Some(line.text(match arrival {
            Some(arrival) => format!("  it arrived: {}", report.spot(arrival)),
            None => "  no line is its".to_owned(),
        }))
    };
    report.found.uncertain.iter().filter_map(line).collect()
}

fn request(report: Report<'_>, arrival: &Arrival) -> Line {
    let status = arrival.status.map(|status| format!("  {status}")).unwrap_or_default();
    let client = report.arrivals.client(arrival);
    let client = client.map(|client| format!("  from {client}")).unwrap_or_default();
    Line::from(moment(arrival.time))
        .text("  ")
        .then(act(report.arrivals.act(arrival)))
        .text(status)
        .text(client)
        .hued(Hue::Faint, format!("  {}", report.spot(arrival)))
}

fn act(act: Option<&Act>) -> Line {
    let Some(act) = act else { return Line::new() };
    let target = Line::new().hued(Hue::Strong, &act.target).fitted(TARGET_WIDTH_MAX);
    Line::new().hued(Hue::Strong, format!("{} ", act.method)).then(target)
}

fn call(report: Report<'_>, sent: &Sent) -> Line {
    let Some(facts) = report.permits.facts(sent) else { return Line::new() };
    let route = facts.route.as_deref().map(|route| format!("  route {route}"));
    let identity = facts.identity.as_deref().map(|identity| format!("  by {identity}"));
    let ending = facts.ending.as_deref().map(|ending| format!("  {ending}"));
    Line::from(moment(sent.from))
        .hued(Hue::Strong, format!("  {}", facts.method))
        .text([route, identity, ending].into_iter().flatten().collect::<String>())
        .hued(Hue::Faint, format!("  call {}", sent.call_id))
}

fn summary(report: Report<'_>) -> Vec<Line> {
    let (found, logs) = (report.found, report.arrivals.logs());
    let counts = [
        (Hue::Red, found.bypass_count() as u64, "bypass"),
        (Hue::Red, found.repeats.len() as u64, "repeat"),
        (Hue::Red, report.permits.violations().len() as u64, "violation"),
        (Hue::Red, report.unread(), "unread"),
        (Hue::Yellow, found.missing.len() as u64, "missing"),
        (Hue::Cyan, found.uncertain.len() as u64, "uncertain"),
    ];
    let (requests, calls) = (report.arrivals.list().len(), report.permits.list().len());
    let read = format!("{requests} requests in {} logs, {calls} calls: ", logs.len());
    let line = Line::from(read).hued(Hue::Green, format!("{} matched", found.matched()));
    let add = |line: Line, (hue, count, word): &(Hue, u64, &str)| {
        let hue = if *count == 0 { Hue::Faint } else { *hue };
        line.text(", ").hued(hue, format!("{count} {word}"))
    };
    vec![counts.iter().fold(line, add)]
}
