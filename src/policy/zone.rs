//! Local times of freeze windows, in UTC (spec E6).
//!
//! The zone's rules come from the system, or from the copy that is built in where the system has
//! none. What a local time means that a clock change skips or repeats is the format's own rule,
//! so jiff's own disambiguation is not used.

use crate::intent::time::Time;
use jiff::civil::DateTime;
use jiff::tz::{self, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A zone that is known here.
#[derive(Debug)]
pub(super) struct LocalZone(TimeZone);

impl LocalZone {
    /// The zone of an IANA name, in its exact spelling. `Local` is no such name.
    pub(super) fn named(name: &str) -> Option<LocalZone> {
        let zone = tz::db().get(name).ok()?;
        let exact = zone.iana_name() == Some(name) && !zone.is_unknown();
        exact.then_some(LocalZone(zone))
    }

    /// The moment of `YYYY-MM-DDThh:mm:ss` on this zone's clocks, with a fraction where there is
    /// one; `None` for any other form.
    ///
    /// The offset is the one in force at the moment that reads the same in UTC; where it leads
    /// out of the period in which it holds, the one in force there.
    pub(super) fn read(&self, text: &str) -> Option<Time> {
        let local = Time::parse_local(text)?;
        let first = local.checked_sub(ahead(self.offset_at(local))).ok()?;
        let utc = local.checked_sub(ahead(self.offset_at(first))).ok()?;
        Time::from_civil(utc)
    }

    fn offset_at(&self, utc: DateTime) -> Offset {
        // A clock reading beyond what jiff calls a moment has the offset of the last one.
        let last = if utc.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
        let moment = TimeZone::UTC.to_timestamp(utc).unwrap_or(last);
        self.0.to_offset(moment)
    }
}

fn ahead(offset: Offset) -> SignedDuration {
    SignedDuration::from_secs(offset.seconds().into())
}

#[cfg(test)]
mod tests {
    use super::LocalZone;

    fn utc(zone: &str, local: &str) -> String {
        LocalZone::named(zone).unwrap().read(local).unwrap().to_string()
    }

    #[test]
    fn local_times_are_read_as_the_format_reads_them() {
        for (zone, local, wanted) in [
            ("UTC", "2026-03-01T12:00:00.5", "2026-03-01T12:00:00.5Z"),
            ("Australia/Sydney", "2026-02-01T00:00:00", "2026-01-31T13:00:00Z"),
            // Read twice: 01:30 comes with summer and with winter time.
            ("America/New_York", "2025-11-02T01:30:00", "2025-11-02T05:30:00Z"),
            // Read never: clocks go from 02:00 to 03:00.
            ("America/New_York", "2026-03-08T02:30:00", "2026-03-08T06:30:00Z"),
            ("UTC", "9999-12-31T23:59:59", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(zone, local), wanted, "{zone} {local}");
        }
    }

    #[test]
    fn only_exact_names_and_forms_are_known() {
        for zone in ["Mars/Base", "Local", "utc", "europe/berlin", "", "Etc/Unknown", "../UTC"] {
            assert!(LocalZone::named(zone).is_none(), "{zone}");
        }
        let utc = LocalZone::named("UTC").unwrap();
        for text in
            ["2026-03-01", "2026-03-01T12:00", "2026-03-01T12:00:00Z", "2026-02-30T00:00:00"]
        {
            assert!(utc.read(text).is_none(), "{text}");
        }
    }
}
