//! nginx, as people have it before their tools, or as a tool.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How many ports are tried: nginx takes none from the kernel's choice, and one that is free when it
/// is chosen may be taken when nginx gets there.
const TRIES: usize = 5;

/// A running nginx; killed when dropped.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Holds its config, its logs and what the test put there.
    pub(crate) dir: TempDir,
}

impl Nginx {
    /// Starts it in `dir`; `http` gives what stands in the block of that name for an address.
    pub(crate) fn start(dir: TempDir, http: impl Fn(SocketAddr) -> String) -> Nginx {
        let started = (0..TRIES).find_map(|_| {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            Some((listening(dir.path(), &http(address))?, address))
        });
        let Some((child, address)) = started else {
            let log = fs::read_to_string(dir.path().join("error.log")).unwrap_or_default();
            panic!("nginx does not serve:\n{log}");
        };
        Nginx { child, address, dir }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs it with this `http` block; `None` where it ends, as it does where its port is taken.
fn listening(dir: &Path, http: &str) -> Option<Child> {
    let conf = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log;
        events {{}}
        http {{
          client_body_temp_path body; proxy_temp_path p; fastcgi_temp_path f;
          uwsgi_temp_path u; scgi_temp_path s;
          {http}
        }}"
    );
    fs::write(dir.join("nginx.conf"), conf).unwrap();
    let mut child = Command::new("nginx")
        .args(["-p", dir.to_str().unwrap(), "-c", "nginx.conf", "-e", "error.log"])
        .stderr(Stdio::null())
        .spawn()
        .expect("`nginx` starts: install nginx");
    // It writes this file once it listens.
    let pid = dir.join("nginx.pid");
    let mut looks = (0..800).inspect(|_| std::thread::sleep(Duration::from_millis(25)));
    let serves = looks.find_map(|_| match child.try_wait().unwrap() {
        Some(_) => Some(false),
        None => pid.exists().then_some(true),
    });
    serves.expect("nginx to serve or to end").then_some(child)
}
