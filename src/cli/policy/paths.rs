//! Paths as people name them: cleaned without asking the file system, and folders walked in order.
//!
//! Cleaning is lexical because the public tool's is (spec C10), and because a report should name a
//! file as it was named. Links to folders are not followed, so every walk ends.

use crate::cli::answer::Failure;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// No walk finds more files.
const FILES_MAX: usize = 1_000_000;

/// The shortest path that means the same: no `.`, no `x/..`, no doubled `/`.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match (part, cleaned.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                cleaned.pop();
            }
            (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => cleaned.push(part),
        }
    }
    if cleaned.as_os_str().is_empty() { PathBuf::from(".") } else { cleaned }
}

/// Adds every file below `folder` whose name is wanted, cleaned.
///
/// # Errors
/// Exit 6: a folder cannot be read, or there are too many files.
pub(super) fn walk(
    folder: &Path,
    wanted: fn(&OsStr) -> bool,
    found: &mut Vec<PathBuf>,
) -> Result<(), Failure> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let fail = |error| Failure::input(format!("read folder: {}: {error}", folder.display()));
        for entry in fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let kind = entry.file_type().map_err(fail)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if wanted(&entry.file_name()) {
                found.push(one_to_read(kind, clean(&entry.path()))?);
            }
        }
        if found.len() > FILES_MAX {
            let folder = folder.display();
            return Err(Failure::input(format!("more than {FILES_MAX} files, last in {folder}")));
        }
    }
    Ok(())
}

/// A pipe would be waited for, and passing it over would test less than was asked.
fn one_to_read(kind: FileType, path: PathBuf) -> Result<PathBuf, Failure> {
    if kind.is_file() || kind.is_symlink() {
        return Ok(path);
    }
    Err(Failure::input(format!("{} is no regular file; move it away", path.display())))
}

/// Sorts by bytes, where `/` is a byte like another, and drops what is there twice.
pub(super) fn sort(paths: &mut Vec<PathBuf>) {
    paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    paths.dedup();
}

#[cfg(test)]
mod tests {
    use super::{clean, sort, walk};
    use std::path::{Path, PathBuf};

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("a_test.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut found = Vec::new();
        let refusal = walk(dir.path(), |_| true, &mut found).unwrap_err().to_string();
        assert!(refusal.contains("a_test.yaml is no regular file"), "{refusal}");
    }

    #[test]
    fn cleaning_is_lexical() {
        for (path, want) in [
            ("", "."),
            (".", "."),
            ("./a//b/./c/", "a/b/c"),
            ("fx/./sub/../a.json", "fx/a.json"),
            ("../../a", "../../a"),
            ("a/../../b", "../b"),
            ("/../a", "/a"),
            ("a/..", "."),
        ] {
            assert_eq!(clean(Path::new(path)), Path::new(want), "{path}");
        }
    }

    #[test]
    fn order_is_by_bytes() {
        let mut paths: Vec<PathBuf> =
            ["a/sub/b", "a/sub.x", "a/sub/b"].into_iter().map(PathBuf::from).collect();
        sort(&mut paths);
        assert_eq!(paths, [Path::new("a/sub.x"), Path::new("a/sub/b")]);
    }
}
