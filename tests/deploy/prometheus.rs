//! A real Prometheus with the config of `deploy/`, of which only the target is replaced.

use crate::http::{ask, fetch, form};
use crate::{text, wait_for};
use serde_json::Value;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running Prometheus; killed when dropped.
pub(crate) struct Prometheus {
    dir: TempDir,
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts one that scrapes this.
    pub(crate) fn scraping(target: SocketAddr) -> Prometheus {
        let dir = TempDir::new().unwrap();
        let config = text("deploy/prometheus.yaml");
        assert_eq!(config.matches("gait:9902").count(), 1, "one target");
        let put = |name: &str, text: String| fs::write(dir.path().join(name), text).unwrap();
        put("prometheus.yaml", config.replace("gait:9902", &target.to_string()));
        put("alerts.yaml", text("deploy/alerts.yaml"));
        let log = dir.path().join("log");
        let mut child = Command::new("prometheus")
            .args(["--config.file=prometheus.yaml", "--storage.tsdb.path=series"])
            .arg("--web.listen-address=127.0.0.1:0")
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .expect("start prometheus");
        let address = wait_for("its address", || {
            let said = fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "it ended:\n{said}");
            let line = said.lines().find(|line| line.contains("\"Listening on\""))?;
            line.split_once("address=")?.1.split_whitespace().next()?.parse().ok()
        });
        let is_ready = || ask(address, "GET", "/-/ready", "").status == 200;
        wait_for("Prometheus", || is_ready().then_some(()));
        Prometheus { dir, child, address }
    }

    /// The samples of a query at this moment: labels and value.
    ///
    /// # Errors
    /// What Prometheus says of a query that it does not understand.
    pub(crate) fn query(&self, query: &str) -> Result<Vec<(Value, f64)>, String> {
        let answer = form(self.address, "/api/v1/query", "query", query);
        if answer["status"] != "success" {
            return Err(format!("`{query}`: {}", answer["error"]));
        }
        let number = |value: &Value| value.as_str()?.parse().ok();
        let result = &answer["data"]["result"];
        let samples = match answer["data"]["resultType"].as_str() {
            Some("vector") => result.as_array().expect("samples").clone(),
            kind => return Err(format!("`{query}` gives {kind:?}")),
        };
        let read = samples.into_iter().map(|sample| {
            (sample["metric"].clone(), number(&sample["value"][1]).expect("a number"))
        });
        Ok(read.collect())
    }

    /// Every rule as it stands.
    pub(crate) fn rules(&self) -> Vec<Value> {
        let answer = fetch(self.address, "/api/v1/rules");
        let groups = answer["data"]["groups"].as_array().expect("groups").clone();
        let rules = groups.into_iter().map(|group| group["rules"].as_array().unwrap().clone());
        rules.flatten().collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.dir.path().join("log")).unwrap_or_default());
        }
    }
}
