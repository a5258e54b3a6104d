#!/bin/sh
# On every pull request: do policies load without a surprise, do the suites pass, what would a
# changed policy do, does the proxy's config load? Run it at the top of the repository.
#
#   GAIT               gait                    the program
#   GAIT_POLICIES      policies                policies and suites (*_test.yaml)
#   GAIT_INTENTS       policies/intents        what changed policies are asked about
#   GAIT_CONFIG        config/gait.yaml        the proxy's config; set and empty: there is none
#   GAIT_BASE          origin/main             what the change is compared with; its history must be there
#   GAIT_MIN_COVERAGE  100                     how many rules in a hundred the suites must match
#   GAIT_ON_CHANGE     report                  report: a changed verdict is shown; fail: it fails the job,
#                                              newly blocked 3, newly to be approved 4, otherwise 5
#   GAIT_OUT           gait-out                where junit.xml goes
set -eu
# shellcheck source=deploy/ci/common.sh
. "$(dirname "$0")/common.sh"

policies=${GAIT_POLICIES:-policies}
intents=${GAIT_INTENTS:-policies/intents}
config=${GAIT_CONFIG-config/gait.yaml}
base=${GAIT_BASE:-origin/main}
coverage=${GAIT_MIN_COVERAGE:-100}
on_change=${GAIT_ON_CHANGE:-report}
out=${GAIT_OUT:-gait-out}

find_gait
make_work
case $on_change in
  report | fail) ;;
  *) refuse "GAIT_ON_CHANGE is \`$on_change\`; write report or fail" ;;
esac
[ -d "$policies" ] || refuse "no folder \`$policies\`; name it in GAIT_POLICIES"
fork=$(git merge-base "$base" HEAD) ||
  refuse "no common history with \`$base\`; fetch it whole, or name another in GAIT_BASE"
find "$intents" -name '*.json' >"$work/intents" ||
  refuse "cannot look through \`$intents\`; name the intents in GAIT_INTENTS"
[ -s "$work/intents" ] || refuse "no *.json in \`$intents\`; name the intents in GAIT_INTENTS"
find "$policies" \( -name '*.yaml' -o -name '*.yml' \) ! -name '*_test.yaml' >"$work/policies"
git -c core.quotePath=false diff --name-only --relative --diff-filter=d "$fork" -- "$policies" \
  >"$work/changed" || refuse "\`$policies\` is not in this repository; name its folder in GAIT_POLICIES"

# Each intent under the policy as it is now, as if none had been before it. The traces go away: nobody
# acted on them.
simulate() {
  rm -rf "$work/one"
  mkdir "$work/one"
  (cd "$work/one" && "$GAIT" gate eval --no-config --simulate --policy "$1" --intent "$2")
}

# What differs from the policy as it was where the change began. One that could not be loaded then
# has nothing to be compared with.
compare() {
  born=$(git ls-tree --name-only "$fork" -- "$1") || return 1
  [ -n "$born" ] || return 0
  git show "$fork:./$1" >"$work/before.yaml" || return 1
  "$GAIT" policy validate "$work/before.yaml" || return 0
  if [ "$on_change" = fail ]; then
    "$GAIT" replay --quiet --intents "$intents" --policies "$1" --baseline "$work/before.yaml"
  else
    "$GAIT" policy simulate --policy "$1" --baseline "$work/before.yaml" --fixtures "$intents"
  fi
}

look_at() {
  while IFS= read -r intent; do
    step simulate "$(absolute "$1")" "$(absolute "$intent")"
  done <"$work/intents"
  step compare "$1"
}

while IFS= read -r policy; do
  step "$GAIT" policy validate --strict "$policy"
done <"$work/policies"

mkdir -p "$out"
step "$GAIT" policy test "$policies" --min-coverage "$coverage" --junit "$out/junit.xml"

while IFS= read -r changed; do
  case $changed in
    *_test.yaml) ;;
    *.yaml | *.yml) look_at "$changed" ;;
  esac
done <"$work/changed"

if [ -n "$config" ]; then
  step "$GAIT" proxy --check --config "$config"
fi
finish
