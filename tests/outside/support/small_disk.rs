//! A disk that is small, can be filled, and can be made read-only: a tmpfs.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mounted disk; unmounted when dropped.
#[derive(Debug)]
pub(crate) struct SmallDisk(PathBuf);

/// Files of a disk that nothing can be opened to be written in; ends when dropped.
#[derive(Debug)]
pub(crate) struct ReadOnly(PathBuf);

impl SmallDisk {
    /// Mounts one of 48 MiB at `dir`, which must exist; `None`, with a word about it, where mounting
    /// is not permitted.
    pub(crate) fn at(dir: &Path) -> Option<SmallDisk> {
        let is_mounted = mount(&["-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs"], dir);
        if !is_mounted {
            println!("skipped: mounting a tmpfs is not permitted here");
        }
        is_mounted.then(|| SmallDisk(dir.to_owned()))
    }

    /// Writes until nothing fits any more.
    pub(crate) fn fill(&self) {
        let mut file = File::options().append(true).create(true).open(self.filler()).unwrap();
        while file.write_all(&[0; 64 << 10]).is_ok() {}
        while file.write_all(&[0; 512]).is_ok() {}
    }

    /// Takes that away again.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    /// Lays a read-only view over the directory `name`. What is open stays open, since the kernel
    /// remounts nothing under a writer; whoever opens again finds a read-only file system.
    pub(crate) fn make_read_only(&self, name: &str) -> ReadOnly {
        let dir = self.0.join(name);
        let source = dir.to_str().expect("a path").to_owned();
        assert!(mount(&["--bind", "-o", "ro", &source], &dir), "a bind mount");
        ReadOnly(dir)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

fn mount(arguments: &[&str], dir: &Path) -> bool {
    let mut mount = Command::new("mount");
    mount.args(arguments).arg(dir).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}

fn unmount(dir: &Path) {
    let _ended = Command::new("umount").arg("-l").arg(dir).status();
}
