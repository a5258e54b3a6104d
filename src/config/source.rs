//! Where a config comes from, and how it is loaded from there: at start, at a reload, for `--check`.

use super::builtin::Builtin;
use super::files::Files;
use super::site::Site;
use super::{
    Config, ConfigError, Environment, Fixed, Read, checks, in_file, overlay, read, reload,
};
use crate::demo;
use crate::policy::{Policy, source as policy_source};
use crate::snapshot::Plan;
use crate::store::StoreError;
use crate::store::switch::Given;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Before each further try, where files change while they are read.
const PAUSES_MS: [u64; 5] = [5, 20, 50, 100, 200];

/// Where a config comes from; it can be loaded again.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// `--upstream URL --policy FILE`: the built-in map.
    Builtin(Builtin),
    /// The embedded demo, behind which the demo API listens at this address.
    Demo(SocketAddr),
}

/// What came of a load, and the files that it depends on, whatever came of it.
#[derive(Debug)]
pub struct Gathered {
    /// The whole config, or the first thing that is wrong.
    pub config: Result<Config, ConfigError>,
    /// What was read or looked for, up to there.
    pub files: Files,
}

impl Source {
    /// Reads the config and its policy.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and the mend.
    pub fn load(&self, environment: &Environment) -> Result<Config, ConfigError> {
        self.gather(environment).config
    }

    /// The same with the files that it depends on. All that is in it stood in them at one moment:
    /// where one changes meanwhile, all are read again. Start, reload and `--check` go through here.
    pub fn gather(&self, environment: &Environment) -> Gathered {
        let mut gathered = self.gather_once(environment);
        for pause in PAUSES_MS {
            if gathered.files.moved().is_none() {
                return gathered;
            }
            std::thread::sleep(Duration::from_millis(pause));
            gathered = self.gather_once(environment);
        }
        let Gathered { config, files } = gathered;
        let file = files.moved().map(|file| file.display().to_string());
        let config = file.map_or(config, |file| Err(ConfigError::Unsettled { file }));
        Gathered { config, files }
    }

    fn gather_once(&self, environment: &Environment) -> Gathered {
        match self {
            Source::File(path) => {
                let site = Site::new(path.parent().unwrap_or(Path::new("")), environment);
                Gathered { config: from_file(path, &site), files: site.into_files() }
            }
            Source::Builtin(builtin) => {
                let site = Site::new(Path::new(""), environment);
                Gathered { config: builtin.load(&site), files: site.into_files() }
            }
            Source::Demo(tools) => {
                Gathered { config: demo(*tools, environment), files: Files::default() }
            }
        }
    }
}

fn demo(tools: SocketAddr, environment: &Environment) -> Result<Config, ConfigError> {
    let environment = environment.with_upstream(demo::UPSTREAM, tools);
    let site = Site::new(Path::new(""), &environment);
    let read = read(demo::config(), &site);
    let Read { fixed, plan, .. } = read.map_err(|fault| in_file(fault, "the demo config"))?;
    let policy = policy_source::parse("the demo policy", demo::policy().as_bytes())?;
    Ok(Config { watch: None, ..join(fixed, plan, policy, None, &site)? })
}

fn from_file(path: &Path, site: &Site<'_>) -> Result<Config, ConfigError> {
    let file = path.display().to_string();
    let text =
        text(path, site).map_err(|source| ConfigError::Read { file: file.clone(), source })?;
    let Read { mut fixed, mut plan, policy, candidate, kill_switch, watch, idle } =
        read(&text, site).map_err(|fault| in_file(fault, &file))?;
    fixed.state_dir = site.path(&fixed.state_dir);
    let policy = site.policy(&site.path(policy))?;
    plan.candidate = candidate.map(|path| tried_out(&site.path(path), site)).transpose()?;
    let kill_switch = kill_switch.map(|path| orders(site.path(path), site)).transpose()?;
    let mut config = Config { watch, ..join(fixed, plan, policy, kill_switch, site)? };
    config.warnings.extend(idle);
    Ok(config)
}

/// Reads a policy that is not to act.
fn tried_out(path: &Path, site: &Site<'_>) -> Result<Arc<Policy>, ConfigError> {
    let policy = site.policy(path);
    policy.map(Arc::new).map_err(|source| ConfigError::Candidate { source })
}

fn text(path: &Path, site: &Site<'_>) -> io::Result<String> {
    let bytes = site.bytes(path)?;
    let text = std::str::from_utf8(&bytes);
    text.map(str::to_owned).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The orders to stop. Their file is followed by itself, but for one that keeps the config from
/// being used.
fn orders(path: PathBuf, site: &Site<'_>) -> Result<Given, StoreError> {
    Given::load(path.clone()).or_else(|_| {
        site.note(&path);
        Given::load(path)
    })
}

/// Lays over the config what was set by command, and looks at the whole.
pub(super) fn join(
    fixed: Fixed,
    mut plan: Plan,
    policy: Policy,
    kill_switch: Option<Given>,
    site: &Site<'_>,
) -> Result<Config, ConfigError> {
    let overlay = overlay::take(&mut plan, site, &fixed.state_dir)?;
    let closed = checks::close_lanes(&mut plan);
    let found = checks::warnings(&plan, &policy);
    let warnings = overlay.warnings().chain(closed).chain(found).collect();
    let watch = Some(reload::WATCH_DEFAULT);
    Ok(Config { fixed, plan, policy, kill_switch, overlay, watch, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Writes a config and a policy that both name their generation.
    fn write(dir: &Path, generation: usize) {
        let config = format!(
            "policy: policy.yaml\nupstreams: {{ api: {{ url: \"http://127.0.0.1:9\" }} }}\n\
             routes: [{{ name: g{generation}, upstream: api, \
             intent: {{ tool_name: a, risk_class: low }} }}]\n"
        );
        let policy = format!(
            "rules: [{{ name: g{generation}, effect: allow, match: {{ tool_names: [a] }} }}]"
        );
        fs::write(dir.join("gait.yaml"), config).unwrap();
        fs::write(dir.join("policy.yaml"), policy).unwrap();
    }

    /// Puts a whole folder in the place of another by turning one link.
    fn turn(dir: &Path, generation: usize) {
        let folder = dir.join(format!("..{generation}"));
        fs::create_dir(&folder).unwrap();
        write(&folder, generation);
        symlink(&folder, dir.join("..data_tmp")).unwrap();
        fs::rename(dir.join("..data_tmp"), dir.join("..data")).unwrap();
    }

    #[test]
    fn what_is_loaded_stood_in_the_files_at_one_moment() {
        let dir = tempfile::tempdir().unwrap();
        turn(dir.path(), 0);
        for name in ["gait.yaml", "policy.yaml"] {
            symlink(format!("..data/{name}"), dir.path().join(name)).unwrap();
        }
        let (source, done) = (Source::File(dir.path().join("gait.yaml")), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (1..).take_while(|_| !done.load(Ordering::Relaxed)).for_each(|generation| {
                    turn(dir.path(), generation);
                    std::thread::sleep(Duration::from_micros(500));
                });
            });
            let mut loaded = 0;
            for _ in 0..200 {
                match source.load(&Environment::default()) {
                    Ok(config) => {
                        assert_eq!(*config.plan.routes[0].name, *config.policy.rules()[0].name);
                        loaded += 1;
                    }
                    // They change faster than anybody can read.
                    Err(error) => {
                        assert!(matches!(error, ConfigError::Unsettled { .. }), "{error}")
                    }
                }
            }
            done.store(true, Ordering::Relaxed);
            println!("{loaded} of 200 loads met a moment without a change");
        });
        let config = source.load(&Environment::default()).expect("files at rest");
        assert_eq!(*config.plan.routes[0].name, *config.policy.rules()[0].name);
    }

    #[test]
    fn the_files_of_a_load_are_known_also_where_it_fails() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        let files = || format!("{:?}", source.gather(&Environment::default()).files);
        assert!(files().ends_with("gait.yaml\"]"), "{}", files());
        write(dir.path(), 0);
        fs::remove_file(dir.path().join("policy.yaml")).unwrap();
        assert!(files().ends_with("policy.yaml\"]"), "{}", files());
        write(dir.path(), 0);
        let whole = files();
        assert!(whole.contains("rollout.json"), "{whole}");
        let text = fs::read_to_string(dir.path().join("gait.yaml")).unwrap();
        fs::write(dir.path().join("gait.yaml"), format!("kill_switch: stop.json\n{text}")).unwrap();
        assert!(files().ends_with("stop.json\"]"), "{}", files());
    }

    #[test]
    fn how_often_to_look_is_said_in_the_config() {
        let dir = tempfile::tempdir().unwrap();
        let watch = |said: &str| {
            write(dir.path(), 0);
            let text = fs::read_to_string(dir.path().join("gait.yaml")).unwrap();
            fs::write(dir.path().join("gait.yaml"), format!("{said}\n{text}")).unwrap();
            let source = Source::File(dir.path().join("gait.yaml"));
            source.load(&Environment::default()).map(|config| config.watch)
        };
        let second = Some(Duration::from_secs(1));
        assert_eq!(watch("").unwrap(), second);
        assert_eq!(watch("reload: {}").unwrap(), second);
        assert_eq!(watch("reload: { watch: off }").unwrap(), None);
        let short = watch("reload: { watch: 100ms }").unwrap();
        assert_eq!(short, Some(Duration::from_millis(100)));
        for wrong in ["99ms", "2h", "no", "", "5"] {
            let told = watch(&format!("reload: {{ watch: {wrong} }}")).unwrap_err().to_string();
            assert!(told.contains("gait.yaml:1:") && told.contains("`reload.watch`"), "{told}");
        }
    }
}
