//! `docs/rollout.md`, walked from top to bottom, in front of the demo's tools and of nginx, whose
//! WebDAV nobody here wrote.

use super::{Nginx, block_lines, root, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PAGE: &str = "docs/rollout.md";
/// What the page calls the listeners.
const LISTENERS: [(&str, &str); 2] =
    [("server", "127.0.0.1:8080"), ("telemetry", "127.0.0.1:9902")];

/// A copy of the page's folder, and a gait that serves it.
struct Walk {
    folder: tempfile::TempDir,
    gait: Option<Child>,
}

impl Walk {
    fn new() -> Walk {
        let folder = tempfile::tempdir().unwrap();
        for file in fs::read_dir(root().join("config/rollout")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        Walk { folder, gait: None }
    }

    /// Starts gait with these flags, and waits until it serves.
    fn serve(&mut self, flags: &[&str], upstream: Option<&str>) {
        let ports = ["SERVER", "TELEMETRY", "ADMIN"]
            .map(|one| (format!("GAIT__{one}__LISTEN"), "127.0.0.1:0"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_gait"));
        command.args(["proxy", "--config", "gait.yaml"]).args(flags).envs(ports);
        command.current_dir(self.folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.envs(upstream.map(|url| ("GAIT__UPSTREAMS__DEMO__URL", url)));
        self.gait = Some(command.spawn().unwrap());
        let mut looks = (0..400).map(|_| std::thread::sleep(Duration::from_millis(50)));
        assert!(looks.any(|()| self.address("server").is_some()), "gait does not serve");
    }

    fn address(&self, listener: &str) -> Option<String> {
        let file = self.folder.path().join("state/addresses.json");
        let read: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        read.get(listener)?.as_str().map(str::to_owned)
    }

    /// Runs one line of the page; a comment behind it is the status that `curl` prints, or the exit.
    fn line(&self, line: &str) {
        let program = Path::new(env!("CARGO_BIN_EXE_gait")).parent().unwrap().display().to_string();
        let place = |line: String, (name, shown): (&str, &str)| match self.address(name) {
            Some(address) => line.replace(shown, &address),
            None => line,
        };
        let placed = LISTENERS.into_iter().fold(line.to_owned(), place);
        let mut shell = Command::new("sh");
        shell.args(["-c", &placed]).current_dir(self.folder.path()).env_clear();
        let run = shell.env("PATH", format!("{program}:/usr/bin:/bin")).output().unwrap();
        let printed = String::from_utf8_lossy(&run.stdout);
        let (mut exit, mut status) = (0, None);
        if let Some((_, wanted)) = line.rsplit_once("   # ") {
            match wanted.strip_prefix("exit ") {
                Some(code) => exit = code.parse().unwrap(),
                None => status = Some(wanted),
            }
        }
        assert_eq!(run.status.code(), Some(exit), "{line}\n{printed}\n{run:?}");
        if let Some(status) = status {
            assert!(printed.trim_end().ends_with(status), "{line}\n{printed}");
        }
    }

    fn walk(&mut self, flags: &[&str], upstream: Option<&str>) {
        let page = text(PAGE);
        let lines = block_lines(&page, "sh walk");
        let starts = lines.iter().position(|line| line.starts_with("curl")).unwrap();
        lines.iter().take(starts).for_each(|line| self.line(line));
        self.serve(flags, upstream);
        lines.iter().skip(starts).for_each(|line| self.line(line));
        assert!(lines.len() > 50, "the page walks");
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        if let Some(mut gait) = self.gait.take() {
            let _ended = gait.kill();
            let _reaped = gait.wait();
        }
    }
}

/// nginx as a tool that keeps files.
fn keeping() -> Nginx {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("files")).unwrap();
    Nginx::start(dir, |address| {
        format!(
            "access_log off;\n\
             server {{ listen {address}; location /v1/files/ {{ alias files/;\n\
             dav_methods PUT DELETE; create_full_put_path on; }} }}"
        )
    })
}

#[test]
fn the_guide_is_walked_in_front_of_the_demo() {
    Walk::new().walk(&["--demo"], None);
}

#[test]
fn the_guide_is_walked_in_front_of_nginx() {
    let nginx = keeping();
    Walk::new().walk(&[], Some(&format!("http://{}", nginx.address)));
    let kept = fs::read_dir(nginx.dir.path().join("files")).unwrap();
    let kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["scratch"], "what the page let through took the files away");
}
