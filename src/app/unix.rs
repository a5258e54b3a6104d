//! Unix sockets: made with their mode from the first moment on, and taken away at the end.
//!
//! A socket is bound in a folder that nobody else can enter, given its mode, and then renamed to
//! its path: at no moment can somebody connect whom the mode would keep out. Rejected: the umask,
//! which belongs to the whole process; binding first and changing the mode after.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// The file of a bound socket; removed when dropped, if it is still this one.
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Binds a socket at `path`, in place of one that nobody listens on any more.
///
/// # Errors
/// Something else stands there, somebody listens there, or the machine refuses.
pub(super) async fn bind(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    clear(path).await?;
    let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let private = folder.join(format!(".gait.{:08x}", getrandom::u32().map_err(io::Error::other)?));
    DirBuilder::new().mode(0o700).create(&private)?;
    let bound = bind_in(&private, path, mode);
    // Left behind it does no harm: the next bind makes another.
    let _ = fs::remove_dir_all(&private);
    bound
}

fn bind_in(private: &Path, path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    let fresh = private.join("s");
    let listener = UnixListener::bind(&fresh)?;
    fs::set_permissions(&fresh, Permissions::from_mode(mode))?;
    let made = fs::symlink_metadata(&fresh)?;
    fs::rename(&fresh, path)?;
    let file = SocketFile { path: path.to_owned(), device: made.dev(), inode: made.ino() };
    Ok((listener, file))
}

/// Makes sure that what stands at `path` may be replaced.
async fn clear(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "a file that is no socket is there"));
    }
    match UnixStream::connect(path).await {
        // The process that made it is gone.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        _ => Err(io::Error::new(ErrorKind::AddrInUse, "another process listens there")),
    }
}

impl SocketFile {
    /// Where it stands, from the root on.
    pub(super) fn path(&self) -> PathBuf {
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| found.dev() == self.device && found.ino() == self.inode);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "cannot remove a socket");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_has_its_mode_and_is_gone_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gait.sock");
        let (listener, file) = bind(&path, 0o620).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o620);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        assert!(UnixStream::connect(&path).await.is_ok());
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gait.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let (listener, file) = bind(&path, 0o600).await.unwrap();
        let refusal = bind(&path, 0o600).await.err().unwrap();
        assert_eq!(refusal.kind(), ErrorKind::AddrInUse);
        assert!(UnixStream::connect(&path).await.is_ok(), "the live one stays");
        drop((listener, file));
        fs::write(&path, "mine").unwrap();
        assert_eq!(bind(&path, 0o600).await.err().unwrap().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[tokio::test]
    async fn the_socket_of_a_successor_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gait.sock");
        let (listener, file) = bind(&path, 0o600).await.unwrap();
        fs::remove_file(&path).unwrap();
        let _successor = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop((listener, file));
        assert!(path.exists());
    }
}
