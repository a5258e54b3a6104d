#!/bin/sh
# Runs gait as the image of deploy/Dockerfile would, without a container: as its user, without any
# capability, every file system read-only but the state and /tmp.
#
# Usage, in a mount namespace of its own: container.sh GAIT CONFIG_FOLDER HEALTHCHECK
# It says what it found on standard output; where mounting is not permitted it ends with 77.
set -eu
gait=$1 config=$2 healthcheck=$3
work=/mnt # covered in this namespace alone, and never below /tmp

shut_in="setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set -all --inh-caps -all"

mount --make-rprivate / && mount -t tmpfs tmpfs "$work" || exit 77
mkdir -m 0755 "$work/root" "$work/state"
cp "$gait" "$work/root/gait"
cp -r "$config" "$work/root/config"
chown 65532:65532 "$work/state"
chmod 0700 "$work/state"
mount --bind "$work/state" "$work/state"
mount -t tmpfs -o size=64m,noexec,nosuid,nodev tmpfs /tmp 2>/dev/null || exit 77
awk '{ print $5 }' /proc/self/mountinfo | sort -r | while read -r at; do
  case $at in
    "$work/state" | /tmp | /proc* | /dev* | /sys*) ;;
    *) mount -o remount,bind,ro "$at" 2>/dev/null || true ;;
  esac
done
if touch "$work/root/x" 2>/dev/null; then exit 77; fi

export GAIT__STATE_DIR="$work/state" GAIT__LOG__FORMAT=json
export GAIT__SERVER__LISTEN=127.0.0.1:0 GAIT__TELEMETRY__LISTEN=127.0.0.1:0 GAIT__ADMIN__LISTEN=127.0.0.1:0
cd /
$shut_in "$work/root/gait" proxy --config "$work/root/config/gait.yaml" 2>/tmp/log &
pid=$!
trap 'kill -9 $pid 2>/dev/null || true; cat /tmp/log >&2' EXIT
tries=0
until [ -s "$work/state/addresses.json" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] || exit 1
  sleep 0.05
done
port=$(sed 's/.*"telemetry":"127.0.0.1:\([0-9]*\)".*/\1/' "$work/state/addresses.json")

ask() {
  $shut_in bash -c "$(printf '%s' "$healthcheck" | sed "s/9902/$port/")"
}
sleep 0.5
if ask; then echo "healthy while it runs"; fi
grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs)' "/proc/$pid/status"
$shut_in "$work/root/gait" approvals list --state-dir "$work/state" >/dev/null && echo "approvals can be listed"
kill -INT "$pid"
wait "$pid" && echo "stopped well"
if ! ask 2>/dev/null; then echo "unhealthy when it is gone"; fi
