//! Text for people: words with a hue, in aligned columns.
//!
//! A command says which word is a verdict and which is an aside; only here is decided whether that
//! becomes an escape code. Text from files goes to terminals, so control characters in it, ends of
//! lines among them, are shown and never obeyed. Rejected: commands that write escape codes
//! themselves, which end up in files and in JSON.

use crate::policy::Verdict;
use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Effects, Style};
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};

/// What `--color` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Choice {
    // Where a person reads, which is a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

/// Whether escape codes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Colour,
}

/// What is painted, stream by stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paints {
    /// Standard output.
    pub(super) out: Paint,
    /// Standard error.
    pub(super) log: Paint,
}

/// How a word looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hue {
    Plain,
    Strong,
    Faint,
    Green,
    Cyan,
    Yellow,
    Red,
}

/// A line of text, made of words with a hue each.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    spans: Vec<(Hue, String)>,
}

/// What the environment says of colours.
#[derive(Default)]
struct Wishes {
    no_color: Option<OsString>,
    force: Option<OsString>,
    term: Option<OsString>,
}

// === impl Paints ===

impl Paints {
    /// Decides for both streams, from the flag, the environment and what they lead to.
    pub(super) fn choose(choice: Choice) -> Paints {
        let wishes = Wishes {
            no_color: env::var_os("NO_COLOR"),
            force: env::var_os("CLICOLOR_FORCE"),
            term: env::var_os("TERM"),
        };
        let paint = |is_terminal: fn() -> bool| match choice {
            Choice::Always => Paint::Colour,
            Choice::Never => Paint::Plain,
            Choice::Auto => wishes.paint(is_terminal),
        };
        Paints {
            out: paint(|| io::stdout().is_terminal()),
            log: paint(|| io::stderr().is_terminal()),
        }
    }
}

impl Wishes {
    /// Who wants no colours is heard first, then who wants them everywhere.
    fn paint(&self, is_terminal: fn() -> bool) -> Paint {
        let given = |wish: &Option<OsString>| wish.as_ref().is_some_and(|text| !text.is_empty());
        let forced = given(&self.force) && self.force.as_ref().is_some_and(|text| text != "0");
        let dumb = self.term.as_ref().is_some_and(|term| term == "dumb");
        let colour = !given(&self.no_color) && (forced || (is_terminal() && !dumb));
        if colour { Paint::Colour } else { Paint::Plain }
    }
}

// === impl Hue ===

impl Hue {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| colour.on_default();
        match self {
            Hue::Plain => Style::new(),
            Hue::Strong => Style::new().effects(Effects::BOLD),
            Hue::Faint => Style::new().effects(Effects::DIMMED),
            Hue::Green => colour(AnsiColor::Green),
            Hue::Cyan => colour(AnsiColor::Cyan),
            Hue::Yellow => colour(AnsiColor::Yellow),
            Hue::Red => colour(AnsiColor::Red),
        }
    }
}

impl From<Verdict> for Hue {
    fn from(verdict: Verdict) -> Hue {
        match verdict {
            Verdict::Allow => Hue::Green,
            Verdict::DryRun => Hue::Cyan,
            Verdict::RequireApproval => Hue::Yellow,
            Verdict::Block => Hue::Red,
        }
    }
}

// === impl Line ===

impl Line {
    /// An empty line.
    pub(super) fn new() -> Line {
        Line::default()
    }

    /// Adds words as they are.
    pub(super) fn text(self, text: impl Into<String>) -> Line {
        self.hued(Hue::Plain, text)
    }

    /// Adds words of a hue.
    pub(super) fn hued(mut self, hue: Hue, text: impl Into<String>) -> Line {
        self.spans.push((hue, text.into()));
        self
    }

    /// Adds the word of a verdict, in its colour.
    pub(super) fn verdict(self, verdict: Verdict) -> Line {
        self.hued(verdict.into(), verdict.as_str())
    }

    /// Adds another line's words.
    pub(super) fn then(mut self, other: Line) -> Line {
        self.spans.extend(other.spans);
        self
    }

    /// Spaces up to `width` characters.
    pub(super) fn padded(self, width: usize) -> Line {
        let missing = width.saturating_sub(self.width());
        self.text(" ".repeat(missing))
    }

    /// Cells beside each other; the last one is not padded.
    pub(super) fn row<const N: usize>(cells: [Line; N], widths: &[usize]) -> Line {
        let cells = cells.into_iter().zip(widths).enumerate();
        cells.fold(Line::new(), |line, (at, (cell, width))| match at + 1 == N {
            true => line.then(cell),
            false => line.then(cell.padded(*width)).text("  "),
        })
    }

    /// How many characters it shows.
    pub(super) fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| shown(text).chars().count()).sum()
    }

    /// The same in at most `width` characters; `…` says that there is more.
    pub(super) fn fitted(self, width: usize) -> Line {
        if self.width() <= width {
            return self;
        }
        let (mut left, mut fitted) = (width.saturating_sub(1), Line::new());
        for (hue, text) in self.spans {
            // Cut where a character ends as it is shown, so that no escape is cut in two.
            let fits = |c: &char| {
                let wide = shown(c.encode_utf8(&mut [0; 4])).chars().count();
                let fits = wide <= left;
                left = if fits { left - wide } else { 0 };
                fits
            };
            fitted = fitted.hued(hue, text.chars().take_while(fits).collect::<String>());
        }
        fitted.text("…")
    }

    /// The text as it is written.
    pub(super) fn render(&self, paint: Paint) -> String {
        let span = |(hue, text): &(Hue, String)| match (paint, hue.style()) {
            (Paint::Colour, style) if !style.is_plain() && !text.is_empty() => {
                format!("{style}{}{style:#}", shown(text))
            }
            _ => shown(text),
        };
        self.spans.iter().map(span).collect()
    }
}

impl From<String> for Line {
    fn from(text: String) -> Line {
        Line::new().text(text)
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Line {
        Line::new().text(text)
    }
}

/// Labels in one column, what they label in the next.
pub(super) fn labelled<'a>(
    rows: impl IntoIterator<Item = (&'a str, Line)>,
) -> impl Iterator<Item = Line> {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or_default() + 2;
    rows.into_iter()
        .map(move |(label, line)| Line::new().hued(Hue::Faint, label).padded(width).then(line))
}

/// What could forge another line, or change how others look, becomes visible.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push(c),
            c if c.is_control() || is_unseen(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Ends of lines, marks that turn the direction of writing, and characters without a width.
pub(super) fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_heard_in_order() {
        let wish = |text: &str| Some(OsString::from(text));
        let none = Wishes::default;
        for (wishes, on_terminal, elsewhere) in [
            (none(), Paint::Colour, Paint::Plain),
            (Wishes { no_color: wish("1"), ..none() }, Paint::Plain, Paint::Plain),
            (Wishes { no_color: wish(""), ..none() }, Paint::Colour, Paint::Plain),
            (Wishes { term: wish("dumb"), ..none() }, Paint::Plain, Paint::Plain),
            (Wishes { force: wish("1"), ..none() }, Paint::Colour, Paint::Colour),
            (Wishes { force: wish("0"), ..none() }, Paint::Colour, Paint::Plain),
            (
                Wishes { force: wish("1"), no_color: wish("1"), term: None },
                Paint::Plain,
                Paint::Plain,
            ),
        ] {
            assert_eq!(wishes.paint(|| true), on_terminal);
            assert_eq!(wishes.paint(|| false), elsewhere);
        }
    }

    #[test]
    fn a_verdict_has_its_colour_and_text_has_no_power() {
        let line = Line::from("v=").verdict(Verdict::Block).text(" \u{1b}[2J\u{202e}");
        assert_eq!(line.render(Paint::Plain), "v=block \\u{1b}[2J\\u{202e}");
        assert_eq!(line.render(Paint::Colour), "v=\u{1b}[31mblock\u{1b}[0m \\u{1b}[2J\\u{202e}");
        assert_eq!(line.width(), line.render(Paint::Plain).len());
    }

    #[test]
    fn a_line_stays_one_line() {
        let name = "r\nverdict  allow\r\u{85}\u{2028}\u{2029}\u{200f}\u{61c}\u{feff}";
        let line = Line::new().hued(Hue::Strong, name).render(Paint::Plain);
        let shown = "r\\nverdict  allow\\r\\u{85}\\u{2028}\\u{2029}\\u{200f}\\u{61c}\\u{feff}";
        assert_eq!(line, shown);
    }

    #[test]
    fn a_line_is_cut_between_characters_as_they_are_shown() {
        let line = || Line::from("ab").hued(Hue::Red, "\u{1b}cd");
        let cut = |width: usize| line().fitted(width).render(Paint::Plain);
        assert_eq!(
            [10, 9, 8, 5, 2, 0].map(cut),
            ["ab\\u{1b}cd", "ab\\u{1b}…", "ab…", "ab…", "a…", "…"]
        );
    }

    #[test]
    fn labels_stand_in_one_column() {
        let lines = labelled([("a", "1".into()), ("long", "2".into())]);
        let lines: Vec<String> = lines.map(|line| line.render(Paint::Plain)).collect();
        assert_eq!(lines, ["a     1", "long  2"]);
    }
}
