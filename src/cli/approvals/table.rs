//! Requests as aligned lines: a table for `list`, one line each for `watch`.

use super::wire::{Requester, Summary};
use crate::cli::style::{Hue, Line};

const HEADS: [&str; 8] = ["ID", "AGE", "STATE", "GRANTS", "RISK", "TOOL", "REQUESTER", "CALL"];

/// Names wider than this are cut where the width is bounded.
const CELL_WIDTH_MAX: usize = 32;

/// The least that is shown of a line on a narrow terminal.
const WIDTH_MIN: usize = 40;

/// A head and a line for each; `width` is that of the terminal, where there is one.
pub(super) fn lines(requests: &[Summary], width: Option<usize>) -> Vec<Line> {
    let mut rows = vec![HEADS.map(|head| Line::new().hued(Hue::Faint, head))];
    rows.extend(requests.iter().map(|one| row(one, width)));
    let widest =
        |column: usize| rows.iter().filter_map(move |row| row.get(column)).map(Line::width);
    let widths: Vec<usize> =
        (0..HEADS.len()).map(|column| widest(column).max().unwrap_or_default()).collect();
    let width = width.map(|width| width.max(WIDTH_MIN));
    rows.into_iter().map(|row| bounded(Line::row(row, &widths), width)).collect()
}

/// One request that is new or has changed, on a line of its own.
pub(super) fn news(request: &Summary, at: &str, width: Option<usize>) -> Line {
    let [id, _, state, grants, risk, tool, requester, call] = row(request, width);
    let row = [Line::new().hued(Hue::Faint, at), id, state, grants, risk, tool, requester, call];
    bounded(Line::row(row, &[0, 0, "approved".len(), 0, 0, 0, 0, 0]), width)
}

fn bounded(line: Line, width: Option<usize>) -> Line {
    match width {
        Some(width) => line.fitted(width),
        None => line,
    }
}

fn row(request: &Summary, width: Option<usize>) -> [Line; 8] {
    let cell = |text: &str| {
        let line = Line::from(if text.is_empty() { "-" } else { text });
        bounded(line, width.map(|_| CELL_WIDTH_MAX))
    };
    [
        Line::new().hued(Hue::Strong, request.id.as_str()),
        Line::from(age(request.age_seconds)),
        state(&request.state),
        Line::from(grants(request)),
        risk(&request.risk_class),
        cell(&request.tool_name),
        cell(&requester(&request.requester)),
        Line::from(format!("{} {}", request.method, request.path)),
    ]
}

/// How many of how many have said yes.
pub(super) fn grants(request: &Summary) -> String {
    format!("{}/{}", request.granted_by.len(), request.required_approvals)
}

/// Whose name is not proven has a `?` behind it.
fn requester(requester: &Requester) -> String {
    format!("{}{}", requester.identity, if requester.proven { "" } else { "?" })
}

/// The word of a state, in its colour.
pub(super) fn state(word: &str) -> Line {
    let hue = match word {
        "pending" => Hue::Yellow,
        "approved" => Hue::Green,
        "running" => Hue::Cyan,
        "denied" | "unknown" => Hue::Red,
        _ => Hue::Faint,
    };
    Line::new().hued(hue, word)
}

/// The word of a risk class, in its colour.
pub(super) fn risk(word: &str) -> Line {
    let hue = match word {
        "critical" | "high" => Hue::Red,
        "medium" => Hue::Yellow,
        _ => Hue::Plain,
    };
    Line::new().hued(hue, if word.is_empty() { "-" } else { word })
}

/// Seconds in the largest unit of which there is one.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::style::Paint;

    fn request(path: &str) -> Summary {
        Summary {
            id: "abcdefghjkmn".to_owned(),
            state: "pending".to_owned(),
            tool_name: "files.publish\u{1b}[2J".to_owned(),
            requester: Requester { identity: "ada".to_owned(), ..Requester::default() },
            required_approvals: 2,
            age_seconds: 7_300,
            method: "POST".to_owned(),
            path: path.to_owned(),
            ..Summary::default()
        }
    }

    fn rendered(lines: Vec<Line>) -> Vec<String> {
        lines.iter().map(|line| line.render(Paint::Plain)).collect()
    }

    #[test]
    fn a_table_is_aligned_and_steers_no_terminal() {
        let lines = rendered(lines(&[request("/a\n/b\u{202e}")], None));
        assert_eq!(
            lines,
            [
                "ID            AGE  STATE    GRANTS  RISK  TOOL                    REQUESTER  CALL",
                "abcdefghjkmn  2h   pending  0/2     -     files.publish\\u{1b}[2J  ada?       \
                 POST /a\\n/b\\u{202e}",
            ]
        );
    }

    #[test]
    fn a_terminal_has_its_width() {
        let long = request(&"/x".repeat(200));
        for line in rendered(lines(std::slice::from_ref(&long), Some(80))) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let line = news(&long, "12:00:00", Some(60)).render(Paint::Plain);
        assert!(line.chars().count() <= 60 && line.ends_with('…'), "{line}");
    }

    #[test]
    fn ages_are_read_at_a_glance() {
        assert_eq!(
            [0, 59, 60, 3_599, 3_600, 86_400].map(age),
            ["0s", "59s", "1m", "59m", "1h", "1d"]
        );
    }
}
