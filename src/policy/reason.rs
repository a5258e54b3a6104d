//! The reason code of a rule that names none (spec C6.4).

use crate::intent::text::lower;

/// `matched_rule_` and a slug of the name.
pub(super) fn of_rule(name: &str) -> String {
    format!("matched_rule_{}", slug(name)).trim().to_owned()
}

/// The name as the body of a JSON string that is safe inside HTML, without quotes at its ends,
/// with `_` for spaces and dashes, lowered.
fn slug(name: &str) -> String {
    let mut body = String::with_capacity(name.len());
    name.chars().for_each(|c| escape(c, &mut body));
    lower(&body.trim_matches('"').replace([' ', '-'], "_"))
}

fn escape(c: char, body: &mut String) {
    match c {
        '"' => body.push_str("\\\""),
        '\\' => body.push_str("\\\\"),
        '\t' => body.push_str("\\t"),
        '\n' => body.push_str("\\n"),
        '\r' => body.push_str("\\r"),
        '\u{8}' => body.push_str("\\b"),
        '\u{c}' => body.push_str("\\f"),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
            body.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
        c => body.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::of_rule;

    #[test]
    fn slugs() {
        for (name, reason) in [
            ("allow-reads", "matched_rule_allow_reads"),
            ("UPPER Name", "matched_rule_upper_name"),
            ("line one\nline two", "matched_rule_line_one\\nline_two"),
            ("naïve <R>&.x/y", "matched_rule_naïve_\\u003cr\\u003e\\u0026.x/y"),
            ("say \"hi\"", "matched_rule_say_\\\"hi\\"),
            ("a\u{2028}\u{1}b\u{7f}", "matched_rule_a\\u2028\\u0001b\u{7f}"),
        ] {
            assert_eq!(of_rule(name), reason, "{name:?}");
        }
    }
}
