//! Files behind links, exchanged all at once, exactly as a kubelet does it with a ConfigMap.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the link is called through which all files are reached.
const DATA: &str = "..data";

/// A mounted folder: `NAME` leads to `..data/NAME`, and `..data` to a folder with a time in its
/// name.
#[derive(Debug)]
pub(crate) struct Folder {
    at: PathBuf,
    turns: AtomicUsize,
}

impl Folder {
    /// Mounts these files in `at`.
    pub(crate) fn mount(at: &Path, files: &[(&str, String)]) -> Folder {
        let folder = Folder { at: at.to_owned(), turns: AtomicUsize::new(0) };
        folder.turn(files);
        for (name, _) in files {
            symlink(format!("{DATA}/{name}"), at.join(name)).unwrap();
        }
        folder
    }

    /// Puts other files in their place, in one step, and removes the old ones.
    pub(crate) fn turn(&self, files: &[(&str, String)]) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let name = format!("..2026_11_23_08_00_00.{turn:09}");
        let folder = self.at.join(&name);
        fs::create_dir(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        let old = fs::read_link(self.at.join(DATA)).ok();
        symlink(&name, self.at.join("..data_tmp")).unwrap();
        fs::rename(self.at.join("..data_tmp"), self.at.join(DATA)).unwrap();
        if let Some(old) = old {
            fs::remove_dir_all(self.at.join(old)).unwrap();
        }
    }
}
