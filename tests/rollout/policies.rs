//! A policy that was mended starts anew: what the one before decided speaks neither for nor against.

use crate::command::Place;
use crate::forge::{Calls, Step};
use crate::{HOUR, History, POLICY, digest, hold};
use gait::stage::Stage::{DryRun, Enforce, Observe, RequireApproval};

/// Another one.
const BEFORE: &str = "default_verdict: allow\n";

/// Judged by the other policy for the most part of three days.
fn before(name: &'static str) -> History {
    History::good(name, Observe, DryRun).then(Step::Policy(BEFORE))
}

/// Three days in observe, and nothing judged yet.
fn bare(name: &'static str) -> History {
    History::bare(name, Observe, DryRun).then(Step::Reload { ago: 72 * HOUR, stages: "observe" })
}

fn calls(count: u64, ago: u64) -> Step {
    Step::allowed(Observe, count, ago * HOUR)
}

fn against(count: u64, ago: u64) -> Step {
    Step::against(Observe, count, ago * HOUR)
}

fn labels(wrong: usize, right: usize) -> Step {
    Step::Labels { wrong, right }
}

const GATE: &str = "false_positives";

/// Enough calls under the other policy, 20 of them refused, and labelled; then the one in force.
fn mended(name: &'static str, wrong: usize, right: usize) -> History {
    bare(name)
        .then(Step::Policy(BEFORE))
        .then(calls(200, 70))
        .then(against(20, 69))
        .then(labels(wrong, right))
        .then(Step::Policy(POLICY))
}

#[test]
fn a_mended_policy_starts_anew() {
    hold(vec![
        mended("nothing since", 20, 0).unknown("calls"),
        mended("too few since", 20, 0).then(calls(99, 40)).unknown("calls"),
        mended("enough since, and good", 20, 0).then(calls(100, 40)),
        mended("enough in the last hour: time goes on", 20, 0).then(Step::allowed(
            Observe,
            100,
            HOUR / 2,
        )),
        mended("wrong since", 0, 20)
            .then(calls(100, 40))
            .then(against(20, 30))
            .then(labels(20, 0))
            .not_met(GATE),
        mended("labels of before say nothing of refusals since", 0, 20)
            .then(calls(100, 40))
            .then(against(20, 30))
            .unknown(GATE),
        mended("all that it refused is labelled", 20, 0)
            .then(calls(100, 40))
            .then(against(5, 30))
            .then(labels(0, 5)),
        mended("labels that come late are of their call", 0, 0)
            .then(calls(100, 40))
            .then(labels(20, 0)),
    ]);
}

#[test]
fn the_first_policy_come_back_has_its_own_count() {
    let bad_between = |history: History| {
        let history = history.then(Step::Policy(BEFORE)).then(calls(200, 50));
        history.then(against(20, 49)).then(labels(20, 0)).then(Step::Policy(POLICY))
    };
    hold(vec![
        bad_between(bare("both times together").then(calls(60, 70))).then(calls(40, 40)),
        bad_between(bare("both times are too few").then(calls(60, 70)))
            .then(calls(39, 40))
            .unknown("calls"),
        bad_between(bare("bad it was, and is").then(against(20, 70)).then(labels(20, 0)))
            .then(calls(100, 40))
            .not_met(GATE),
        before("gone on with, and never in force").then(against(20, 30)).then(labels(20, 0)),
    ]);
}

#[test]
fn what_no_policy_could_judge_speaks_against_each() {
    let error = |policy: Option<&str>| {
        let more = serde_json::json!({"policy_digest": policy.map(|one| digest(one).to_string())});
        let done = ("forwarded", "intent_invalid");
        let calls = Step::calls(Observe, 1, 60 * HOUR);
        Step::Calls(Calls { verdict: None, done: done.0, code: done.1, more, ..calls })
    };
    let errors = "evaluation_errors";
    let good = |name| History::good(name, Observe, DryRun);
    hold(vec![
        good("by nobody").then(error(None)).not_met(errors),
        good("by the policy in force").then(error(Some(POLICY))).not_met(errors),
        good("by the one before").then(error(Some(BEFORE))),
        bare("it is no call that was judged")
            .then(error(None))
            .then(calls(99, 40))
            .unknown("calls")
            .not_met(errors),
    ]);
}

#[test]
fn the_rest_is_no_matter_of_the_policy() {
    let asked = |name, wait| {
        let decided = Some(wait);
        History::bare(name, RequireApproval, Enforce)
            .then(Step::Reload { ago: 72 * HOUR, stages: "require_approval" })
            .then(Step::Policy(BEFORE))
            .then(Step::Requests { ago: 60 * HOUR, count: 10, decided, action: "grant" })
            .then(Step::Policy(POLICY))
            .then(Step::allowed(RequireApproval, 100, 40 * HOUR))
    };
    let dry = |name, step| {
        History::good(name, DryRun, RequireApproval).then(Step::Policy(BEFORE)).then(step)
    };
    let undecided = Step::Calls(Step::calls(DryRun, 1, 30 * HOUR));
    hold(vec![
        asked("people answered soon", 300),
        asked("people answered late", 1_000).not_met("approval_latency"),
        dry("sent without a decision", undecided).not_met("bypasses"),
        dry("died on a call", Step::Lost { ago: 30 * HOUR, stage: DryRun }).unknown("evidence"),
    ]);
}

#[test]
fn a_stay_begins_with_its_first_call_whoever_judged_it() {
    // Within an hour the order of the policies is not that of the calls.
    let came_back = |name, first, then| {
        History::bare(name, Observe, DryRun)
            .gates(|gates| (gates.min_calls, gates.min_time) = (1, TWO_DAYS))
            .then(Step::Reload { ago: 72 * HOUR, stages: "dry_run" })
            .then(Step::Policy(first))
            .then(Step::allowed(Observe, 1, 48 * HOUR + 1))
            .then(Step::Policy(then))
            .then(Step::allowed(Observe, 1, 48 * HOUR - 1))
    };
    hold(vec![came_back("one way", BEFORE, POLICY), came_back("and the other", POLICY, BEFORE)]);
}

const TWO_DAYS: std::time::Duration = std::time::Duration::from_secs(48 * HOUR);

#[test]
fn a_status_says_whose_calls_are_labelled() {
    let asked = |history: History, form: &str| {
        let place = Place::new();
        history.ask(&place, &history.forge(), None);
        let line = format!("rollout {form} --evidence state --config gait.yaml");
        place.gait(&line.split(' ').collect::<Vec<_>>(), &[])
    };
    let changed = || mended("", 20, 0).then(calls(40, 40)).then(against(2, 39));
    let run = asked(changed(), "status");
    let said = "0 of 0 labelled, 2 in all  0.0 % to 100.0 %  of 42 calls under the policy in force";
    assert!(run.out.contains(said) && run.out.contains("262 calls, 22 would be"), "{}", run.out);
    let json = asked(changed(), "status --json").json();
    let stage = &json["rollout"]["routes"][0]["stages"][0];
    assert_eq!((&stage["calls"], &stage["policy_calls"]), (&262.into(), &42.into()), "{stage}");
    assert_eq!((&stage["labels"]["against"], &stage["labels"]["labelled"]), (&2.into(), &0.into()));
    let run = asked(changed(), "gate --route r --to dry_run");
    let said = "42 calls in observe under the policy in force, 100 are wanted: wait for 58 more; \
                220 that other policies judged do not count";
    assert!(run.out.contains(said), "{}", run.out);

    let same = || bare("").then(calls(40, 40)).then(against(2, 39));
    let run = asked(same(), "status");
    assert!(run.out.contains("0 of 0 labelled, 2 in all  0.0 % to 100.0 %\n"), "{}", run.out);
    let json = asked(same(), "status --json").json();
    assert!(json["rollout"]["routes"][0]["stages"][0]["policy_calls"].is_null(), "{json}");
}
