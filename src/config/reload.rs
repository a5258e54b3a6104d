//! `reload`: how often the files of the config are looked at.

use super::DOCUMENT;
use super::durations::within;
use super::settings::at;
use crate::yaml::{Fault, Fields, Keys};
use std::ops::RangeInclusive;
use std::time::Duration;

const RELOAD: Keys = Keys { document: DOCUMENT, read: &["watch"], legacy: &[] };

/// A look costs a question to the file system for each file.
const WATCH: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3_600);

/// How often they are looked at, unless said otherwise.
pub(super) const WATCH_DEFAULT: Duration = Duration::from_secs(1);

/// Reads `reload`; `None` where files are not looked at.
pub(super) fn read(top: &mut Fields) -> Result<Option<Duration>, Fault> {
    let mut fields = Fields::open(top.take("reload"), "reload".to_owned(), &RELOAD)?;
    // Left empty it would look as if it were off.
    fields.refuse_empty(RELOAD.read)?;
    let (said, place) = fields.text("watch")?;
    match said.as_str() {
        "" => Ok(Some(WATCH_DEFAULT)),
        "off" => Ok(None),
        said => within(said, &WATCH)
            .map(Some)
            .map_err(|what| at(&fields, "watch", place, &format!("{what}, or `off`"))),
    }
}
