//! What of the overlay's file has still to be brought up to what is in force.
//!
//! What was dropped is taken from the disk, or it would hold again one day. But not at once at a start:
//! the config may be half of one, and what it lacks is what was set over. Rejected: to wait at a load
//! as well, which rests before it drops anything.

use super::held::REST;
use super::reload::Lost;
use crate::clock;
use crate::config::{OverlayFile, Taken};
use crate::rollout::Overlay;
use std::future::pending;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// Between two tries to write the file.
const AGAIN: Duration = Duration::from_secs(1);

/// What has still to be done.
pub(super) struct Arrears {
    /// What was dropped and may still be on disk. It never comes into force again.
    dropped: Overlay,
    /// What was over and may still be on disk.
    ended: Overlay,
    /// Whether the file is there, which is always kept.
    file: OverlayFile,
    /// What the start dropped, and what holds again if a load within [`REST`] wants it.
    unrested: Overlay,
    /// Nothing is done before, and whatever there is to do is done then.
    not_before: Instant,
    /// Whether a load was refused for what is on disk.
    refusal: Refusal,
    /// Why the file could not be written.
    fault: Option<String>,
}

/// Whether a load was refused for the overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    None,
    /// It cannot be read, and only people or a demotion mend that.
    Spoilt,
    /// It says what was dropped, or was mended since: once that is written, the load comes again.
    Due,
}

// === impl Arrears ===

impl Arrears {
    /// Of a process that took this at its start.
    pub(super) fn of_start(taken: &Taken) -> Arrears {
        let unrested = taken.dropped.clone();
        let not_before = if unrested.is_empty() { clock::instant() } else { in_a_while(REST) };
        Arrears {
            dropped: Overlay::default(),
            ended: taken.ended.clone(),
            file: OverlayFile::There,
            unrested,
            not_before,
            refusal: Refusal::None,
            fault: None,
        }
    }

    /// Waits until something is to be done: for ever where there is nothing.
    pub(super) fn due(&self) -> impl Future<Output = ()> + use<> {
        let due = self.is_open().then_some(self.not_before);
        async move {
            match due {
                Some(at) => sleep_until(at.into()).await,
                None => pending().await,
            }
        }
    }

    /// What a load has lost with the file: told once, however long it cannot be written anew.
    pub(super) fn lost(&self, taken: &Taken, before: &Taken) -> Lost {
        match taken.file {
            OverlayFile::There => Lost::Nothing,
            OverlayFile::Missing if self.file == OverlayFile::Missing => Lost::Nothing,
            OverlayFile::Missing if before.kept.is_empty() => Lost::File,
            OverlayFile::Missing => Lost::Stages,
        }
    }

    /// Takes from what is to be told of a load what the start has told, or a load.
    pub(super) fn pass_over(&self, taken: &mut Taken) {
        taken.dropped.remove(&self.unrested);
        self.pass_settled(taken);
    }

    /// The same of what has rested, and is only to be taken from the disk: no load waits for that.
    pub(super) fn pass_settled(&self, taken: &mut Taken) {
        taken.dropped.remove(&self.dropped);
    }

    /// Whether nothing was dropped but what was told.
    pub(super) fn has_told(&self, taken: &Taken) -> bool {
        let mut news = taken.dropped.clone();
        news.remove(&self.unrested);
        news.remove(&self.dropped);
        news.is_empty()
    }

    /// Adds what has come into force.
    pub(super) fn add(&mut self, taken: &Taken) {
        self.dropped.add(&taken.dropped);
        self.ended.add(&taken.ended);
        self.file = taken.file;
    }

    /// Has what the start dropped be gone for good, but for what is kept by now.
    pub(super) fn settle(&mut self, kept: &Overlay) {
        let mut gone = std::mem::take(&mut self.unrested);
        gone.remove(kept);
        self.dropped.add(&gone);
    }

    /// Whether there is anything to do.
    fn is_open(&self) -> bool {
        self.is_unrested() || self.to_write().is_some() || self.refusal == Refusal::Due
    }

    /// Whether what the start dropped has not rested yet.
    pub(super) fn is_unrested(&self) -> bool {
        !self.unrested.is_empty()
    }

    /// Looks later whether that has rested.
    pub(super) fn put_off(&mut self) {
        self.not_before = in_a_while(REST);
    }

    /// Whether an overlay has something of what was dropped.
    pub(super) fn meets(&self, kept: &Overlay) -> bool {
        kept.meets(&self.dropped)
    }

    /// What is to be taken from the disk, `None` where all is as it should be: what was dropped, and
    /// what is over.
    pub(super) fn to_write(&self) -> Option<(Overlay, Overlay)> {
        let is_whole = self.file == OverlayFile::There;
        let is_done = self.dropped.is_empty() && self.ended.is_empty() && is_whole;
        (!is_done).then(|| (self.dropped.clone(), self.ended.clone()))
    }

    /// Notes that the file was written.
    pub(super) fn written(&mut self) {
        (self.dropped, self.ended) = (Overlay::default(), Overlay::default());
        (self.file, self.fault) = (OverlayFile::There, None);
    }

    /// Notes that it could not be, and tries again soon; whether that is news.
    pub(super) fn unwritten(&mut self, fault: &str) -> bool {
        if !self.is_unrested() {
            self.not_before = in_a_while(AGAIN);
        }
        let is_news = self.fault.as_deref() != Some(fault);
        self.fault = Some(fault.to_owned());
        is_news
    }

    /// Notes that a load was refused for what is still on disk.
    pub(super) fn refuses(&mut self) {
        self.refusal = Refusal::Due;
    }

    /// Notes that a load was refused for a file that cannot be read.
    pub(super) fn refuses_spoilt(&mut self) {
        self.refusal = Refusal::Spoilt;
    }

    /// Notes that another file is in the place of one that could not be read.
    pub(super) fn mended(&mut self) {
        if self.refusal == Refusal::Spoilt {
            self.refusal = Refusal::Due;
        }
    }

    /// Whether there is to be a load once more; told once.
    pub(super) fn takes_due_load(&mut self) -> bool {
        let is_due = self.refusal == Refusal::Due;
        if is_due {
            self.refusal = Refusal::None;
        }
        is_due
    }

    /// Notes that there is a load.
    pub(super) fn loads(&mut self) {
        self.refusal = Refusal::None;
    }
}

fn in_a_while(time: Duration) -> Instant {
    let now = clock::instant();
    now.checked_add(time).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};
    use std::fs;

    fn overlay() -> Overlay {
        let entry =
            r#"{"stage":"enforce","over":"observe","by":"ada","at":"2026-01-01T00:00:00Z"}"#;
        let text = format!(r#"{{"v":1,"routes":{{"r":{entry}}}}}"#);
        Overlay::parse(text.as_bytes()).unwrap()
    }

    /// Of a config with no overlay beside it.
    fn taken() -> Taken {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gait.yaml");
        let text = "policy: p.yaml\nupstreams: { api: { url: \"http://127.0.0.1:9\" } }\n\
                    routes: [{ name: r, upstream: api, intent: { tool_name: a, risk_class: low } }]";
        fs::write(&path, text).unwrap();
        fs::write(dir.path().join("p.yaml"), "default_verdict: block").unwrap();
        Source::File(path).load(&Environment::default()).unwrap().overlay
    }

    fn of_start() -> Arrears {
        Arrears {
            dropped: Overlay::default(),
            ended: Overlay::default(),
            file: OverlayFile::There,
            unrested: overlay(),
            not_before: in_a_while(REST),
            refusal: Refusal::None,
            fault: None,
        }
    }

    /// Else the time that has come would come again at once, and for ever.
    #[tokio::test]
    async fn nothing_is_due_where_there_is_nothing_to_do() {
        let is_due = async |arrears: &Arrears| {
            tokio::time::timeout(Duration::from_millis(50), arrears.due()).await.is_ok()
        };
        let over = || Arrears { not_before: clock::instant(), ..of_start() };
        assert!(is_due(&over()).await && !is_due(&of_start()).await);
        let mut arrears = over();
        arrears.settle(&overlay());
        assert!(!is_due(&arrears).await, "it holds again");
        let mut arrears = over();
        arrears.settle(&Overlay::default());
        assert!(is_due(&arrears).await, "it is to be taken from the disk");
        // Whoever notes something need not do it.
        let mut arrears = Arrears::of_start(&taken());
        assert!(!is_due(&arrears).await);
        arrears.add(&taken());
        assert!(is_due(&arrears).await);
        // The file is put back while it cannot be written.
        let (mut arrears, mut file) = (over(), taken());
        arrears.settle(&overlay());
        arrears.add(&file);
        assert!(is_due(&arrears).await, "the file is to be made");
        file.file = OverlayFile::There;
        arrears.add(&file);
        assert!(!is_due(&arrears).await);
        // Whoever wrote the file, the load that was refused for it is to come.
        arrears.add(&taken());
        arrears.refuses();
        arrears.written();
        assert!(is_due(&arrears).await);
        assert!(arrears.takes_due_load() && !is_due(&arrears).await);
        // Nobody tries again and again what only another file mends.
        arrears.refuses_spoilt();
        assert!(!is_due(&arrears).await && !arrears.takes_due_load());
        arrears.mended();
        assert!(is_due(&arrears).await && arrears.takes_due_load());
        arrears.mended();
        assert!(!is_due(&arrears).await, "no load was refused for it");
    }
}
