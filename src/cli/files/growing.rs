//! A file that grows while a command runs, and that nobody sees before it is whole.

use super::{Failure, refuse_special, refused};
use crate::store::file::{beside, create, make_parent};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// A file that is written little by little, and has its name only once it is whole.
pub(in crate::cli) struct Growing {
    what: &'static str,
    path: PathBuf,
    temporary: PathBuf,
    out: BufWriter<File>,
}

impl Growing {
    /// Begins a file with mode 0600 that will stand at `path`, making missing directories with
    /// mode 0750.
    ///
    /// # Errors
    /// Exit 6: something else than a file stands there. Exit 1: the system says no.
    pub(in crate::cli) fn begin(what: &'static str, path: &Path) -> Result<Growing, Failure> {
        refuse_special(what, path)?;
        let begun = make_parent(path).and_then(|()| {
            let temporary = beside(path)?;
            let file = create(&temporary)?;
            Ok((temporary, BufWriter::new(file)))
        });
        let (temporary, out) = begun.map_err(|error| refused(what, path, &error))?;
        Ok(Growing { what, path: path.to_owned(), temporary, out })
    }

    /// Syncs the file and puts it in the place of whatever was there.
    ///
    /// # Errors
    /// Exit 1: the system says no; nothing is left then.
    pub(in crate::cli) fn keep(mut self) -> Result<(), Failure> {
        let kept = self
            .out
            .flush()
            .and_then(|()| self.out.get_ref().sync_all())
            .and_then(|()| fs::rename(&self.temporary, &self.path));
        kept.map_err(|error| refused(self.what, &self.path, &error))
    }
}

impl io::Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // Gone already where it was kept; where this fails too, the first error was reported.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sees_half_of_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new/d.jsonl");
        let grow = |text: &str| {
            let mut growing = Growing::begin("differences", &path).unwrap();
            growing.write_all(text.as_bytes()).unwrap();
            growing
        };
        drop(grow("lost"));
        assert!(fs::read_dir(path.parent().unwrap()).unwrap().next().is_none());
        grow("one").keep().unwrap();
        let second = grow("two");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        second.keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_stays() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for path in [place.path(), &link] {
            assert!(Growing::begin("differences", path).is_err());
        }
    }
}
