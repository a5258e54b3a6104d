//! Where a route stands, for whom, and until when.
//!
//! A switch from one stage to the next can be shared out: `percent` of the callers that are known
//! stand in the next stage already, the others still in the one before. Who is not known could be
//! anybody, so the stricter of the two is theirs. An override puts another standing in the place of
//! the usual one until an instant; from then on it is as if it had never been written, whether
//! anybody looks at the config or not.

use super::Stage;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Whole hundredths: 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

/// Where the callers of a route stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All in one stage.
    Whole(Stage),
    /// Some in the one, the others in the other.
    Shared {
        /// The stage of those who are not in the share.
        from: Stage,
        /// The stage of the share.
        to: Stage,
        /// How large the share is.
        percent: Percent,
    },
}

/// Who asks, as far as a share wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// Somebody proven: a stable number below 100, from a keyed hash of the identity.
    Known(Percent),
    /// Nobody in particular, or not who they say.
    Unknown,
}

/// Another standing, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// What it puts in the place of the usual one.
    pub standing: Standing,
    /// It has no effect from this instant on.
    pub until: Timestamp,
    /// Why, in words.
    pub reason: Arc<str>,
}

/// All that is said of the standing of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// The usual one.
    pub standing: Standing,
    /// What is in its place for a time; of several that hold, the first.
    pub overrides: Arc<[Override]>,
}

// === impl Percent ===

impl Percent {
    /// All of them.
    pub const ALL: Percent = Percent(100);

    /// `None` above 100.
    pub fn new(percent: u64) -> Option<Percent> {
        u8::try_from(percent).ok().filter(|percent| *percent <= 100).map(Percent)
    }

    /// The share as a part of one.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

// === impl Standing ===

impl Standing {
    /// The stage of somebody.
    pub fn stage(self, seat: Seat) -> Stage {
        match (self, seat) {
            (Standing::Whole(stage), _) => stage,
            (Standing::Shared { from, to, .. }, Seat::Unknown) => from.max(to),
            (Standing::Shared { to, percent, .. }, Seat::Known(seat)) if seat < percent => to,
            (Standing::Shared { from, .. }, Seat::Known(_)) => from,
        }
    }

    /// The strictest stage that anybody stands in.
    pub fn strictest(self) -> Stage {
        self.stage(Seat::Unknown)
    }

    /// The laxest stage that somebody can stand in.
    pub fn laxest(self) -> Stage {
        match self {
            Standing::Shared { from, percent: Percent::ALL, to } if from < to => to,
            Standing::Shared { from, to, percent: Percent(0) } if to < from => from,
            Standing::Shared { from, to, .. } => from.min(to),
            Standing::Whole(stage) => stage,
        }
    }

    /// Whether somebody can stand in `stage`.
    fn reaches(self, stage: Stage) -> bool {
        seats().any(|seat| self.stage(seat) == stage)
    }

    /// The share of the known callers in each stage, as parts of one.
    pub fn shares(self) -> [(Stage, f64); 4] {
        Stage::ALL.map(|stage| {
            let share = match self {
                Standing::Whole(only) => f64::from(u8::from(only == stage)),
                Standing::Shared { from, to, percent } => {
                    let of = |is: Stage, ratio: f64| if is == stage { ratio } else { 0.0 };
                    of(to, percent.ratio()) + of(from, 1.0 - percent.ratio())
                }
            };
            (stage, share)
        })
    }

    /// Whether some caller is held to less here than in `before`. Somebody of each share is looked
    /// at, and of those beyond: all others stand as one of them.
    pub fn is_below(self, before: Standing) -> bool {
        let edges = [Some(Percent(0)), self.edge(), before.edge()].into_iter().flatten();
        let seats = edges.filter(|seat| *seat < Percent::ALL).map(Seat::Known);
        seats.chain([Seat::Unknown]).any(|seat| self.stage(seat) < before.stage(seat))
    }

    /// The first seat beyond the share.
    fn edge(self) -> Option<Percent> {
        match self {
            Standing::Whole(_) => None,
            Standing::Shared { percent, .. } => Some(percent),
        }
    }
}

/// Every seat that there is.
fn seats() -> impl Iterator<Item = Seat> {
    (0..100).filter_map(Percent::new).map(Seat::Known).chain([Seat::Unknown])
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Whole(stage) => f.write_str(stage.as_str()),
            Standing::Shared { from, to, percent } => {
                write!(f, "{} for {} %, else {}", to.as_str(), percent.get(), from.as_str())
            }
        }
    }
}

// === impl Course ===

impl Course {
    /// What stands between the parts of its text: the usual standing first.
    pub const BETWEEN: &str = "; ";

    /// One standing, for good.
    pub fn of(standing: Standing) -> Course {
        Course { standing, overrides: Arc::default() }
    }

    /// Where the callers stand at an instant.
    pub fn at(&self, now: Timestamp) -> Standing {
        let holding = self.overrides.iter().find(|one| now < one.until);
        holding.map_or(self.standing, |one| one.standing)
    }

    /// The next instant at which it changes by itself.
    pub fn changes_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends_after(now).min()
    }

    /// The strictest stage that anybody stands in at any instant. What has ended counts as well, so
    /// that the answer is the same whenever it is asked.
    pub fn strictest(&self) -> Stage {
        let standings = self.standings().map(Standing::strictest);
        standings.fold(Stage::Observe, Stage::max)
    }

    /// Whether nobody ever stands in another stage than `observe`.
    pub fn wholly_observes(&self) -> bool {
        self.strictest() == Stage::Observe
    }

    /// Whether the stage of a caller hangs on who it is, at some instant.
    pub fn is_shared(&self) -> bool {
        self.standings().any(|standing| matches!(standing, Standing::Shared { .. }))
    }

    /// The stages that somebody stands in at some instant, first to last.
    pub fn stages(&self) -> impl Iterator<Item = Stage> + '_ {
        let reached = |stage: &Stage| self.standings().any(|standing| standing.reaches(*stage));
        Stage::ALL.into_iter().filter(reached)
    }

    /// Whether some caller is held to less than in `before`, at `now` or at any instant after it.
    pub fn is_below(&self, before: &Course, now: Timestamp) -> bool {
        let (mut own, mut others) = (self.legs(now).peekable(), before.legs(now).peekable());
        while let (Some((end, standing)), Some((before_end, before))) = (own.peek(), others.peek())
        {
            if standing.is_below(*before) {
                return true;
            }
            // What ends first gives way; for good is later than any end.
            let is_later = |a: &Option<Timestamp>, b: &Option<Timestamp>| match (a, b) {
                (None, _) => true,
                (Some(a), Some(b)) => a >= b,
                (Some(_), None) => false,
            };
            let (own_next, others_next) = (is_later(before_end, end), is_later(end, before_end));
            if own_next {
                own.next();
            }
            if others_next {
                others.next();
            }
        }
        false
    }

    /// Where the callers stand from `now` on, each standing with its end, the last for good: each
    /// override is looked at once.
    fn legs(&self, now: Timestamp) -> impl Iterator<Item = (Option<Timestamp>, Standing)> + '_ {
        let mut held = now;
        let acts = move |one: &&Override| {
            let acts = held < one.until;
            held = held.max(one.until);
            acts
        };
        let legs = self.overrides.iter().filter(acts).map(|one| (Some(one.until), one.standing));
        legs.chain([(None, self.standing)])
    }

    fn standings(&self) -> impl Iterator<Item = Standing> + '_ {
        self.overrides.iter().map(|one| one.standing).chain([self.standing])
    }

    fn ends_after(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        self.overrides.iter().map(|one| one.until).filter(move |until| now < *until)
    }
}

/// What the config says, as an overlay remembers it: the same text for the same say, whatever the
/// time is.
impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.standing)?;
        self.overrides.iter().try_for_each(|one| write!(f, "{}{one}", Course::BETWEEN))
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} until {}", self.standing, self.until)
    }
}

#[cfg(test)]
mod tests;
