//! Which files are meant: folders are walked, and nothing that was named may come to nothing.
//!
//! Names that begin with a dot are passed over below a named folder, and so are the suites that
//! stand beside policies (`*_test.yaml`, as `gait policy test` knows them). Links are followed,
//! because a Kubernetes volume is made of them (`a.json` → `..data/a.json`). A loop of links ends
//! at [`DEPTH_MAX`] as an error: a gate that silently looks at fewer intents than were named is
//! open.

use crate::evidence;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// Folders within folders.
const DEPTH_MAX: usize = 32;

/// Files of one run; their names are held in memory.
const FILES_MAX: usize = 1 << 20;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One intent.
    Document,
    /// One intent a line; blank lines are passed over.
    Lines,
    /// One evidence line a line.
    Evidence,
}

/// A file of intents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub form: Form,
    /// Its size when it was found.
    pub bytes: u64,
}

/// Why the input cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The system does not let us look.
    #[error("read {}: {source}", path.display())]
    Read {
        /// At what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A named folder holds nothing that fits.
    #[error("no {wanted} in {}", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
        /// What was looked for, and the mend.
        wanted: &'static str,
    },
    /// A named file cannot be of the kind that is wanted.
    #[error("{} is no {wanted}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// A named file is empty: whatever was to write it did not.
    #[error("{} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Folders stand too deep in one another, or links make a loop.
    #[error("{} is nested deeper than {DEPTH_MAX} folders; is it a loop of links?", path.display())]
    Deep {
        /// The folder.
        path: PathBuf,
    },
    /// There are too many files.
    #[error("more than {FILES_MAX} files; put the intents into one .jsonl file, one a line")]
    Many,
}

/// A kind of file, known by its name.
struct Kind<T> {
    wanted: &'static str,
    of: fn(&Path) -> Option<T>,
    /// How the names end that are passed over in a folder.
    except: &'static [&'static str],
}

const INTENTS: Kind<Form> =
    Kind { wanted: "intent (a regular file named *.json or *.jsonl)", of: form, except: &[] };
const POLICIES: Kind<()> = Kind {
    wanted: "policy (a regular file named *.yaml or *.yml)",
    of: yaml,
    except: &["_test.yaml", "_test.yml"],
};
const SEGMENTS: &str =
    "evidence segment (000001.jsonl and on); name the folder `evidence` in the state directory";

/// The intent files that `named` files and folders hold, sorted by path, each once.
pub fn intent_files(named: &[PathBuf]) -> Result<Vec<Source>, FindError> {
    let found = each(named, &INTENTS)?;
    if let Some((path, ..)) =
        found.iter().find(|(path, _, bytes)| *bytes == 0 && named.contains(path))
    {
        return Err(FindError::Empty { path: path.clone() });
    }
    let found = found.into_iter();
    Ok(found.map(|(path, form, bytes)| Source { path, form, bytes }).collect())
}

/// The policy files that `named` files and folders hold, sorted by path, each once.
pub fn policy_files(named: &[PathBuf]) -> Result<Vec<PathBuf>, FindError> {
    Ok(each(named, &POLICIES)?.into_iter().map(|(path, ..)| path).collect())
}

/// The segments of evidence directories, in the order of their lines.
pub fn evidence_segments(directories: &[PathBuf]) -> Result<Vec<Source>, FindError> {
    let mut found = Vec::new();
    for directory in directories {
        let segments = evidence::segments(directory).map_err(|error| unread(directory, error))?;
        if segments.is_empty() {
            return Err(FindError::Nothing { path: directory.clone(), wanted: SEGMENTS });
        }
        for (_, path) in segments {
            let bytes = look(&path)?.len();
            found.push(Source { path, form: Form::Evidence, bytes });
        }
    }
    Ok(found)
}

// === impl Kind ===

impl<T> Kind<T> {
    /// Whether a name in a folder is none that somebody meant.
    fn passes_over(&self, name: &[u8]) -> bool {
        name.starts_with(b".") || self.except.iter().any(|end| name.ends_with(end.as_bytes()))
    }
}

fn form(path: &Path) -> Option<Form> {
    let extension = path.extension()?.to_ascii_lowercase();
    match extension.to_str()? {
        "json" => Some(Form::Document),
        "jsonl" => Some(Form::Lines),
        _ => None,
    }
}

fn yaml(path: &Path) -> Option<()> {
    let extension = path.extension()?.to_ascii_lowercase();
    matches!(extension.to_str()?, "yaml" | "yml").then_some(())
}

fn each<T>(named: &[PathBuf], kind: &Kind<T>) -> Result<Vec<(PathBuf, T, u64)>, FindError> {
    let mut found = Vec::new();
    for path in named {
        let before = found.len();
        let metadata = look(path)?;
        if metadata.is_dir() {
            walk(path, kind, DEPTH_MAX, &mut found)?;
        } else {
            take(path.clone(), &metadata, kind, &mut found)?;
        }
        if found.len() == before {
            let (path, wanted) = (path.clone(), kind.wanted);
            return Err(match metadata.is_dir() {
                true => FindError::Nothing { path, wanted },
                false => FindError::Unfit { path, wanted },
            });
        }
    }
    found.sort_by(|(left, ..), (right, ..)| left.cmp(right));
    found.dedup_by(|(left, ..), (right, ..)| left == right);
    Ok(found)
}

fn walk<T>(
    folder: &Path,
    kind: &Kind<T>,
    room: usize,
    found: &mut Vec<(PathBuf, T, u64)>,
) -> Result<(), FindError> {
    let Some(room) = room.checked_sub(1) else {
        return Err(FindError::Deep { path: folder.to_owned() });
    };
    for entry in folder.read_dir().map_err(|error| unread(folder, error))? {
        let entry = entry.map_err(|error| unread(folder, error))?;
        if kind.passes_over(entry.file_name().as_encoded_bytes()) {
            continue;
        }
        let path = entry.path();
        let metadata = look(&path)?;
        if metadata.is_dir() {
            walk(&path, kind, room, found)?;
        } else {
            take(path, &metadata, kind, found)?;
        }
    }
    Ok(())
}

fn take<T>(
    path: PathBuf,
    metadata: &Metadata,
    kind: &Kind<T>,
    found: &mut Vec<(PathBuf, T, u64)>,
) -> Result<(), FindError> {
    if found.len() >= FILES_MAX {
        return Err(FindError::Many);
    }
    if let Some(what) = (kind.of)(&path).filter(|_| metadata.is_file()) {
        found.push((path, what, metadata.len()));
    }
    Ok(())
}

/// What stands behind a path, links followed.
fn look(path: &Path) -> Result<Metadata, FindError> {
    path.metadata().map_err(|error| unread(path, error))
}

fn unread(path: &Path, source: io::Error) -> FindError {
    FindError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(found: &[Source]) -> Vec<&str> {
        found.iter().map(|source| source.path.file_name().unwrap().to_str().unwrap()).collect()
    }

    #[test]
    fn folders_are_walked_sorted_and_each_file_is_taken_once() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        fs::create_dir_all(root.join("b/.hidden")).unwrap();
        for name in ["c.JSON", "a.jsonl", "b/d.json", "b/readme.md", "b/.hidden/e.json", ".f.json"]
        {
            fs::write(root.join(name), "{}").unwrap();
        }
        std::os::unix::fs::symlink(root.join("b/.hidden/e.json"), root.join("b/e.json")).unwrap();
        let found =
            intent_files(&[root.to_owned(), root.join("b"), root.join("b/d.json")]).unwrap();
        assert_eq!(names(&found), ["a.jsonl", "d.json", "e.json", "c.JSON"]);
        assert_eq!((found[0].form, found[1].form), (Form::Lines, Form::Document));
    }

    #[test]
    fn suites_beside_policies_are_no_policies_unless_they_are_named() {
        let place = tempfile::tempdir().unwrap();
        let policy = place.path().join("a.yaml");
        let suite = [place.path().join("a_test.yaml")];
        fs::write(&policy, "").unwrap();
        fs::write(&suite[0], "").unwrap();
        assert_eq!(policy_files(&[place.path().to_owned()]).unwrap(), [policy]);
        assert_eq!(policy_files(&suite).unwrap(), suite);
    }

    #[test]
    fn what_is_named_must_hold_something() {
        let place = tempfile::tempdir().unwrap();
        let root = [place.path().to_owned()];
        let [folder] = &root;
        fs::write(folder.join("a.yaml"), "").unwrap();
        let error = |found: Result<Vec<Source>, FindError>| found.unwrap_err().to_string();
        assert!(error(intent_files(&root)).starts_with("no intent"));
        assert!(error(intent_files(&[folder.join("a.yaml")])).contains("a.yaml is no intent"));
        assert!(error(intent_files(&[folder.join("none")])).starts_with("read "));
        assert!(error(evidence_segments(&root)).contains("name the folder `evidence`"));
        assert_eq!(policy_files(&root).unwrap(), [folder.join("a.yaml")]);
        std::os::unix::fs::symlink(folder, folder.join("loop")).unwrap();
        assert!(error(intent_files(&root)).contains("nested deeper"));
    }
}
