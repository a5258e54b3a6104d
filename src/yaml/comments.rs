//! Comments of a YAML file, which the tree does not have.
//!
//! A formatter that writes the tree anew must know what it cannot keep. Rejected: the parser's own
//! comment events, which are a feature that would change the reader of every policy and config.

/// The comments of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Comments {
    /// The comment lines, and empty lines among and after them, that come before everything else.
    /// Ends at the start of a line.
    pub(crate) head: String,
    /// How many others there are.
    pub(crate) others: usize,
}

/// Where a scanner of lines is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A quoted scalar, with its quote.
    Quotes(char),
    /// A block scalar: lines that are indented deeper than this belong to it.
    Block(usize),
}

impl Comments {
    /// Reads the comments of a file that is valid YAML.
    pub(crate) fn of(text: &str) -> Comments {
        let text = text.replace("\r\n", "\n");
        let mut head = Vec::new();
        let mut lines = text.split(['\n', '\r']).peekable();
        let mut markers = 0;
        while let Some(line) = lines.next_if(|line| is_comment(line) || is_marker(line)) {
            markers += usize::from(is_marker(line));
            // A second marker ends the document that is read.
            if markers > 1 {
                break;
            }
            head.extend((!is_marker(line)).then(|| line.trim()));
        }
        let mut inside = Inside::Nothing;
        let mut others = 0;
        for line in lines {
            let found;
            (inside, found) = scan(line, inside);
            others += found;
        }
        Comments { head: joined(&head), others }
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn is_marker(line: &str) -> bool {
    line.trim_end() == "---"
}

/// Lines with their ends; of the empty ones at the start none, at the end at most one.
fn joined(lines: &[&str]) -> String {
    let text = lines.join("\n");
    let kept = text.trim_matches('\n');
    match (kept, lines.last()) {
        ("", _) => String::new(),
        (kept, Some(&"")) => format!("{kept}\n\n"),
        (kept, _) => format!("{kept}\n"),
    }
}

/// Where the line ends, and how many comments are on it.
fn scan(line: &str, inside: Inside) -> (Inside, usize) {
    let indent = line.len() - line.trim_start_matches(' ').len();
    match inside {
        Inside::Block(_) if line.trim().is_empty() => return (inside, 0),
        Inside::Block(base) if indent > base => return (inside, 0),
        _ => {}
    }
    let mut quote = match inside {
        Inside::Quotes(quote) => Some(quote),
        _ => None,
    };
    let (mut before, mut chars) = (' ', line.chars().peekable());
    let mut said = String::new();
    while let Some(c) = chars.next() {
        match quote {
            Some('"') if c == '\\' => drop(chars.next()),
            // Two of them are one that is meant.
            Some('\'') if c == '\'' => {
                quote = quote.filter(|_| chars.next_if_eq(&'\'').is_some());
            }
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' && before.is_whitespace() => {
                return (after(&said, indent), 1);
            }
            None if matches!(c, '"' | '\'') && starts_scalar(&said) => quote = Some(c),
            None => {}
        }
        said.push(c);
        before = c;
    }
    (quote.map_or_else(|| after(&said, indent), Inside::Quotes), 0)
}

/// Whether a scalar can start after what was said on the line.
fn starts_scalar(said: &str) -> bool {
    let kept = said.trim_end();
    let ends = |marks: &[char]| kept.ends_with(marks);
    let spaced = kept.len() < said.len();
    let tagged = kept.rsplit(char::is_whitespace).next().is_some_and(|w| w.starts_with(['!', '&']));
    kept.is_empty()
        || ends(&['[', '{', ','])
        || (spaced && (ends(&[':', '-', '?']) || tagged))
        || ends(&[':']) && said.contains(['{', '['])
}

/// Whether a block scalar follows a line without its comment.
fn after(said: &str, indent: usize) -> Inside {
    let last = said.split_whitespace().next_back().unwrap_or_default();
    let mut marks = last.chars();
    let opens = matches!(marks.next(), Some('|' | '>'))
        && marks.all(|c| matches!(c, '+' | '-' | '1'..='9'));
    let alone = said.trim().len() > last.len();
    if !opens || !alone {
        return Inside::Nothing;
    }
    // Dashes before a key indent it as spaces do.
    let start = said.trim_start_matches([' ', '-']);
    let is_item = start.starts_with(['|', '>']);
    Inside::Block(if is_item { indent } else { said.len() - start.len() })
}

#[cfg(test)]
mod tests {
    use super::Comments;

    fn comments(text: &str) -> (String, usize) {
        let Comments { head, others } = Comments::of(text);
        (head, others)
    }

    #[test]
    fn the_head_ends_where_the_policy_starts() {
        for (text, head, others) in [
            ("", "", 0),
            ("a: 1\n", "", 0),
            ("# one\n# two\n\n# three\n\n\na: 1 # four\n", "# one\n# two\n\n# three\n\n", 1),
            ("\n\n# one\r\na: 1\n", "# one\n", 0),
            ("# one\r# two\ra: 1", "# one\n# two\n", 0),
            ("  # one\n---\n# two\na: 1\n", "# one\n# two\n", 0),
            ("# one\n---\n---\n# two\na: 1\n", "# one\n", 1),
            ("# only", "# only\n", 0),
        ] {
            assert_eq!(comments(text), (head.to_owned(), others), "{text:?}");
        }
    }

    #[test]
    fn only_comments_are_counted() {
        for (text, others) in [
            ("a: 1 # b\n# c\nd: 2\n  # e\n", 3),
            ("a: b#c\n", 0),
            ("a: 'b #c' # d\n", 1),
            ("a: \"b \\\" #c\"\nb: it's # d\n", 1),
            ("a: 'it''s #b'\n", 0),
            ("a: [\"#b\", '#c', d #e\n]\n", 1),
            ("a: {\"b\":\"x #y\"} # z\n", 1),
            ("a: 'b\n  # in\n  c' # d\n", 1),
            ("a: |\n  # in\n\n  # in\nb: 1 # c\n", 1),
            ("- a: >-  # c\n    # in\n  b: 1\n", 1),
            ("- |\n  # in\n- b # c\n", 1),
            ("- - a: |\n      # in\n    b: 1 # c\n", 1),
            ("a: !t 'b # in' # c\n", 1),
            ("a: b |\n# c\n", 1),
        ] {
            assert_eq!(comments(text).1, others, "{text:?}");
        }
    }
}
