#!/bin/sh
# Before a deployment: whatever production needs must be allowed under the policy that goes live.
# Ends with the worst of 6, 1, 2, 3 and 4. Run it at the top of the repository.
#
#   GAIT           gait                              the program
#   GAIT_REQUIRED  policies/intents/intent_read.json the intents that production needs, file or folder
#   GAIT_POLICY    policies/base_high_risk.yaml      the policy that goes live; the config must name it
#   GAIT_CONFIG    config/gait.yaml                  the config that goes live; set and empty: there is
#                                                    no proxy
#   GAIT_ROUTE, GAIT_STAGE  none                     both: also ask whether this route may go to this stage
#   GAIT_EVIDENCE  none                              answer that from a copy of the evidence and GAIT_CONFIG,
#                                                    verified first; without it the running gait is asked
#   GAIT_EVIDENCE_KEY      none                      the public key that must have signed the copy; without
#                                                    it, its first key: then whoever wrote it is believed
#   GAIT_CONFIG_IN_FORCE   GAIT_CONFIG               with GAIT_EVIDENCE: the config that runs now, beside its
#                                                    policy. Set it where GAIT_CONFIG itself raises the
#                                                    stage, and so that no change sets its own thresholds
#   GAIT_EVIDENCE_MAX_AGE  24h                       how old the last line of the copy may be
#   GAIT_METRICS   none                              a scrape of /metrics that goes with GAIT_EVIDENCE
set -eu
# shellcheck source=deploy/ci/common.sh
. "$(dirname "$0")/common.sh"

required=${GAIT_REQUIRED:-policies/intents/intent_read.json}
policy=${GAIT_POLICY:-policies/base_high_risk.yaml}
config=${GAIT_CONFIG-config/gait.yaml}
route=${GAIT_ROUTE:-}
stage=${GAIT_STAGE:-}
in_force=${GAIT_CONFIG_IN_FORCE:-}

find_gait
# Half a question would pass as none.
if [ -n "$route" ] && [ -z "$stage" ]; then
  refuse "GAIT_ROUTE is set and GAIT_STAGE is not; set both or none"
elif [ -n "$stage" ] && [ -z "$route" ]; then
  refuse "GAIT_STAGE is set and GAIT_ROUTE is not; set both or none"
elif [ -z "${GAIT_EVIDENCE:-}" ] && [ -n "${GAIT_METRICS:-}${GAIT_EVIDENCE_KEY:-}${GAIT_EVIDENCE_MAX_AGE:-}$in_force" ]; then
  refuse "GAIT_METRICS, GAIT_EVIDENCE_KEY, GAIT_EVIDENCE_MAX_AGE and GAIT_CONFIG_IN_FORCE go with GAIT_EVIDENCE"
fi

is_policy_in() {
  asked=$("$GAIT" policy validate --json "$policy" | digest)
  other=$("$GAIT" proxy --check --json --config "$1" | digest)
  [ -n "$asked" ] && [ "$asked" = "$other" ]
}

# A gate that asks another policy than the one that goes live says nothing.
is_policy_of_config() {
  if is_policy_in "$config"; then
    return 0
  fi
  echo "the policy of $config is not $policy; name in GAIT_POLICY the one that goes live" >&2
  return 6
}

# The gates look at what the policy in force judged. A route that stands there already asks none.
is_evidence_of_policy() {
  if is_policy_in "$in_force" || "$GAIT" rollout gate --json "$@" | grep -q '"is_there":true'; then
    return 0
  fi
  echo "the policy of $in_force is not $policy, and nothing was judged by that yet; deploy the policy first, and the stage once there is evidence of it" >&2
  return 4
}

digest() {
  sed -n 's/.*"policy_digest":"\([0-9a-f]*\)".*/\1/p'
}

if [ -n "$config" ]; then
  step "$GAIT" proxy --check --config "$config"
  step is_policy_of_config
fi
step "$GAIT" replay --quiet --intents "$required" --policies "$policy" --require allow
if [ -n "${GAIT_EVIDENCE:-}" ]; then
  step "$GAIT" trace verify "$GAIT_EVIDENCE" ${GAIT_EVIDENCE_KEY:+--public-key "$GAIT_EVIDENCE_KEY"}
fi
if [ -n "$route" ]; then
  # A route that stands there already keeps no later deployment back.
  set -- --route "$route" --to "$stage" --or-beyond
  if [ -n "${GAIT_EVIDENCE:-}" ]; then
    set -- "$@" --evidence "$GAIT_EVIDENCE" --config "${in_force:-$config}"
    set -- "$@" --max-age "${GAIT_EVIDENCE_MAX_AGE:-24h}"
    set -- "$@" ${GAIT_METRICS:+--metrics "$GAIT_METRICS"}
    set -- "$@" ${GAIT_EVIDENCE_KEY:+--public-key "$GAIT_EVIDENCE_KEY"}
  fi
  step "$GAIT" rollout gate "$@"
  if [ -n "$in_force" ]; then
    step is_evidence_of_policy "$@"
  fi
fi
finish
