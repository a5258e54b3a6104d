//! Segments set against each other, in order.

use super::fault::{Fault, Place};
use super::report::{Adopted, Known, Removed, Report, Standing, Torn};
use super::survey::{Doubt, Era, Spot, Survey, Wrong};
use super::trust::{Ring, Trust};
use crate::evidence::chain::Head;
use crate::evidence::event::Expired;
use crate::json::Digest;
use crate::sign::PublicKey;
use std::collections::BTreeMap;

/// A log, joined as far as it is read.
pub(super) struct Join<'t> {
    trust: &'t Trust,
    ring: Ring<'t>,
    report: Report,
    /// Removed segments by number, and the lines that tell of them.
    expired: BTreeMap<u32, Told>,
    /// The first line that is here, and its `seq`.
    first: Option<(Place, u64)>,
    /// The last that follows.
    last: Option<Place>,
    /// The line behind the last good signature, and its `seq`.
    uncovered: Option<(Place, u64)>,
    /// Torn bytes that no start line has reported yet.
    torn: Option<(Torn, Vec<u8>)>,
    /// Whether torn bytes may be gone with a removed segment.
    is_blind: bool,
    /// The line that the expected head names.
    known: Option<(Place, Head)>,
    /// The log begins in its midst, and nothing says why: named only if all else is sound, since
    /// the line that says so may be the one that was changed.
    headless: Option<Box<Suspect>>,
    /// What the earliest segment continues, wherever it stands.
    lowest: u64,
    /// The line that was believed about removed segments.
    believed: u64,
    /// The last line that was counted as adopted.
    adopted_to: u64,
}

/// What a line says about a removed segment.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// How far trust must reach for it to be believed. A process signs such a line before it ends
    /// the segment; one that only a later process signed over can have been put there between
    /// them, and is never believed.
    needs: u64,
    gone: Expired,
}

/// A line where something does not fit, and what is known about it.
#[derive(Clone, Debug)]
pub(super) struct Suspect {
    /// Which of the segments, from 0.
    pub(super) at: usize,
    /// Where it stands.
    pub(super) place: Place,
    /// Where it begins, in bytes, and what is before it.
    pub(super) spot: Spot,
    /// The line before it.
    pub(super) before: Option<Place>,
    /// The first line that no good signature covers, and its `seq`.
    pub(super) uncovered: Option<(Place, u64)>,
    /// The key that signs here.
    pub(super) key: Option<PublicKey>,
    /// What does not fit.
    pub(super) wrong: Wrong,
}

// === impl Join ===

impl<'t> Join<'t> {
    /// Nothing joined yet; the surveys are of all segments.
    pub(super) fn new(trust: &'t Trust, surveys: &[Survey]) -> Join<'t> {
        let bases = surveys.iter().filter_map(|survey| survey.base);
        Join {
            trust,
            ring: Ring::new(&trust.keys),
            report: Report::empty(),
            expired: told(surveys),
            first: None,
            last: None,
            uncovered: None,
            torn: None,
            is_blind: false,
            known: None,
            headless: None,
            lowest: bases.map(|base| base.seq).min().unwrap_or_default(),
            believed: 0,
            adopted_to: 0,
        }
    }

    /// Takes the next segment.
    pub(super) fn segment(&mut self, at: usize, survey: &Survey) -> Result<(), Box<Suspect>> {
        if survey.is_empty() {
            return Ok(());
        }
        self.pass_removed(survey.number);
        if survey.lines > 0 {
            self.enter(at, survey)?;
        }
        for era in &survey.eras {
            self.era(survey.number, era)
                .map_err(|wrong| self.suspect(at, survey, era.spot, wrong))?;
        }
        if let Some(Doubt { spot, wrong }) = &survey.doubt {
            // The seal of a segment says as well that its beginning is missing.
            if let Wrong::Line(Fault::Seal) = wrong
                && let Some(headless) = self.headless.take()
            {
                return Err(headless);
            }
            // A segment without a line does not say what it continues.
            let head = if survey.lines == 0 { self.report.head } else { spot.head };
            return Err(self.suspect(at, survey, Spot { head, ..*spot }, wrong.clone()));
        }
        match survey.unkeyed {
            Some(spot) if self.ring.key().is_some() => {
                return Err(self.suspect(at, survey, spot, Wrong::Line(Fault::Unkeyed)));
            }
            Some(_) => self.report.unkeyed += survey.lines,
            None => {}
        }
        self.take(survey);
        Ok(())
    }

    /// Goes on behind removed segments, where a line tells of them.
    fn pass_removed(&mut self, number: u32) {
        let before = number.checked_sub(1);
        let gone = before.and_then(|before| self.expired.get(&before));
        let is_here = self.last.is_some_and(|last| Some(last.segment) == before);
        let is_news = |told: &&Told| {
            // Torn bytes alone may be what was removed: the chain stands where it stood.
            let is_same = self.report.lines == 0 && told.gone.last == self.report.head;
            told.gone.last.seq > self.report.head.seq || is_same
        };
        if let Some(Told { needs, gone }) = gone.copied().as_ref().filter(is_news)
            && !is_here
        {
            self.believed = self.believed.max(*needs);
            self.is_blind = true;
            self.report.head = gone.last;
            if self.trust.head.is_some_and(|want| want.is(&gone.last)) {
                let end = Place { segment: gone.segment, line: 0 };
                self.known.get_or_insert((end, gone.last));
            }
            if self.report.lines == 0 {
                self.report.removed = Some(Removed { segment: gone.segment, last: gone.last });
            }
        }
    }

    /// Sets the first line of a segment against what is before it.
    fn enter(&mut self, at: usize, survey: &Survey) -> Result<(), Box<Suspect>> {
        let place = Place { segment: survey.number, line: 1 };
        let head = self.report.head;
        if let Some((uncovered, seq)) = &mut self.uncovered
            && *seq == head.seq.saturating_add(1)
        {
            *uncovered = place;
        }
        let spot = Spot { line: 1, offset: 0, head };
        let follows = survey.base == Some(head);
        let blames_torn = if follows { survey.is_followed() } else { self.is_cut(survey) };
        if let Some(fault) = self.unmended(survey).filter(|_| blames_torn) {
            let torn = self.torn.as_ref().map_or(place, |(torn, _)| torn.place);
            let mut suspect = self.suspect(at, survey, spot, Wrong::Line(fault));
            suspect.place = torn;
            return Err(suspect);
        }
        if !follows {
            self.stray(at, survey, spot)?;
        }
        self.report.mended.extend(self.torn.take().map(|(torn, _)| torn));
        self.is_blind = false;
        self.adopt();
        let first = survey.base.map_or(1, |base| base.seq.saturating_add(1));
        self.first.get_or_insert((place, first));
        self.uncovered.get_or_insert((place, first));
        Ok(())
    }

    /// Counts the lines that the process before left unsigned, as another goes on.
    fn adopt(&mut self) {
        let head = self.report.head.seq;
        let Some((_, seq)) = self.uncovered.filter(|_| self.ring.key().is_some()) else { return };
        let from_seq = seq.max(self.adopted_to.saturating_add(1));
        if from_seq <= head {
            self.adopted_to = head;
            let lines = head.saturating_sub(from_seq).saturating_add(1);
            self.report.adopted.push(Adopted { from_seq, lines });
        }
    }

    /// What is wrong with the torn bytes before a segment.
    fn unmended(&self, survey: &Survey) -> Option<Fault> {
        let reported = survey.start.and_then(|start| start.reported);
        match (&self.torn, reported) {
            _ if self.is_blind => None,
            (None, None) => None,
            (None, Some(reported)) => Some(Fault::TailGone { reported: reported.bytes }),
            (Some((torn, bytes)), reported) => {
                // Logs from before there were keys report no digest.
                let is_same = |digest| digest == Digest::of(bytes);
                let was_chained = self.ring.key().is_none();
                let fits = reported.is_some_and(|reported| {
                    reported.bytes == torn.bytes && reported.digest.map_or(was_chained, is_same)
                });
                (!fits).then_some(Fault::Torn { bytes: torn.bytes })
            }
        }
    }

    /// Whether torn bytes are what is left of lines that are missing here: the segment is in
    /// order but for its beginning.
    fn is_cut(&self, survey: &Survey) -> bool {
        self.torn.is_some() && survey.start.is_some() && survey.lines > 1
    }

    /// Takes a first line that does not follow.
    fn stray(&mut self, at: usize, survey: &Survey, spot: Spot) -> Result<(), Box<Suspect>> {
        let suspect = self.suspect(at, survey, spot, Wrong::Chain);
        let is_ahead = survey.base.is_some_and(|base| base.seq > self.report.head.seq);
        let is_lowest = survey.base.is_some_and(|base| base.seq <= self.lowest);
        let is_told = self.report.removed.is_some();
        if self.report.lines > 0 || is_told || !is_ahead || !survey.is_followed() || !is_lowest {
            return Err(suspect);
        }
        self.headless = Some(suspect);
        Ok(())
    }

    /// Takes a key and its signatures.
    fn era(&mut self, segment: u32, era: &Era) -> Result<(), Wrong> {
        let vouched = self.ring.introduce(era)?;
        if vouched.is_trusted() {
            self.cover(segment, era.spot, vouched);
        }
        let standing = self.ring.signed(era.signatures);
        if let Some(last) = era.last {
            self.cover(segment, last, standing);
        }
        Ok(())
    }

    /// Takes a good signature.
    fn cover(&mut self, segment: u32, spot: Spot, standing: Standing) {
        let seq = spot.head.seq.saturating_add(1);
        self.uncovered = Some((Place { segment, line: spot.line + 1 }, seq.saturating_add(1)));
        if standing.is_trusted() {
            self.report.covered_to = seq;
        }
    }

    fn take(&mut self, survey: &Survey) {
        if survey.lines > 0 {
            self.report.add(survey);
            self.last = Some(Place { segment: survey.number, line: survey.lines });
            let known =
                survey.known.map(|(line, head)| (Place { segment: survey.number, line }, head));
            self.known = self.known.or(known);
        }
        if !survey.torn.is_empty() {
            let place = Place { segment: survey.number, line: survey.lines + 1 };
            let (torn, bytes) =
                self.torn.get_or_insert_with(|| (Torn { place, bytes: 0 }, Vec::new()));
            torn.bytes = torn.bytes.saturating_add(survey.torn.len() as u64);
            bytes.extend_from_slice(&survey.torn);
        }
    }

    /// Judges the log as a whole.
    pub(super) fn finish(mut self) -> Result<Report, Box<Suspect>> {
        if let Some(suspect) = self.headless {
            return Err(suspect);
        }
        if let Some((place, seq)) = self.first {
            let covered_to = self.report.covered_to;
            if covered_to == 0 && !self.trust.keys.is_empty() {
                return Err(Suspect::line(place, seq, Fault::Untrusted));
            }
            if self.believed > covered_to {
                return Err(Suspect::line(place, seq, Fault::Removal));
            }
        }
        self.report.known = self.known()?;
        self.report.torn = self.torn.map(|(torn, _)| torn);
        self.report.signers = self.ring.into_signers();
        Ok(self.report)
    }

    /// The expected head, which must be on the chain.
    fn known(&self) -> Result<Option<Known>, Box<Suspect>> {
        let (Some(want), Some(last)) = (self.trust.head, self.last) else { return Ok(None) };
        let head = self.report.head;
        let end = Place { line: last.line.saturating_add(1), ..last };
        match self.known {
            Some((_, found)) if want.is(&found) => {
                Ok(Some(Known { seq: found.seq, newer: head.seq.saturating_sub(found.seq) }))
            }
            Some((place, found)) => Err(Suspect::line(place, found.seq, Fault::OtherHead)),
            None => {
                let missing = want.seq.and_then(|seq| seq.checked_sub(head.seq));
                let missing = missing.filter(|missing| *missing > 0);
                let fault = missing.map_or(Fault::OtherHead, |missing| Fault::Cut { missing });
                Err(Suspect::line(end, head.seq.saturating_add(1), fault))
            }
        }
    }

    fn suspect(&self, at: usize, survey: &Survey, spot: Spot, wrong: Wrong) -> Box<Suspect> {
        let segment = survey.number;
        let within = spot.line.checked_sub(1).filter(|line| *line > 0);
        Box::new(Suspect {
            at,
            place: Place { segment, line: spot.line },
            spot,
            before: within.map(|line| Place { segment, line }).or(self.last),
            uncovered: self.uncovered,
            key: self.ring.key().cloned(),
            wrong,
        })
    }
}

/// What the lines of all segments say about removed ones: of two about the same, the signed one.
fn told(surveys: &[Survey]) -> BTreeMap<u32, Told> {
    let mut all = BTreeMap::<u32, Told>::new();
    for survey in surveys {
        let signed_to = survey.signed_to().unwrap_or_default();
        for (seq, gone) in &survey.expired {
            let needs = if *seq < signed_to { *seq } else { u64::MAX };
            let told = Told { needs, gone: *gone };
            match all.get(&gone.segment) {
                Some(better) if better.needs < needs => {}
                _ => drop(all.insert(gone.segment, told)),
            }
        }
    }
    all
}

// === impl Suspect ===

impl Suspect {
    /// A line that is known to have a fault.
    fn line(place: Place, seq: u64, fault: Fault) -> Box<Suspect> {
        let head = Head { seq: seq.saturating_sub(1), ..Head::genesis() };
        let spot = Spot { line: place.line, offset: 0, head };
        let wrong = Wrong::Line(fault);
        Box::new(Suspect { at: 0, place, spot, before: None, uncovered: None, key: None, wrong })
    }
}
