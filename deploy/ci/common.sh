# shellcheck shell=sh
# What the scripts of this folder share; sourced, not run. POSIX sh, no network.
#
# Every step runs, whatever the one before said, and the script ends with the worst exit of all:
#   6  policy, intent, usage or config is wrong
#   1  the machine failed, or a step died: nothing is known
#   2  a signature does not hold
#   3  blocked, newly blocked, or a gate is not met
#   4  wants an approval, or a gate has not enough data
#   5  other than expected
#   0  go on

GAIT=${GAIT:-gait}

worst=0
work=''

# How bad an exit is; the higher the worse.
rank() {
  case $1 in
    0) echo 0 ;;
    5) echo 1 ;;
    4) echo 2 ;;
    3) echo 3 ;;
    2) echo 4 ;;
    6) echo 6 ;;
    *) echo 5 ;;
  esac
}

# Keeps the worst; what gait never says, such as a signal, is a failure of the machine.
note() {
  case $1 in
    0 | 1 | 2 | 3 | 4 | 5 | 6) exit_of_step=$1 ;;
    *) exit_of_step=1 ;;
  esac
  if [ "$(rank "$exit_of_step")" -gt "$(rank "$worst")" ]; then
    worst=$exit_of_step
  fi
}

# Runs one step and notes how it ended. It reads nothing: the script may be reading a list.
step() {
  printf '\n== %s\n' "$*"
  code=0
  "$@" </dev/null || code=$?
  if [ "$code" -ne 0 ]; then
    printf '== exit %s\n' "$code"
  fi
  note "$code"
}

# Something that the job was told is wrong.
refuse() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 6
}

# A path that holds in every directory.
absolute() {
  case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s\n' "$PWD/$1" ;;
  esac
}

# The program, by such a path.
find_gait() {
  found=$(command -v "$GAIT") || {
    printf '%s: no program %s: install gait, or name it in GAIT\n' "${0##*/}" "$GAIT" >&2
    exit 1
  }
  GAIT=$(absolute "$found")
}

# A directory that goes away with the script.
make_work() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
}

finish() {
  printf '\n%s: exit %s\n' "${0##*/}" "$worst"
  exit "$worst"
}
