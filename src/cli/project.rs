//! The project config, `.gait/config.yaml`: what flags fall back to (spec E18).
//!
//! Only its `gate` section means something here, and unknown keys are let through, because the
//! file is shared with other tools. It is not the proxy's config.

use super::answer::Failure;
use super::files;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where the file is when no flag says so.
const DEFAULT_PATH: &str = ".gait/config.yaml";

/// The `gate` section. Names are those of the flags.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Gate {
    pub(super) policy: Option<PathBuf>,
    pub(super) profile: Option<String>,
    pub(super) key_mode: Option<String>,
    pub(super) private_key: Option<PathBuf>,
    pub(super) private_key_env: Option<String>,
    pub(super) approval_public_key: Option<PathBuf>,
    pub(super) approval_public_key_env: Option<String>,
    pub(super) approval_private_key: Option<PathBuf>,
    pub(super) approval_private_key_env: Option<String>,
    pub(super) kill_switch_state: Option<PathBuf>,
    pub(super) rate_limit_state: Option<PathBuf>,
    /// A name; `off` may come as false.
    pub(super) credential_broker: Option<serde_json::Value>,
    pub(super) credential_ref: Option<String>,
    pub(super) credential_scopes: Option<String>,
    pub(super) credential_evidence_path: Option<PathBuf>,
    pub(super) trace_path: Option<PathBuf>,
    pub(super) wrkr_inventory_path: Option<PathBuf>,
    /// Every other key; the caller refuses those that ask for what is not there.
    #[serde(flatten)]
    pub(super) others: BTreeMap<String, serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Project {
    gate: Option<Gate>,
}

impl Gate {
    /// Reads `path`, or the default place, where nothing need be.
    ///
    /// # Errors
    /// Exit 6: the file was named and is not there, or is no YAML of this shape.
    pub(super) fn load(path: Option<&Path>) -> Result<Gate, Failure> {
        let default = Path::new(DEFAULT_PATH);
        // Only a file that is not there is skipped; one that cannot be read is an error below.
        if path.is_none()
            && matches!(fs::symlink_metadata(default), Err(error) if error.kind() == io::ErrorKind::NotFound)
        {
            return Ok(Gate::default());
        }
        let path = path.unwrap_or(default);
        let bytes = files::read("project config", path)?;
        let project: Option<Project> = serde_saphyr::from_slice(&bytes).map_err(|error| {
            // The lines that follow the first repeat the file.
            let error = error.to_string();
            let what = error.lines().next().unwrap_or_default().trim_start_matches("error: ");
            Failure::input(format!("parse project config: {}: {what}", path.display()))
        })?;
        Ok(project.and_then(|project| project.gate).unwrap_or_default().without_blanks())
    }

    /// What is blank is not given: files are often made from a form whose lines are left empty.
    fn without_blanks(mut self) -> Gate {
        let texts = [
            &mut self.profile,
            &mut self.key_mode,
            &mut self.private_key_env,
            &mut self.approval_public_key_env,
            &mut self.approval_private_key_env,
            &mut self.credential_ref,
            &mut self.credential_scopes,
        ];
        for text in texts {
            text.take_if(|text| text.trim().is_empty());
        }
        let paths = [
            &mut self.policy,
            &mut self.private_key,
            &mut self.approval_public_key,
            &mut self.approval_private_key,
            &mut self.kill_switch_state,
            &mut self.rate_limit_state,
            &mut self.credential_evidence_path,
            &mut self.trace_path,
            &mut self.wrkr_inventory_path,
        ];
        for path in paths {
            path.take_if(|path| path.as_os_str().as_encoded_bytes().trim_ascii().is_empty());
        }
        self
    }
}
