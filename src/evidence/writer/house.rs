//! What the engine does between batches: syncs, changes the key, seals segments, removes old ones.

use super::Engine;
use crate::clock;
use crate::evidence::{
    chain::Head,
    expire::{self, Bounds, Ended},
    health::Anchor,
    journal::Durability,
    key::{Keys, Signer},
    line::Line,
    segment::Disk,
    settings::Settings,
    survey::End,
};
use std::{io, time::Instant};

impl<D: Disk, K: Keys> Engine<D, K> {
    pub(super) fn keep_house(&mut self, now: Instant) -> io::Result<()> {
        let is_full = self.journal.unsynced_bytes() >= self.settings.unsynced_bytes_max;
        if is_full || is_due(self.sync_due, now) {
            self.journal.sync()?;
            self.note_progress(now);
        }
        self.change_key(now)?;
        let is_long = self.journal.segment_bytes() >= self.settings.segment_bytes_max;
        if self.journal.is_sealable() && (is_long || is_due(self.seal_due, now)) {
            self.seal(std::iter::empty(), now)?;
        }
        if is_due(self.look_due, now) { self.expire(now) } else { Ok(()) }
    }

    fn change_key(&mut self, now: Instant) -> io::Result<()> {
        let Some(key) = &self.next_key else { return Ok(()) };
        if self.journal.is_signed_by(key) {
            self.next_key = None;
            return Ok(());
        }
        self.health.line_came(now);
        self.journal.announce(key)?;
        let key_id = key.id().to_owned();
        if let Some(key) = self.next_key.take() {
            self.journal.sign_with(Signer::new(key));
        }
        tracing::info!(key_id, "another key signs the evidence from here on");
        self.note_progress(now);
        self.forget_previous_key();
        Ok(())
    }

    /// Ends the segment with these lines and a seal.
    pub(super) fn seal<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a mut Line>,
        now: Instant,
    ) -> io::Result<()> {
        self.health.line_came(now);
        self.journal.seal(lines)?;
        let Anchor { segment: number, head, time, .. } = *self.journal.anchor();
        let end = time.map(|time| End { head, time });
        self.shelf.push(Ended { number, bytes: self.journal.segment_bytes(), end });
        self.seal_due = None;
        self.look_due = self.look_due.map(|_| now);
        self.note_progress(now);
        let Head { seq, hash } = head;
        tracing::info!(segment = number, seq, head = %hash, "evidence segment sealed");
        Ok(())
    }

    /// Removes segments that are old or too many. What goes wrong with a file is told and tried
    /// again; the log goes on.
    fn expire(&mut self, now: Instant) -> io::Result<()> {
        self.look_due = expire::next_look(&self.settings, 0).map(|wait| now + wait);
        let (bounds, open_bytes) = (self.bounds(now), self.journal.open_bytes());
        let found = self.shelf.expired(self.journal.disk(), &bounds, open_bytes);
        let mut lines = found.unwrap_or_else(|error| {
            self.note_unremoved(&error);
            Vec::new()
        });
        if lines.is_empty() {
            return Ok(());
        }
        self.health.line_came(now);
        self.journal.write(lines.iter_mut(), Durability::Now)?;
        let before = self.shelf.count();
        match self.shelf.remove(self.journal.disk(), lines.len()) {
            Ok(()) => {
                let wait = expire::next_look(&self.settings, lines.len());
                self.look_due = wait.map(|wait| now + wait);
            }
            Err(error) => self.note_unremoved(&error),
        }
        let removed = before.saturating_sub(self.shelf.count());
        tracing::info!(removed, "old evidence segments removed");
        self.note_progress(now);
        Ok(())
    }

    /// What is kept at this moment: by age all of it while the clock is in doubt.
    fn bounds(&mut self, now: Instant) -> Bounds {
        let Settings { retention, retention_bytes, .. } = self.settings;
        let wall = clock::now();
        let is_held = retention.is_some() && self.watch.doubts(wall, now);
        if is_held {
            tracing::error!(
                clock = %wall,
                "no evidence is removed by age: the clock is over a day ahead of the log; set it \
                 right, or wait a week where it is"
            );
        }
        Bounds { now: wall, retention: retention.filter(|_| !is_held), retention_bytes }
    }

    fn note_unremoved(&self, error: &io::Error) {
        tracing::error!(%error, "old evidence cannot be removed: see to the state directory");
        self.health.count_failure();
    }
}

fn is_due(due: Option<Instant>, now: Instant) -> bool {
    due.is_some_and(|due| due <= now)
}
