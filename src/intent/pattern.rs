//! Path patterns: `/v1/files/{name}` and `/v1/files/{path*}`.
//!
//! `{x}` is one segment, `{x*}` one or more; matching is case-sensitive and a trailing slash
//! matters. Literals are compared with decoded segments: `/items%3Adelete` is `/items:delete` to
//! every server, so it must be to a route. Rejected: regular expressions, which nobody reviews.

use std::fmt;
use std::sync::Arc;

/// A compiled path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Before the `{x*}`, or all.
    front: Vec<Piece>,
    /// The name of the `{x*}`, and what stands behind it.
    rest: Option<(Arc<str>, Vec<Piece>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Capture(Arc<str>),
}

/// One step of a pattern, for comparing two of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Literal(&'a str),
    One,
    Many,
}

impl<'a> Token<'a> {
    fn of(piece: &'a Piece) -> Token<'a> {
        match piece {
            Piece::Literal(literal) => Token::Literal(literal),
            Piece::Capture(_) => Token::One,
        }
    }
}

/// What the braces of a pattern took, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures(Vec<(Arc<str>, String)>);

impl Captures {
    /// The text that `{name}` or `{name*}` took.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| &**key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let piece = |f: &mut fmt::Formatter<'_>, piece: &Piece| match piece {
            Piece::Literal(literal) => write!(f, "/{literal}"),
            Piece::Capture(name) => write!(f, "/{{{name}}}"),
        };
        self.front.iter().try_for_each(|one| piece(f, one))?;
        let Some((name, back)) = &self.rest else { return Ok(()) };
        write!(f, "/{{{name}*}}")?;
        back.iter().try_for_each(|one| piece(f, one))
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Says what is wrong with it and how to mend it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let rest = text.strip_prefix('/').ok_or("a path pattern starts with `/`")?;
        let mut pattern = Pattern { front: Vec::new(), rest: None };
        let raw: Vec<&str> = rest.split('/').collect();
        for (index, segment) in raw.iter().enumerate() {
            if segment.is_empty() && index + 1 < raw.len() {
                return Err("a path pattern has no empty segment; remove the double `/`".into());
            }
            pattern.push(segment)?;
        }
        pattern.refuse_repeats()?;
        Ok(pattern)
    }

    fn push(&mut self, segment: &str) -> Result<(), String> {
        let Some(name) = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) else {
            let literal = literal(segment)?;
            self.tail().push(Piece::Literal(literal));
            return Ok(());
        };
        match name.strip_suffix('*') {
            None => {
                let name = identifier(name)?;
                self.tail().push(Piece::Capture(name));
            }
            Some(_) if self.rest.is_some() => {
                return Err("a path pattern has one `{x*}` at most".into());
            }
            Some(name) => self.rest = Some((identifier(name)?, Vec::new())),
        }
        Ok(())
    }

    fn tail(&mut self) -> &mut Vec<Piece> {
        match &mut self.rest {
            Some((_, back)) => back,
            None => &mut self.front,
        }
    }

    fn refuse_repeats(&self) -> Result<(), String> {
        let mut names: Vec<&str> = self.names().collect();
        names.sort_unstable();
        let repeated = names.windows(2).find(|pair| pair.first() == pair.last());
        match repeated.and_then(|pair| pair.first()) {
            Some(name) => Err(format!("`{{{name}}}` stands twice; give each its own name")),
            None => Ok(()),
        }
    }

    /// The names that the pattern captures.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let back = self.rest.iter().flat_map(|(_, back)| back);
        let pieces = self.front.iter().chain(back).filter_map(|piece| match piece {
            Piece::Capture(name) => Some(&**name),
            Piece::Literal(_) => None,
        });
        pieces.chain(self.rest.iter().map(|(name, _)| &**name))
    }

    /// Whether some path matches both patterns.
    pub fn meets(&self, other: &Pattern) -> bool {
        meet(&self.tokens(), &other.tokens())
    }

    /// Whether both match the same paths, whatever their captures are called.
    pub fn equals(&self, other: &Pattern) -> bool {
        self.tokens() == other.tokens()
    }

    fn tokens(&self) -> Vec<Token<'_>> {
        let mut tokens: Vec<Token<'_>> = self.front.iter().map(Token::of).collect();
        if let Some((_, back)) = &self.rest {
            tokens.push(Token::Many);
            tokens.extend(back.iter().map(Token::of));
        }
        tokens
    }

    /// Matches decoded segments.
    pub fn matches(&self, segments: &[String]) -> Option<Captures> {
        let mut captures = Captures::default();
        let Some((name, back)) = &self.rest else {
            return take(&self.front, segments, &mut captures).then_some(captures);
        };
        let middle_end = segments.len().checked_sub(back.len())?;
        let middle = segments.get(self.front.len()..middle_end)?;
        let held = take(&self.front, segments.get(..self.front.len())?, &mut captures)
            && take(back, segments.get(middle_end..)?, &mut captures)
            && middle.first().is_some_and(|first| !first.is_empty());
        captures.0.push((name.clone(), middle.join("/")));
        held.then_some(captures)
    }
}

/// Matches piece by piece; lengths must be equal.
fn take(pieces: &[Piece], segments: &[String], captures: &mut Captures) -> bool {
    pieces.len() == segments.len()
        && pieces.iter().zip(segments).all(|(piece, segment)| match piece {
            Piece::Literal(literal) => literal == segment,
            Piece::Capture(name) => {
                captures.0.push((name.clone(), segment.clone()));
                !segment.is_empty()
            }
        })
}

/// Whether some list of segments satisfies both: each takes one segment a step, and `Many` may
/// stay for the next.
fn meet(a: &[Token<'_>], b: &[Token<'_>]) -> bool {
    let (Some((first_a, rest_a)), Some((first_b, rest_b))) = (a.split_first(), b.split_first())
    else {
        return a.is_empty() && b.is_empty();
    };
    let compatible = match (first_a, first_b) {
        (Token::Literal(a), Token::Literal(b)) => a == b,
        (Token::Literal(text), Token::One) | (Token::One, Token::Literal(text)) => !text.is_empty(),
        _ => true,
    };
    compatible
        && (meet(rest_a, rest_b)
            || *first_a == Token::Many && meet(a, rest_b)
            || *first_b == Token::Many && meet(rest_a, b))
}

fn literal(segment: &str) -> Result<String, String> {
    if segment.contains(['{', '}', '*', '?', '#', '%', '\\', ';']) || segment.contains("..") {
        return Err(format!(
            "`{segment}` is not a literal segment; write it decoded, without wildcards, or use \
             `{{name}}` or `{{name*}}` for a whole segment"
        ));
    }
    Ok(segment.to_owned())
}

fn identifier(name: &str) -> Result<Arc<str>, String> {
    let good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match good {
        true => Ok(name.into()),
        false => Err(format!("`{name}` is not a name; use letters, digits and `_`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> Option<Vec<String>> {
        let target = crate::call::path::Target::read(path, None).unwrap();
        let captures = Pattern::parse(pattern).unwrap().matches(target.segments())?;
        Some(captures.0.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
    }

    #[test]
    fn one_segment_or_many() {
        let rows: [(&str, &str, Option<&[&str]>); 14] = [
            ("/a", "/a", Some(&[])),
            ("/a", "/a/", None),
            ("/a/", "/a/", Some(&[])),
            ("/", "/", Some(&[])),
            ("/a", "/A", None),
            ("/a/{x}", "/a/b", Some(&["x=b"])),
            ("/a/{x}", "/a/", None),
            ("/a/{x}", "/a/b/c", None),
            ("/a/{x*}", "/a/b/c", Some(&["x=b/c"])),
            ("/a/{x*}", "/a/b/", Some(&["x=b/"])),
            ("/a/{x*}", "/a/", None),
            ("/a/{x*}", "/a", None),
            ("/a/{x*}/z", "/a/b/c/z", Some(&["x=b/c"])),
            ("/i:d/{x}", "/i%3Ad/%C3%A9", Some(&["x=é"])),
        ];
        for (pattern, path, want) in rows {
            let want = want.map(|want| want.iter().map(|s| s.to_string()).collect());
            assert_eq!(matches(pattern, path), want, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_meet_where_a_path_matches_both() {
        let rows = [
            ("/v1/{a}", "/v1/{b}", true),
            ("/v1/{rest*}", "/v1/transfers", true),
            ("/v1/{rest*}", "/v1", false),
            ("/v1/{rest*}/x", "/v1/a/b/x", true),
            ("/v1/{rest*}/x", "/v1/{other*}/y", false),
            ("/a/{x}", "/a/", false),
            ("/a", "/b", false),
            ("/{x*}", "/{y*}", true),
        ];
        for (a, b, want) in rows {
            let (first, second) = (Pattern::parse(a).unwrap(), Pattern::parse(b).unwrap());
            assert_eq!((first.meets(&second), second.meets(&first)), (want, want), "{a} {b}");
        }
    }

    #[test]
    fn a_bad_pattern_says_why() {
        for bad in ["a", "/a//b", "/{x*}/{y*}", "/{}", "/{x}/{x}", "/a*", "/a{x}", "/%41", "/../a"]
        {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
