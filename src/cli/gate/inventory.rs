//! What the inventory of tools adds to an intent (spec E11).

use super::Settings;
use super::profile::Profile;
use super::switch::is_guarded;
use crate::cli::answer::{Exit, Failure};
use crate::cli::files;
use crate::intent::{Intent, Inventory};
use std::path::Path;

/// An intent, with what the inventory knows of its tool.
pub(super) struct Prepared {
    pub(super) intent: Intent,
    /// The inventory's path, where it knew the tool; otherwise empty.
    pub(super) source: String,
    /// That it could not be had, and the call went on without.
    pub(super) warning: Option<String>,
}

/// Looks the tool up, where the settings name an inventory.
///
/// # Errors
/// Exit 3: it cannot be had, and the risk is too high to go on without. Exit 6: it makes of the
/// intent what is none.
pub(super) fn prepare(settings: &Settings, intent: Intent) -> Result<Prepared, Failure> {
    let Some(path) = &settings.inventory_path else { return Ok(Prepared::plain(intent)) };
    match load(path) {
        Ok(inventory) => match inventory.entry(intent.tool_name()) {
            Some(entry) => {
                let intent = intent.with_inventory(entry).map_err(Failure::input)?;
                Ok(Prepared { source: path.display().to_string(), ..Prepared::plain(intent) })
            }
            None => Ok(Prepared::plain(intent)),
        },
        Err(error) if settings.profile == Profile::OssProd || is_guarded(&intent) => {
            let what = format!("wrkr inventory unavailable in fail-closed mode: {error}");
            Err(Failure::new(Exit::Blocked, what))
        }
        Err(error) => {
            let warning = format!(
                "wrkr inventory unavailable; continuing without context enrichment: {error}"
            );
            Ok(Prepared { warning: Some(warning), ..Prepared::plain(intent) })
        }
    }
}

fn load(path: &Path) -> Result<Inventory, String> {
    let bytes = files::read("wrkr inventory", path).map_err(|failure| failure.to_string())?;
    Inventory::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

impl Prepared {
    fn plain(intent: Intent) -> Prepared {
        Prepared { intent, source: String::new(), warning: None }
    }
}
