#!/bin/sh
# Every night: all intents under all policies, and what was recorded under the policy in force. Run
# it at the top of the repository.
#
#   GAIT           gait                           the program
#   GAIT_INTENTS   policies/intents               *.json, or *.jsonl by the million
#   GAIT_POLICIES  policies                       the packs; suites are passed over
#   GAIT_BASELINE  none                           the policy that all are compared with; without it the
#                                                 job fails only on what cannot be read
#   GAIT_EVIDENCE  none                           a copy of STATE_DIR/evidence; needs routes that say
#                                                 `capture: full`
#   GAIT_POLICY    policies/base_high_risk.yaml   the policy that the evidence is replayed under
#   GAIT_OUT       gait-out                       where the differences go
set -eu
# shellcheck source=deploy/ci/common.sh
. "$(dirname "$0")/common.sh"

intents=${GAIT_INTENTS:-policies/intents}
policies=${GAIT_POLICIES:-policies}
policy=${GAIT_POLICY:-policies/base_high_risk.yaml}
out=${GAIT_OUT:-gait-out}

find_gait
mkdir -p "$out"
step "$GAIT" replay --quiet --intents "$intents" --policies "$policies" \
  ${GAIT_BASELINE:+--baseline "$GAIT_BASELINE"} --out "$out/intents.jsonl"
if [ -n "${GAIT_EVIDENCE:-}" ]; then
  step "$GAIT" replay --quiet --evidence "$GAIT_EVIDENCE" --policies "$policy" --out "$out/evidence.jsonl"
fi
finish
