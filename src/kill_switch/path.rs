//! Paths as text: cleaning them, and what stands below what.
//!
//! Nothing here asks the file system. A judge cannot, and an answer that depended on what is
//! mounted where would be another one tomorrow.

/// The shortest path that names the same without looking: no empty and no `.` segments, and no
/// `..` behind a segment that it takes back. Nothing left is `.`.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            // Nothing stands above the root.
            ".." if rooted => {}
            segment => kept.push(segment),
        }
    }
    let joined = kept.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

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
    use proptest::prelude::*;

    #[test]
    fn cleaning_is_lexical() {
        for (path, clean_path) in [
            ("", "."),
            (".", "."),
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("/x/../data/f", "/data/f"),
            ("/../../a", "/a"),
            ("a/../..", ".."),
            ("../a/./b/..", "../a"),
            ("./a", "a"),
            ("a\\..\\b", "a\\..\\b"),
            ("/...", "/..."),
        ] {
            assert_eq!(clean(path), clean_path, "{path:?}");
        }
    }

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
        fn cleaning_twice_changes_nothing(path in "[/.ab]{0,12}") {
            let once = clean(&path);
            prop_assert_eq!(clean(&once), once.clone());
            prop_assert_eq!(once.starts_with('/'), path.starts_with('/'));
        }

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
