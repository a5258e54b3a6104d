//! YAML in block style, written so that every reader sees the same text.
//!
//! A text is quoted wherever a YAML 1.1 or 1.2 reader could take it for a number, a boolean, a
//! date, nothing, or the end of itself. Rejected: the serialiser of the library that reads, for
//! it quotes what its own reader needs, and other tools read policies too.

/// Words that some reader takes for something other than text, lower-case.
const TAKEN: [&str; 12] =
    ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"];

/// How much deeper what belongs to a key stands.
const STEP: usize = 2;

/// A mapping that is being put together. What is empty is left out.
#[derive(Debug, Default)]
pub(crate) struct Mapping(Vec<(&'static str, Value)>);

#[derive(Debug)]
enum Value {
    Scalar(String),
    Scalars(Vec<String>),
    Mapping(Mapping),
    Mappings(Vec<Mapping>),
}

impl Mapping {
    /// Text; empty text is left out.
    pub(crate) fn text(self, key: &'static str, text: &str) -> Mapping {
        if text.is_empty() { self } else { self.add(key, Value::Scalar(scalar(text))) }
    }

    /// A list of text.
    pub(crate) fn texts<T: AsRef<str>>(
        self,
        key: &'static str,
        texts: impl IntoIterator<Item = T>,
    ) -> Mapping {
        let items: Vec<_> = texts.into_iter().map(|text| scalar(text.as_ref())).collect();
        if items.is_empty() { self } else { self.add(key, Value::Scalars(items)) }
    }

    /// `true`; what is false is left out.
    pub(crate) fn flag(self, key: &'static str, flag: bool) -> Mapping {
        if flag { self.given(key, Some(flag)) } else { self }
    }

    /// A number that is not 0, which is left out.
    pub(crate) fn number<N: Into<i128>>(self, key: &'static str, number: N) -> Mapping {
        self.given(key, Some(number.into()).filter(|number| *number != 0))
    }

    /// A number or a boolean, where it is given.
    pub(crate) fn given<T: ToString>(self, key: &'static str, value: Option<T>) -> Mapping {
        match value {
            Some(value) => self.add(key, Value::Scalar(value.to_string())),
            None => self,
        }
    }

    /// A mapping that is not empty.
    pub(crate) fn mapping(self, key: &'static str, mapping: Mapping) -> Mapping {
        if mapping.is_empty() { self } else { self.add(key, Value::Mapping(mapping)) }
    }

    /// A list of mappings, of which none is empty.
    pub(crate) fn mappings(self, key: &'static str, mappings: Vec<Mapping>) -> Mapping {
        if mappings.is_empty() { self } else { self.add(key, Value::Mappings(mappings)) }
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The whole, as a document.
    pub(crate) fn to_yaml(&self) -> String {
        let mut text = String::new();
        self.write(0, Lead::Indent, &mut text);
        text
    }

    fn add(mut self, key: &'static str, value: Value) -> Mapping {
        self.0.push((key, value));
        self
    }

    fn write(&self, depth: usize, mut lead: Lead, text: &mut String) {
        for (key, value) in &self.0 {
            lead.write(depth, text);
            lead = Lead::Indent;
            text.push_str(key);
            text.push(':');
            value.write(depth, text);
        }
    }
}

impl Value {
    fn write(&self, depth: usize, text: &mut String) {
        let below = depth + STEP;
        match self {
            Value::Scalar(scalar) => {
                text.push(' ');
                text.push_str(scalar);
                text.push('\n');
            }
            Value::Scalars(items) => {
                text.push('\n');
                for item in items {
                    Lead::Dash.write(below + STEP, text);
                    text.push_str(item);
                    text.push('\n');
                }
            }
            Value::Mapping(mapping) => {
                text.push('\n');
                mapping.write(below, Lead::Indent, text);
            }
            Value::Mappings(items) => {
                text.push('\n');
                items.iter().for_each(|item| item.write(below + STEP, Lead::Dash, text));
            }
        }
    }
}

/// What stands before a line.
#[derive(Clone, Copy)]
enum Lead {
    Indent,
    /// The last of the indent is the dash of a list item.
    Dash,
}

impl Lead {
    fn write(self, depth: usize, text: &mut String) {
        let (spaces, dash) = match self {
            Lead::Indent => (depth, ""),
            Lead::Dash => (depth - STEP, "- "),
        };
        text.extend(std::iter::repeat_n(' ', spaces));
        text.push_str(dash);
    }
}

/// Text as one scalar on one line: plain where that is safe, in double quotes elsewhere, in
/// single quotes where double ones would need more escapes.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let printable = |c: char| matches!(c, ' '..='~') || is_letter(c);
    if text.contains(['"', '\\']) && text.chars().all(printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from('"');
    text.chars().for_each(|c| escape(c, &mut quoted));
    quoted.push('"');
    quoted
}

/// Whether text means itself without quotes, in a block, to every reader. It starts with a letter
/// or a slash, so it is no number, no date and no indicator.
fn is_plain(text: &str) -> bool {
    let starts = text.starts_with(|c| is_letter(c) || c == '/');
    let inside = |c: char| is_letter(c) || c.is_ascii_digit() || "_-./@+*?=%~: ".contains(c);
    let ends = text.ends_with([' ', ':']);
    let breaks = [": ", "  "].iter().any(|part| text.contains(part));
    let taken = TAKEN.contains(&text.to_lowercase().as_str());
    starts && text.chars().all(inside) && !ends && !breaks && !taken
}

/// A letter that no reader confuses with a mark, of the first plane.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || (c.is_alphabetic() && ('\u{a1}'..='\u{d7ff}').contains(&c))
}

fn escape(c: char, quoted: &mut String) {
    match c {
        '"' => quoted.push_str("\\\""),
        '\\' => quoted.push_str("\\\\"),
        '\n' => quoted.push_str("\\n"),
        '\t' => quoted.push_str("\\t"),
        ' '..='~' => quoted.push(c),
        c if is_letter(c) => quoted.push(c),
        c if u32::from(c) <= 0xff => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) <= 0xffff => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Fields, Keys, document};
    use proptest::prelude::*;

    const KEYS: Keys = Keys { document: "test", read: &["a", "b", "m"], legacy: &[] };

    #[test]
    fn what_some_reader_takes_for_something_else_is_quoted() {
        for text in ["tool.read", "/srv/**", "a b", "naïve", "https://h.test:1/x?y=1", "no one"] {
            assert_eq!(scalar(text), text);
        }
        for text in [
            "",
            "yes",
            "On",
            "NULL",
            "~",
            "1",
            "1.5",
            "0x1f",
            "1_000",
            "1:30",
            ".inf",
            "-",
            "- a",
            "a: b",
            "a #b",
            "a:",
            "#a",
            "*a",
            "&a",
            "!a",
            "2026-01-01",
            "=",
            "<<",
            "a ",
            " a",
            "|",
            "@a",
            "%a",
            "[a]",
            "{a}",
            "a, b",
            "---",
            "...",
            "`a`",
            "y",
            "NaN",
            "1e3",
            "?",
            "a  b",
        ] {
            assert_eq!(scalar(text), format!("\"{text}\""));
        }
        assert_eq!(scalar("C:\\a'b"), "'C:\\a''b'");
        assert_eq!(scalar("a\n\u{85}\u{202e}\u{1f600}"), "\"a\\n\\x85\\u202e\\U0001f600\"");
    }

    #[test]
    fn blocks_are_nested_by_two_and_what_is_empty_is_left_out() {
        let inner = || Mapping::default().texts("b", ["x", "1"]).number("m", 0_u64);
        let yaml = Mapping::default()
            .text("a", "")
            .flag("b", true)
            .mapping("m", inner())
            .mapping("n", Mapping::default())
            .mappings("l", vec![inner().number("m", 7_u64), Mapping::default().text("a", "z")])
            .to_yaml();
        let want = "b: true\nm:\n  b:\n    - x\n    - \"1\"\nl:\n  - b:\n      - x\n      \
                    - \"1\"\n    m: 7\n  - a: z\n";
        assert_eq!(yaml, want);
    }

    fn text_of(yaml: &str) -> (String, Vec<String>) {
        let root = document(yaml).unwrap().root.unwrap();
        let mut fields = Fields::open(root, String::new(), &KEYS).unwrap();
        let text = fields.text("a").unwrap().0;
        (text, fields.texts("b").unwrap().into_iter().map(|(text, _)| text).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn every_text_is_read_back_as_it_was(
            text in prop_oneof![
                any::<String>(),
                "[ \\-:#?*&!|>'\"%@`{}\\[\\],~=a0-9._+\n\t\r\\\\xnyeof\u{85}\u{feff}é]{0,8}",
            ]
        ) {
            let yaml = Mapping::default().texts("b", [&text]).text("a", &text).to_yaml();
            prop_assert_eq!(text_of(&yaml), (text.clone(), vec![text]), "{}", yaml);
        }
    }
}
