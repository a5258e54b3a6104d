//! Ports that stay whose they are: one that nobody listens on, and one that the kernel chose for a
//! program. A port that is chosen and let go may be somebody else's by the time it is used.

use super::wait_for;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Child;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

/// A port where connections are refused, and which nobody else gets meanwhile.
#[derive(Debug)]
pub(crate) struct HeldPort {
    /// Where nobody listens.
    pub(crate) address: SocketAddr,
    socket: TcpSocket,
}

impl HeldPort {
    /// Takes one that is free.
    pub(crate) fn take() -> HeldPort {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        HeldPort { address: socket.local_addr().unwrap(), socket }
    }

    /// Listens on it from now on.
    pub(crate) fn listen(self) -> TcpListener {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        let listener = runtime.block_on(async { self.socket.listen(128) }).unwrap();
        let listener = listener.into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        listener
    }
}

/// Where a program listens that was told to take port 0 of 127.0.0.1, once it does.
pub(crate) fn address_of(child: &mut Child) -> SocketAddr {
    wait_for("a program to listen", || {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended, {ended:?}");
        Some(SocketAddr::from(([127, 0, 0, 1], port_of(child.id())?)))
    })
}

/// The port on which a process listens, as the kernel tells it.
fn port_of(pid: u32) -> Option<u16> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    let open: Vec<_> = open.filter_map(|file| fs::read_link(file.path()).ok()).collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (address, state, inode) = (columns[1], columns[3], columns[9]);
        let is_own = open.iter().any(|file| file == Path::new(&format!("socket:[{inode}]")));
        let port = address.split_once(':')?.1;
        (state == "0A" && is_own).then(|| u16::from_str_radix(port, 16).unwrap())
    })
}
