//! The exit status of a replay: the worst of what it found.

use crate::cli::answer::Exit;
use crate::policy::Verdict;
use crate::replay::Tally;

/// What a replay is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// To say what it said before.
    NoChange,
    /// To say nothing stricter than this.
    AtMost(Verdict, Unreplayable),
}

/// What a recorded call that cannot be judged again is to a demand. What changed is a question
/// about those that can; whether all may run is one about every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreplayable {
    /// Nothing is known of it, so the demand is not met.
    Refused,
    /// The operator passes it over.
    Passed,
}

impl Demand {
    /// The exit that the findings give.
    pub(super) fn exit(self, tally: &Tally) -> Exit {
        if tally.invalid > 0 || tally.intents == 0 {
            return Exit::InvalidInput;
        }
        if self.refused_count(tally) > 0 {
            return Exit::InvalidInput;
        }
        let unmet = match self {
            Demand::NoChange => worst_change(tally),
            Demand::AtMost(ceiling, _) => worst_verdict(tally, ceiling),
        };
        unmet.unwrap_or(Exit::Success)
    }

    /// How many recorded calls stand in the way because they cannot be judged again.
    pub(super) fn refused_count(self, tally: &Tally) -> u64 {
        match self {
            Demand::AtMost(_, Unreplayable::Refused) => tally.skipped_count(),
            Demand::AtMost(_, Unreplayable::Passed) | Demand::NoChange => 0,
        }
    }

    /// How many judgements do not meet the demand.
    pub(super) fn unmet(self, tally: &Tally) -> u64 {
        match self {
            Demand::NoChange => tally.policies.iter().map(|counts| counts.changed_count()).sum(),
            Demand::AtMost(ceiling, _) => {
                let verdicts = tally.policies.iter().flat_map(|counts| &counts.verdicts);
                verdicts.filter(|(verdict, _)| **verdict > ceiling).map(|(_, count)| count).sum()
            }
        }
    }
}

fn worst_change(tally: &Tally) -> Option<Exit> {
    let changes = || tally.policies.iter().flat_map(|counts| counts.changed.keys());
    let newly = |verdict| changes().any(|(from, to)| *to == verdict && from < to);
    match () {
        () if newly(Verdict::Block) => Some(Exit::Blocked),
        () if newly(Verdict::RequireApproval) => Some(Exit::ApprovalRequired),
        () => changes().next().map(|_| Exit::Drift),
    }
}

/// A dry run executes as little as a demand for approval, so where it is too strict, it is no
/// better.
fn worst_verdict(tally: &Tally, ceiling: Verdict) -> Option<Exit> {
    let verdicts = tally.policies.iter().flat_map(|counts| counts.verdicts.keys());
    verdicts.max().filter(|worst| **worst > ceiling).map(|worst| match worst {
        Verdict::Block => Exit::Blocked,
        _ => Exit::ApprovalRequired,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::{Counts, Examples, Skip};
    use Verdict::{Allow, Block, DryRun, RequireApproval};

    fn tally(verdicts: &[Verdict], changed: &[(Verdict, Verdict)]) -> Tally {
        let counts = Counts {
            verdicts: verdicts.iter().map(|verdict| (*verdict, 1)).collect(),
            compared: 1,
            changed: changed.iter().map(|change| (*change, 1)).collect(),
        };
        Tally { intents: 1, policies: vec![Counts::default(), counts], ..Tally::default() }
    }

    #[test]
    fn the_worst_change_decides() {
        let exit = |changed: &[_]| Demand::NoChange.exit(&tally(&[Block], changed)).code();
        assert_eq!(exit(&[]), 0);
        for (changed, code) in [
            ((Allow, DryRun), 5),
            ((Block, Allow), 5),
            ((Block, RequireApproval), 5),
            ((Block, Block), 5),
            ((RequireApproval, RequireApproval), 5),
            ((Allow, RequireApproval), 4),
            ((DryRun, RequireApproval), 4),
            ((RequireApproval, Block), 3),
        ] {
            assert_eq!(exit(&[changed, (Block, Allow)]), code, "{changed:?}");
        }
        assert_eq!(exit(&[(Allow, RequireApproval), (Allow, Block)]), 3);
    }

    #[test]
    fn a_ceiling_looks_at_verdicts_alone() {
        let exit = |ceiling, verdicts: &[_]| {
            Demand::AtMost(ceiling, Unreplayable::Refused)
                .exit(&tally(verdicts, &[(Allow, Block)]))
                .code()
        };
        assert_eq!(exit(Allow, &[Allow]), 0);
        assert_eq!(exit(Allow, &[Allow, DryRun]), 4);
        assert_eq!(exit(Allow, &[DryRun, RequireApproval]), 4);
        assert_eq!(exit(Allow, &[RequireApproval, Block]), 3);
        assert_eq!(exit(DryRun, &[DryRun]), 0);
        assert_eq!(exit(RequireApproval, &[DryRun, RequireApproval]), 0);
        assert_eq!(
            Demand::AtMost(DryRun, Unreplayable::Passed)
                .unmet(&tally(&[Allow, RequireApproval, Block], &[])),
            2
        );
    }

    #[test]
    fn what_cannot_be_read_is_worse_than_all() {
        let blocked = tally(&[Block], &[(Allow, Block)]);
        for demand in [Demand::NoChange, Demand::AtMost(Allow, Unreplayable::Passed)] {
            let broken = Tally { invalid: 1, ..tally(&[Block], &[(Allow, Block)]) };
            assert_eq!(demand.exit(&broken).code(), 6);
            assert_eq!(demand.exit(&Tally::default()).code(), 6);
            assert_eq!(demand.exit(&blocked).code(), 3);
        }
    }

    #[test]
    fn what_cannot_be_replayed_fails_a_ceiling_unless_it_is_passed_over() {
        let torn = Examples { count: 1, ..Examples::default() };
        let tally = Tally { skipped: [(Skip::Torn, torn)].into(), ..tally(&[Allow], &[]) };
        for (demand, code) in [
            (Demand::NoChange, 0),
            (Demand::AtMost(Allow, Unreplayable::Refused), 6),
            (Demand::AtMost(RequireApproval, Unreplayable::Refused), 6),
            (Demand::AtMost(Allow, Unreplayable::Passed), 0),
        ] {
            assert_eq!(demand.exit(&tally).code(), code, "{demand:?}");
        }
    }
}
