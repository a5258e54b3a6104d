//! Source files as the rules see them: without comments, strings and inline tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One source file, split into what the rules look at.
pub(crate) struct Source {
    /// Path under `src`, without `.rs`: `policy/decide`.
    pub(crate) name: String,
    /// The whole text.
    pub(crate) text: String,
    /// The text without comments, strings and inline tests.
    pub(crate) code: String,
}

impl Source {
    /// The module right under the crate's root.
    pub(crate) fn room(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Whether the file is `place` or stands in the folder `place`.
    pub(crate) fn is_in(&self, place: &str) -> bool {
        self.name == place || self.name.starts_with(&format!("{place}/"))
    }
}

/// Every file under `src`.
pub(crate) fn sources() -> Vec<Source> {
    let root = root().join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(source(&root, &path));
            }
        }
    }
    found
}

/// The crate's directory.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn source(root: &Path, path: &Path) -> Source {
    let name = path.strip_prefix(root).unwrap().with_extension("");
    let text = fs::read_to_string(path).unwrap();
    let name = name.to_str().unwrap().to_owned();
    // `x/tests.rs` is the test module of `x`.
    let is_test = name.ends_with("/tests");
    let code = if is_test { String::new() } else { without_tests(&blanked(&text)) };
    Source { name, text, code }
}

/// The code up to the inline test module, which by house rule comes last.
fn without_tests(code: &str) -> String {
    code.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// Blanks comments, strings and character literals, keeping the lines.
fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skip = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' => quoted(rest),
            'r' if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => raw_string(rest),
            '\'' => character(rest),
            _ => 0,
        };
        let (gone, left) = rest.split_at(skip.max(first.len_utf8()));
        if skip == 0 {
            out.push(first);
        } else {
            out.extend(gone.chars().filter(|c| *c == '\n'));
        }
        rest = left;
    }
    out
}

/// Length of a string literal that `text` starts with.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a raw string literal that `text` starts with; 0 for anything else.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    text[body..].find(&end).map_or(text.len(), |at| body + at + end.len())
}

/// Length of a character literal that `text` starts with; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    let Some((_, first)) = chars.next() else { return 0 };
    if first == '\\' {
        return text[2..].find('\'').map_or(0, |at| at + 3).max(4).min(text.len());
    }
    chars.next().map_or(0, |(at, next)| if next == '\'' { at + 1 } else { 0 })
}

/// The rooms that a file's code names by `crate::` or `gait::`.
pub(crate) fn imports(source: &Source) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for prefix in ["crate::", "gait::"] {
        for after in source.code.split(prefix).skip(1) {
            let list = after.strip_prefix('{').map_or(after, |list| list);
            let group = after.starts_with('{');
            let end = if group { top_level_end(list) } else { list.len() };
            for item in top_level_items(&list[..end], group) {
                rooms.insert(item);
            }
        }
    }
    rooms
}

/// Where the group that `list` starts in closes.
fn top_level_end(list: &str) -> usize {
    let mut depth = 1;
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    list.len()
}

/// First path words of an import: one, or one per item of a group.
fn top_level_items(list: &str, group: bool) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    if !group {
        return vec![word(list)];
    }
    let mut depth = 0;
    let items = list.split(|c| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        c == ',' && depth == 0
    });
    items.map(word).collect()
}
