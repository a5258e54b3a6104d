//! Paths as text: what stands below what.
//!
//! Nothing here asks the file system. A judge cannot, and an answer that depended on what is
//! mounted where would be another one tomorrow.

/// Whether `path` is `prefix` or stands below it; both are clean. `/` holds every absolute path,
/// `.` every relative one that does not climb.
pub(super) fn is_under(path: &str, prefix: &str) -> bool {
    match prefix {
        "/" => path.starts_with('/'),
        "." => !path.starts_with('/') && path != ".." && !path.starts_with("../"),
        prefix => {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::text::clean_path as clean;
    use proptest::prelude::*;

    #[test]
    fn prefixes_end_at_segments() {
        for (path, prefix) in
            [("/a", "/a"), ("/a/b", "/a"), ("/a", "/"), ("a/b", "."), ("../a", "..")]
        {
            assert!(is_under(path, prefix), "{path} under {prefix}");
        }
        for (path, prefix) in
            [("/ab", "/a"), ("/a", "/a/b"), ("a", "/"), ("/a", "."), ("../a", "."), ("..", ".")]
        {
            assert!(!is_under(path, prefix), "{path} under {prefix}");
        }
    }

    fn segments() -> impl Strategy<Value = Vec<String>> {
        let segment = prop_oneof![Just(".".to_owned()), Just("..".to_owned()), "[ab]{0,2}"];
        prop::collection::vec(segment, 0..8)
    }

    /// What an absolute path names, walked segment by segment.
    fn walked(segments: &[String]) -> Vec<&str> {
        segments.iter().fold(Vec::new(), |mut at, segment| {
            match segment.as_str() {
                "" | "." => {}
                ".." => drop(at.pop()),
                name => at.push(name),
            }
            at
        })
    }

    proptest! {
        #[test]
        fn under_means_that_the_walk_begins_alike(path in segments(), prefix in segments()) {
            let text = |segments: &[String]| clean(&format!("/{}", segments.join("/")));
            let want = walked(&path).starts_with(&walked(&prefix));
            prop_assert_eq!(is_under(&text(&path), &text(&prefix)), want);
        }

        #[test]
        fn what_is_below_stays_below(prefix in segments(), rest in "[ab]{1,3}(/[ab]{1,3}){0,3}") {
            let prefix = clean(&format!("/{}", prefix.join("/")));
            let (child, sibling) = (format!("{prefix}/{rest}"), format!("{prefix}{rest}"));
            prop_assert!(is_under(&clean(&child), &prefix));
            prop_assert_eq!(is_under(&sibling, &prefix), prefix == "/");
        }
    }
}
