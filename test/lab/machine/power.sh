#!/bin/sh
# The power switch of a machine, for its BMC and for tests; runs in the lab's world: power.sh FOLDER on|off|state [SNAPSHOT]
set -eu
folder=$1
exec 9>"$folder/power.lock"
flock 9

is_on() {
  [ -s "$folder/pid" ] && grep -qsF "$folder/" "/proc/$(cat "$folder/pid")/cmdline"
}

case $2 in
  on)
    is_on || sh "$folder/start" "${3:-}" 9>&-
    ;;
  off)
    while is_on; do
      kill -9 "$(cat "$folder/pid")" 2>/dev/null || true
      sleep 0.05
    done
    rm -f "$folder/pid"
    ;;
  state)
    if is_on; then echo on; else echo off; fi
    ;;
esac
