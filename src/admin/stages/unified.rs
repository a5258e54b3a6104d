//! What changes in a text, as people review it: the unified format, one hunk.

/// Lines around a change that did not change.
const CONTEXT_LINES: usize = 3;

/// The change from `before` to `after` in the file `name`; empty where there is none.
pub(super) fn diff(name: &str, before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if old == new {
        return String::new();
    }
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = old.iter().zip(&new).take_while(same).count();
    let tails = old.iter().skip(head).rev().zip(new.iter().skip(head).rev());
    let tail = tails.take_while(same).count();
    let from = head.saturating_sub(CONTEXT_LINES);
    let left = tail.saturating_sub(CONTEXT_LINES);
    let count = |lines: &[&str]| lines.len().saturating_sub(from).saturating_sub(left);
    let (line, minus, plus) = (from.saturating_add(1), count(&old), count(&new));
    let mut text = format!("--- a/{name}\n+++ b/{name}\n@@ -{line},{minus} +{line},{plus} @@\n");
    let mut add = |mark: char, lines: &[&str], skip: usize, take: usize| {
        for one in lines.iter().skip(skip).take(take) {
            text.push(mark);
            text.push_str(one);
            text.push('\n');
        }
    };
    let middle = |lines: &[&str]| lines.len().saturating_sub(head).saturating_sub(tail);
    add(' ', &old, from, head.saturating_sub(from));
    add('-', &old, head, middle(&old));
    add('+', &new, head, middle(&new));
    add(' ', &old, old.len().saturating_sub(tail), tail.saturating_sub(left));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_hunk_with_what_stands_around_it() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let after = "1\n2\n3\n4\nfive\nsix\n7\n8\n9\n";
        assert_eq!(
            diff("f", before, after),
            "--- a/f\n+++ b/f\n@@ -2,8 +2,8 @@\n 2\n 3\n 4\n-5\n-6\n+five\n+six\n 7\n 8\n 9\n"
        );
        assert_eq!(diff("f", before, before), "");
        assert_eq!(diff("f", "a\n", "a\nb\n"), "--- a/f\n+++ b/f\n@@ -1,1 +1,2 @@\n a\n+b\n");
        assert_eq!(diff("f", "a\na\n", "a\n"), "--- a/f\n+++ b/f\n@@ -1,2 +1,1 @@\n a\n-a\n");
    }
}
