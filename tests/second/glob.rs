//! Path and domain patterns (E2).

pub(crate) fn path_hit(pattern: &str, value: &str) -> bool {
    let is_below = |prefix: &str| {
        value == prefix || value.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
    };
    pattern == value || pattern.strip_suffix("/**").is_some_and(is_below) || glob(pattern, value)
}

pub(crate) fn domain_hit(pattern: &str, domain: &str) -> bool {
    let is_below = |suffix: &str| domain.ends_with(&format!(".{suffix}"));
    pattern == domain || pattern.strip_prefix("*.").is_some_and(is_below) || glob(pattern, domain)
}

/// A shell glob on the whole text; a bad pattern matches nothing.
fn glob(pattern: &str, value: &str) -> bool {
    let Some(parts) = parse(pattern) else { return false };
    matches(&parts, &value.chars().collect::<Vec<_>>())
}

enum Part {
    Run,
    Any,
    Literal(char),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

fn parse(pattern: &str) -> Option<Vec<Part>> {
    let mut chars = pattern.chars().peekable();
    let mut parts = Vec::new();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '*' => Part::Run,
            '?' => Part::Any,
            '\\' => Part::Literal(chars.next()?),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || chars.peek() != Some(&']') {
                    let low = bound(&mut chars)?;
                    let high = match chars.next_if_eq(&'-') {
                        Some(_) => bound(&mut chars)?,
                        None => low,
                    };
                    ranges.push((low, high));
                }
                chars.next();
                Part::Class { negated, ranges }
            }
            c => Part::Literal(c),
        });
    }
    Some(parts)
}

fn bound(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '\\' => chars.next(),
        '-' | ']' => None,
        c => Some(c),
    }
}

fn matches(parts: &[Part], value: &[char]) -> bool {
    let Some((part, parts)) = parts.split_first() else { return value.is_empty() };
    if let Part::Run = part {
        let reach = value.iter().take_while(|c| **c != '/').count();
        return (0..=reach).any(|taken| matches(parts, &value[taken..]));
    }
    let Some((c, value)) = value.split_first() else { return false };
    let fits = match part {
        Part::Run => false,
        Part::Any => *c != '/',
        Part::Literal(literal) => c == literal,
        Part::Class { negated, ranges } => {
            ranges.iter().any(|(low, high)| low <= c && c <= high) != *negated
        }
    };
    fits && matches(parts, value)
}
